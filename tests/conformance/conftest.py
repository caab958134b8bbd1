"""The worlds of the conformance suite: the local networks' real engines and a rollup's, and the
fake chain as each of the former.

The fake must pass what the real ones pass, else the tests that rely on it prove nothing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from chains.adapter import ChainAdapter
from chains.devnet.node import DevNode
from chains.devnet.op_stack import OpStackNode
from chains.networks import Network
from custody.bootstrap import ADAPTERS
from custody.devnet.nodes import NODES
from tests.conformance.world import OpenAdapter, World
from tests.support.evm_networks import OP_STACK
from tests.support.fakes import FakeAdapter, FakeNode
from tests.support.networks import find_network

FAKE = "fake-"


ROLLUP = "op-stack"
REAL = [pytest.param(alias, marks=pytest.mark.engine) for alias in (*NODES, ROLLUP)]
WORLDS = [*REAL, *(FAKE + alias for alias in NODES)]


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=WORLDS)
async def running(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    """One world for all tests of a module."""
    name: str = request.param
    network = OP_STACK if name == ROLLUP else find_network(name.removeprefix(FAKE))
    if name.startswith(FAKE):
        world = _fake_world(network)
    else:
        make = OpStackNode if name == ROLLUP else NODES[name]
        node: DevNode = make(network, tmp_path_factory.mktemp(name))
        await node.start()
        world = World(network, node, _connector(node))
    try:
        yield world
    finally:
        await world.close()
        await world.node.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def world(running: World) -> AsyncIterator[World]:
    """The module's world, healthy again after each test."""
    yield running
    running.node.heal()


def _connector(node: DevNode) -> OpenAdapter:
    def connect(network: Network, timeout_s: float) -> ChainAdapter:
        return ADAPTERS[network.family](network, node.url, timeout_s=timeout_s)

    return connect


def _fake_world(network: Network) -> World:
    node = FakeNode(network, seed=1)

    def connect(wanted: Network, timeout_s: float) -> ChainAdapter:
        return FakeAdapter(node, wanted, timeout_s=timeout_s)

    return World(network, node, connect)
