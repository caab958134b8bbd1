"""Writers and readers at the same time, on both databases."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from contextlib import closing
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from custody.db.migrate import upgrade
from custody.db.session import Database, lock_key
from custody.db.tables import ClientRow
from tests.support.interrupt import interrupt

NOW = datetime(2026, 1, 1, 12, 30, 15, 123456, tzinfo=UTC)


def client(name: str = "C") -> ClientRow:
    return ClientRow(id=f"cli_{name}", name=name, created_at=NOW)


async def names(database: Database) -> list[str]:
    async with database.read() as session:
        return list(await session.all(select(ClientRow.name).order_by(ClientRow.name)))


async def increment(database: Database) -> None:
    """Read, think, write: lost updates unless the row is locked."""
    async with database.write() as session:
        statement = select(ClientRow).where(ClientRow.id == "cli_0").order_by(ClientRow.id)
        (row,) = await session.for_update(statement)
        await asyncio.sleep(0.001)
        row.name = str(int(row.name) + 1)


async def test_no_update_is_lost(database: Database):
    async with database.write() as session:
        session.add(ClientRow(id="cli_0", name="0", created_at=NOW))
    await asyncio.gather(*(increment(database) for _ in range(20)))
    assert await names(database) == ["20"]


async def test_no_update_is_lost_between_processes(database: Database, database_url: str):
    async with database.write() as session:
        session.add(ClientRow(id="cli_0", name="0", created_at=NOW))
    program = (
        "import asyncio, sys\n"
        "from sqlalchemy import select\n"
        "from custody.db.session import Database\n"
        "from custody.db.tables import ClientRow\n"
        "async def main():\n"
        "    database = Database(sys.argv[1])\n"
        "    for _ in range(15):\n"
        "        async with database.write() as session:\n"
        "            (row,) = await session.for_update(select(ClientRow).order_by(ClientRow.id))\n"
        "            await asyncio.sleep(0.001)\n"
        "            row.name = str(int(row.name) + 1)\n"
        "    await database.close()\n"
        "asyncio.run(main())\n"
    )
    other = await asyncio.create_subprocess_exec(sys.executable, "-c", program, database_url)
    while other.returncode is None and await names(database) == ["0"]:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    for _ in range(15):
        await increment(database)
    assert await other.wait() == 0
    assert await names(database) == ["30"]


async def test_for_update_shows_the_row_as_it_is_now(database: Database):
    async with database.write() as session:
        session.add(ClientRow(id="cli_0", name="0", created_at=NOW))
    if database._engines.is_sqlite:
        return  # a second writer can't get in between
    statement = select(ClientRow).order_by(ClientRow.id)
    async with database.write() as first:
        (row,) = await first.all(statement)
        await increment(database)
        assert row.name == "0"
        (row,) = await first.for_update(statement)
        assert row.name == "1"


async def test_serialized_transactions_wait_for_each_other(database: Database):
    log: list[str] = []

    async def work(name: str) -> None:
        async with database.write() as session:
            await session.serialize("the same")
            log.append(f"{name} in")
            await asyncio.sleep(0.05)
            log.append(f"{name} out")

    await asyncio.gather(work("a"), work("b"))
    assert log in (["a in", "a out", "b in", "b out"], ["b in", "b out", "a in", "a out"])


@given(st.text(), st.text())
def test_lock_keys_are_64_bit_and_differ(one: str, other: str):
    assert -(2**63) <= lock_key(one) < 2**63
    assert (lock_key(one) == lock_key(other)) == (one == other)


async def test_a_cancelled_writer_does_not_keep_the_database(database: Database):
    """Wherever it was, also half-way through a large result: the next writer gets in at once."""
    many = [{"id": f"cli_{at:04}", "name": "C", "created_at": NOW} for at in range(700)]
    async with database.write() as session:
        await session.insert(ClientRow, many)

    async def work(at: int) -> None:
        async with database.write() as session:
            session.add(client(f"{at}"))
            await session.flush()
            await session.all(select(ClientRow))

    waits = 0
    while await interrupt(work(waits), waits):
        async with asyncio.timeout(5):
            await increment_marker(database, waits)
        waits += 1
    assert waits > 3


async def increment_marker(database: Database, at: int) -> None:
    async with database.write() as session:
        session.add(client(f"marker-{at}"))


async def test_a_cancelled_reader_does_no_harm(database: Database):
    async with database.write() as session:
        await session.insert(
            ClientRow,
            [{"id": f"cli_{at:03}", "name": "C", "created_at": NOW} for at in range(9)],
        )

    async def work() -> None:
        async with database.read() as reading:
            async for _ in reading.chunks(select(ClientRow.id), 3):
                pass

    waits = 0
    while await interrupt(work(), waits):
        async with asyncio.timeout(5):
            await increment_marker(database, waits)
        waits += 1
    assert waits > 3


async def test_closing_waits_for_what_cancelled_callers_left(tmp_path: Path):
    """Their shared transaction is a task of its own. Left open, it would keep every other process
    from writing for as long as this one lives. Without the wait about one round in six fails."""
    file = tmp_path / "custody.db"
    url = f"sqlite+aiosqlite:///{file}"
    await upgrade(url)

    async def write_for_ever(database: Database, name: str) -> None:
        for number in count():
            async with database.write_short() as session:
                session.add(client(f"{name}-{number}"))

    for at in range(40):
        database = Database(url)
        callers = [asyncio.create_task(write_for_ever(database, f"{at}-{n}")) for n in range(6)]
        await asyncio.sleep(0.001 * at)
        for caller in callers:
            caller.cancel()
        await asyncio.wait(callers)
        await database.close()
        with closing(sqlite3.connect(file, timeout=0, isolation_level=None)) as another:
            another.execute("BEGIN IMMEDIATE")  # raises while anybody writes; the loop stands still
