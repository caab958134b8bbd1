"""Why a vault stands still, who stopped it, and who let it go on and why: nothing is forgotten."""

import asyncio

import pytest

from custody.db.session import Database
from custody.errors import Conflict
from custody.vaults.freezes import freeze, freezes_of, open_freezes, unfreeze
from tests.support.custody import World


async def test_each_reason_is_kept_and_the_first_is_shown(database: Database):
    world = World(database)
    vault, other = await world.new_vault(), await world.new_vault()
    async with database.write() as session:
        await freeze(session, [vault.id], "first", world.clock())
        await freeze(session, [vault.id, other.id], "second", world.clock(), by="ada")
        await freeze(session, [vault.id], "first", world.clock())
    assert await world.frozen(vault) == "first"
    assert await world.frozen(other) == "second"
    async with database.read() as session:
        rows = await freezes_of(session, vault.id)
    assert [(row.reason, row.frozen_by) for row in rows] == [
        ("first", "custody"),
        ("second", "ada"),
    ]


async def seen_now(world: World, vault: str) -> set[str]:
    async with world.database.read() as session:
        return {row.id for row in await open_freezes(session, vault)}


async def test_unfreezing_ends_every_reason_and_says_who_did_it(database: Database):
    world = World(database)
    vault, other = await world.new_vault(), await world.new_vault()
    async with database.write() as session:
        await freeze(session, [vault.id], "first", world.clock())
        await freeze(session, [vault.id, other.id], "second", world.clock())
    world.clock.forward(seconds=5)
    seen = await seen_now(world, vault.id)
    async with database.write() as session:
        ended = await unfreeze(
            session, vault.id, "looked at", world.clock(), by="ada", seen=seen, difference="7 more"
        )
    assert [row.reason for row in ended] == ["first", "second"]
    assert await world.frozen(vault) is None
    assert await world.frozen(other) == "second"
    async with database.read() as session:
        (first, _) = await freezes_of(session, vault.id)
    assert (first.ended_by, first.ended_reason, first.difference) == ("ada", "looked at", "7 more")
    assert first.ended_at == world.clock()
    with pytest.raises(Conflict, match="not frozen"):
        async with database.write() as session:
            await unfreeze(session, vault.id, "again", world.clock(), by="ada", seen=seen)
    async with database.write() as session:
        await freeze(session, [vault.id], "first", world.clock())
    assert await world.frozen(vault) == "first"


async def test_a_reason_given_while_a_person_unfreezes_is_not_lost(database: Database):
    world = World(database)
    vault = await world.new_vault()
    async with database.write() as session:
        await freeze(session, [vault.id], "old", world.clock())

    async def again() -> None:
        async with database.write() as session:
            await freeze(session, [vault.id], "new", world.clock())

    seen = await seen_now(world, vault.id)
    async with database.write() as session:
        await unfreeze(session, vault.id, "looked at", world.clock(), by="ada", seen=seen)
        freezing = asyncio.create_task(again())
        await asyncio.wait([freezing], timeout=0.1)
        assert not freezing.done()
    await freezing
    assert await world.frozen(vault) == "new"


async def test_a_reason_given_after_a_person_looked_stands(database: Database):
    world = World(database)
    vault = await world.new_vault()
    async with database.write() as session:
        await freeze(session, [vault.id], "old", world.clock())
    seen = await seen_now(world, vault.id)
    async with database.write() as session:
        await freeze(session, [vault.id], "new", world.clock())
    async with database.write() as session:
        ended = await unfreeze(session, vault.id, "looked at", world.clock(), by="ada", seen=seen)
    assert [row.reason for row in ended] == ["old"]
    assert await world.frozen(vault) == "new"
