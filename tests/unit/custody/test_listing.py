"""Lists follow the order in which rows came, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import select, text

from custody.db.listing import Window, open_list, page
from custody.db.serials import NUMBERED, settled
from custody.db.session import Database, WriteSession
from custody.db.tables import ClientRow

NOW = datetime(2026, 1, 1, tzinfo=UTC)


async def add(session: WriteSession, *names: str) -> None:
    rows = [{"id": f"cli_{name}", "name": name, "created_at": NOW} for name in names]
    await session.insert(ClientRow, rows)


async def read(database: Database, window: Window) -> list[ClientRow]:
    async with open_list(database, ClientRow) as (session, end):
        bounded = Window(window.after, window.limit, window.descending, end)
        return list(await session.all(page(select(ClientRow), ClientRow, bounded)))


async def follow(database: Database, after: int | None = None) -> tuple[list[str], int | None]:
    """Pages of two until there is nothing more: the names, and where it got to."""
    seen: list[str] = []
    while rows := await read(database, Window(after=after, limit=2)):
        seen += [row.name for row in rows]
        after = rows[-1].serial
    return seen, after


async def test_rows_are_numbered_in_the_order_in_which_they_were_written(database: Database):
    async with database.write() as session:
        await add(session, "b", "a")
    async with database.write() as session:
        await add(session, *(f"n{n}" for n in range(9)), "c")
    names = ["b", "a", *(f"n{n}" for n in range(9)), "c"]
    assert (await follow(database))[0] == names
    rows = await read(database, Window(limit=99, descending=True))
    assert [row.name for row in rows] == names[::-1]
    (row,) = await read(database, Window(after=rows[3].serial, limit=1, descending=True))
    assert row.name == rows[4].name


async def test_what_is_undone_leaves_a_gap_and_nothing_else(database: Database):
    async def fail() -> None:
        async with database.write() as session:
            await add(session, "undone")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    async with database.write() as session:
        await add(session, "kept")
    assert (await follow(database))[0] == ["kept"]


@pytest.mark.postgres
async def test_a_list_ends_where_an_older_row_may_still_come(postgres_url: str):
    """What is written first is committed last; a reader goes on from page to page meanwhile."""
    database = Database(postgres_url)
    async with database.write() as late:
        await add(late, "late")
        async with database.write() as session:
            await add(session, "x", "y", "z")
        seen, after = await follow(database)
        assert seen == []
        async with database.read() as session:
            assert len(await session.all(select(ClientRow))) == 3
        await add(late, "late too")
        async with database.write() as session:
            await add(session, "w")
        assert await follow(database, after) == ([], None)
    seen, after = await follow(database)
    assert sorted(seen) == ["late", "late too", "w", "x", "y", "z"]
    assert seen[0] == "late"
    assert await follow(database, after) == ([], after)
    await database.close()


@pytest.mark.postgres
async def test_who_lets_a_part_go_still_holds_what_it_numbered_before(postgres_url: str):
    database = Database(postgres_url)
    async with database.write() as late:
        await add(late, "first")
        await late.begin_part()
        await add(late, "given up")
        await late.end_part(keep=False)
        async with database.write() as session:
            await add(session, "x")
        assert (await follow(database))[0] == []
        await late.begin_part()
        await add(late, "second")
        await late.end_part(keep=True)
    assert (await follow(database))[0] == ["first", "x", "second"]
    await database.close()


@pytest.mark.postgres
async def test_a_part_that_was_given_up_holds_nothing_and_the_next_does(postgres_url: str):
    database = Database(postgres_url)
    async with database.write() as late:
        await late.begin_part()
        await add(late, "given up")
        await late.end_part(keep=False)
        async with database.write() as session:
            await add(session, "x")
        seen, after = await follow(database)
        assert seen == ["x"]
        await late.begin_part()
        await add(late, "late")
        await late.end_part(keep=True)
        async with database.write() as session:
            await add(session, "y")
        assert await follow(database, after) == ([], after)
    assert (await follow(database, after))[0] == ["late", "y"]
    await database.close()


@pytest.mark.postgres
async def test_another_table_holds_nothing_back(postgres_url: str):
    database = Database(postgres_url)
    async with database.write() as late:
        ends = [await settled(database, row) for row in NUMBERED]
        await add(late, "late", "and another")
        async with database.write() as session:
            await add(session, "x")
        assert [await settled(database, row) for row in NUMBERED] == ends
        async with database.read() as session:
            held = await session.rows(
                select(text("1"))
                .select_from(text("pg_locks"))
                .where(text("locktype = 'advisory' AND mode = 'ShareLock'"))
            )
        assert len(held) == 1, "one lock, however many rows"
    at = NUMBERED.index(ClientRow)
    ends[at] = (ends[at] or 0) + 3
    assert [await settled(database, row) for row in NUMBERED] == ends
    await database.close()
