"""psycopg as `session` wants it, and without the pipeline that its `executemany` opens.

A task cancelled while psycopg enters that pipeline gets an AssertionError in place of its
CancelledError, so the cancellation is lost and whoever waits for the task waits for ever. Many
inserted rows travel in one statement anyway (see `engines`). Of other statements many travel in one
message, their values written into them by psycopg: a round trip for each would be most of what a
set of payouts costs.
"""

from __future__ import annotations

import select
from collections.abc import Iterable, Mapping
from typing import Any

import psycopg
from psycopg.abc import Params
from psycopg.pq import ExecStatus, TransactionStatus

from custody.db.prepared import Describe

_TOGETHER = 64
"""Statements in one message."""


class Cursor(psycopg.AsyncCursor[Any]):
    async def executemany(
        self, query: Any, params_seq: Iterable[Params], *, returning: bool = False
    ) -> None:
        assert not returning, "results of many statements are not kept"
        writer: psycopg.AsyncClientCursor[Any] = psycopg.AsyncClientCursor(self._conn)
        statements = [writer.mogrify(query, parameters) for parameters in params_seq]
        changed = 0
        for start in range(0, len(statements), _TOGETHER):
            message = ";".join(statements[start : start + _TOGETHER])
            await self.execute(message.encode(), prepare=False)
            changed += max(self.rowcount, 0)
            while self.nextset():
                changed += max(self.rowcount, 0)
        self._rowcount = changed


class Connection(psycopg.AsyncConnection[Any]):
    _short: psycopg.AsyncCursor[Any] | None = None
    """Of `run`, which has read all rows of one statement before the next."""

    @classmethod
    async def connect(cls, *arguments: Any, **options: Any) -> Connection:
        """As psycopg does. Statements are prepared (a fifth of a short transaction's time) unless
        we speak through a pooler, which may give every transaction another connection: there the
        next client would stumble over them, and we over its. A pooler is known by the process it
        names when connecting: not the one that answers."""
        connection = await super().connect(*arguments, **options)
        answered = await (await connection.execute("SELECT pg_backend_pid()")).fetchone()
        if answered != (connection.info.backend_pid,):
            connection.prepare_threshold = None
        await connection.rollback()
        return connection

    async def begin(self) -> None:
        """Nothing: psycopg begins with the first statement."""

    async def run(
        self, operation: str, parameters: Mapping[str, Any]
    ) -> tuple[Describe, list[Any]]:
        """What describes its columns, and rows of one statement, in the connection's
        transaction."""
        cursor = self._short = self._short or self.cursor()  # to make one is a tenth of the time
        await cursor.execute(operation.encode(), parameters)
        told = cursor.pgresult
        if told is None or told.status != ExecStatus.TUPLES_OK:
            return tuple, []
        return lambda: cursor.description or (), await cursor.fetchall()

    async def look(
        self, operation: str, parameters: Mapping[str, Any]
    ) -> tuple[Describe, list[Any]]:
        return await self.run(operation, parameters)

    async def rollback(self) -> None:
        """What only read ends with COMMIT: it is the same to the server, and at ROLLBACK psycopg
        throws away all statements that it has prepared."""
        reading = self.read_only and self.info.transaction_status is TransactionStatus.INTRANS
        await (self.commit() if reading else super().rollback())

    async def finish(self) -> None:
        """Commit; after an error there is nothing that could be."""
        if self.info.transaction_status is TransactionStatus.INERROR:
            raise psycopg.errors.InFailedSqlTransaction("a statement failed: nothing to commit")
        await self.commit()

    def is_silent(self) -> bool:
        """Whether the server has said nothing since its last answer. Ending a connection, it says
        so or closes the socket."""
        if self.closed:
            return False
        poll = select.poll()
        poll.register(self.fileno(), select.POLLIN)
        return not poll.poll(0)
