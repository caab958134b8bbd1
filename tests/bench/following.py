"""Blocks followed with a million watched addresses, beside a loop that fetches and parses only.

Real engines, the real adapters, the real follower writing into a real SQLite database. The loop
asks the same node for the same blocks, as many at a time as the follower does, and writes nothing.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import func, select
from web3 import AsyncHTTPProvider, AsyncWeb3

from chains.adapter import ChainAdapter
from chains.assets import Asset, AssetKind
from chains.bitcoin.adapter import BitcoinAdapter
from chains.bitcoin.address import AddressFormat
from chains.bitcoin.blocks import read_block
from chains.bitcoin.rpc import BitcoinRpc
from chains.evm import erc20
from chains.evm.adapter import EvmAdapter
from chains.evm.rpc import NodeConnection
from chains.model import AssetId, BlockRef
from chains.networks import Network
from custody.db.session import Database
from custody.db.tables import DepositRow
from custody.deposits.minimums import NONE
from custody.following.fetching import AHEAD_BLOCKS
from custody.following.follow import NetworkFollower
from custody.following.writer import BlockWriter
from custody.ledger.service import Ledger
from tests.bench import peers
from tests.bench.blocks import (
    OURS_EVERY,
    BitcoinBlocks,
    DirectAnvilNode,
    DirectBitcoinNode,
    EvmBlocks,
)
from tests.bench.measure import Contestant, Rate, deep_size, race
from tests.bench.scale import Scale
from tests.bench.table import Aim, Figure, Row, share_aim
from tests.bench.watched import WatchedDatabase, make_database
from tests.support.networks import find_network

SECTION = "Blocks followed"
BITCOIN = find_network("bitcoin-regtest")
_EVM = find_network("ethereum-local")
EVM = replace(_EVM, parameters={**_EVM.parameters, "traces": "none"})
"""anvil traces the last of n transactions by running all n, so that tracing a full block would be
all there is to see; without traces the adapter reads receipts."""

_SHARE_AIM = 0.7
_CPU_AIM_MS = 15
_TIMEOUT_S = 60.0
_MEGABYTE = 10**6
_WEB3_BLOCKS = 3

Fetch = Callable[[int], Awaitable[object]]


class Miner(Protocol):
    """What `blocks` offers."""

    async def mine(self, blocks: int) -> None: ...


async def measure(folder: Path, scale: Scale) -> list[Row]:
    """All rows of the section."""
    path = folder / "watched.sqlite3"
    watched = await make_database(path, [BITCOIN, EVM], scale.watched)
    database = Database(watched.url)
    try:
        rows = await _bitcoin(folder / "bitcoin", path, database, watched, scale)
        return [*rows, *await _evm(folder / "evm", database, watched, scale)]
    finally:
        await database.close()


class Followed:
    """One network, its newest blocks, and the follower that has to catch up with them."""

    def __init__(
        self, database: Database, network: Network, adapter: ChainAdapter, miner: Miner, each: int
    ) -> None:
        writer = BlockWriter(Ledger(_utc_now), _utc_now, NONE)
        self._follower = NetworkFollower(
            database, writer, network, adapter, _utc_now, start_height=0
        )
        self._adapter = adapter
        self._miner = miner
        self._each = each
        self.heights = range(0)

    async def start(self) -> float:
        """Load the watch list and follow what there is. Seconds of the first step, which loads."""
        start = time.perf_counter()
        await self._follower.step()
        took = time.perf_counter() - start
        await self.follow()
        return took

    async def mine(self) -> None:
        before = (await self._adapter.tip()).height
        await self._miner.mine(self._each)
        self.heights = range(before + 1, before + 1 + self._each)

    async def follow(self) -> int:
        """To the tip. How many blocks that was."""
        blocks = 0
        while True:
            step = await self._follower.step()
            blocks += step.connected
            if step.at_tip:
                status = self._follower.status
                assert status.node_unavailable_since is None, "the node gave no answer"
                return blocks

    async def fetch(self, fetch: Fetch, number: int | None = None) -> int:
        """The newest blocks, or `number` of them, with `fetch`, as many at a time as the follower
        fetches in advance."""
        tasks: deque[asyncio.Task[object]] = deque()
        heights = self.heights[:number]
        for height in heights:
            tasks.append(asyncio.ensure_future(fetch(height)))
            if len(tasks) > AHEAD_BLOCKS:
                await tasks.popleft()
        for task in tasks:
            await task
        return len(heights)

    def contestants(self, bare: Fetch) -> list[Contestant]:
        return [
            Contestant("custody", self.follow, self.mine),
            Contestant("limit", partial(self.fetch, bare)),
        ]

    def list_bytes(self) -> int:
        return deep_size(self._follower._watchlist)


async def _bitcoin(
    folder: Path, path: Path, database: Database, watched: WatchedDatabase, scale: Scale
) -> list[Row]:
    number = scale.bitcoin_transactions
    node = DirectBitcoinNode(BITCOIN, folder)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(node.stop)
        await node.start()
        adapter = BitcoinAdapter(BITCOIN, node.url, _TIMEOUT_S)
        rpc = BitcoinRpc(node.url, _TIMEOUT_S)
        blocks = BitcoinBlocks(node, BITCOIN, watched.paid[BITCOIN.id], number)
        for each in (adapter, rpc, blocks):
            stack.push_async_callback(each.close)
        await blocks.start()
        followed = Followed(database, BITCOIN, adapter, blocks, scale.bitcoin_blocks)
        seconds = await followed.start()
        addresses = AddressFormat(BITCOIN)

        async def bare(height: int) -> object:
            ref, raw = await _raw_block(rpc, height)
            return read_block(raw, ref, BITCOIN, addresses)

        async def by_bitcoinlib() -> float:
            _, raw = await _raw_block(rpc, followed.heights[-1])
            return peers.parse_with_bitcoinlib(raw, number // 10) / number

        peer = Contestant("bitcoinlib, parsing", by_bitcoinlib)
        rates = await race(scale.rounds, [*followed.contestants(bare), peer])
        blocks_followed = (scale.rounds + 1) * scale.bitcoin_blocks
        _check_deposits(path, blocks_followed * -(-number // OURS_EVERY))
        what = f"BTC blocks of {number:,} payments"
        return [
            _row(what, rates, "fetch and parse", peer.name),
            *_memory(path, seconds, followed.list_bytes(), scale),
        ]


async def _evm(
    folder: Path, database: Database, watched: WatchedDatabase, scale: Scale
) -> list[Row]:
    """Of the coin, and then of a token."""
    node = DirectAnvilNode(EVM, folder)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(node.stop)
        await node.start()
        paid, number = watched.paid[EVM.id], scale.bitcoin_transactions // 5
        coins = EvmBlocks(node, EVM, paid, number)
        rows = [await _evm_blocks(node, database, EVM, coins, "transfers", scale)]
        row = {**await node.issue_token(), "network": EVM.id, "kind": AssetKind(erc20.KIND)}
        token = Asset(**row | {"id": AssetId(row["id"]), "maximum": int(row["maximum"])})
        listed = replace(EVM, tokens={token.id: token})
        tokens = EvmBlocks(node, listed, paid, number, token.id)
        found = await _evm_blocks(node, database, listed, tokens, "transfers of a token", scale)
        assert found.ours.core is not None
        aim = Aim(f"{_CPU_AIM_MS} ms of CPU each", 1000 / found.ours.core <= _CPU_AIM_MS)
        expected = -(-(scale.rounds + 1) * scale.evm_blocks * number // OURS_EVERY)
        await _check_tokens(database, token.id, expected)
        return [*rows, replace(found, aims=(*found.aims, aim))]


async def _evm_blocks(
    node: DirectAnvilNode,
    database: Database,
    network: Network,
    blocks: EvmBlocks,
    transfers: str,
    scale: Scale,
) -> Row:
    number = scale.bitcoin_transactions // 5
    async with AsyncExitStack() as stack:
        adapter = EvmAdapter(network, node.url, timeout_s=_TIMEOUT_S)
        connection = NodeConnection(node.url, _TIMEOUT_S)
        for each in (adapter, connection, blocks):
            stack.push_async_callback(each.close)
        await blocks.start()
        followed = Followed(database, network, adapter, blocks, scale.evm_blocks)
        await followed.start()
        provider = AsyncHTTPProvider(node.url)
        stack.push_async_callback(provider.disconnect)
        web3 = AsyncWeb3(provider)

        async def bare(height: int) -> object:
            block = await connection.call("eth_getBlockByNumber", hex(height), True)
            return block, await connection.call("eth_getBlockReceipts", block["hash"])

        async def by_web3(height: int) -> object:
            return await web3.eth.get_block(height, full_transactions=True)

        peer = Contestant("web3, without receipts", partial(followed.fetch, by_web3, _WEB3_BLOCKS))
        rates = await race(scale.rounds, [*followed.contestants(bare), peer])
        what = f"EVM blocks of {number:,} {transfers}, by receipts"
        return _row(what, rates, "fetch and parse", peer.name)


async def _check_tokens(database: Database, token: AssetId, expected: int) -> None:
    """That each of ours became a deposit."""
    async with database.read() as session:
        found = await session.one(
            select(func.count()).select_from(DepositRow).where(DepositRow.asset == token)
        )
    assert found == expected, f"{found} deposits of tokens instead of {expected}"


def _row(what: str, rates: Sequence[Rate], limit: str, peer: str) -> Row:
    ours, bare, other = rates
    return Row(
        SECTION,
        what,
        "1/s",
        Figure("custody", ours.wall, ours.core),
        Figure(limit, bare.wall, bare.core),
        (Figure(peer, other.wall, other.core),),
        (share_aim(_SHARE_AIM, ours.wall, bare.wall),),
    )


def _memory(path: Path, seconds: float, ours: int, scale: Scale) -> list[Row]:
    """Of the watch list, beside a Python set of the same addresses."""
    start = time.perf_counter()
    database = sqlite3.connect(path)
    query = "SELECT address FROM addresses WHERE network = ?"
    texts = {text for (text,) in database.execute(query, [BITCOIN.id])}
    database.close()
    took = time.perf_counter() - start
    assert len(texts) == scale.watched
    return [
        Row(
            SECTION,
            f"watch list of {scale.watched:,} addresses",
            "MB",
            Figure("custody", ours / _MEGABYTE),
            peers=(Figure("a set of texts", deep_size(texts) / _MEGABYTE),),
            small=True,
        ),
        Row(
            SECTION,
            "to load it and take the first step",
            "s",
            Figure("custody", seconds),
            Figure("sqlite3 into a set", took),
            small=True,
        ),
    ]


def _check_deposits(path: Path, expected: int) -> None:
    """Nothing that was measured was skipped."""
    database = sqlite3.connect(path)
    query = "SELECT count(*) FROM deposits WHERE network = ?"
    (found,) = database.execute(query, [BITCOIN.id]).fetchone()
    database.close()
    assert found == expected, f"{found} deposits instead of {expected}"


async def _raw_block(rpc: BitcoinRpc, height: int) -> tuple[BlockRef, bytes]:
    found: Any = await rpc.call("getblockhash", height)
    return BlockRef(height, found), bytes.fromhex(await rpc.call("getblock", found, 0))


def _utc_now() -> datetime:
    return datetime.now(UTC)
