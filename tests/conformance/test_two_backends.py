"""A second backend behind the same URL, thirty blocks behind: half of the answers are old ones.

Load balancers of node providers look like that. Nothing may be called dead, undone, credited twice
or moved to another block because of it; no answer at all is all right.
"""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import pytest

from chains.adapter import ChainAdapter
from chains.devnet.bitcoin import BitcoinNode
from chains.devnet.faults import BehindProxy
from chains.errors import NodeError
from chains.follow import BlockFollower, Connected
from chains.networks import Network
from chains.transaction import TxState
from custody.bootstrap import ADAPTERS
from custody.devnet.nodes import NODES
from tests.conformance.world import World
from tests.support.networks import find_network
from tests.support.single import one

pytestmark = pytest.mark.engine

LAG = 30
ROUNDS = 24

T = TypeVar("T")


@asynccontextmanager
async def two_backends(alias: str, root: Path) -> AsyncIterator[tuple[World, str]]:
    """A world with money in it, and the URL of a node that stands still at this moment."""
    network = find_network(alias)
    first, second = NODES[alias](network, root / "first"), NODES[alias](network, root / "second")

    def connect(wanted: Network, timeout_s: float) -> ChainAdapter:
        return ADAPTERS[wanted.family](wanted, first.url, timeout_s=timeout_s)

    await first.start()
    world = World(network, first, connect)
    try:
        await first.finalize()
        await first.stop()
        shutil.copytree(root / "first", root / "second")
        if isinstance(first, BitcoinNode) and isinstance(second, BitcoinNode):
            second._password = first._password
        await first.start()
        await second.start()
        yield world, second.url
    finally:
        await world.close()
        await first.stop()
        await second.stop()


async def answer_or_none(question: Awaitable[T]) -> T | None:
    try:
        return await question
    except NodeError:
        return None


@pytest.mark.parametrize("alias", NODES)
async def test_a_second_backend_that_lags_changes_nothing(alias: str, tmp_path: Path) -> None:
    async with two_backends(alias, tmp_path) as (world, second):
        node, adapter = world.node, world.adapter
        assert isinstance(node, BehindProxy)
        start = (await adapter.tip()).height + 1
        purse, to = world.purse(), await node.outside_address()
        await purse.receive()
        await node.finalize()
        intent = await purse.claimed(to, world.coin)
        ours = purse.sign(await one(adapter.prepare, intent))
        included = await world.settled(ours, to, world.coin)
        assert included.block is not None
        await node.mine(LAG)
        await node.finalize()
        final, tip = await world.final(), await adapter.tip()
        assert final.height >= included.block.height
        truth = {height: await adapter.block(height) for height in range(start, tip.height + 1)}

        node.share(second)
        tips = {(await adapter.tip()).height for _ in range(64)}
        assert min(tips) <= tip.height - LAG < max(tips) == tip.height
        follower = BlockFollower(start, world.network.follow_depth)
        seen: set[str] = set()
        for _ in range(ROUNDS):
            status = await answer_or_none(one(adapter.statuses, ours.txid))
            if status is not None:
                assert status.state is not TxState.REVERTED
                assert status.block in (None, included.block)
                assert status.state is not TxState.INCLUDED or status == included
                seen.add(status.state)
            newest = await answer_or_none(adapter.tip())
            while newest is not None and (height := follower.wants(newest)) is not None:
                block = await answer_or_none(adapter.block(height))
                if block is None:
                    break
                assert block == truth[height]
                assert all(isinstance(event, Connected) for event in follower.feed(block))
        assert TxState.INCLUDED in seen
        node.heal()
        assert await one(adapter.statuses, ours.txid) == included
