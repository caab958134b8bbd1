"""What the adapter makes of a node's answers, good, bad and hostile; the node is made up."""

import base64
import json
import logging

import httpx2
import pytest
from solders.hash import Hash
from solders.keypair import Keypair

from chains.errors import (
    BroadcastRejected,
    ClaimUnusable,
    FeeAboveMaximum,
    NodeMisbehaved,
    NodeUnavailable,
    WrongChain,
)
from chains.model import Address, BlockRef, Broadcast, TxId, TxState, UnsignedTx
from chains.solana.adapter import SolanaAdapter
from chains.solana.build import TransferPlan, build_message
from chains.solana.claims import Claim
from chains.solana.codec import SolanaCodec
from chains.solana.nonce import accounts_of
from tests.support.solana import LOCAL, intent, owned, sign

CODEC = SolanaCodec(LOCAL)
SECRET = "api-key-31415926"
KEY = Keypair.from_seed(bytes(range(32)))
TO = Address(str(Keypair.from_seed(b"\x07" * 32).pubkey()))
HASH, PARENT = str(Hash(b"\x01" * 32)), str(Hash(b"\x02" * 32))
VALUE = Hash(b"\x03" * 32)
ACCOUNT = accounts_of(KEY.pubkey())[0]
SYSTEM = "1" * 32
SOL = 10**9
NOT_AVAILABLE = {"error": {"code": -32004, "message": "Block not available for slot 7"}}


class FakeNode:
    """Answers each method with what `answers` has for it: a result, or `{"error": …}`."""

    def __init__(self) -> None:
        self.answers: dict[str, object] = {}
        self.asked: list[dict] = []

    def handle(self, request: httpx2.Request) -> httpx2.Response:
        call = json.loads(request.content)
        self.asked.append(call)
        answer = self.answers[call["method"]]
        if callable(answer):
            answer = answer(*call["params"])
        if isinstance(answer, httpx2.Response):
            return answer
        if isinstance(answer, Exception):
            raise answer
        body = answer if isinstance(answer, dict) and "error" in answer else {"result": answer}
        return httpx2.Response(200, json={"jsonrpc": "2.0", "id": call["id"], **body})

    def options(self, method: str) -> dict:
        return [call["params"] for call in self.asked if call["method"] == method][-1][-1]


@pytest.fixture
def node():
    return FakeNode()


@pytest.fixture
async def adapter(node, monkeypatch):
    session = httpx2.AsyncClient(transport=httpx2.MockTransport(node.handle))
    monkeypatch.setattr(httpx2, "AsyncClient", lambda **_: session)
    opened = SolanaAdapter(LOCAL, f"http://node.invalid/{SECRET}")
    yield opened
    await opened.close()


def at(slot: int, value: object) -> dict:
    return {"context": {"slot": slot}, "value": value}


def nonce_account(value: Hash = VALUE) -> dict:
    data = bytes.fromhex("0100000001000000") + bytes(KEY.pubkey()) + bytes(value) + bytes(8)
    return {
        "lamports": 1_447_680,
        "owner": SYSTEM,
        "data": [base64.b64encode(data).decode(), "base64"],
    }


def wallet(lamports: int) -> dict:
    return {"lamports": lamports, "owner": SYSTEM, "data": ["", "base64"]}


def signed(rent: int = 0):
    plan = TransferPlan(
        source=KEY.pubkey(),
        recipient=Keypair.from_seed(b"\x07" * 32).pubkey(),
        amount=SOL,
        nonce_index=0,
        lifetime=VALUE,
        unit_limit=3_000,
        unit_price=10_000,
        rent=rent,
    )
    return sign(CODEC, UnsignedTx(LOCAL.id, build_message(plan)), KEY)


