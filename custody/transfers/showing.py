"""Transfers as they are shown: each with all that belongs to it."""

from __future__ import annotations

from collections.abc import Sequence

from custody.db.session import ReadSession
from custody.db.transfer_tables import TransactionRow, TransferRow
from custody.pauses.repository import paused
from custody.transactions import repository as transactions
from custody.transfers import repository
from custody.transfers.mandates import call_of
from custody.transfers.request import Shown
from custody.transfers.state import State


async def shown(session: ReadSession, rows: Sequence[TransferRow]) -> Sequence[Shown]:
    """With all that belongs to each."""
    ids = [row.id for row in rows]
    mandates = await repository.mandates_by_transfer(session, ids)
    contests = await transactions.contests(session, ids)
    payments = await repository.payments_of(session, rows)
    held, warnings = await paused(session), await repository.warnings_of(session, ids)
    found = []
    for row in rows:
        built = _built(contests[row.id])
        waits = held.covers(row.network, row.vault_id) and waits_to_leave(row, built)
        terms, warned = tuple(mandates[row.id]), warnings.get(row.id, ())
        call = call_of(row, terms)
        found.append(Shown(row, payments[row.id], terms, built, waits, warned, call))
    return found


def waits_to_leave(row: TransferRow, contest: Sequence[TransactionRow]) -> bool:
    """Whether it is agreed to and no node has anything of it from us yet."""
    sent = any(each.broadcast_at is not None for each in contest)
    return row.state in (State.APPROVED, State.IN_FLIGHT) and not sent


def _built(contest: Sequence[TransactionRow]) -> tuple[TransactionRow, ...]:
    """What was only claimed is of no interest to anybody."""
    return tuple(each for each in contest if each.payload is not None)
