"""What the adapter makes of blocks and errors, good, bad and hostile; the node is made up."""

import base64
import logging

import pytest
from solders.keypair import Keypair

from chains.block import Inclusion
from chains.errors import (
    NodeDenied,
    NodeLimited,
    NodeMisbehaved,
    NodeUnavailable,
    WrongChain,
)
from chains.model import Address, BlockRef, TxId
from chains.solana.claims import Claim
from tests.support.node_answers.server import Answer
from tests.support.solana import LOCAL
from tests.support.solana_answers import (
    ACCOUNT,
    HASH,
    KEY,
    NOT_AVAILABLE,
    PARENT,
    SECRET,
    SYSTEM,
    TO,
    VALUE,
    adapter,
    at,
    block,
    node,
    signed,
)

__all__ = ["adapter", "node"]


# Transport

NO_TOKENS: dict[str, list[object]] = {"preTokenBalances": [], "postTokenBalances": []}


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


# Blocks


NAMES = [str(Keypair.from_seed(bytes([n]) * 32).pubkey()) for n in range(3)]
RECENT = "SysvarRecentB1ockHashes11111111111111111111"


def entry(before: list, after: list, error: object = None, accounts: int = 3, fee: int = 5) -> dict:
    keys = [
        {"pubkey": key, "signer": not at, "writable": True}
        for at, key in enumerate(NAMES[:accounts])
    ]
    return {
        "transaction": {"accountKeys": keys, "signatures": ["signature"]},
        "meta": {
            "err": error,
            "fee": fee,
            "preBalances": before,
            "postBalances": after,
            **NO_TOKENS,
        },
    }


async def test_movements_are_differences_and_the_fee(node, adapter):
    failure = {"InstructionError": [0, "Custom"]}
    node.answers["getBlock"] = block(
        [
            entry([20, 0, 5], [8, 7, 5]),
            entry([20, 0, 5], [15, 0, 5], error=failure),
            entry([0, 0, 5], [0, 0, 5], error="InsufficientFundsForFee", fee=0),
            entry([20, 3, 5], [18, 0, 5]),
        ]
    )
    found = await adapter.block(7)
    assert found is not None
    assert found.ref == BlockRef(7, HASH)
    assert found.parent_hash == PARENT
    assert [(each.place, each.address, each.units) for each in found.movements] == [
        ("cost:fee", NAMES[0], -5),
        ("account:0", NAMES[0], -7),
        ("account:1", NAMES[1], 7),
        ("cost:fee", NAMES[0], -5),
        ("cost:fee", NAMES[0], -5),
        ("account:0", NAMES[0], 3),
        ("account:1", NAMES[1], -3),
    ]
    failures = [None, '{"InstructionError": [0, "Custom"]}', None]
    payer = Address(NAMES[0])
    assert found.included == tuple(Inclusion(TxId("signature"), payer, each) for each in failures)
    assert found.consumed == {}
    options = node.options("getBlock")
    assert options["transactionDetails"] == "accounts"
    assert options["rewards"] is True
    assert options["maxSupportedTransactionVersion"] == 1
    assert options["commitment"] == "confirmed"


async def test_what_the_chain_itself_gives(node, adapter):
    def reward(kind, name, lamports):
        return {"rewardType": kind, "pubkey": name, "lamports": lamports, "postBalance": 9}

    listed = [reward("Fee", NAMES[0], 7), reward("Staking", NAMES[1], 3), reward("Rent", TO, -2)]
    node.answers["getBlock"] = block([]) | {"rewards": [*listed, reward("Voting", NAMES[2], 0)]}
    moved = (await adapter.block(7)).movements
    assert [(each.txid, each.place, each.address, each.units) for each in moved] == [
        (HASH, "block-fee", NAMES[0], 7),
        (HASH, f"reward:staking:{NAMES[1]}", NAMES[1], 3),
        (HASH, f"reward:rent:{TO}", TO, -2),
    ]
    node.answers["getBlock"] = block([]) | {"rewards": [reward("Fee", n, 1) for n in NAMES]}
    assert len({each.place for each in (await adapter.block(7)).movements}) == 3


def with_nonce(error: object, *names: str) -> dict:
    """Ours, as a block lists it: it pays, and writes its nonce account."""
    keys = [
        {"pubkey": str(KEY.pubkey()), "signer": True, "writable": True},
        {"pubkey": str(ACCOUNT), "signer": False, "writable": True},
        *({"pubkey": name, "signer": False, "writable": False} for name in names),
    ]
    same = [9] * len(keys)
    return {
        "transaction": {"accountKeys": keys, "signatures": [signed().txid]},
        "meta": {"err": error, "fee": 5, "preBalances": same, "postBalances": same, **NO_TOKENS},
    }


@pytest.mark.parametrize(
    ("listed", "asked"),
    [
        (with_nonce(None, SYSTEM, RECENT), True),
        (with_nonce({"InstructionError": [3, "Custom"]}, SYSTEM, RECENT), True),
        # What fails before its second instruction need not have named the sysvar.
        (with_nonce({"InstructionError": [0, "NotEnoughAccountKeys"]}, SYSTEM), True),
        (with_nonce("ProgramAccountNotFound", SYSTEM), True),
        (with_nonce({"InstructionError": [1, "Custom"]}, SYSTEM), False),
        (with_nonce(None, SYSTEM), False),
        (with_nonce(None, RECENT), False),
    ],
)
async def test_only_for_what_may_use_a_nonce_of_ours_the_bytes_are_asked(
    node, adapter, listed, asked
):
    tx = signed()
    raw = [base64.b64encode(tx.raw).decode(), "base64"]
    node.answers["getBlock"] = block([listed])
    node.answers["getTransaction"] = {
        "slot": 7,
        "transaction": raw,
        "meta": {"fee": 5, "err": None, "preBalances": [], "postBalances": [], **NO_TOKENS},
    }
    key = Claim(ACCOUNT, VALUE).key(LOCAL.id).text
    assert (await adapter.block(7)).consumed == ({key: tx.txid} if asked else {})
    node.answers["getTransaction"] = None
    if asked:
        with pytest.raises(NodeUnavailable):
            await adapter.block(7)
    else:
        assert (await adapter.block(7)).included


@pytest.mark.parametrize(
    "bad",
    [
        entry([1, 2], [1, 2, 3]),
        entry([1, 2, 3], [1, 2]),
        entry([1, 2], [1, 2], accounts=3),
        entry([1, 2, "3"], [1, 2, 4]),
        entry([1, 2, -3], [1, 2, 4]),
        entry([1, 2, 3], [1, 2, 3.5]),
        entry([1, 2, 3], [1, 2, 3], fee=-1),
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