# Transport


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx2.ConnectError(f"no route to {SECRET}"), NodeUnavailable),
        (httpx2.ReadTimeout(f"slow {SECRET}"), NodeUnavailable),
        (httpx2.RemoteProtocolError("broken off"), NodeUnavailable),
        (httpx2.Response(500, text="oops"), NodeUnavailable),
        (httpx2.Response(429, text="slow down"), NodeUnavailable),
        (httpx2.Response(401, text="who?"), NodeUnavailable),
        (httpx2.Response(200, text="<html>"), NodeMisbehaved),
        (httpx2.Response(200, text=""), NodeMisbehaved),
        (httpx2.Response(200, json=[]), NodeMisbehaved),
        (httpx2.Response(200, json={"jsonrpc": "2.0", "id": "1"}), NodeMisbehaved),
        ({"error": {"code": -32005, "message": "Node is behind by 42 slots"}}, NodeUnavailable),
        ({"error": {"code": -32016, "message": "Minimum context slot"}}, NodeUnavailable),
        ({"error": {"code": -32603, "message": "Internal error"}}, NodeUnavailable),
        ({"error": {"code": -32429, "message": "Too many requests"}}, NodeUnavailable),
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
    assert await adapter.proven_dead(signed(), BlockRef(110, HASH)) is None
    assert node.options("getMultipleAccounts")["minContextSlot"] == 110
    await adapter.finalized()
    assert node.options("getLatestBlockhash")["minContextSlot"] == 120


# Blocks


def block(entries: list) -> dict:
    return {
        "blockhash": HASH,
        "previousBlockhash": PARENT,
        "parentSlot": 6,
        "blockTime": None,
        "transactions": entries,
    }


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
    (credit,) = found.credits
    assert (credit.txid, credit.position, credit.amount) == ("signature", 1, 7)
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


# Claims and prices


def ready(node, prices: list[int], balance: int = 10 * SOL) -> None:
    """A node on which KEY has one nonce account and `balance`."""

    def accounts(keys, options):
        known = {str(ACCOUNT): nonce_account(), str(KEY.pubkey()): wallet(balance), TO: wallet(1)}
        return at(50, [known.get(key) for key in keys])

    def fee(message, options):
        payload = base64.b64decode(message)
        return at(50, CODEC.summarize(UnsignedTx(LOCAL.id, payload)).fee_max)

    node.answers |= {
        "getMultipleAccounts": accounts,
        "getBalance": at(50, balance),
        "getMinimumBalanceForRentExemption": 890_880,
        "getRecentPrioritizationFees": [
            {"slot": slot, "prioritizationFee": price} for slot, price in enumerate(prices)
        ],
        "getFeeForMessage": fee,
    }


def wish(fee_max: int = LOCAL.fee_max):
    wanted = intent(owned(KEY), TO, SOL, fee_max)
    key = Claim(ACCOUNT, VALUE).key(LOCAL.id)
    return type(wanted)(**{**{f: getattr(wanted, f) for f in wanted.__slots__}, "claim": (key,)})


@pytest.mark.parametrize(
    ("prices", "fee"),
    [
        ([], 5_030),
        ([0, 0, 0, 0], 5_030),
        ([0, 0, 0, 10**9], 5_030),
        ([0, 0, 10**6, 10**9], 8_000),
        ([10**9] * 4, 3_005_000),
        (list(range(0, 150 * 10**6, 10**6)), 5_000 + 3 * 111 * 1_000),
    ],
)
async def test_the_bid_follows_the_market(node, adapter, prices, fee):
    ready(node, prices)
    unsigned = await adapter.prepare(wish(fee_max=5_000_000))
    assert adapter.codec.summarize(unsigned).fee_max == fee


async def test_a_market_above_the_maximum(node, adapter):
    ready(node, [10**9] * 4)
    with pytest.raises(FeeAboveMaximum):
        await adapter.prepare(wish(fee_max=3_004_999))


@pytest.mark.parametrize("offset", [-1, 1])
async def test_a_node_with_other_fees_is_not_believed(node, adapter, offset):
    ready(node, [])
    node.answers["getFeeForMessage"] = at(50, 5_030 + offset)
    with pytest.raises(NodeMisbehaved):
        await adapter.prepare(wish())


