"""Transfers as they are shown: each with all that belongs to it."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from chains.model import AssetId
from custody.db.session import ReadSession
from custody.db.transfer_tables import TransactionRow, TransferRow
from custody.debits import repository as debits
from custody.deposits import repository as deposits
from custody.pauses.repository import paused
from custody.transactions import repository as transactions
from custody.transfers import repository
from custody.transfers.kinds import Kind
from custody.transfers.mandates import told_of
from custody.transfers.request import Moved, Shown
from custody.transfers.state import State


async def shown(session: ReadSession, rows: Sequence[TransferRow]) -> Sequence[Shown]:
    """With all that belongs to each."""
    ids = [row.id for row in rows]
    mandates = await repository.mandates_by_transfer(session, ids)
    contests = await transactions.contests(session, ids)
    payments = await repository.payments_of(session, rows)
    held, warnings = await paused(session), await repository.warnings_of(session, ids)
    moved = await _moved(session, [row.id for row in rows if row.kind == Kind.CALL])
    found = []
    for row in rows:
        built = _built(contests[row.id])
        waits = held.covers(row.network, row.vault_id) and waits_to_leave(row, built)
        terms, warned = tuple(mandates[row.id]), warnings.get(row.id, ())
        told = told_of(row, terms)
        found.append(
            Shown(row, payments[row.id], terms, built, waits, warned, told, moved.get(row.id, ()))
        )
    return found


async def _moved(session: ReadSession, calls: Collection[str]) -> dict[str, tuple[Moved, ...]]:
    """By transfer, what came in and what left, by asset, the latter first."""
    if not calls:
        return {}
    taken = await debits.called(session, calls, ended=True)
    came = await deposits.received_by(session, calls)
    found: dict[str, tuple[Moved, ...]] = {}
    for call in calls:
        units: dict[tuple[bool, AssetId], int] = {}
        sides = [(False, row.asset, row.amount) for row in taken[call]]
        sides += [(True, row.asset, row.amount) for row in came[call]]
        for comes, name, amount in sides:
            key = (comes, AssetId(name))
            units[key] = units.get(key, 0) + amount
        found[call] = tuple(
            Moved(asset, amount if comes else -amount)
            for (comes, asset), amount in sorted(units.items())
        )
    return found


def waits_to_leave(row: TransferRow, contest: Sequence[TransactionRow]) -> bool:
    """Whether it is agreed to and no node has anything of it from us yet."""
    sent = any(each.broadcast_at is not None for each in contest)
    return row.state in (State.APPROVED, State.IN_FLIGHT) and not sent


def _built(contest: Sequence[TransactionRow]) -> tuple[TransactionRow, ...]:
    """What was only claimed is of no interest to anybody."""
    return tuple(each for each in contest if each.payload is not None)
