"""Two transactions at once about one deposit: a person's, and that of a block. Whoever comes second
waits until the first is committed, and goes by what it left. Each pair in both orders."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import Integer, column, select, text

from custody.db.session import Database
from custody.errors import Conflict
from custody.quarantine.service import hold, release
from tests.support.custody import World
from tests.unit.custody.deposits.test_quarantine import (
    ACCOUNT,
    adds_up,
    final,
    funded,
    held,
    mined,
    quarantines,
    released,
    ruled,
    shares,
    shelf,
    world_of,
)

_WAITING = text(
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE wait_event_type = 'Lock' AND datname = current_database()"
)


async def waits(world: World, doing: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
    """It has begun and can't go on before another transaction has ended."""
    task = asyncio.ensure_future(doing)
    while not task.done() and not await _is_locked_out(world.database):  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    assert not task.done(), "it did not wait"
    return task


async def _is_locked_out(database: Database) -> bool:
    if database.is_sqlite:  # writers queue
        return bool(database._write_lock._waiters)
    async with database.read() as session:
        found = _WAITING.columns(column("count", Integer)).subquery()
        return bool(await session.one(select(found)))


@asynccontextmanager
async def block_comes(world: World, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """Its transaction has written all, and is committed at the end."""
    written, go_on = asyncio.Event(), asyncio.Event()
    apply = world.writer.apply

    async def slow(*given: Any) -> Any:
        applied = await apply(*given)
        written.set()
        await go_on.wait()
        return applied

    with monkeypatch.context() as patch:
        patch.setattr(world.writer, "apply", slow)
        following = asyncio.ensure_future(world.follow())
        try:
            await written.wait()
            yield
        finally:
            go_on.set()
        await following


async def conflicts(doing: asyncio.Task[Any]) -> str:
    with pytest.raises(Conflict) as caught:
        await doing
    return caught.value.code


# It is released while its block is undone


async def held_and_undone(database: Database) -> tuple[World, Any, Any]:
    """A deposit that is held, and the node knows neither its block nor it any more."""
    world = world_of(database, ACCOUNT)
    vault, (row,) = await funded(world, 400)
    await held(world, row.id)
    await world.node.reorg(1)
    return world, vault, row


async def test_a_block_is_undone_after_the_release(database: Database):
    world, vault, row = await held_and_undone(database)
    async with database.write() as session:
        await release(session, shelf(world), row.id, "it is fine", world.clock(), by="oscar")
        following = await waits(world, world.follow())
    await following
    assert await world.deposit_states() == [(400, "reversed")]
    assert await shares(world, vault) == (0, 0, 0)
    (quarantine,) = await quarantines(world)
    assert quarantine.released_by == "oscar"
    await final(world)
    assert await shares(world, vault) == (0, 0, 0)


async def test_a_release_after_its_block_is_undone(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    world, vault, row = await held_and_undone(database)
    async with block_comes(world, monkeypatch):
        releasing = await waits(world, released(world, row.id))
    assert await conflicts(releasing) == "deposit_not_quarantined"
    assert await world.deposit_states() == [(400, "reversed")]
    assert await shares(world, vault) == (0, 0, 0)
    (quarantine,) = await quarantines(world)
    assert quarantine.released_by is None, "if it comes again, it is held"
    await adds_up(world)


# A rule holds what a block brings, while somebody lets go what it held


async def ruled_and_brought_again(database: Database) -> tuple[World, Any, Any]:
    """A deposit that a rule holds. Another block has it now, and one more."""
    world = world_of(database, ACCOUNT)
    vault = await world.new_vault()
    address = await world.new_address(vault)
    await ruled(world, vault=vault.id)
    await world.pay(address, 400)
    await mined(world)
    (row,) = await world.all_deposits()
    assert row.state == "quarantined"
    await world.pay(address, 30)
    await world.node.reorg(1, replay=True)
    await world.node.mine()
    return world, vault, row


async def test_a_rule_holds_after_the_release(database: Database):
    world, vault, row = await ruled_and_brought_again(database)
    async with database.write() as session:
        await release(session, shelf(world), row.id, "it is fine", world.clock(), by="oscar")
        following = await waits(world, world.follow())
    await following
    assert sorted(await world.deposit_states()) == [
        (30, "quarantined"), (400, "pending"), (400, "reversed")
    ]  # fmt: skip
    await final(world)
    assert await shares(world, vault) == (400, 0, 30)


async def test_a_release_after_a_rule_has_held(database: Database, monkeypatch: pytest.MonkeyPatch):
    """Who let go what is undone learns it, and lets go what is there now."""
    world, vault, row = await ruled_and_brought_again(database)
    async with block_comes(world, monkeypatch):
        releasing = await waits(world, released(world, row.id))
    assert await conflicts(releasing) == "deposit_not_quarantined"
    states = {each.id: (each.amount, each.state) for each in await world.all_deposits()}
    assert states.pop(row.id) == (400, "reversed")
    assert sorted(states.values()) == [(30, "quarantined"), (400, "quarantined")]
    (again,) = [each for each, (amount, _) in states.items() if amount == 400]
    await released(world, again)
    await final(world)
    assert await shares(world, vault) == (400, 0, 30)


# It is held while its block becomes final


async def seen_and_final(database: Database) -> tuple[World, Any, Any]:
    """A deposit that is pending here, and final at the node."""
    world = world_of(database, ACCOUNT)
    vault, (row,) = await funded(world, 400)
    await world.node.mine(3)
    await world.node.finalize()
    return world, vault, row


async def test_a_block_becomes_final_after_the_hold(database: Database):
    world, vault, row = await seen_and_final(database)
    async with database.write() as session:
        await hold(session, shelf(world), row.id, "asked about", world.clock(), by="olivia")
        following = await waits(world, world.follow())
    await following
    assert await shares(world, vault) == (0, 0, 400)
    await adds_up(world)


async def test_a_hold_after_its_block_became_final(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    world, vault, row = await seen_and_final(database)
    async with block_comes(world, monkeypatch):
        holding = await waits(world, held(world, row.id))
    assert await conflicts(holding) == "deposit_credited"
    assert await shares(world, vault) == (400, 0, 0)
    assert await quarantines(world) == []
    await adds_up(world)
