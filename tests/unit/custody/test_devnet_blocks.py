"""The devnet makes blocks as long as somebody needs them, and says so when it can't."""

from __future__ import annotations

import asyncio

import pytest

from chains.errors import NodeUnavailable
from custody.devnet.nodes import block_production
from tests.support.fakes import FakeNode
from tests.support.networks import find_network


class Failing(FakeNode):
    """Fails at its third block."""

    async def mine(self, blocks: int = 1, *, skip: int = 0) -> None:
        if self.tip.height == 2:
            raise NodeUnavailable("did not answer in time")
        await super().mine(blocks, skip=skip)


def nodes(*kinds: type[FakeNode]) -> dict[str, FakeNode]:
    return {
        f"{at}": kind(find_network("bitcoin-regtest"), seed=at) for at, kind in enumerate(kinds)
    }


async def reaches(node: FakeNode) -> None:
    while node.tip.height < 5:  # noqa: ASYNC110 - it happens elsewhere
        await asyncio.sleep(0)


async def test_every_node_makes_blocks_until_the_end():
    made = nodes(FakeNode, FakeNode)
    async with block_production(made, 0):
        await asyncio.wait_for(asyncio.gather(*map(reaches, made.values())), 20)
    ended = [node.tip.height for node in made.values()]
    await asyncio.sleep(0.01)
    assert [node.tip.height for node in made.values()] == ended


async def test_who_waits_for_blocks_that_nobody_makes_hears_why():
    with pytest.raises(NodeUnavailable, match="did not answer in time"):
        async with block_production(nodes(FakeNode, Failing), 0):
            await asyncio.Event().wait()


async def test_an_error_of_who_waits_stays_what_it_is():
    with pytest.raises(LookupError, match="of my own"):
        async with block_production(nodes(FakeNode), 0):
            raise LookupError("of my own")
