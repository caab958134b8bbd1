"""Gives numbers to what was committed: per client 1, 2, 3, ... in commit order, without gaps.

Whoever numbers rows while writing them either makes the writers of a client wait for each other or
shows numbers before the rows of smaller ones. So writers only leave word (`unsequenced`), and one
leader numbers what it finds, in transactions of its own. What it sees is committed; what commits
later gets a later number; and a transaction that built on another one comes after it, because it
left word after the other had committed.
"""

from __future__ import annotations

import secrets

from custody.db.leases import Lease
from custody.db.session import Database
from custody.feeds import repository

_MARK_BYTES = 6


class Sequencer:
    """One per process; one of them leads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def number(self, lease: Lease) -> int:
        """Number the oldest of what waits. How many rows that was. Raises LeaseLost.

        It is done in one transaction that the leader's lease outlives, so nobody else gives the
        same numbers away, and a number is never seen before those below it.
        """
        async with self._database.look() as look:
            if not await repository.is_waiting(look):
                return 0
        async with self._database.write_short() as session:
            await lease.check(session)
            turns = await repository.unsequenced(session)
            mark = secrets.token_hex(_MARK_BYTES)
            await repository.number_events(session, turns, mark)
            await repository.number_entries(session, turns, mark)
            await repository.forget(session, turns)
        return len(turns)
