"""Keeps the head of the ledger's chain, at intervals: one writer, in the order of commits.

A head is stored for ever and said in the process's log, which lies elsewhere. Who rewrites the
past of the database has to rewrite both.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from custody.db.leases import Lease
from custody.db.session import Database
from custody.ledger import head_repository as repository
from custody.ledger.chain import Head


async def extend(database: Database, lease: Lease, clock: Callable[[], datetime]) -> Head:
    """Store heads up to the newest entry that has a number. The newest head. Raises LeaseLost."""
    while True:
        async with database.read() as reading:
            head = await repository.newest(reading)
            entries = await repository.placed_after(reading, head.position)
        if not entries:
            return head
        for placed in entries:
            head = head.then(placed)
        async with database.write_short() as session:
            await lease.check(session)
            await repository.store(session, head, clock())
