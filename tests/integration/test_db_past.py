"""What no statement changes: every protected row of every table, on both databases."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from sqlalchemy import Boolean, Integer, LargeBinary, Table, text

from custody.db import triggers
from custody.db.session import Database
from custody.db.types import BaseUnits, SumOfUnits, UtcTime
from tests.support.database import PostgresServer

TABLES = sorted(triggers.protected(), key=lambda table: table.name)
LIVES = {row.__table__: life for row, life in triggers.LIVES.items()}
THEN = datetime(2026, 1, 1, tzinfo=UTC)

Run = Callable[..., list[tuple[Any, ...]]]


def value(column: Any, n: int, *, lite: bool) -> object:
    """The same type as the program writes; another value for each `n`."""
    if isinstance(column.type, UtcTime):
        moment = THEN.replace(hour=n)
        return moment.strftime("%Y-%m-%d %H:%M:%S.%f") if lite else moment
    if isinstance(column.type, BaseUnits | SumOfUnits):
        return str(n) if lite else n
    if isinstance(column.type, Boolean):
        return bool(n % 2)
    if isinstance(column.type, Integer):
        return n
    return f"{column.name} {n}".encode() if isinstance(column.type, LargeBinary) else f"v{n}"


def changing(table: Table) -> set[str]:
    life = LIVES.get(table, triggers.Life())
    return {*life.changing, *life.once}


def row(table: Table, n: int, *, lite: bool) -> dict[str, object]:
    """Complete but for what is given once, later."""
    life = LIVES.get(table, triggers.Life())
    return {
        column.name: None if column.name in life.once else value(column, n, lite=lite)
        for column in table.columns
    }


def has_row_number(table: Table) -> bool:
    """Whether its key is what SQLite calls the rowid."""
    key = list(table.primary_key)
    return len(key) == 1 and isinstance(key[0].type, Integer)


@pytest.fixture
def lite(sqlite_url: str) -> Iterator[Run]:
    """A connection of somebody else, with SQLite's defaults."""
    connection = sqlite3.connect(sqlite_url.partition("///")[2], isolation_level=None)
    yield lambda sql, given=(): connection.execute(sql, given).fetchall()
    connection.close()


@pytest.fixture
def post(postgres_server: PostgresServer, postgres_url: str) -> Iterator[Run]:
    """The tables' owner; rows need no others that they refer to."""
    assert postgres_url
    dsn = postgres_server.url("custody").replace("+psycopg", "")
    with psycopg.connect(dsn, autocommit=True) as connection:

        def run(sql: str, given: Any = ()) -> list[tuple[Any, ...]]:
            cursor = connection.execute(sql.encode(), given)
            return cursor.fetchall() if cursor.description else []

        yield run


def insert(table: Table, given: dict[str, object], mark: str = "?", how: str = "INSERT") -> str:
    names = ", ".join(given)
    return f"{how} INTO {table} ({names}) VALUES ({', '.join([mark] * len(given))})"


@pytest.mark.parametrize("table", TABLES, ids=str)
def test_sqlite_refuses(lite: Run, table: Table):
    mine, other, new = (row(table, n, lite=True) for n in (1, 2, 4))
    for each in (mine, other):
        lite(insert(table, each), list(each.values()))
    before = lite(f"SELECT rowid, * FROM {table} ORDER BY 1")
    (first, second) = (each[0] for each in before)

    attempts: list[tuple[str, list[object]]] = [
        (f"DELETE FROM {table}", []),
        (f"UPDATE {table} SET rowid = 77 WHERE rowid = {first}", []),
        (f"UPDATE OR REPLACE {table} SET rowid = {second} WHERE rowid = {first}", []),
    ]
    unique = {name for key in triggers.keys_of(table) for name in key}
    for name in unique & changing(table):
        attempts.append((f"UPDATE OR REPLACE {table} SET {name} = ?", [other[name]]))
    for name in mine.keys() - changing(table):
        attempts.append((f"UPDATE {table} SET {name} = ? WHERE rowid = {first}", [new[name]]))
        attempts.append((f"UPDATE OR REPLACE {table} SET {name} = ?", [other[name]]))
    for key in triggers.keys_of(table):
        taken = new | {name: mine[name] for name in key}
        target = ", ".join(key)
        some = next((name for name in mine if name not in key), key[0])
        for sql in (
            insert(table, taken, how="INSERT OR REPLACE"),
            insert(table, taken, how="REPLACE"),
            insert(table, taken) + f" ON CONFLICT ({target}) DO UPDATE SET {some} = {some}",
        ):
            attempts.append((sql, list(taken.values())))
    if not has_row_number(table):
        placed = {"rowid": first, **new}
        attempts.append((insert(table, placed, how="REPLACE"), list(placed.values())))
    for sql, given in attempts:
        with pytest.raises(sqlite3.IntegrityError, match=triggers.REFUSED):
            lite(sql, given)
        assert lite(f"SELECT rowid, * FROM {table} ORDER BY 1") == before, sql
    lite(insert(table, new), list(new.values()))


@pytest.mark.parametrize("table", TABLES, ids=str)
def test_postgresql_refuses(post: Run, table: Table):
    mine, new = (row(table, n, lite=False) for n in (1, 4))
    post("SET session_replication_role = replica")
    post(insert(table, mine, "%s"), list(mine.values()))
    post("SET session_replication_role = origin")
    before = post(f"SELECT * FROM {table}")
    attempts: list[tuple[str, list[object]]] = [
        (f"DELETE FROM {table}", []),
        (f"TRUNCATE {table} CASCADE", []),
    ]
    for name in mine.keys() - changing(table):
        attempts.append((f"UPDATE {table} SET {name} = %s", [new[name]]))
    for sql, given in attempts:
        with pytest.raises(psycopg.errors.RaiseException, match=triggers.REFUSED):
            post(sql, given)
        assert post(f"SELECT * FROM {table}") == before, sql


@pytest.mark.parametrize("table", sorted(LIVES, key=str), ids=str)
def test_a_life_goes_on(lite: Run, post: Run, table: Table):
    """What may change changes; what is given once stays."""
    life = LIVES[table]
    for run, mark, is_lite in ((lite, "?", True), (post, "%s", False)):
        mine, new = (row(table, n, lite=is_lite) for n in (1, 4))
        if not is_lite:
            run("SET session_replication_role = replica")
        run(insert(table, mine, mark), list(mine.values()))
        if not is_lite:
            run("SET session_replication_role = origin")
        for name in life.changing:
            if not name.endswith("_id"):  # refers to what is not there
                run(f"UPDATE {table} SET {name} = {mark}", [new[name]])
        for name in life.once:
            column = table.columns[name]
            for key in () if is_lite else table.foreign_key_constraints:
                if column.name in key.column_keys:
                    run(f"ALTER TABLE {table} DROP CONSTRAINT {key.name!s}")
            once, again = (value(column, n, lite=is_lite) for n in (5, 6))
            run(f"UPDATE {table} SET {name} = {mark}", [once])
            run(f"UPDATE {table} SET {name} = {mark}", [once])
            for other in (again, None):
                with pytest.raises((sqlite3.IntegrityError, psycopg.Error)):
                    run(f"UPDATE {table} SET {name} = {mark}", [other])


async def test_our_own_connections_show_replaced_rows_to_the_triggers(sqlite_url: str):
    database = Database(sqlite_url)
    for engine in (database._engines.write, database._engines.read):
        async with engine.connect() as connection:
            asked = await connection.execute(text("PRAGMA recursive_triggers"))
            assert asked.scalar() == 1
    await database.close()
