"""Blocks of main networks through deposits, debits and the ledger: equal to the chain to the last
unit, whatever they did. The readers' own tests name the sources."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest

from chains.bitcoin.blocks import read_block
from chains.bitcoin.codec import BitcoinCodec
from chains.block import Block
from chains.model import BlockRef
from chains.networks import Network
from chains.solana.adapter import SolanaAdapter
from chains.tron.adapter import TronAdapter
from custody.db.session import Database
from tests.support.networks import find_network
from tests.support.node_answers.server import Answer, NodeServer
from tests.support.recorded import booked
from tests.unit.evm.test_recorded_blocks import NETWORKS, RECORDED, read, recorded

VECTORS: Final = Path(__file__).parents[3] / "vectors"


@pytest.fixture
async def sqlite(sqlite_url: str) -> AsyncIterator[Database]:
    database = Database(sqlite_url)
    yield database
    await database.close()


def vectors(family: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads((VECTORS / family / "blocks.json").read_text())[
        "blocks"
    ]
    return found


async def check(database: Database, network: Network, block: Block) -> None:
    told, found = await booked(database, network, block)
    assert found == told
    assert any(told.values()) is any(each.units for each in block.movements)


@pytest.mark.parametrize("name", RECORDED)
async def test_evm(sqlite: Database, name: str) -> None:
    network = NETWORKS.get(name) or NETWORKS[name.partition("_")[0]]
    await check(sqlite, network, read(name, recorded(name)))


@pytest.mark.parametrize("at", range(len(vectors("bitcoin"))))
async def test_bitcoin(sqlite: Database, at: int) -> None:
    vector, network = vectors("bitcoin")[at], find_network("bitcoin")
    raw = bytes.fromhex(str(vector["raw"]))
    ref = BlockRef(int(str(vector["height"])), str(vector["hash"]))
    await check(sqlite, network, read_block(raw, ref, network, BitcoinCodec(network).addresses))


@pytest.mark.parametrize("at", range(len(vectors("solana"))))
async def test_solana(sqlite: Database, at: int) -> None:
    vector, network = vectors("solana")[at], find_network("solana")
    async with NodeServer({"getBlock": vector["result"]}) as node:
        adapter = SolanaAdapter(network, node.url)
        try:
            block = await adapter.block(int(str(vector["slot"])))
        finally:
            await adapter.close()
    assert block is not None
    await check(sqlite, network, block)


@pytest.mark.parametrize("at", range(len(vectors("tron"))))
async def test_tron(sqlite: Database, at: int) -> None:
    vector, network = vectors("tron")[at], find_network("tron")
    answers = {
        "/wallet/getblockbynum": Answer(result=vector["block"]),
        "/wallet/gettransactioninfobyblocknum": Answer(result=vector["infos"]),
    }
    async with NodeServer(answers, "http") as node:
        adapter = TronAdapter(network, node.url)
        try:
            block = await adapter.block(_height(vector))
        finally:
            await adapter.close()
    await check(sqlite, network, block)


def _height(vector: dict[str, object]) -> int:
    block = vector["block"]
    assert isinstance(block, dict)
    return int(block["block_header"]["raw_data"]["number"])
