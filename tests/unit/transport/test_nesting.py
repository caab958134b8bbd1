"""A node whose answers are nested deeper than any decoder's stack, at every family's client."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest

from chains.adapter import ChainAdapter
from chains.errors import NodeMisbehaved, NodeUnavailable
from chains.networks import Family
from chains.transport.endpoint import Endpoint
from custody.bootstrap import ADAPTERS
from tests.support.networks import find_network
from tests.support.node_answers.server import Answer, NodeServer

NETWORKS = {
    Family("bitcoin"): "bitcoin-regtest",
    Family("evm"): "ethereum-local",
    Family("tron"): "tron-local",
    Family("solana"): "solana-local",
}
DEPTH = 200_000
"""Enough for a large answer, which is read by a child process where the family has one."""
CLOSED = "[" * DEPTH + "]" * DEPTH
BODIES = {
    "the answer itself": CLOSED,
    "never closed": '{"result":' + '{"a":' * DEPTH,
    "the result": f'{{"jsonrpc":"2.0","id":1,"result":{CLOSED}}}',
    "an error's message": f'{{"jsonrpc":"2.0","id":1,"error":{{"code":1,"message":{CLOSED}}}}}',
    "java-tron's error": f'{{"Error":{CLOSED}}}',
}


@pytest.fixture(autouse=True)
def no_limit() -> Iterator[None]:
    """As libraries raise it: from here on only a bound of ours keeps the process alive."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(1_000_000)
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


def test_every_family_is_here() -> None:
    assert set(NETWORKS) == set(ADAPTERS)


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("family", list(NETWORKS))
async def test_an_answer_nested_too_deeply_is_no_answer(family: Family, body: str) -> None:
    dialect = "http" if family == Family("tron") else "2.0"
    async with NodeServer({"*": Answer(body=body)}, dialect) as node:
        url = Endpoint.of(node.url)
        adapter = ADAPTERS[family](find_network(NETWORKS[family]), url, timeout_s=30.0)
        try:
            for asked in (adapter.tip, lambda: _block(adapter)):
                with pytest.raises((NodeUnavailable, NodeMisbehaved)):
                    await asked()
            assert node.asked, "it was not asked"
        finally:
            await adapter.close()


async def _block(adapter: ChainAdapter) -> Any:
    return await adapter.block(7)
