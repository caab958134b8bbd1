"""Real engines announce their blocks, and are heard again after a restart."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from chains.devnet.bitcoin import BitcoinNode
from chains.devnet.evm import AnvilNode
from chains.devnet.node import DevNode
from chains.devnet.solana import SolanaNode
from chains.nodes.announcements import Announcements
from chains.patience import patience
from chains.transport.endpoint import Endpoint
from tests.support.networks import find_network

pytestmark = pytest.mark.engine

ENGINES: dict[str, Callable[[Any, Path], DevNode]] = {
    "bitcoin-regtest": BitcoinNode,
    "ethereum-local": AnvilNode,
    "solana-local": SolanaNode,
}
_LONG_S = 30.0


class Heard:
    def __init__(self) -> None:
        self.bell = asyncio.Event()
        self.lost = asyncio.Event()
        self.told: list[str | None] = []

    def tell(self, _: str, reason: str | None) -> None:
        self.told.append(reason)
        self.lost.set()

    async def at_each(self, act: Callable[[], Any]) -> None:
        """Something is announced while `act` is done again and again: a subscription that has not
        begun yet hears nothing."""
        self.bell.clear()
        async with asyncio.timeout(_LONG_S * patience()):
            while not self.bell.is_set():
                await act()
                await asyncio.sleep(0.05)


@asynccontextmanager
async def listening(alias: str, endpoint: Endpoint) -> AsyncIterator[Heard]:
    heard = Heard()
    announcements = Announcements(find_network(alias).family, [endpoint], delay_share=lambda: 0.0)
    task = asyncio.create_task(announcements.listen(heard.bell.set, heard.tell))
    try:
        yield heard
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize("alias", ENGINES)
async def test_a_block_is_announced(alias: str, tmp_path: Path) -> None:
    node = ENGINES[alias](find_network(alias), tmp_path)
    await node.start()
    try:
        endpoint = Endpoint(SecretStr(node.url), push=SecretStr(node.push))
        async with listening(alias, endpoint) as heard:
            await heard.at_each(node.mine)
            await heard.at_each(lambda: node.reorg(1))
            assert heard.told == []
    finally:
        await node.stop()


async def test_who_was_away_is_heard_again(tmp_path: Path) -> None:
    node = AnvilNode(find_network("ethereum-local"), tmp_path)
    await node.start()
    try:
        port = int(node.push.rpartition(":")[2])
        endpoint = Endpoint(SecretStr(node.url), name="ours", push=SecretStr(node.push))
        async with listening("ethereum-local", endpoint) as heard:
            await heard.at_each(node.mine)
            await node.stop()
            async with asyncio.timeout(_LONG_S * patience()):
                await heard.lost.wait()
            await node._start_on(port)
            await heard.at_each(node.mine)
            [reason, back] = heard.told
            assert reason is not None and reason.startswith("ours ")
            assert back is None
    finally:
        await node.stop()
