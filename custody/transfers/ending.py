"""Settles a transfer's money by the transaction that decided it."""

from __future__ import annotations

from custody.db.session import ReadSession, WriteSession
from custody.db.transfer_tables import TransactionRow, TransferRow
from custody.ledger.service import Ledger
from custody.transactions import repository
from custody.transactions.apply import load
from custody.transactions.state import State
from custody.transfers import repository as transfers
from custody.transfers import reservations
from custody.transfers.settlement import charged, parts


async def settle(session: WriteSession, ledger: Ledger, row: TransferRow, *, paid: bool) -> None:
    """Its part of the costs is gone; with `paid` so is what it pays. If all its transactions are
    dead, nothing is."""
    contest = await repository.contest(session, row.id)
    decisive = [each for each in contest if each.state in (State.FINAL, State.REVERTED)]
    if not decisive:
        assert not paid, "paid by a transaction that is not final"
        await reservations.release(session, ledger, row)
        return
    (transaction,) = decisive
    bounds = await transfers.bounds_of(session, transaction.id)
    whole = parts(charged(load(transaction)), bounds)
    # What stays ours is a part of what the transfer is charged, so that is its bound.
    held = parts(transaction.held or {}, whole)
    await reservations.settle(
        session, ledger, row, paid=paid, charged=whole[row.id], held=held[row.id]
    )


async def exceeds(session: ReadSession, transaction: TransactionRow) -> bool:
    """Whether it took more than its transfers hold for it."""
    bounds = await transfers.bounds_of(session, transaction.id)
    taken = charged(load(transaction))
    return any(
        units > sum(most.get(kind, 0) for most in bounds.values()) for kind, units in taken.items()
    )
