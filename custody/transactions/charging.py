"""What the transaction that decided a transfer takes of its money. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from chains.costs import INSIDE, CostKind, Costs
from custody.db.transfer_tables import TransactionRow
from custody.transactions.apply import load
from custody.transactions.state import State
from custody.transfers.settlement import Charge, charged, parts, parts_by_size

Bounds = Mapping[str, Costs]
"""The most that each transfer of a transaction lets it cost."""
Sizes = Mapping[str, int]
"""What the outputs of each add to it, where that is known."""


def decisive_of(contest: Sequence[TransactionRow]) -> TransactionRow | None:
    """The one of a transfer's transactions that is in a block for good, if there is one."""
    decisive = [each for each in contest if each.state in (State.FINAL, State.REVERTED)]
    assert len(decisive) <= 1, "two transactions of one transfer are in blocks"
    return decisive[0] if decisive else None


def charge_of(decisive: TransactionRow, bounds: Bounds, sizes: Sizes, transfer: str) -> Charge:
    """The transfer's part of the costs."""
    whole = parts_by_size(charged(load(decisive)), bounds, sizes)
    # What stays ours is a part of what the transfer is charged, so that is its bound.
    held = parts(decisive.held or {}, whole)
    # Who closes accounts pays alone, but for what custody knows nothing of: then it is one's.
    returned = decisive.returned or {} if transfer == min(bounds) else {}
    return Charge(whole[transfer], held[transfer], returned)


def exceeding(transaction: TransactionRow, bounds: Bounds) -> frozenset[CostKind]:
    """The kinds of which it took more than its transfers let it. What is withheld is a part of what
    they pay, so that no bound on it is none: most networks say nothing of it before."""
    return frozenset(
        kind[1]
        for kind, units in charged(load(transaction)).items()
        if units > sum(most.get(kind, 0) for most in bounds.values())
        and (kind[1] not in INSIDE or any(kind in most for most in bounds.values()))
    )
