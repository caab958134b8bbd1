"""What tests with processes and engines of their own begin with."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from chains.devnet.evm import AnvilNode
from tests.support.networks import find_network


@pytest.fixture
def folder() -> Iterator[Path]:
    """Short, because a Unix socket's path has to fit into 107 bytes; pytest's own is not."""
    with tempfile.TemporaryDirectory(prefix="house-") as name:
        yield Path(name)


@pytest_asyncio.fixture
async def anvil(folder: Path) -> AsyncIterator[AnvilNode]:
    made = AnvilNode(find_network("ethereum-local"), folder / "node")
    await made.start()
    try:
        yield made
    finally:
        await made.stop()
