"""aiosqlite with one trip to the connection's thread for each statement, instead of four.

SQLite runs in the process, so a statement takes microseconds; what takes time is handing work to
the thread that owns the connection and waiting for the answer. aiosqlite does that to make a
cursor, to execute, to fetch and to close: most of a transaction's time. Here the whole statement is
one trip. Large results stay in the database until they are asked for.

The statements of a write transaction make no trip at all: with the lock that BEGIN took they wait
for nobody, so they run where they are asked. So do short questions outside of one, and the two ends
of a transaction that reads, since in WAL mode who reads waits for nobody either. A write's BEGIN,
which may wait for another process, and COMMIT, which waits for the disk, never do.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import aiosqlite

from custody.db.prepared import Describe

T = TypeVar("T")

_FETCH = 500
"""Rows that come with the first answer."""


def connect(database: str, **options: Any) -> aiosqlite.Connection:
    """What `aiosqlite.connect` does, with our connection."""
    options["check_same_thread"] = False
    connection = Connection(lambda: sqlite3.connect(database, **options), iter_chunk_size=64)
    connection._thread.daemon = True
    return connection


class Connection(aiosqlite.Connection):
    is_writing = False
    """Between `begin` and `finish`: it has the write lock, if no error took that away."""
    _is_reading = False
    """Since `begin_reading`."""
    _is_away = False
    """A trip is under way, perhaps of a task that was cancelled meanwhile."""

    def cursor(self) -> Cursor:  # type: ignore[override]
        return Cursor(self)

    async def rollback(self) -> None:
        """No trip where nothing is open, as when a connection goes back to its pool. A transaction
        that a cancelled trip may still open is not for here: see `abandon`."""
        self.is_writing = False
        reading, self._is_reading = self._is_reading, False
        if not self._conn.in_transaction:
            return
        if reading and not self._is_away:
            self._conn.rollback()  # gives back a snapshot and waits for nothing
        else:
            await super().rollback()

    def abandon(self) -> None:
        """Roll back what a cancelled task left open. Queued, not awaited, so that nothing can
        cancel it; the thread gets to it before it closes the connection."""
        self.is_writing = False
        if self._connection is not None:
            self._tx.put_nowait((None, self._connection.rollback))

    def begin_reading(self) -> None:
        """The snapshot is that of the first statement."""
        self._conn.execute("BEGIN").close()
        self._is_reading = True

    async def begin(self) -> None:
        """Take the write lock, so that nothing read afterwards can change before the commit."""
        await self._execute(self._conn.execute, "BEGIN IMMEDIATE")  # type: ignore[no-untyped-call]
        self.is_writing = True

    async def finish(self) -> None:
        """Commit, and be on the disk. OperationalError if the transaction was rolled back."""
        self.is_writing = False
        await self._execute(self._conn.execute, "COMMIT")  # type: ignore[no-untyped-call]

    async def run(self, operation: str, parameters: Sequence[Any]) -> tuple[Describe, list[Any]]:
        """What describes its columns, and rows of a short statement, at once and in this thread.
        Only after `begin`, and never while a trip is under way. OperationalError if the transaction
        was rolled back, as SQLite does by itself when the disk is full: outside of one it would
        wait for other writers."""
        if not self._conn.in_transaction:
            raise sqlite3.OperationalError("the transaction was rolled back")
        return await self.look(operation, parameters)

    async def look(self, operation: str, parameters: Sequence[Any]) -> tuple[Describe, list[Any]]:
        """As `run`, also outside of a transaction, for a short statement that only reads: who reads
        waits for no writer. Never while a trip is under way."""
        cursor = self._conn.execute(operation, parameters)
        try:
            described = cursor.description or ()
            return lambda: described, cursor.fetchall()
        finally:
            cursor.close()

    async def trip(self, work: Callable[[], T]) -> T:
        """Run `work` in the connection's thread."""

        def run() -> T:
            try:
                return work()
            finally:
                self._is_away = False

        self._is_away = True
        return await self._execute(run)  # type: ignore[no-any-return, no-untyped-call]


class Cursor:
    """The part of an asynchronous DB-API cursor that SQLAlchemy uses."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._raw: sqlite3.Cursor | None = None
        self._rows: list[Any] = []
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None
        self.arraysize = 1

    async def __aenter__(self) -> Cursor:
        return self

    async def execute(self, operation: str, parameters: Sequence[Any] = ()) -> Cursor:
        await self._send(lambda cursor: cursor.execute(operation, parameters))
        return self

    async def executemany(self, operation: str, parameters: Iterable[Sequence[Any]]) -> Cursor:
        await self._send(lambda cursor: cursor.executemany(operation, parameters))
        return self

    async def fetchone(self) -> Any:
        rows = await self.fetchmany(1)
        return rows[0] if rows else None

    async def fetchmany(self, size: int | None = None) -> list[Any]:
        wanted = self.arraysize if size is None else size
        raw = self._raw
        if raw is not None and len(self._rows) < wanted:
            missing = max(wanted - len(self._rows), _FETCH)
            self._rows += await self._connection.trip(lambda: raw.fetchmany(missing))
        rows, self._rows = self._rows[:wanted], self._rows[wanted:]
        return rows

    async def fetchall(self) -> list[Any]:
        rows, self._rows = self._rows, []
        if self._raw is not None:
            rows += await self._connection.trip(self._raw.fetchall)
        return rows

    async def close(self) -> None:
        raw, self._raw = self._raw, None
        if raw is not None:
            await self._connection.trip(raw.close)

    async def _send(self, run: Callable[[sqlite3.Cursor], object]) -> None:
        """Execute, fetch the first rows and, if those are all, close: at once, in the thread where
        others may have to be waited for."""
        connection = self._connection._conn

        def statement() -> None:
            cursor = connection.cursor()
            try:
                run(cursor)
                self.description = cursor.description
                self.rowcount = cursor.rowcount
                self.lastrowid = cursor.lastrowid
                self._rows = cursor.fetchmany(_FETCH) if cursor.description else []
            except BaseException:
                cursor.close()
                raise
            if len(self._rows) < _FETCH:
                cursor.close()
            else:
                self._raw = cursor

        if connection.in_transaction and self._connection.is_writing:
            statement()
        else:
            await self._connection.trip(statement)
