"""The adapter against scripted answers: what real nodes say that the local chain never does.

Shapes are java-tron's. What the local chain does say is tested in tests/nodes.
"""

from __future__ import annotations

import json
from contextlib import AsyncExitStack
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
from coincurve import PrivateKey

from chains.adapter import ChainAdapter
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
    BlockRef,
    Broadcast,
    SignedTx,
    TxId,
)
from chains.transaction import TxState
from chains.tron import address, build
from chains.tron import tron_pb2 as pb
from chains.tron.adapter import TronAdapter
from tests.support.costs import left
from tests.support.node_answers.server import Answer, NodeServer
from tests.support.single import one
from tests.support.tron import LOCAL, intent, owned

Script = dict[str, Any]
PAYER = owned(PrivateKey(b"\x01" * 32))
OTHER = owned(PrivateKey(b"\x02" * 32)).address
OURS = owned(PrivateKey(b"\x03" * 32)).address
CONTRACT_RAW = b"\x41" + b"\x0c" * 20
GENESIS_MS = 1_750_000_000_000
SIZE = 268
"""Charged for a transfer of some TRX at such times: 134 bytes of raw_data and 134 around them."""


def block_id(height: int) -> str:
    return height.to_bytes(8).hex() + sha256(b"%d" % height).hexdigest()[16:]


def block(height: int, *transactions: Script) -> Script:
    header: Script = {"timestamp": GENESIS_MS + height * 3000}
    if height > 0:
        header |= {"number": height, "parentHash": block_id(height - 1)}
    return {
        "blockID": block_id(height),
        "block_header": {"raw_data": header},
        "transactions": list(transactions),
    }


def transaction(raw_data: bytes, result: str | None = "SUCCESS") -> Script:
    return {
        "ret": [{"contractRet": result}] if result else [],
        "txID": sha256(raw_data).hexdigest(),
        "raw_data_hex": raw_data.hex(),
    }


def transfer(amount: int = 5) -> bytes:
    return build.build_transfer(
        PAYER.address,
        OURS,
        amount,
        reference=BlockRef(1, block_id(1)),
        expiration_ms=600_000,
        timestamp_ms=1,
    )


def call() -> bytes:
    contract = pb.Contract(type=pb.Contract.TRIGGER_SMART_CONTRACT)
    return pb.RawData(contract=[contract]).SerializeToString()


def internal(
    to: bytes, value: int, note: str = "call", *, rejected: bool = False, token: str = ""
) -> Script:
    found: Script = {
        "caller_address": CONTRACT_RAW.hex(),
        "transferTo_address": to.hex(),
        "callValueInfo": [{"callValue": value} | ({"tokenId": token} if token else {})],
        "note": note.encode().hex(),
    }
    return found | ({"rejected": True} if rejected else {})


def info(raw_data: bytes, height: int, **fields: Any) -> Script:
    return {
        "id": sha256(raw_data).hexdigest(),
        "blockNumber": height,
        "blockTimeStamp": GENESIS_MS + height * 3000,
        "receipt": {},
    } | fields


PARAMETERS = {
    "chainParameter": [
        {"key": "getTransactionFee", "value": 1000},
        {"key": "getCreateNewAccountFeeInSystemContract", "value": 1_000_000},
        {"key": "getCreateAccountFee", "value": 100_000},
        {"key": "getCreateNewAccountBandwidthRate", "value": 1},
        {"key": "getAllowMultiSign"},
    ]
}


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


def bare(found: Any) -> Any:
    """What the server sends as it is."""
    if callable(found):
        return lambda request: bare(found(request))
    return found if isinstance(found, Answer) else Answer(json=found)


def assert_chain_adapter(adapter: ChainAdapter) -> None:
    """Checked by mypy."""
    assert not adapter.codec.traits.conflict_keys


async def credits_of(scripted, found: Script, infos: Any = None) -> list[tuple[str, int, int]]:
    adapter = scripted(
        {"/wallet/getblockbynum": found, "/wallet/gettransactioninfobyblocknum": infos}
    )
    result = await adapter.block(7)
    return [(one.address, one.amount, one.position) for one in result.credits]


async def test_nothing_is_claimed(scripted):
    assert await one(scripted({}).claim, intent(PAYER, OURS, 1)) == ()


# Blocks


async def test_only_executed_transfers_credit(scripted):
    good, failed, old = transfer(5), transfer(6), transfer(7)
    found = block(7, transaction(good), transaction(failed, "OUT_OF_TIME"), transaction(old, None))
    assert await credits_of(scripted, found) == [(OURS, 5, 0)]


async def test_contracts_pass_trx_on(scripted):
    ours, other = address.to_bytes(OURS), address.to_bytes(OTHER)
    moves = [
        internal(CONTRACT_RAW, 9),  # to itself
        internal(ours, 10),
        internal(ours, 11, rejected=True),
        internal(ours, 12, token="1000001"),
        internal(ours, 13, note="freezeForEnergy"),
        internal(ours, 0),
        internal(other, 14, note="suicide"),
        internal(b"", 15, note="create"),
    ]
    infos = [info(call(), 7, receipt={"result": "SUCCESS"}, internal_transactions=moves)]
    found = block(7, transaction(call()))
    assert await credits_of(scripted, found, infos) == [(OURS, 10, 0), (OTHER, 14, 1)]


