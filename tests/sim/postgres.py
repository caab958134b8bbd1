"""The same games on a real PostgreSQL: each statement is a point at which a process may die, and
its connections are closed then.

The server's answers take no time of the game; a statement that waits for a lock lets the others go
on. So a seed is not the same game to the last statement here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from unittest.mock import patch

import psycopg

from custody.db import postgres_driver
from tests.sim.loop import MACHINE
from tests.sim.machine import Machine


@contextmanager
def stepped(now: Callable[[], datetime]) -> Iterator[None]:
    """Databases that are opened in the block are driven so. `now`: of the database's clock."""

    class ClockedCursor(Cursor):
        clock = staticmethod(now)

    with (
        patch.object(postgres_driver, "Connection", Connection),
        patch.object(postgres_driver, "Cursor", ClockedCursor),
    ):
        yield


class Cursor(postgres_driver.Cursor):
    clock: Callable[[], datetime]

    async def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
        text = query.decode() if isinstance(query, bytes) else query
        if isinstance(text, str):
            shown = f"TIMESTAMPTZ '{self.clock().isoformat()}'"
            query = text.replace("clock_timestamp()", shown).encode()
        await _point(str(text), params or ())
        await super().execute(query, params, **options)
        await _point("executed")
        return self


class Connection(postgres_driver.Connection):
    @classmethod
    async def connect(cls, *arguments: Any, **options: Any) -> Connection:
        connection: Any = await super().connect(*arguments, **options)
        machine = MACHINE.get()
        if isinstance(machine, Machine):
            machine.on_death.append(connection.drop)
        return connection

    def drop(self) -> None:
        """As the system does it for a process that is gone: the server rolls back by itself."""
        if not self.pgconn.status:
            loop = asyncio.get_running_loop()
            loop.remove_reader(self.pgconn.socket)
            loop.remove_writer(self.pgconn.socket)
            self.pgconn.finish()

    async def finish(self) -> None:
        await _point("COMMIT", (), commit=True)
        await super().finish()
        await _point("committed", commit=True)


async def _point(what: str, values: object = None, *, commit: bool = False) -> None:
    machine = MACHINE.get()
    if isinstance(machine, Machine):
        await machine.point(what, values, commit=commit)


class PostgresReader:
    """What a game reads (`reading.Reader`)."""

    def __init__(self, url: str) -> None:
        dsn = url.replace("postgresql+psycopg", "postgresql")
        self._connection = psycopg.connect(dsn, autocommit=True)

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        return self._connection.execute(query.replace("?", "%s").encode(), values).fetchall()

    def column(self, query: str, *values: object) -> list[Any]:
        return [row[0] for row in self.rows(query, *values)]

    def begin(self) -> None:
        self._connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")

    def end(self) -> None:
        self._connection.execute("COMMIT")

    def close(self) -> None:
        self._connection.close()