async def test_a_nonce_that_the_node_no_longer_knows(node, adapter):
    ready(node, [])
    node.answers["getFeeForMessage"] = at(50, None)
    with pytest.raises(ClaimUnusable):
        await adapter.prepare(wish())


async def test_a_nonce_that_has_advanced_at_the_tip_but_not_finally(node, adapter):
    ready(node, [])

    def accounts(keys, options):
        fresh = options["commitment"] == "confirmed"
        return at(50, [nonce_account(Hash(b"\x04" * 32) if fresh else VALUE) for _ in keys])

    node.answers["getMultipleAccounts"] = accounts
    with pytest.raises(ClaimUnusable):
        await adapter.prepare(wish())


async def test_a_nonce_account_under_another_authority_is_not_used(node, adapter):
    ready(node, [])
    foreign = nonce_account()
    data = bytearray(base64.b64decode(foreign["data"][0]))
    data[8:40] = bytes(Keypair().pubkey())
    foreign["data"][0] = base64.b64encode(bytes(data)).decode()
    node.answers["getMultipleAccounts"] = lambda keys, options: at(
        50, [foreign if key == str(ACCOUNT) else None for key in keys]
    )
    (key,) = await adapter.claim(intent(owned(KEY), TO, SOL))
    assert Claim.parse(LOCAL.id, key) == Claim(accounts_of(KEY.pubkey())[1])


async def test_another_number_of_accounts_than_asked_for(node, adapter):
    ready(node, [])
    node.answers["getMultipleAccounts"] = at(50, [])
    with pytest.raises(NodeMisbehaved):
        await adapter.claim(intent(owned(KEY), TO, SOL))


# Broadcasting


def preflight(error: object) -> dict:
    data = {"err": error, "logs": []}
    return {"error": {"code": -32002, "message": "Transaction simulation failed", "data": data}}


async def test_accepted(node, adapter):
    tx = signed()
    node.answers["sendTransaction"] = tx.txid
    assert await adapter.broadcast(tx) is Broadcast.ACCEPTED
    options = node.options("sendTransaction")
    assert options["skipPreflight"] is False
    assert options["preflightCommitment"] == "confirmed"


async def test_accepted_under_another_id(node, adapter):
    node.answers["sendTransaction"] = "another"
    with pytest.raises(NodeMisbehaved):
        await adapter.broadcast(signed())


async def test_already_processed(node, adapter):
    node.answers["sendTransaction"] = preflight("AlreadyProcessed")
    assert await adapter.broadcast(signed()) is Broadcast.ALREADY_KNOWN


async def test_a_used_up_nonce_is_ours_or_somebody_elses(node, adapter):
    node.answers["sendTransaction"] = preflight("BlockhashNotFound")
    node.answers["getSignatureStatuses"] = at(9, [{"slot": 8, "err": None}])
    assert await adapter.broadcast(signed()) is Broadcast.ALREADY_KNOWN
    assert node.options("getSignatureStatuses") == {"searchTransactionHistory": True}
    node.answers["getSignatureStatuses"] = at(9, [None])
    with pytest.raises(BroadcastRejected) as caught:
        await adapter.broadcast(signed())
    assert caught.value.reason == "BlockhashNotFound"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (
            preflight({"InstructionError": [3, {"Custom": 1}]}),
            '{"InstructionError": [3, {"Custom": 1}]}',
        ),
        (preflight(None), "Transaction simulation failed"),
        (
            {"error": {"code": -32003, "message": "Transaction signature verification failure"}},
            "Transaction signature verification failure",
        ),
        ({"error": {"code": -32602, "message": "too large"}}, "too large"),
    ],
)
async def test_rejected(node, adapter, answer, reason):
    node.answers["sendTransaction"] = answer
    with pytest.raises(BroadcastRejected) as caught:
        await adapter.broadcast(signed())
    assert caught.value.reason == reason


