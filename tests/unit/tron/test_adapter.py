"""The adapter against scripted answers: what real nodes say that the local chain never does.

Shapes are java-tron's. What the local chain does say is tested in tests/nodes.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from chains.costs import CostKind
from chains.errors import (
    BroadcastRejected,
    FeeAboveMaximum,
    InsufficientFunds,
    InvalidAddress,
    NodeMisbehaved,
    NodeUnavailable,
    WrongChain,
)
from chains.model import (
    Broadcast,
    SignedTx,
    TxId,
)
from chains.tron import address
from chains.tron import tron_pb2 as pb
from tests.support.node_answers.server import Answer
from tests.support.single import one
from tests.support.tron import LOCAL, intent
from tests.unit.tron.scripted import (
    GENESIS_MS,
    OTHER,
    OURS,
    PARAMETERS,
    PAYER,
    SIZE,
    Script,
    block,
    block_id,
)


async def test_nothing_is_claimed(scripted):
    assert await one(scripted({}).claim, intent(PAYER, OURS, 1)) == ()


# Broadcast

SIGNED = SignedTx(LOCAL.id, TxId("aa" * 32), b"\x00")


async def broadcast(scripted, *, known: str = "", **answer: Any) -> Broadcast:
    script = {
        "/wallet/broadcasthex": answer,
        "/wallet/gettransactionbyid": {},
        "/wallet/gettransactionfrompending": {},
    }
    if known:
        script[f"/wallet/gettransaction{known}"] = {"txID": SIGNED.txid}
    return await one(scripted(script).broadcast, SIGNED)


async def test_broadcast_taken_or_known(scripted):
    taken = await broadcast(scripted, result=True, code="SUCCESS", txid=SIGNED.txid)
    assert taken is Broadcast.ACCEPTED
    for known in ("byid", "frompending"):
        found = await broadcast(scripted, known=known, result=False, code="DUP_TRANSACTION_ERROR")
        assert found is Broadcast.ALREADY_KNOWN
    long_ago = await broadcast(
        scripted, known="byid", result=False, code="TRANSACTION_EXPIRATION_ERROR"
    )
    assert long_ago is Broadcast.ALREADY_KNOWN


@pytest.mark.parametrize(
    "code",
    [
        "SIGERROR",
        "DUP_TRANSACTION_ERROR",
        "CONTRACT_VALIDATE_ERROR",
        "CONTRACT_EXE_ERROR",
        "BANDWITH_ERROR",
        "TAPOS_ERROR",
        "TOO_BIG_TRANSACTION_ERROR",
        "TRANSACTION_EXPIRATION_ERROR",
        "OTHER_ERROR",
    ],
)
async def test_broadcast_refused(scripted, code):
    with pytest.raises(BroadcastRejected) as caught:
        await broadcast(scripted, result=False, code=code, message="because")
    assert caught.value.reason == f"{code}: because"


@pytest.mark.parametrize(
    "code",
    ["SERVER_BUSY", "NO_CONNECTION", "NOT_ENOUGH_EFFECTIVE_CONNECTION", "BLOCK_UNSOLIDIFIED"],
)
async def test_broadcast_to_a_node_that_can_not(scripted, code):
    with pytest.raises(NodeUnavailable):
        await broadcast(scripted, result=False, code=code)


async def test_broadcast_of_something_else(scripted):
    with pytest.raises(NodeMisbehaved):
        await broadcast(scripted, result=True, txid="bb" * 32)


# Prepare


def node(**answers: Any) -> Script:
    accounts = {
        raw.hex(): {"address": raw.hex(), "balance": balance}
        for raw, balance in (
            (address.to_bytes(PAYER.address), 10_000_000),
            (address.to_bytes(OURS), 1),
        )
    }
    return {
        "/wallet/getblock": block(100),
        "/walletsolidity/getblock": block(82),
        "/wallet/getchainparameters": PARAMETERS,
        "/wallet/getaccount": lambda asked: accounts.get(asked["address"], {}),
        "/wallet/getaccountresource": {"freeNetLimit": 600},
    } | answers


async def test_prepare_refers_to_the_solidified_block_and_soon_expires(scripted):
    tx = await one(scripted(node()).prepare, intent(PAYER, OURS, 10_000_000))
    raw = pb.RawData.FromString(tx.payload)
    assert raw.ref_block_bytes == (82).to_bytes(2)
    assert raw.ref_block_hash.hex() == block_id(82)[16:32]
    head_ms = GENESIS_MS + 100 * 3000
    assert 600_000 <= raw.expiration - head_ms < 720_000
    assert head_ms - 3_600_000 < raw.timestamp <= head_ms


async def test_equal_payments_are_different_transactions(scripted):
    adapter = scripted(node())
    made = [(await one(adapter.prepare, intent(PAYER, OURS, 5))).payload for _ in range(50)]
    assert len(set(made)) == 50
    raw = [pb.RawData.FromString(payload) for payload in made]
    assert len({one.expiration for one in raw}) > 40
    assert len({one.timestamp for one in raw}) > 40


@pytest.mark.parametrize(
    ("amount", "to", "resources"),
    [
        (10_000_001, OURS, {"freeNetLimit": 600}),
        (10_000_001 - SIZE * 1000, OURS, {"freeNetLimit": 600, "freeNetUsed": 601 - SIZE}),
        (8_900_001, OTHER, {"freeNetLimit": 600}),  # activation 1.1 TRX
        (9_000_001, OTHER, {"NetLimit": 5000}),  # activation 1 TRX, staked points for the rest
        (10_000_001, OURS, {"NetLimit": 5000, "NetUsed": 4000}),
    ],
)
async def test_insufficient_funds_to_the_sun(scripted, amount, to, resources):
    adapter = scripted(node(**{"/wallet/getaccountresource": resources}))
    with pytest.raises(InsufficientFunds):
        await one(adapter.prepare, intent(PAYER, to, amount))
    await one(adapter.prepare, intent(PAYER, to, amount - 1))


async def test_fee_above_maximum(scripted):
    adapter = scripted(node())
    wanted = intent(PAYER, OURS, 5)
    enough = adapter.codec.summarize(await one(adapter.prepare, wanted)).costs.most
    assert {kind for _, kind in enough} == {CostKind.FEE, CostKind.ACTIVATION}
    for kind in enough:
        less = {**enough, kind: enough[kind] - 1}
        with pytest.raises(FeeAboveMaximum, match=kind[1]):
            await one(adapter.prepare, replace(wanted, costs_max=less))
    await one(adapter.prepare, replace(wanted, costs_max=enough))


async def test_a_chain_dearer_than_known(scripted):
    dearer = json.loads(json.dumps(PARAMETERS))
    dearer["chainParameter"][0]["value"] = 1_001
    with pytest.raises(FeeAboveMaximum):
        await one(
            scripted(node(**{"/wallet/getchainparameters": dearer})).prepare, intent(PAYER, OURS, 5)
        )


async def test_chain_parameters_missing(scripted):
    with pytest.raises(NodeMisbehaved):
        await one(
            scripted(node(**{"/wallet/getchainparameters": {"chainParameter": []}})).prepare,
            intent(PAYER, OURS, 5),
        )


async def test_no_payment_to_a_contract_or_to_oneself(scripted):
    def contract(asked: Script) -> Script:
        return {"address": asked["address"], "balance": 10_000_000, "type": "Contract"}

    with pytest.raises(InvalidAddress):
        await one(
            scripted(node(**{"/wallet/getaccount": contract})).prepare, intent(PAYER, OURS, 5)
        )
    with pytest.raises(InvalidAddress):
        await one(scripted(node()).prepare, intent(PAYER, PAYER.address, 5))


# The node itself


async def test_wrong_chain(scripted):
    with pytest.raises(WrongChain):
        await scripted({"/wallet/getblock": block(0)}).check()


async def test_answers_that_are_none(scripted):
    replies = {
        "error": (Answer(json={"Error": "class X : lack"}), NodeUnavailable),
        "status": (Answer(status=503, json={}), NodeUnavailable),
        "no_json": (Answer(body="<html>"), NodeUnavailable),
        "list": (Answer(json=[]), NodeMisbehaved),
        "none": (Answer(drop=True), NodeUnavailable),
    }
    for reply, expected in replies.values():
        with pytest.raises(expected):
            await scripted({"/wallet/getblock": reply}).tip()


async def test_a_balance_that_is_no_number(scripted):
    adapter = scripted({"/wallet/getaccount": {"balance": "5"}})
    with pytest.raises(NodeMisbehaved):
        await adapter.balance(OURS, LOCAL.native.id)
