"""The rows that one accepted transfer writes, written again and again by the raw driver.

The rows are read from the database after custody has written them, and get new ids: so they are
the same columns, values and sizes, whatever the schema is.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import psycopg
from sqlalchemy import make_url

from custody.db.ids import new_id

_TABLES = {
    "ledger_entries": "subject",
    "transfers": "id",
    "mandates": "transfer_id",
    "reservations": "transfer_id",
    "spends": "transfer_id",
    "events": "subject",
    "outbox": "subject",
    "idempotency": "key",
}
"""In an order that foreign keys allow, each with the column that names the transfer or its key."""
_ROWS = 11
_DIGEST_BYTES = 32
_NUMBERED = "seq"
"""The column that the database fills."""


class BareInserts(Protocol):
    async def learn(self, transfer: str, key: str) -> None:
        """Read what was written for `transfer`, asked for with the idempotency key `key`."""
        ...

    async def insert(self, number: int) -> int:
        """So many transfers' rows, each in a transaction of its own."""
        ...

    async def close(self) -> None: ...


def open_bare(url: str, connections: int) -> BareInserts:
    """`connections` count on PostgreSQL only."""
    parsed = make_url(url)
    if parsed.database is not None and parsed.drivername.startswith("sqlite"):
        return BareSqlite(Path(parsed.database))
    return BarePostgres(url, connections)


@dataclass(frozen=True, slots=True)
class Template:
    """One row. `statement` takes the values in order."""

    statement: str
    values: tuple[Any, ...]


class BareSqlite:
    """One connection with the settings that custody has; in this thread, without a way there."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None, timeout=30)
        for pragma in ("synchronous=FULL", "foreign_keys=ON", "cache_size=-65536"):
            self._connection.execute(f"PRAGMA {pragma}")
        self._templates: list[Template] = []
        self._named: Sequence[str] = ()

    async def learn(self, transfer: str, key: str) -> None:
        found = []
        for table, column in _TABLES.items():
            named = key if table == "idempotency" else transfer
            rows = self._connection.execute(f"SELECT * FROM {table} WHERE {column} = ?", [named])
            names = [each[0] for each in rows.description]
            found += [template(table, names, row, "?") for row in rows]
        self._templates, self._named = found, identities(found, transfer, key)

    async def insert(self, number: int) -> int:
        for _ in range(number):
            self._connection.execute("BEGIN IMMEDIATE")
            for statement, values in renewed(self._templates, self._named):
                self._connection.execute(statement, values)
            self._connection.execute("COMMIT")
        return number

    async def close(self) -> None:
        self._connection.close()


class BarePostgres:
    """As many connections as custody has callers."""

    def __init__(self, url: str, connections: int) -> None:
        plain = make_url(url).set(drivername="postgresql")
        self._where = plain.render_as_string(hide_password=False)
        self._number = connections
        self._connections: list[psycopg.AsyncConnection[Any]] = []
        self._templates: list[Template] = []
        self._named: Sequence[str] = ()

    async def learn(self, transfer: str, key: str) -> None:
        connect = psycopg.AsyncConnection.connect
        self._connections = [
            await connect(self._where, autocommit=True) for _ in range(self._number)
        ]
        found = []
        for table, column in _TABLES.items():
            named = key if table == "idempotency" else transfer
            query = f"SELECT * FROM {table} WHERE {column} = %s"
            cursor = await self._connections[0].execute(query.encode(), [named])
            names = [each.name for each in cursor.description or ()]
            found += [template(table, names, row, "%s") for row in await cursor.fetchall()]
        self._templates, self._named = found, identities(found, transfer, key)

    async def insert(self, number: int) -> int:
        shares = [len(range(at, number, self._number)) for at in range(self._number)]
        pairs = zip(self._connections, shares, strict=True)
        await asyncio.gather(*(self._insert(connection, share) for connection, share in pairs))
        return number

    async def _insert(self, connection: psycopg.AsyncConnection[Any], number: int) -> None:
        for _ in range(number):
            async with connection.transaction():
                for statement, values in renewed(self._templates, self._named):
                    await connection.execute(statement.encode(), values)

    async def close(self) -> None:
        for connection in self._connections:
            await connection.close()


def template(table: str, names: Sequence[str], row: Sequence[Any], mark: str) -> Template:
    filled = [(n, v) for n, v in zip(names, row, strict=True) if n != _NUMBERED]
    columns = ", ".join(name for name, _ in filled)
    marks = ", ".join([mark] * len(filled))
    values = tuple(value for _, value in filled)
    return Template(f"INSERT INTO {table} ({columns}) VALUES ({marks})", values)


def identities(templates: Sequence[Template], transfer: str, key: str) -> list[str]:
    """The values that must be other ones in every copy: entries come first, with their id first."""
    assert len(templates) == _ROWS, "an accepted transfer writes other rows than it did"
    entries = [each.values[0] for each in templates[:2]]
    assert all(entry.startswith("ent_") for entry in entries)
    ordinals = [
        value
        for each in templates
        for value in each.values
        if isinstance(value, str) and value.startswith(("ord_", "spa_"))
    ]
    return [transfer, key, *ordinals, *entries]


def renewed(templates: Sequence[Template], named: Sequence[str]) -> Iterator[tuple[str, list[Any]]]:
    """Statements and values of one more transfer."""
    new: Mapping[object, str] = {each: new_id(each.partition("_")[0]) for each in named}
    for each in templates:
        yield each.statement, [_renewed(value, new) for value in each.values]


def _renewed(value: Any, new: Mapping[object, str]) -> Any:
    """Ids are other ones, and so are digests: no two mandates have the same."""
    if isinstance(value, bytes) and len(value) == _DIGEST_BYTES:
        return os.urandom(_DIGEST_BYTES)
    return new.get(value, value) if isinstance(value, str) else value
