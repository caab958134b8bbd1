"""What rules look at: a transfer's facts, and what other transfers took before it. Pure.

What a transfer takes out of a vault is what its effects give away and the most that it may cost: a
fee paid to an accomplice who mines is money gone like any other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Final, NamedTuple

from chains.catalogue import Catalogue
from chains.costs import CostKind, Costs, by_asset
from chains.model import AssetId
from signer.agreement import Core
from signer.policy.payees import Payee, Taking, takings_of
from signer.policy.rules import WindowLimit
from signer.wire import MalformedMessage, Mandate


@dataclass(frozen=True)
class Facts:
    """What rules look at. `native`: the network's own asset. `uncapped`: kinds of cost that no byte
    of the transaction bounds, where there is a transaction to look at."""

    core: Core
    native: AssetId
    costs_max: Costs
    offered_at: datetime
    expires_at: datetime
    uncapped: frozenset[CostKind] = frozenset()

    @cached_property
    def takings(self) -> tuple[Taking, ...]:
        """What the effects give away, without the costs; nothing of an effect without amount."""
        found = (takings_of(effect, self.native) or () for effect in self.core.effects)
        return tuple(taking for each in found for taking in each)

    @cached_property
    def totals(self) -> Mapping[AssetId, int]:
        """What is given away in all, by asset, without the costs."""
        totals: dict[AssetId, int] = {}
        for taking in self.takings:
            totals[taking.asset] = totals.get(taking.asset, 0) + taking.amount
        return totals

    @cached_property
    def spends(self) -> tuple[Spend, ...]:
        """As of its offer, under no name."""
        return spends_of(self, "", self.offered_at)


class Window(NamedTuple):
    """Names one rolling sum: what left `vault` in the last `seconds`, in `asset`, to `destination`
    or (None) to anybody, the costs of those transfers included."""

    vault: str
    asset: AssetId
    destination: Payee | None
    seconds: int


@dataclass(frozen=True, slots=True)
class Usage:
    """What a window holds already: base units, and how many transfers gave away the asset."""

    amount: int
    count: int


NOTHING: Final = Usage(0, 0)


def facts_of(
    mandate: Mandate, catalogue: Catalogue, uncapped: frozenset[CostKind] = frozenset()
) -> Facts:
    """Raises MalformedMessage for a network that does not exist."""
    core, network = mandate.core, catalogue.networks.get(mandate.core.network)
    if network is None:
        raise MalformedMessage("unknown network")
    times = mandate.offered_at, mandate.expires_at
    return Facts(core, network.native.id, mandate.costs_max, *times, uncapped)


class Spend(NamedTuple):
    """One thing that leaves a vault with a transfer. `destination` is None for the costs."""

    transfer: str
    vault: str
    asset: AssetId
    destination: Payee | None
    amount: int
    at: datetime


def spends_of(facts: Facts, transfer: str, at: datetime) -> tuple[Spend, ...]:
    """What a transfer signed at `at` adds to the windows after it."""
    given: dict[tuple[AssetId, Payee], int] = {}
    for asset, payee, units in facts.takings:
        given[asset, payee] = given.get((asset, payee), 0) + units
    vault = facts.core.vault
    effects = (Spend(transfer, vault, *key, units, at) for key, units in given.items())
    costs = by_asset(facts.costs_max)
    return (*effects, *(Spend(transfer, vault, a, None, costs[a], at) for a in sorted(costs)))


def taken_of(spends: Iterable[Spend], window: Window) -> Usage:
    """What one transfer's `spends` take of `window`, their age aside. The whole cost counts for
    each destination that gets something: it left because that one did."""
    ours = [spend for spend in spends if spend.vault == window.vault]
    wanted = window.destination
    served = [s for s in ours if s.destination is not None and wanted in (None, s.destination)]
    paid = [spend.amount for spend in served if spend.asset == window.asset]
    costs = [s.amount for s in ours if s.destination is None and s.asset == window.asset]
    counted = sum(costs) if served or wanted is None else 0
    return Usage(sum(paid) + counted, 1 if paid else 0)


def windows_of(limit: WindowLimit, facts: Facts) -> Iterator[tuple[Window, Usage]]:
    """The sums that `limit` looks at, with what this transfer would add to each."""
    if all(spend.asset != limit.asset for spend in facts.spends):
        return
    payees = dict.fromkeys(taking.payee for taking in facts.takings)
    for destination in payees if limit.per_destination else (None,):
        window = Window(facts.core.vault, limit.asset, destination, limit.seconds)
        taking = taken_of(facts.spends, window)
        if taking != NOTHING:
            yield window, taking
