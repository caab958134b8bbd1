"""Where a follower begins: no address was given out after the first block that it reads."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from chains.block import Block
from chains.errors import BlockUnreadable
from custody.db.session import Database
from custody.following.beginning import first_height
from tests.support.custody import World
from tests.support.fakes import FakeAdapter, FakeNode
from tests.support.networks import find_network

COINS, ACCOUNT = "bitcoin-regtest", "ethereum-local"
BLOCK_S = 600
"""Between two blocks of the fake chain; the first one's time is 0."""


def at(height: float) -> datetime:
    """When the fake chain's block at `height` was made."""
    return datetime.fromtimestamp(BLOCK_S * height, UTC)


@pytest.mark.parametrize("alias", [COINS, ACCOUNT])
async def test_what_was_paid_while_no_node_answered_is_found(database: Database, alias: str):
    world = World(database, alias)
    await world.node.mine(200)
    world.clock.now = at(200.5)
    world.node.go_away()
    await world.follower.step()  # it can't even learn the tip
    vault = await world.new_vault()
    await world.pay(await world.new_address(vault), 700)
    await world.node.mine(2 * world.network.follow_depth)
    await world.node.finalize()
    world.node.heal()
    await world.follow()
    assert (await world.balance(vault)).available == 700


@pytest.mark.parametrize("alias", [COINS, ACCOUNT])
async def test_what_was_paid_while_the_first_blocks_were_not_applied_is_found(
    database: Database, alias: str, monkeypatch: pytest.MonkeyPatch
):
    """The follower knew the tip, and then failed while the chain went on."""
    world = World(database, alias)
    await world.node.mine(200)
    world.clock.now = at(200.5)
    vault = await world.new_vault()
    await world.pay(await world.new_address(vault), 700)

    async def fail(*_: object) -> None:
        raise RuntimeError("the database is away")

    with monkeypatch.context() as patch:
        patch.setattr(world.writer, "apply", fail)
        with pytest.raises(RuntimeError, match="away"):
            await world.follower.step()
    await world.node.mine(2 * world.network.follow_depth)
    await world.node.finalize()
    await world.follow()
    assert (await world.balance(vault)).available == 700


class Asked(FakeAdapter):
    """`gone`: heights that the node does not show."""

    def __init__(self, blocks: int, gone: range = range(0)) -> None:
        node = FakeNode(find_network(ACCOUNT))
        super().__init__(node)
        self.blocks = blocks
        self.gone = gone
        self.asked: list[int] = []

    async def salvage(self, height: int) -> Block:
        self.asked.append(height)
        if height in self.gone:
            raise BlockUnreadable("not here", height=height)
        return await super().salvage(height)

    async def begin(self, oldest: datetime | None) -> int:
        await self._node.mine(self.blocks)
        return await first_height(self, find_network(ACCOUNT), self._node.tip, oldest)


USUAL = 950
"""Of a chain of 1,000 blocks: the local network's `follow_depth` is 50."""


async def test_without_an_address_nothing_is_asked():
    adapter = Asked(1000)
    assert await adapter.begin(None) == USUAL
    assert adapter.asked == []


async def test_an_address_that_is_newer_than_the_usual_beginning_costs_one_question():
    adapter = Asked(1000)
    assert await adapter.begin(at(960)) == USUAL
    assert adapter.asked == [USUAL]


@pytest.mark.parametrize("height", [0, 1, 2, 500, 947, 948, 949, 950, 951, 952])
async def test_the_first_block_that_is_as_old_as_the_address(height: int):
    """The clock's error is a minute here, less than a block's time."""
    adapter = Asked(1000)
    assert await adapter.begin(at(height)) == min(height, USUAL)
    assert len(adapter.asked) <= 22


async def test_heights_without_a_block_hide_no_older_address():
    adapter = Asked(1000, gone=range(930, 951))
    assert await adapter.begin(at(500)) == 500


async def test_what_the_node_has_thrown_away_is_not_asked_for_without_end():
    adapter = Asked(1000, gone=range(900))
    assert await adapter.begin(at(500)) <= 931
    assert len(adapter.asked) < 200
