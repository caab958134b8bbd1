"""What a call was found to do, beside what people agreed to. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from chains.effects import Call
from chains.model import Address, AssetId, NetworkId
from chains.outcomes import Bound, Breach, breaches, read
from chains.simulation import Simulated, Watch
from signer.wire import Core

WORDS_MAX = 2000


class Before(StrEnum):
    """What the last simulation before the signature showed. `OUTSIDE` and `FAILS` are codes too:
    of what the transfer waits for."""

    WITHIN = "within"
    OUTSIDE = "outcome_outside"
    FAILS = "call_would_fail"
    UNKNOWN = "not_simulated"


class After(StrEnum):
    """What happened. `UNPROVEN`: the node has too little left of the block to say."""

    KEPT = "kept"
    BREACHED = "breached"
    UNPROVEN = "unproven"
    UNBOUNDED = "unbounded"


@dataclass(frozen=True, slots=True)
class Bounded:
    """A transfer's call, whose address it is that calls, and what was agreed on."""

    transfer: str
    vault: str
    network: NetworkId
    payer: Address
    call: Call
    bounds: tuple[Bound, ...]

    @property
    def watch(self) -> Watch:
        """What is asked about in any case."""
        return Watch(
            frozenset(each.asset for each in self.bounds),
            frozenset((each.asset, each.spender) for each in self.bounds if each.spender),
        )

    def broken(self, native: AssetId, simulated: Simulated) -> tuple[Breach, ...]:
        found = simulated.changes, simulated.allowances
        return breaches(self.bounds, native, self.call.value, *found)


def bounded(core: Core) -> Bounded | None:
    """None of a transfer that calls nothing. Raises MalformedOutcome."""
    call = next((each for each in core.effects if isinstance(each, Call)), None)
    if call is None or core.source_address is None:
        return None
    bounds = read(call.outcome, core.network)
    where = core.transfer, core.vault, core.network
    return Bounded(*where, core.source_address, call, bounds)


def before(wanted: Bounded, native: AssetId, simulated: Simulated) -> tuple[Before, str]:
    """What a simulation means, and what changed."""
    if simulated.failure is not None:
        said = simulated.failure
        data = f" 0x{said.data.hex()}" if said.data else ""
        return Before.FAILS, f"{said.reason}{data}"[:WORDS_MAX]
    broken = wanted.broken(native, simulated)
    return (Before.OUTSIDE, words(broken)) if broken else (Before.WITHIN, "")


def enforced(wanted: Bounded) -> frozenset[tuple[AssetId, Address]]:
    """Subjects of the bounds of which an argument of the call takes care: what the contract takes,
    by the description that administrators signed, is no more."""
    taken: dict[AssetId, int] = {}
    for asset, units in wanted.call.moves:
        taken[asset] = taken.get(asset, 0) + units
    return frozenset(
        each.subject
        for each in wanted.bounds
        if each.at_most is not None
        and each.spender is None
        and taken.get(each.asset, each.at_most + 1) <= each.at_most
    )


def words(broken: Sequence[Breach]) -> str:
    return "; ".join(map(str, broken))[:WORDS_MAX]
