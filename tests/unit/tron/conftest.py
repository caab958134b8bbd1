"""An adapter whose node answers what a test says."""

from __future__ import annotations

from contextlib import AsyncExitStack

import pytest

from chains.adapter import ChainAdapter
from chains.tron.adapter import TronAdapter
from tests.support.node_answers.server import NodeServer
from tests.support.tron import LOCAL
from tests.unit.tron.scripted import (
    Script,
    bare,
)


@pytest.fixture
async def scripted():
    """An adapter whose node answers from a table: path -> answer, or a function of the request."""
    async with AsyncExitStack() as stack:
        node = await stack.enter_async_context(NodeServer(dialect="http"))

        def make(script: Script) -> TronAdapter:
            node.script = {path: bare(found) for path, found in script.items()}
            adapter = TronAdapter(LOCAL, node.url)
            stack.push_async_callback(adapter.close)
            assert_chain_adapter(adapter)
            return adapter

        yield make


def assert_chain_adapter(adapter: ChainAdapter) -> None:
    """Checked by mypy."""
    assert not adapter.codec.traits.conflict_keys