async def test_a_node_that_is_behind_has_not_rejected(node, adapter):
    node.answers["sendTransaction"] = {"error": {"code": -32005, "message": "Node is behind"}}
    with pytest.raises(NodeUnavailable):
        await adapter.broadcast(signed())


# Fate


def included(error: object, fee: int, rent: int = 0) -> dict:
    raw = base64.b64encode(signed(rent).raw).decode()
    meta = {"err": error, "fee": fee}
    return {"slot": 7, "transaction": [raw, "base64"], "meta": meta}


@pytest.mark.parametrize(
    ("found", "state", "fee", "locked"),
    [
        (included(None, 5_030), TxState.INCLUDED, 5_030, 0),
        (included(None, 5_030, rent=777), TxState.INCLUDED, 5_030, 777),
        (included("AccountInUse", 5_030), TxState.REVERTED, 5_030, 0),
        (included("AccountInUse", 5_030, rent=777), TxState.REVERTED, 5_030, 0),
        (included("InsufficientFundsForFee", 0), TxState.PENDING, 0, 0),
    ],
)
async def test_status(node, adapter, found, state, fee, locked):
    """The last is in a block without having been executed (SIMD-0290), which decides nothing."""
    node.answers["getTransaction"] = found
    node.answers["getBlock"] = block([])
    status = await adapter.status(signed().txid)
    assert (status.state, status.fee, status.locked) == (state, fee, locked)
    assert (status.block is None) == (state is TxState.PENDING)
    assert (status.reason == "") == (state is TxState.INCLUDED)


@pytest.mark.parametrize(
    ("seen", "state"), [(None, TxState.UNKNOWN), ({"slot": 9}, TxState.PENDING)]
)
async def test_status_of_what_is_not_confirmed(node, adapter, seen, state):
    node.answers["getTransaction"] = None
    node.answers["getSignatureStatuses"] = at(9, [seen])
    assert (await adapter.status(TxId("1" * 64))).state is state


async def test_a_lagging_node_can_not_prove_death(node, adapter):
    """It has not seen the blockhash yet, and would call it invalid."""
    behind = {"error": {"code": -32016, "message": "Minimum context slot has not been reached"}}
    node.answers["getMultipleAccounts"] = behind
    node.answers["isBlockhashValid"] = at(3, False)
    with pytest.raises(NodeUnavailable):
        await adapter.proven_dead(signed(rent=1), BlockRef(110, HASH))


@pytest.mark.parametrize(
    ("account", "valid", "transaction", "known", "dead"),
    [
        (None, False, None, None, True),
        (wallet(890_880), False, None, None, True),  # somebody sent lamports there
        (None, True, None, None, False),
        (nonce_account(), False, None, None, False),  # made, but by whom is not shown
        (None, False, included("AccountInUse", 5_030, rent=1), None, False),  # it reverted
        (None, False, included("InsufficientFundsForFee", 0, rent=1), None, True),
        (None, False, None, {"slot": 9}, False),
    ],
)
async def test_death_of_a_creation(node, adapter, account, valid, transaction, known, dead):
    node.answers |= {
        "getMultipleAccounts": at(120, [account]),
        "isBlockhashValid": at(120, valid),
        "getSignaturesForAddress": [],
        "getTransaction": transaction,
        "getSignatureStatuses": at(120, [known]),
    }
    cause = await adapter.proven_dead(signed(rent=1), BlockRef(110, HASH))
    assert (cause is not None) == dead


async def test_an_advanced_nonce_alone_proves_nothing(node, adapter):
    """It may have been ours: the node that forgot it also has no conflicting one to show."""
    node.answers |= {
        "getMultipleAccounts": at(120, [nonce_account(Hash(b"\x04" * 32))]),
        "getSignaturesForAddress": [],
        "getTransaction": None,
        "getSignatureStatuses": at(120, [None]),
    }
    assert await adapter.proven_dead(signed(), BlockRef(110, HASH)) is None
