"""What the adapter makes of blocks and errors, good, bad and hostile; the node is made up."""

import logging

import pytest
from solders.keypair import Keypair

from chains.errors import (
    NodeDenied,
    NodeLimited,
    NodeMisbehaved,
    NodeUnavailable,
    WrongChain,
)
from chains.model import BlockRef
from tests.support.node_answers.server import Answer
from tests.support.single import one
from tests.support.solana_answers import (
    HASH,
    NOT_AVAILABLE,
    PARENT,
    SECRET,
    adapter,
    at,
    block,
    node,
    nonce_account,
    signed,
)

__all__ = ["adapter", "node"]


# Transport


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer(drop=True), NodeUnavailable),
        (Answer(body="oops", cut=9), NodeUnavailable),
        (Answer(status=500, body="oops"), NodeUnavailable),
        (Answer(status=429, body=f"slow down, {SECRET}"), NodeLimited),
        (Answer(status=401, body="who?"), NodeDenied),
        (Answer(body=f"<html>{SECRET}"), NodeUnavailable),
        (Answer(body=""), NodeUnavailable),
        (Answer(json=[]), NodeMisbehaved),
        (Answer(json={"jsonrpc": "2.0", "id": "1"}), NodeMisbehaved),
        ({"error": {"code": -32005, "message": "Node is behind by 42 slots"}}, NodeUnavailable),
        ({"error": {"code": -32016, "message": "Minimum context slot"}}, NodeUnavailable),
        ({"error": {"code": -32603, "message": "Internal error"}}, NodeUnavailable),
        ({"error": {"code": -32429, "message": f"Key {SECRET}"}}, NodeLimited),
        ({"error": {"code": -32602, "message": "Invalid params"}}, NodeMisbehaved),
        ({"error": {"code": -32601, "message": "Method not found"}}, NodeMisbehaved),
        (None, NodeMisbehaved),
        ("a text", NodeMisbehaved),
        (at(5, None), NodeMisbehaved),
        (at(5, {"blockhash": 17}), NodeMisbehaved),
        (at(5, {"blockhash": "short"}), NodeMisbehaved),
        ({"context": {"slot": -1}, "value": {"blockhash": HASH}}, NodeMisbehaved),
        ({"context": {"slot": True}, "value": {"blockhash": HASH}}, NodeMisbehaved),
        ({"context": {"slot": 1.5}, "value": {"blockhash": HASH}}, NodeMisbehaved),
    ],
)
async def test_errors_of_the_node(node, adapter, answer, error, caplog):
    """None of them, nor what is logged on the way, tells the URL, where API keys are."""
    caplog.set_level(logging.DEBUG)
    node.answers["getLatestBlockhash"] = answer
    with pytest.raises(error) as caught:
        await adapter.tip()
    assert type(caught.value) is error
    told = str(caught.value) + caught.value.advice + str(caught.value.__cause__) + caplog.text
    assert SECRET not in told


async def test_a_closed_adapter_is_unavailable(adapter):
    await adapter.close()
    with pytest.raises(NodeUnavailable):
        await adapter.tip()


async def test_another_cluster_is_refused(node, adapter):
    node.answers["getGenesisHash"] = "5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d"
    with pytest.raises(WrongChain):
        await adapter.check()


# Finality never goes back


async def test_finalized_state_is_asked_from_no_node_that_lags_behind(node, adapter):
    node.answers["getLatestBlockhash"] = at(100, {"blockhash": HASH})
    assert await adapter.finalized() == BlockRef(100, HASH)
    assert node.options("getLatestBlockhash")["minContextSlot"] == 0
    await adapter.finalized()
    assert node.options("getLatestBlockhash")["minContextSlot"] == 100
    await adapter.tip()
    assert "minContextSlot" not in node.options("getLatestBlockhash")
    node.answers["getMultipleAccounts"] = at(120, [nonce_account()])
    assert await one(adapter.proven_dead, signed(), BlockRef(110, HASH)) is None
    assert node.options("getMultipleAccounts")["minContextSlot"] == 110
    await adapter.finalized()
    assert node.options("getLatestBlockhash")["minContextSlot"] == 120


# Blocks


def entry(before: list, after: list, error: object = None, accounts: int = 3) -> dict:
    keys = [str(Keypair.from_seed(bytes([n]) * 32).pubkey()) for n in range(accounts)]
    return {
        "transaction": {"accountKeys": [{"pubkey": k} for k in keys], "signatures": ["signature"]},
        "meta": {"err": error, "preBalances": before, "postBalances": after},
    }


async def test_credits_are_positive_differences(node, adapter):
    node.answers["getBlock"] = block(
        [
            entry([10, 0, 5], [2, 7, 5]),
            entry([10, 0, 5], [2, 7, 5], error={"InstructionError": [0, "Custom"]}),
        ]
    )
    found = await adapter.block(7)
    assert found is not None
    assert found.ref == BlockRef(7, HASH)
    assert found.parent_hash == PARENT
    (credit,) = found.movements
    assert (credit.txid, credit.place, credit.units) == ("signature", "account:1", 7)
    options = node.options("getBlock")
    assert options["transactionDetails"] == "accounts"
    assert options["maxSupportedTransactionVersion"] == 1
    assert options["commitment"] == "confirmed"


@pytest.mark.parametrize(
    "bad",
    [
        entry([1, 2], [1, 2, 3]),
        entry([1, 2, 3], [1, 2]),
        entry([1, 2], [1, 2], accounts=3),
        entry([1, 2, "3"], [1, 2, 4]),
        entry([1, 2, -3], [1, 2, 4]),
        entry([1, 2, 3], [1, 2, 3.5]),
        {"meta": None, "transaction": {}},
        {},
    ],
)
async def test_blocks_that_contradict_themselves(node, adapter, bad):
    node.answers["getBlock"] = block([bad])
    with pytest.raises(NodeMisbehaved):
        await adapter.block(7)


@pytest.mark.parametrize("code", [-32007, -32009])
async def test_a_slot_that_the_node_calls_skipped(node, adapter, code):
    node.answers["getBlock"] = {"error": {"code": code, "message": "Slot 7 was skipped"}}
    assert await adapter.block(7) is None


async def test_a_slot_missing_between_confirmed_ones_was_skipped(node, adapter):
    node.answers["getBlock"] = NOT_AVAILABLE
    node.answers["getLatestBlockhash"] = at(9, {"blockhash": HASH})
    node.answers["getBlocks"] = [8, 9]
    assert await adapter.block(7) is None


@pytest.mark.parametrize("listed", [[7, 8, 9], []])
async def test_a_slot_that_is_listed_or_that_the_node_has_not_reached_is_not_skipped(
    node, adapter, listed
):
    node.answers["getBlock"] = NOT_AVAILABLE
    node.answers["getLatestBlockhash"] = at(9, {"blockhash": HASH})
    node.answers["getBlocks"] = listed
    with pytest.raises(NodeUnavailable):
        await adapter.block(7)


@pytest.mark.parametrize("code", [-32001, -32011])
async def test_a_block_that_the_node_no_longer_keeps_is_not_skipped(node, adapter, code):
    node.answers["getBlock"] = {"error": {"code": code, "message": "cleaned up"}}
    with pytest.raises(NodeUnavailable):
        await adapter.block(7)


async def test_a_block_without_its_transactions_is_not_an_empty_one(node, adapter):
    answer = block([])
    node.answers["getBlock"] = answer
    assert (await adapter.block(7)).movements == ()
    del answer["transactions"]
    with pytest.raises(NodeMisbehaved):
        await adapter.block(7)
