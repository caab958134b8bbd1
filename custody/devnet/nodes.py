"""The five local networks, each with its real engine, producing blocks at its own pace.

The explicit list below is what `custody devnet`, the conformance suite and the benchmarks start.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from chains.catalogue import built_in
from chains.devnet.bitcoin import BitcoinNode
from chains.devnet.evm import AnvilNode
from chains.devnet.node import DevNode
from chains.devnet.solana import SolanaNode
from chains.devnet.tron import TronNode

NODES: Mapping[str, Callable[[Any, Path], DevNode]] = {
    "bitcoin-regtest": BitcoinNode,
    "ethereum-local": AnvilNode,
    "bsc-local": AnvilNode,
    "tron-local": TronNode,
    "solana-local": SolanaNode,
}


@asynccontextmanager
async def running_nodes(root: Path) -> AsyncIterator[dict[str, DevNode]]:
    """All five by alias, started side by side; every one is stopped on the way out."""
    nodes = {
        alias: make(built_in().find_network(alias), root / alias) for alias, make in NODES.items()
    }
    try:
        await asyncio.gather(*(node.start() for node in nodes.values()))
        yield nodes
    finally:
        await asyncio.shield(
            asyncio.gather(*(node.stop() for node in nodes.values()), return_exceptions=True)
        )


@asynccontextmanager
async def block_production(nodes: Mapping[str, DevNode], interval_s: float) -> AsyncIterator[None]:
    """A block on every network each `interval_s`, as long as the context lasts.

    If a node fails, what runs in the context is cancelled and the node's error is raised: without
    blocks it would wait for ever.
    """

    async def produce(node: DevNode) -> None:
        while True:
            await node.mine()
            await asyncio.sleep(interval_s)

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(produce(node)) for node in nodes.values()]
            yield
            for task in tasks:
                task.cancel()
    except BaseExceptionGroup as group_error:
        raise group_error.exceptions[0] from None
