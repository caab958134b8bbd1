"""`IN` with many values: on PostgreSQL one statement, however many there are. On both databases."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import ColumnElement, String, bindparam, event, literal_column, select, tuple_

from custody.db.session import Database
from custody.db.tables import ClientRow, VaultRow
from tests.support.custody import Clock

NAMES = [f"vlt_{n}" for n in range(5)]


@pytest.fixture
async def filled(database: Database) -> Database:
    async with database.write() as session:
        session.add(ClientRow(id="cli_1", name="Many", created_at=Clock()()))
        await session.flush()
        session.add(
            *(
                VaultRow(id=name, client_id="cli_1", name=name, account=n, created_at=Clock()())
                for n, name in enumerate(NAMES)
            )
        )
    return database


@pytest.mark.parametrize("named", [[], NAMES[:1], NAMES[1:], ["vlt_none"]])
async def test_what_is_found_is_what_is_named(filled: Database, named: list[str]):
    async with filled.read() as session:
        ids = select(VaultRow.id).order_by(VaultRow.id)
        others = [name for name in NAMES if name not in named]
        constant = ids.where(VaultRow.id.in_(bindparam("ids", expanding=True)))
        numbers = [NAMES.index(name) for name in named if name in NAMES]
        pairs = [(name, "cli_1") for name in named]
        found = [name for name in named if name in NAMES]
        assert await session.all(ids.where(VaultRow.id.in_(named))) == found
        assert await session.all(ids.where(VaultRow.id.not_in(named))) == others
        assert await session.all(constant, {"ids": named}) == found
        assert await session.all(ids.where(VaultRow.account.in_(numbers))) == found
        both = tuple_(VaultRow.id, VaultRow.client_id)
        assert await session.all(ids.where(both.in_(pairs))) == found


async def test_a_longer_value_is_not_cut_to_another_ones(database: Database):
    short: ColumnElement[str] = literal_column("'abc'", String(3))
    async with database.read() as session:
        assert await session.one(select(short.in_(["abc"])))
        assert not await session.one(select(short.in_(["abcd"])))


async def test_the_number_of_values_does_not_change_the_statement(filled: Database):
    if filled.is_sqlite:
        return  # which has no arrays
    asked: set[str] = set()

    def note(_: object, __: object, statement: str, *___: Any) -> None:
        asked.add(statement)

    event.listen(filled._engines.write.sync_engine, "before_cursor_execute", note)
    async with filled.read() as session:
        for most in range(5):
            some = select(VaultRow.id).where(
                VaultRow.id.in_(NAMES[:most]), VaultRow.name.not_in(NAMES[most:])
            )
            assert len(await session.all(some)) == most
    assert len(asked) == 1, asked
