"""Which deposits a rule holds. Pure: the rows are `repository`'s."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from chains.model import Address, AssetId, TxId


@dataclass(frozen=True, slots=True)
class Arrival:
    """What comes to an address of ours. `place`: in the transaction. `amount`: base units, above
    zero. `senders`: everybody whom the transaction took anything from, and who paid for it; nobody
    where a chain has coins, since its blocks don't say whose those were."""

    txid: TxId
    place: str
    asset: AssetId
    amount: int
    client: str
    vault: str
    senders: frozenset[Address] = frozenset()


@dataclass(frozen=True, slots=True)
class Rule:
    """`amount_from`: base units. `senders`: those of its list among whoever is asked about; None if
    it has no list. None fits everything."""

    id: str
    reason: str
    set_by: str
    client: str | None = None
    vault: str | None = None
    asset: str | None = None
    amount_from: int | None = None
    senders: Collection[str] | None = None

    def holds(self, arrival: Arrival) -> bool:
        return (
            self.client in (None, arrival.client)
            and self.vault in (None, arrival.vault)
            and self.asset in (None, arrival.asset)
            and (self.amount_from is None or arrival.amount >= self.amount_from)
            and (self.senders is None or not arrival.senders.isdisjoint(self.senders))
        )


def first_that_holds(rules: Iterable[Rule], arrival: Arrival) -> Rule | None:
    """Of several rules the first one is told."""
    return next((rule for rule in rules if rule.holds(arrival)), None)
