"""A deposit is held and let go while others do the same, or while somebody dies."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from itertools import count

from custody.db.session import Database
from custody.errors import Conflict
from tests.support.interrupt import interrupt
from tests.unit.custody.deposits.test_quarantine import (
    ACCOUNT,
    BOTH,
    adds_up,
    final,
    funded,
    held,
    mined,
    quarantines,
    released,
    shares,
    world_of,
)


@BOTH
async def test_two_release_at_once(database: Database, alias: str):
    world = world_of(database, alias)
    vault, (row,) = await funded(world, 400)
    await held(world, row.id)
    await final(world)
    done = await asyncio.gather(
        *(released(world, row.id, by=name) for name in ("oscar", "oda")), return_exceptions=True
    )
    assert [each for each in done if each is None] == [None]
    (error,) = [each for each in done if each is not None]
    assert isinstance(error, Conflict) and error.code == "deposit_not_quarantined"
    assert await shares(world, vault) == (400, 0, 0)
    await adds_up(world)


async def test_holding_while_the_block_becomes_final_is_one_or_the_other(database: Database):
    """Whoever is first decides; nothing is credited and held."""
    world = world_of(database, ACCOUNT)
    vault, (row,) = await funded(world, 400)
    await world.node.mine(3)
    await world.node.finalize()
    _, error = await asyncio.gather(world.follow(), held(world, row.id), return_exceptions=True)
    if error is None:
        assert await shares(world, vault) == (0, 0, 400)
    else:
        assert isinstance(error, Conflict) and error.code == "deposit_credited"
        assert await shares(world, vault) == (400, 0, 0)
    await adds_up(world)


async def test_a_death_anywhere_while_holding_or_releasing(database: Database):
    """Cut off where it waits for the n-th time, then done by another process."""
    world = world_of(database, ACCOUNT)
    vault = await world.new_vault()
    address = await world.new_address(vault)
    for rounds in count():
        await world.pay(address, 100)
        await mined(world)
        row = (await world.all_deposits())[-1]
        cut = [await interrupt(held(world, row.id), rounds)]
        await _or_done(held(world, row.id), "deposit_quarantined")
        await world.node.finalize()
        await world.follow()
        cut.append(await interrupt(released(world, row.id), rounds))
        await _or_done(released(world, row.id), "deposit_not_quarantined")
        assert await shares(world, vault) == (100 * (rounds + 1), 0, 0)
        if not any(cut):
            break
    assert len(await quarantines(world)) == rounds + 1
    await adds_up(world)


async def _or_done(doing: Awaitable[object], code: str) -> None:
    (done,) = await asyncio.gather(doing, return_exceptions=True)
    assert done is None or (isinstance(done, Conflict) and done.code == code)
