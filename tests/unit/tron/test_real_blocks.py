"""What java-tron nodes told of blocks and transactions, through the reader."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from chains.tron import address

VECTORS = Path(__file__).parents[2] / "vectors" / "tron" / "blocks.json"
BLOCKS = json.loads(VECTORS.read_text())["blocks"]


@pytest.mark.parametrize("vector", BLOCKS, ids=lambda each: each["source"])
async def test_movements_are_what_the_node_says(scripted, vector):
    adapter = scripted(
        {
            "/wallet/getblockbynum": vector["block"],
            "/wallet/gettransactioninfobyblocknum": vector["infos"],
        }
    )
    block = await adapter.block(vector["block"]["block_header"]["raw_data"]["number"])
    assert [(each.address, each.units, each.place) for each in block.movements] == [
        (address.to_text(bytes.fromhex(raw)), units, place)
        for raw, units, place in vector["movements"]
    ]
    assert [each.txid for each in block.included] == [each["id"] for each in vector["infos"]]
    burned = sum(each.get("fee", 0) for each in vector["infos"])
    assert sum(each.units for each in block.movements) == -burned
