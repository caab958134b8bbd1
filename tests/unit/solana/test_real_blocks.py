"""Blocks of the main network: votes, failures, closed accounts, lookup tables, rewards."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from tests.support.solana_answers import adapter, node

__all__ = ["adapter", "node"]

VECTORS = Path(__file__).parents[2] / "vectors" / "solana" / "blocks.json"
BLOCKS = json.loads(VECTORS.read_text())["blocks"]


@pytest.mark.parametrize("vector", BLOCKS, ids=lambda each: str(each["slot"]))
async def test_movements_are_what_the_block_says(node, adapter, vector):
    """Each account's difference to the last lamport; together nothing but the fee is gone."""
    result = vector["result"]
    for each in result["transactions"]:  # the vectors are about lamports and have no others
        each["meta"] |= {"preTokenBalances": [], "postTokenBalances": []}
    node.answers["getBlock"] = result
    block = await adapter.block(vector["slot"])
    assert block.ref.hash == result["blockhash"]
    by_txid = {each["transaction"]["signatures"][0]: each for each in result["transactions"]}
    assert [each.txid for each in block.included] == list(by_txid)
    for inclusion in block.included:
        listed = by_txid[inclusion.txid]
        keys = [each["pubkey"] for each in listed["transaction"]["accountKeys"]]
        meta = listed["meta"]
        moved: Counter[str] = Counter()
        for each in block.movements:
            if each.txid == inclusion.txid:
                moved[each.address] += each.units
        before, after = meta["preBalances"], meta["postBalances"]
        told = {key: new - old for key, old, new in zip(keys, before, after, strict=True)}
        assert {key: units for key, units in moved.items() if units} == {
            key: units for key, units in told.items() if units
        }
        assert sum(moved.values()) == -meta["fee"]
        assert inclusion.sender == keys[0]
        assert bool(inclusion.failure) is (meta["err"] is not None)
    rewards = {each["pubkey"]: each["lamports"] for each in result["rewards"]}
    given = [each for each in block.movements if each.txid == result["blockhash"]]
    assert {each.address: each.units for each in given} == rewards
    places = [(each.txid, each.place) for each in block.movements]
    assert len(set(places)) == len(places)


def test_the_blocks_have_what_they_are_for():
    metas = [each["meta"] for block in BLOCKS for each in block["result"]["transactions"]]
    assert any(each["err"] for each in metas)
    assert any(0 in each["postBalances"] and max(each["preBalances"]) for each in metas)
    sources = {
        key["source"]
        for block in BLOCKS
        for each in block["result"]["transactions"]
        for key in each["transaction"]["accountKeys"]
    }
    assert sources == {"transaction", "lookupTable"}
