"""Opens the database and settles, once, what a transaction means on it. Knows no table.

SQLite. Writing has its own engine with a single connection; reading has another whose connections
refuse to write (`query_only`). Each connection runs in WAL mode, so readers never wait for the
writer, and with synchronous=FULL: in WAL mode the weaker NORMAL may lose the last *committed*
transactions when the power fails, and a transfer forgotten after its broadcast is a transfer that
can be paid twice. The driver's own transaction handling is switched off, because it begins
transactions late and only for some statements; writing begins with BEGIN IMMEDIATE, because a
transaction that first reads and then wants to write fails when another process wrote in between.
With recursive_triggers=ON a row that REPLACE deletes is deleted before the eyes of the triggers.

PostgreSQL. Writing is READ COMMITTED and takes row locks on what it decides about (accounts,
transfers), in a stable order. SERIALIZABLE would need no locks, but it aborts and repeats work
exactly when many transfers meet on one account, which is the ordinary day of a hot wallet; with
row locks they queue. Reading is REPEATABLE READ READ ONLY: every query of one read session sees the
same moment, and the server itself refuses writes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import psycopg
from sqlalchemy import URL, Connection, Dialect, event, make_url
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from custody.db import postgres_compiler, postgres_driver, sqlite_driver

_PREPARE = "prepare_threshold"
BUSY_TIMEOUT_S = 30.0
"""How long a writer waits for a writer of another process (SQLite)."""

_POOL_SIZE = 10
_POOL_OVERFLOW = 20
_ALIVE_S = 5.0
"""How long after a pooled connection (PostgreSQL) was used it is taken to be alive."""


class BadUrl(ValueError):
    """The database URL is none of ours. The message never repeats it: it may carry a password."""


@dataclass(frozen=True, slots=True)
class Engines:
    """`file`: the SQLite database file, None on PostgreSQL. `look`: for statements without a
    transaction around them."""

    read: AsyncEngine
    write: AsyncEngine
    look: AsyncEngine
    file: Path | None

    @property
    def is_sqlite(self) -> bool:
        return self.file is not None

    async def close(self) -> None:
        await self.read.dispose()
        await self.write.dispose()


def open_engines(url: str) -> Engines:
    """`sqlite+aiosqlite:///path` or `postgresql+psycopg://…`. Connects lazily.

    Raises BadUrl for any other scheme and for SQLite in memory, which would be money on no disk.
    """
    parsed = make_url(url)
    if parsed.drivername == "sqlite+aiosqlite":
        return _sqlite(parsed)
    if parsed.drivername == "postgresql+psycopg":
        return _postgresql(parsed)
    raise BadUrl("the database URL must start with sqlite+aiosqlite or postgresql+psycopg")


def _sqlite(url: URL) -> Engines:
    if url.database in (None, "", ":memory:"):
        raise BadUrl("SQLite needs a file: sqlite+aiosqlite:///custody.db")
    assert url.database is not None
    options: dict[str, Any] = {
        "connect_args": {
            "isolation_level": None,
            "timeout": BUSY_TIMEOUT_S,
            "async_creator_fn": sqlite_driver.connect,
        },
    }
    write = create_async_engine(url, pool_size=1, max_overflow=0, pool_timeout=600, **options)
    read = create_async_engine(url, pool_size=_POOL_SIZE, max_overflow=_POOL_OVERFLOW, **options)
    _on_connect(write, "PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL")
    _on_connect(read, "PRAGMA query_only=ON")
    event.listen(write.sync_engine, "invalidate", _release)
    for engine in (write, read):
        _on_connect(engine, "PRAGMA foreign_keys=ON", "PRAGMA recursive_triggers=ON")
        _on_connect(engine, "PRAGMA cache_size=-65536")
    event.listen(write.sync_engine, "begin", _join)
    event.listen(read.sync_engine, "begin", _begin_reading)
    return Engines(read, write, read, Path(url.database))


def _release(connection: Any, _record: object, _error: object) -> None:
    """Before a connection is thrown away with a cancelled task's statement half read: SQLite closes
    a connection only when its last statement is gone, and until the garbage collector got there
    nobody else could write."""
    connection.driver_connection.abandon()


def _on_connect(engine: AsyncEngine, *pragmas: str) -> None:
    def run(connection: Any, _record: object) -> None:
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(pragma)
        cursor.close()

    event.listen(engine.sync_engine, "connect", run)


def _join(connection: Connection) -> None:
    """A write session has begun on the driver's connection, and SQLAlchemy joins it."""
    driver: Any = connection.connection.driver_connection
    if not driver.in_transaction:
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _begin_reading(connection: Connection) -> None:
    driver: Any = connection.connection.driver_connection
    if not driver.in_transaction:
        driver.begin_reading()


def _postgresql(url: URL) -> Engines:
    url, preparing = _preparing(url)
    write = create_async_engine(
        url,
        pool_size=_POOL_SIZE,
        max_overflow=_POOL_OVERFLOW,
        isolation_level="READ COMMITTED",
        connect_args={
            "async_creator_fn": postgres_driver.Connection.connect,
            "cursor_factory": postgres_driver.Cursor,
            **preparing,
        },
    )
    event.listen(write.sync_engine, "checkout", _ping(write.dialect))
    write.dialect.statement_compiler = postgres_compiler.Compiler
    # Many rows become one INSERT with many VALUES, also where nothing is returned.
    write.dialect.use_insertmanyvalues_wo_returning = True
    read = write.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    look = write.execution_options(isolation_level="AUTOCOMMIT")
    return Engines(read, write, look, None)


def _preparing(url: URL) -> tuple[URL, dict[str, None]]:
    """`prepare_threshold=none` in the URL: for a pooler that can't be told from the server. Raises
    BadUrl for any other value."""
    asked = url.query.get(_PREPARE)
    if asked not in (None, "none"):
        raise BadUrl(f"{_PREPARE} in the database URL can only be none")
    return url.difference_update_query([_PREPARE]), {} if asked is None else {_PREPARE: None}


def _ping(dialect: Dialect) -> Callable[[Any, Any, object], None]:
    """Asks a pooled connection whether it is alive, as SQLAlchemy's `pool_pre_ping` does, but for
    those that worked a moment ago and whose server has not hung up since: that would be a round
    trip more for every transaction of a busy process."""

    def run(connection: Any, record: Any, _fairy: object) -> None:
        used = record.info.get("used_at", 0)
        record.info["used_at"] = now = monotonic()
        if now - used < _ALIVE_S and connection.driver_connection.is_silent():
            return
        try:
            dialect.do_ping(connection)
        except psycopg.Error as error:
            raise InvalidatePoolError from error

    return run
