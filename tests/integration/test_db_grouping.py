"""Short writes at the same time: each whole or not at all, whoever shares its commit."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from custody.db.grouping import Group
from custody.db.session import Database
from custody.db.tables import ClientRow

NOW = datetime(2026, 1, 1, 12, 30, 15, 123456, tzinfo=UTC)


async def names(database: Database) -> list[str]:
    async with database.read() as session:
        return list(await session.all(select(ClientRow.name).order_by(ClientRow.name)))


async def insert(database: Database, name: str, *, fail: bool = False) -> None:
    async with database.write_short() as session:
        await session.insert(ClientRow, [{"id": f"cli_{name}", "name": name, "created_at": NOW}])
        if fail:
            raise RuntimeError(name)


async def test_only_the_part_that_fails_is_undone(database: Database):
    jobs = [insert(database, f"{at:02}", fail=at % 5 == 3) for at in range(40)]
    outcomes = await asyncio.gather(*jobs, return_exceptions=True)
    assert [isinstance(each, RuntimeError) for each in outcomes] == [n % 5 == 3 for n in range(40)]
    assert await names(database) == [f"{at:02}" for at in range(40) if at % 5 != 3]


async def test_the_database_refuses_only_one(database: Database):
    jobs = [insert(database, name) for name in ("a", "b", "a", "c")]
    outcomes = await asyncio.gather(*jobs, return_exceptions=True)
    assert sorted(isinstance(each, IntegrityError) for each in outcomes) == [False] * 3 + [True]
    assert await names(database) == ["a", "b", "c"]


async def test_a_cancelled_part_leaves_nothing_and_harms_nobody(database: Database):
    inside = asyncio.Event()

    async def stay() -> None:
        async with database.write_short() as session:
            row = {"id": "cli_stay", "name": "stay", "created_at": NOW}
            await session.insert(ClientRow, [row])
            inside.set()
            await asyncio.Event().wait()

    stuck = asyncio.create_task(stay())
    await inside.wait()
    others = [asyncio.create_task(insert(database, name)) for name in ("a", "b", "c")]
    await asyncio.sleep(0)
    others[1].cancel()
    stuck.cancel()
    outcomes = await asyncio.gather(stuck, *others, return_exceptions=True)
    assert [isinstance(each, asyncio.CancelledError) for each in outcomes[::2]] == [True, True]
    assert await names(database) == ["a", "c"]
    async with database.write() as session:
        session.add(ClientRow(id="cli_z", name="z", created_at=NOW))
    assert await names(database) == ["a", "c", "z"]


class Failing:
    async def flush(self) -> None: ...

    async def begin_part(self) -> None: ...

    async def end_part(self, *, keep: bool) -> None: ...


async def test_a_failed_commit_is_everybodys_failure():
    """Also of those that failed themselves: what they saw never happened."""

    @contextlib.asynccontextmanager
    async def transaction() -> AsyncIterator[Failing]:
        yield Failing()
        raise OSError("the disk is full")

    group = Group(transaction)

    async def part(*, fail: bool) -> None:
        async with group.part():
            if fail:
                raise KeyError

    jobs = [part(fail=at == 1) for at in range(3)]
    outcomes = await asyncio.gather(*jobs, return_exceptions=True)
    assert [type(each) for each in outcomes] == [OSError] * 3


async def test_a_transaction_that_cannot_begin_is_the_failure_of_each():
    @contextlib.asynccontextmanager
    async def transaction() -> AsyncIterator[Failing]:
        raise OSError("locked")
        yield Failing()

    group = Group(transaction)

    async def part() -> None:
        async with group.part():
            pytest.fail("it never began")

    outcomes = await asyncio.gather(part(), part(), return_exceptions=True)
    assert [type(each) for each in outcomes] == [OSError] * 2
