"""What the transaction that decided a transfer takes of its money."""

from __future__ import annotations

from collections.abc import Sequence

from chains.costs import CostKind
from custody.db.session import ReadSession
from custody.db.transfer_tables import TransactionRow
from custody.transactions.apply import load
from custody.transactions.state import State
from custody.transfers import repository as transfers
from custody.transfers.settlement import Charge, charged, parts


async def charge_of(
    session: ReadSession, contest: Sequence[TransactionRow], transfer: str
) -> Charge | None:
    """The transfer's part of the costs. None if no transaction of its `contest` is in a block for
    good: then nothing was taken."""
    decisive = [each for each in contest if each.state in (State.FINAL, State.REVERTED)]
    if not decisive:
        return None
    (transaction,) = decisive
    bounds = await transfers.bounds_of(session, transaction.id)
    whole = parts(charged(load(transaction)), bounds)
    # What stays ours is a part of what the transfer is charged, so that is its bound.
    held = parts(transaction.held or {}, whole)
    return Charge(whole[transfer], held[transfer])


async def exceeding(session: ReadSession, transaction: TransactionRow) -> frozenset[CostKind]:
    """The kinds of which it took more than its transfers hold for it."""
    bounds = await transfers.bounds_of(session, transaction.id)
    taken = charged(load(transaction))
    return frozenset(
        kind[1]
        for kind, units in taken.items()
        if units > sum(most.get(kind, 0) for most in bounds.values())
    )