async def test_a_reverted_call_passes_nothing_on(scripted):
    moves = [internal(address.to_bytes(OURS), 10)]
    infos = [info(call(), 7, receipt={"result": "REVERT"}, internal_transactions=moves)]
    assert await credits_of(scripted, block(7, transaction(call(), "REVERT")), infos) == []


@pytest.mark.parametrize(
    "infos",
    [
        [],
        [info(call(), 8)],
        [info(call(), 7, blockTimeStamp=1)],
        [info(call(), 7), info(transfer(), 7)],
    ],
)
async def test_infos_of_another_block_are_refused(scripted, infos):
    with pytest.raises(NodeUnavailable):
        await credits_of(scripted, block(7, transaction(call())), infos)


async def test_a_block_that_is_not_there_yet(scripted):
    with pytest.raises(NodeUnavailable):
        await credits_of(scripted, {})


@pytest.mark.parametrize(
    "damage",
    [
        lambda found: found.pop("blockID"),
        lambda found: found.update(blockID=block_id(8)),
        lambda found: found.update(blockID="zz"),
        lambda found: found["block_header"].pop("raw_data"),
        lambda found: found["block_header"]["raw_data"].update(number=8),
        lambda found: found["transactions"][0].update(txID="00" * 32),
        lambda found: found["transactions"][0].update(raw_data_hex="0"),
        lambda found: found.update(transactions=5),
    ],
)
async def test_blocks_that_contradict_themselves(scripted, damage):
    found = block(7, transaction(transfer()))
    damage(found)
    with pytest.raises(NodeMisbehaved):
        await credits_of(scripted, found)


async def test_another_block_than_asked_for(scripted):
    with pytest.raises(NodeMisbehaved):
        await credits_of(scripted, block(8))


# Status


async def status(scripted, infos: Any, found: Script, known: Any = None):
    adapter = scripted(
        {
            "/wallet/gettransactioninfobyid": infos,
            "/wallet/getblockbynum": found,
            "/wallet/gettransactionbyid": known or {},
            "/wallet/gettransactionfrompending": {},
        }
    )
    return await one(adapter.statuses, TxId(sha256(call()).hexdigest()))


async def test_unknown_and_pending(scripted):
    assert (await status(scripted, {}, {})).state is TxState.UNKNOWN
    waiting = transaction(call(), "SUCCESS")  # java-tron writes SUCCESS before any block has it
    assert (await status(scripted, {}, {}, waiting)).state is TxState.PENDING


async def test_a_block_without_its_transactions_is_no_block(scripted):
    """What is absent in proto3 is empty; the root of the transactions' hashes is not."""
    empty = block(8)
    empty["block_header"]["raw_data"]["txTrieRoot"] = "00" * 32
    assert (await scripted({"/wallet/getblockbynum": empty}).block(8)).credits == ()
    empty["block_header"]["raw_data"]["txTrieRoot"] = "17" * 32
    with pytest.raises(NodeMisbehaved, match="without its transactions"):
        await scripted({"/wallet/getblockbynum": empty}).block(8)


async def test_success_needs_both_the_block_and_the_info(scripted):
    good = info(call(), 7, fee=345_000, receipt={"result": "SUCCESS", "net_fee": 45_000})
    found = await status(scripted, good, block(7, transaction(call())))
    assert (found.state, found.reason, found.held) == (TxState.INCLUDED, "", {})
    native = LOCAL.native.id
    assert found.costs == {
        (native, CostKind.FEE): 45_000,
        (native, CostKind.ACTIVATION): 300_000,
    }
    assert found.block == BlockRef(7, block_id(7))


@pytest.mark.parametrize(
    ("fields", "result", "reason"),
    [
        ({"receipt": {"result": "OUT_OF_ENERGY"}}, "OUT_OF_ENERGY", "OUT_OF_ENERGY"),
        ({"receipt": {"result": "REVERT"}, "result": "FAILED"}, "SUCCESS", "REVERT"),
        ({"result": "FAILED", "resMessage": b"no".hex()}, "SUCCESS", "no"),
        ({"result": "FAILED"}, "SUCCESS", "FAILED"),
        ({}, "TRANSFER_FAILED", "TRANSFER_FAILED"),
    ],
)
async def test_inclusion_is_not_success(scripted, fields, result, reason):
    """java-tron#3037, cake_wallet#3595: out of energy shown as success."""
    there = info(call(), 7, fee=9, **fields)
    found = await status(scripted, there, block(7, transaction(call(), result)))
    assert (found.state, found.reason, left(found)) == (TxState.REVERTED, reason, 9)


async def test_a_reorganisation_between_two_answers(scripted):
    with pytest.raises(NodeUnavailable):
        await status(scripted, info(call(), 7), block(7))


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
        address.to_bytes(PAYER.address).hex(): {"balance": 10_000_000},
        address.to_bytes(OURS).hex(): {"balance": 1},
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
    contract = {"balance": 10_000_000, "type": "Contract"}
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
