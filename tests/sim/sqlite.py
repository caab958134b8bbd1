"""Our SQLite driver without its thread: each statement runs where it is asked, and is a point at
which the process that asks may die (`machine`).

Who finds the database locked by another process asks again a moment later, as SQLite does inside
itself. The database's clock is the game's.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from unittest.mock import patch

from sqlalchemy import Dialect

from custody.db import clock, sqlite_driver
from custody.db.engines import BUSY_TIMEOUT_S, Engines
from custody.db.prepared import Describe
from tests.sim.loop import MACHINE
from tests.sim.machine import Machine

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND: Final = timedelta(milliseconds=1)
_ASKS_AGAIN_S: Final = 0.005


@contextmanager
def inline(now: Callable[[], datetime]) -> Iterator[None]:
    """Databases that are opened in the block are driven so. `now`: of the database's clock."""

    def connect(database: str, **options: Any) -> Connection:
        options |= {"check_same_thread": False, "timeout": 0}
        return Connection(lambda: _opened(database, options, now))

    with patch.object(sqlite_driver, "connect", connect), patch.object(clock, "host_now", now):
        yield


_spoken: dict[str, tuple[Dialect, Any]] = {}


def share_translations(engines: Engines) -> None:
    """All processes of all games speak one dialect, and remember together what a statement is in
    it: translating each statement anew for each process takes longer than the rest of a game."""
    for kind, engine in (("read", engines.read), ("write", engines.write)):
        sync: Any = engine.sync_engine
        dialect, translated = _spoken.setdefault(kind, (sync.dialect, sync._compiled_cache))
        sync.dialect = sync.pool._dialect = dialect
        sync._compiled_cache = translated


def _opened(
    database: str, options: dict[str, Any], now: Callable[[], datetime]
) -> sqlite3.Connection:
    connection = sqlite3.connect(database, **options)

    def strftime(form: str, when: str) -> str:
        assert when == "now"
        return now().strftime(form)

    def julianday(when: str) -> float:
        assert when == "now"
        return 2440587.5 + (now() - EPOCH) // MILLISECOND / 86_400_000

    connection.create_function("strftime", 2, strftime)
    connection.create_function("julianday", 1, julianday)
    return connection


class Connection(sqlite_driver.Connection):
    def __init__(self, connector: Callable[[], sqlite3.Connection]) -> None:
        super().__init__(connector, iter_chunk_size=64)
        machine = MACHINE.get()
        self._machine = machine if isinstance(machine, Machine) else None
        if self._machine is not None:
            self._machine.on_death.append(self.drop)

    def __await__(self) -> Generator[Any, None, Connection]:
        return self._opened().__await__()

    def __del__(self) -> None:
        self.drop()

    async def _opened(self) -> Connection:
        self._connection = self._connector()
        return self

    def drop(self) -> None:
        """As the system does it for a process that is gone: SQLite rolls back by itself."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def stop(self) -> None:
        self._running = False
        self.drop()

    def abandon(self) -> None:
        self.is_writing = False
        if self._connection is not None:
            self._connection.rollback()

    async def _execute(self, fn: Any, *args: Any, **kwargs: Any) -> Any:
        return fn(*args, **kwargs)

    async def begin(self) -> None:
        await self.point("BEGIN IMMEDIATE", ())
        waited = 0.0
        while True:
            try:
                self._conn.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or waited > BUSY_TIMEOUT_S:
                    raise
                waited += _ASKS_AGAIN_S
                await asyncio.sleep(_ASKS_AGAIN_S)
            else:
                break
        self.is_writing = True
        await self.point("begun")

    async def finish(self) -> None:
        await self.point("COMMIT", (), commit=True)
        await super().finish()
        await self.point("committed", commit=True)

    async def run(self, operation: str, parameters: Sequence[Any]) -> tuple[Describe, list[Any]]:
        await self.point(operation, parameters)
        answer = await super().run(operation, parameters)
        await self.point("ran")
        return answer

    def cursor(self) -> Cursor:  # type: ignore[override]
        return Cursor(self)

    async def point(self, what: str, values: object = None, *, commit: bool = False) -> None:
        if self._machine is not None:
            await self._machine.point(what, values, commit=commit)


class Cursor(sqlite_driver.Cursor):
    _connection: Connection

    async def execute(self, operation: str, parameters: Sequence[Any] = ()) -> Cursor:
        if operation == "PRAGMA synchronous=FULL":
            operation = "PRAGMA synchronous=OFF"  # processes die here, and no machine loses power
        await self._connection.point(operation, parameters)
        await super().execute(operation, parameters)
        await self._connection.point("executed")
        return self

    async def executemany(self, operation: str, parameters: Iterable[Sequence[Any]]) -> Cursor:
        rows = list(parameters)
        await self._connection.point(operation, rows)
        await super().executemany(operation, rows)
        await self._connection.point("executed")
        return self
