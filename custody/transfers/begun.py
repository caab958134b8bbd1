"""What a rule began: a refill, a top-up, a sweep. Each is a row before its transfer is asked for
(`by_rule`), one at a time is open, and after one that failed the next waits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple, Protocol

from custody.db.session import ReadSession
from custody.db.transfer_tables import TransferRow
from custody.transfers.by_rule import UNPAID
from custody.transfers.request import transfer_id_of
from custody.transfers.state import TERMINAL, State

WAIT_FIRST: Final = timedelta(minutes=1)
WAIT_MAX: Final = timedelta(hours=1)
REMEMBERED: Final = 8
"""Ended ones that say how long to wait: after so many it is the longest time."""


class BegunState(StrEnum):
    OPEN = "open"
    """It is asked for, or is on its way."""
    DONE = "done"
    """What it was to bring is in the vault's books, where it was to come."""
    FAILED = "failed"
    """Nothing came of it."""


class Begun(Protocol):
    """The row. `open_key`: unique, of what is open. `code`: why it failed."""

    state: str
    open_key: str | None
    transfer_id: str | None
    code: str | None
    ended_at: datetime | None


class End(NamedTuple):
    state: BegunState
    code: str | None = None


def note(row: Begun, transfer: str | None, end: End | None, now: datetime) -> None:
    """What is known now, in a row that the caller has locked, unless somebody else wrote more."""
    if row.open_key is None:
        return
    row.transfer_id = row.transfer_id or transfer
    if end is not None:
        row.state, row.open_key = end.state.value, None
        row.code, row.ended_at = end.code, now


async def end_of_transfer(session: ReadSession, transfer_id: str) -> End | None:
    """What became of one, where its transfer is all that there is to it; None: it is on its way."""
    transfer = await session.get(TransferRow, transfer_id)
    assert transfer is not None
    if transfer.state in UNPAID:
        return End(BegunState.FAILED, f"transfer_{transfer.state}")
    return End(BegunState.DONE) if transfer.state == State.FINAL else None


async def next_number(
    session: ReadSession,
    client: str,
    names: Sequence[Callable[[int], str]],
    last: int,
    *,
    whole: bool = False,
) -> int:
    """Of the next one after `last`, which the client asks for under one of its `names`.

    A row is older than its transfer. So a transfer that has the next name already was rebuilt from
    the signer's journal, in a database that has forgotten the row. One that has ended must not be
    taken for what is wanted now. One under way is asked for again, and told, where all there is is
    asked for (`whole`); else how much may differ.
    """
    number = last + 1
    while True:
        ids = [transfer_id_of(client, name(number)) for name in names]
        known = [row for each in ids if (row := await session.get(TransferRow, each)) is not None]
        if all(whole and row.state not in TERMINAL for row in known):
            return number
        number += 1


def waits(rows: Sequence[Begun], now: datetime) -> bool:
    """Whether it is too soon for another one, after these, the newest first: one that failed is
    waited for, twice as long after each, at most an hour."""
    due = not_before([(BegunState(row.state), row.ended_at) for row in rows if row.ended_at])
    return due is not None and now < due


def not_before(ended: Sequence[tuple[BegunState, datetime]]) -> datetime | None:
    """When the next one may be asked for, after these, the newest first; None: at once."""
    failed = 0
    for state, _ in ended:
        if state is not BegunState.FAILED:
            break
        failed += 1
    if not failed:
        return None
    doublings = min(failed - 1, 10)
    wait: timedelta = min(WAIT_FIRST * 2**doublings, WAIT_MAX)
    return ended[0][1] + wait
