"""What planners are told and what they say. Values only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from chains.costs import Costs
from chains.effects import Asked
from chains.model import Address, NetworkId, UnsignedTx
from chains.shares import most_together
from chains.transaction import CoinsFirst
from custody.transactions.outcomes import Later
from custody.transfers.state import State
from signer.agreement import Purpose


@dataclass(frozen=True, slots=True)
class Replaced:
    """A signed transaction that is in no block, whose place another one shall take. `purpose`: of
    the other one."""

    transaction: str
    purpose: Purpose
    tx: UnsignedTx


@dataclass(frozen=True, slots=True)
class Waiting:
    """A transfer that something may be built for, as it is now: one that is approved and for which
    nothing was built, or, with `replaces`, one that is under way. `version`: of the terms that
    were agreed; `effects`, `costs_max`, `source_path`, `source_address`, `expires_at` are theirs.
    `account`: the vault's. `size`: what its effects add to a transaction, by which costs are
    shared. `empties`: it pays all there was. `closes`: accounts that it leaves empty. `frozen`:
    nothing may leave the vault. `not_yet`: what the policy says to wait for. `since`: when it was
    agreed to. `apart`: nobody shares its transaction. `collects_until`: how long it waits for
    others that may. `coins_first`: which coins it spends, where it is about these. `hastens`: it
    spends one coin that is in no block yet. `authorizes`: it is signed for others to submit."""

    transfer: str
    version: int
    network: NetworkId
    vault: str
    account: int
    source_path: str
    source_address: Address | None
    effects: tuple[Asked, ...]
    costs_max: Costs
    expires_at: datetime
    frozen: bool
    not_yet: Later | None
    size: int
    since: datetime
    apart: bool = False
    collects_until: datetime | None = None
    coins_first: CoinsFirst | None = None
    empties: bool = False
    closes: bool = False
    hastens: bool = False
    authorizes: bool = False
    replaces: Replaced | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """A transaction to build: for which transfers, what it does and the most that it may cost.
    `replaces`: the transaction whose place it takes. `empties`: nothing of the bounds comes back.
    What it takes for itself, coins or a nonce, is the adapter's to choose, because only a node
    knows what is free."""

    purpose: Purpose
    transfers: tuple[Waiting, ...]
    effects: tuple[Asked, ...]
    costs_max: Costs
    replaces: Replaced | None = None
    empties: bool = False

    @property
    def coins_first(self) -> CoinsFirst | None:
        """Of the one transfer that is about its coins."""
        return self.first.coins_first

    @property
    def first(self) -> Waiting:
        """Network, vault and source are the same for all."""
        return self.transfers[0]

    @property
    def carries(self) -> tuple[tuple[str, int], ...]:
        """Each transfer, and under which version of its terms, in the order of ids."""
        return tuple(sorted((each.transfer, each.version) for each in self.transfers))

    @property
    def state(self) -> State:
        """That its transfers must be in for it to make sense."""
        return State.APPROVED if self.replaces is None else State.IN_FLIGHT


@dataclass(frozen=True, slots=True)
class NotYet:
    """Why nothing is built for a transfer yet."""

    transfer: str
    later: Later


def carrying(
    purpose: Purpose, transfers: Sequence[Waiting], replaces: Replaced | None = None
) -> Plan:
    """One transaction for all of them, in the order of their ids, which is that of the signer's
    request. It may cost what keeps each one's share within its own bound (`chains.shares`)."""
    ordered = tuple(sorted(transfers, key=lambda each: each.transfer))
    most = most_together([each.costs_max for each in ordered], [each.size for each in ordered])
    paid = () if purpose is Purpose.CANCEL else ordered
    effects = tuple(effect for each in paid for effect in each.effects)
    empties = replaces is None and any(each.empties for each in ordered)
    return Plan(purpose, ordered, effects, most, replaces, empties)


class Planner(Protocol):
    """What to build for those that are its own, in the order given, or why not yet. Pure."""

    def __call__(self, waiting: Sequence[Waiting], now: datetime) -> Sequence[Plan | NotYet]: ...


def hindrance(each: Waiting, now: datetime) -> NotYet | None:
    """What keeps money from leaving for a transfer, whatever is built for it."""
    if each.frozen:
        return NotYet(each.transfer, Later("vault_frozen"))
    if each.expires_at <= now:
        return NotYet(each.transfer, Later("expired"))
    if each.not_yet is not None:
        return NotYet(each.transfer, each.not_yet)
    return None
