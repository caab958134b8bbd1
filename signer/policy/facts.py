"""What rules look at: a transfer's facts, and what other transfers took before it. Pure.

What a transfer takes out of a vault is its payments plus its greatest fee: a fee paid to an
accomplice who mines is money gone like any other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from chains.model import Address, AssetId, NetworkId, Payment
from chains.networks import all_networks
from signer.policy.document import WindowLimit
from signer.wire import Action, MalformedMessage, Mandate


@dataclass(frozen=True, slots=True)
class Facts:
    """What rules look at. `fee_max` is in base units of `native`, the network's own asset."""

    client: str
    vault: str
    network: NetworkId
    native: AssetId
    action: Action
    initiator: str
    outputs: tuple[Payment, ...]
    fee_max: int
    requested_at: datetime
    expires_at: datetime

    @property
    def totals(self) -> dict[AssetId, int]:
        """What is paid in all, by asset, without the fee."""
        totals: dict[AssetId, int] = {}
        for output in self.outputs:
            totals[output.asset] = totals.get(output.asset, 0) + output.amount
        return totals


class Window(NamedTuple):
    """Names one rolling sum: what left `vault` in the last `seconds`, in `asset`, to `destination`
    or (None) to anybody, the fees of those transfers included."""

    vault: str
    asset: AssetId
    destination: Address | None
    seconds: int


@dataclass(frozen=True, slots=True)
class Usage:
    """What a window holds already: base units, and how many transfers paid the asset."""

    amount: int
    count: int


NOTHING: Final = Usage(0, 0)


def facts_of(mandate: Mandate) -> Facts:
    """Raises MalformedMessage for a network that does not exist."""
    network = all_networks().get(mandate.network)
    if network is None:
        raise MalformedMessage("unknown network")
    return Facts(
        client=mandate.client,
        vault=mandate.vault,
        network=mandate.network,
        native=network.native.id,
        action=mandate.action,
        initiator=mandate.initiator,
        outputs=mandate.outputs,
        fee_max=mandate.fee_max,
        requested_at=mandate.requested_at,
        expires_at=mandate.expires_at,
    )


class Spend(NamedTuple):
    """One thing that leaves a vault with a transfer. `destination` is None for the fee."""

    transfer: str
    vault: str
    asset: AssetId
    destination: Address | None
    amount: int
    at: datetime


def spends_of(facts: Facts, transfer: str, at: datetime) -> tuple[Spend, ...]:
    """What a transfer signed at `at` adds to the windows after it."""
    paid: dict[tuple[AssetId, Address], int] = {}
    for output in facts.outputs:
        key = output.asset, output.address
        paid[key] = paid.get(key, 0) + output.amount
    payments = tuple(
        Spend(transfer, facts.vault, asset, address, total, at)
        for (asset, address), total in paid.items()
    )
    return (*payments, Spend(transfer, facts.vault, facts.native, None, facts.fee_max, at))


def taken_of(spends: Iterable[Spend], window: Window) -> Usage:
    """What one transfer's `spends` take of `window`, their age aside. The whole fee counts for
    each destination that is paid: it left because that one was."""
    ours = [spend for spend in spends if spend.vault == window.vault]
    wanted = window.destination
    served = [s for s in ours if s.destination is not None and wanted in (None, s.destination)]
    paid = [spend.amount for spend in served if spend.asset == window.asset]
    fees = [s.amount for s in ours if s.destination is None and s.asset == window.asset]
    counted = sum(fees) if served or wanted is None else 0
    return Usage(sum(paid) + counted, 1 if paid else 0)


def windows_of(limit: WindowLimit, facts: Facts) -> Iterator[tuple[Window, Usage]]:
    """The sums that `limit` looks at, with what this transfer would add to each."""
    spends = spends_of(facts, "", facts.requested_at)
    everybody: dict[Address | None, None] = {None: None}
    payees: dict[Address | None, None] = dict.fromkeys(out.address for out in facts.outputs)
    for destination in payees if limit.per_destination else everybody:
        window = Window(facts.vault, limit.asset, destination, limit.seconds)
        taking = taken_of(spends, window)
        if taking != NOTHING:
            yield window, taking


def usage_of(spends: Iterable[Spend], window: Window, now: datetime) -> Usage:
    """What `window` holds at `now`: everything younger than its length."""
    after = now - timedelta(seconds=window.seconds)
    young: dict[str, list[Spend]] = {}
    for spend in spends:
        if spend.at > after:
            young.setdefault(spend.transfer, []).append(spend)
    taken = [taken_of(each, window) for each in young.values()]
    return Usage(sum(each.amount for each in taken), sum(each.count for each in taken))
