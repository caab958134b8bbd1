"""What the adapter makes of answers while it prepares, sends and follows a transaction; the node is
made up."""

import base64

import pytest
from solders.hash import Hash
from solders.keypair import Keypair

from chains.costs import CostKind, costs_in
from chains.errors import (
    BroadcastRejected,
    ClaimUnusable,
    FeeAboveMaximum,
    NodeMisbehaved,
    NodeUnavailable,
)
from chains.model import (
    BlockRef,
    Broadcast,
    TxId,
    UnsignedTx,
)
from chains.solana.claims import Claim
from chains.solana.nonce import accounts_of
from chains.transaction import TxState
from tests.support.costs import most
from tests.support.single import one
from tests.support.solana import LOCAL, intent, owned
from tests.support.solana_answers import (
    ACCOUNT,
    CODEC,
    KEY,
    SOL,
    TO,
    VALUE,
    adapter,
    at,
    block,
    node,
    nonce_account,
    signed,
    wallet,
)

__all__ = ["adapter", "node"]


# Claims and prices


def ready(node, prices: list[int], balance: int = 10 * SOL) -> None:
    """A node on which KEY has one nonce account and `balance`."""

    def accounts(keys, options):
        known = {str(ACCOUNT): nonce_account(), str(KEY.pubkey()): wallet(balance), TO: wallet(1)}
        return at(50, [known.get(key) for key in keys])

    def fee(message, options):
        payload = base64.b64decode(message)
        return at(50, most(CODEC.summarize(UnsignedTx(LOCAL.id, payload))))

    node.answers |= {
        "getMultipleAccounts": accounts,
        "getBalance": at(50, balance),
        "getMinimumBalanceForRentExemption": 890_880,
        "getRecentPrioritizationFees": [
            {"slot": slot, "prioritizationFee": price} for slot, price in enumerate(prices)
        ],
        "getFeeForMessage": fee,
    }


def wish(fee_max: int | None = None):
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
    unsigned = await one(adapter.prepare, wish(fee_max=5_000_000))
    assert most(adapter.codec.summarize(unsigned)) == fee


async def test_a_market_above_the_maximum(node, adapter):
    ready(node, [10**9] * 4)
    with pytest.raises(FeeAboveMaximum):
        await one(adapter.prepare, wish(fee_max=3_004_999))


@pytest.mark.parametrize("offset", [-1, 1])
async def test_a_node_with_other_fees_is_not_believed(node, adapter, offset):
    ready(node, [])
    node.answers["getFeeForMessage"] = at(50, 5_030 + offset)
    with pytest.raises(NodeMisbehaved):
        await one(adapter.prepare, wish())


async def test_a_nonce_that_the_node_no_longer_knows(node, adapter):
    ready(node, [])
    node.answers["getFeeForMessage"] = at(50, None)
    with pytest.raises(ClaimUnusable):
        await one(adapter.prepare, wish())


async def test_a_nonce_that_has_advanced_at_the_tip_but_not_finally(node, adapter):
    ready(node, [])

    def accounts(keys, options):
        fresh = options["commitment"] == "confirmed"
        return at(50, [nonce_account(Hash(b"\x04" * 32) if fresh else VALUE) for _ in keys])

    node.answers["getMultipleAccounts"] = accounts
    with pytest.raises(ClaimUnusable):
        await one(adapter.prepare, wish())


async def test_final_accounts_are_asked_from_no_node_that_lags_behind(node, adapter):
    """A nonce of before would look free, and be claimed twice."""
    ready(node, [])
    node.answers["getLatestBlockhash"] = at(100, {"blockhash": str(VALUE)})
    await adapter.finalized()
    asked = []
    answer = node.answers["getMultipleAccounts"]

    def accounts(keys, options):
        asked.append((options["commitment"], options.get("minContextSlot")))
        return answer(keys, options) | {"context": {"slot": 100}}

    node.answers["getMultipleAccounts"] = accounts
    await one(adapter.prepare, wish())
    assert set(asked) == {("finalized", 100), ("confirmed", None)}
    node.answers["getMultipleAccounts"] = answer  # a node that does not look at it, at slot 50
    with pytest.raises(NodeUnavailable, match="older than what is known"):
        await one(adapter.prepare, wish())


async def test_a_nonce_account_under_another_authority_is_not_used(node, adapter):
    ready(node, [])
    foreign = nonce_account()
    data = bytearray(base64.b64decode(foreign["data"][0]))
    data[8:40] = bytes(Keypair().pubkey())
    foreign["data"][0] = base64.b64encode(bytes(data)).decode()
    known = {str(ACCOUNT): foreign, str(KEY.pubkey()): wallet(10 * SOL)}
    node.answers["getMultipleAccounts"] = lambda keys, options: at(
        50, [known.get(key) for key in keys]
    )
    (key,) = await one(adapter.claim, intent(owned(KEY), TO, SOL))
    assert Claim.parse(LOCAL.id, key) == Claim(accounts_of(KEY.pubkey())[1])


async def test_another_number_of_accounts_than_asked_for(node, adapter):
    ready(node, [])
    node.answers["getMultipleAccounts"] = at(50, [])
    with pytest.raises(NodeMisbehaved):
        await one(adapter.claim, intent(owned(KEY), TO, SOL))


# Broadcasting


def preflight(error: object) -> dict:
    data = {"err": error, "logs": []}
    return {"error": {"code": -32002, "message": "Transaction simulation failed", "data": data}}


async def test_accepted(node, adapter):
    tx = signed()
    node.answers["sendTransaction"] = tx.txid
    assert await one(adapter.broadcast, tx) is Broadcast.ACCEPTED
    options = node.options("sendTransaction")
    assert options["skipPreflight"] is False
    assert options["preflightCommitment"] == "confirmed"


async def test_accepted_under_another_id(node, adapter):
    node.answers["sendTransaction"] = "another"
    with pytest.raises(NodeMisbehaved):
        await one(adapter.broadcast, signed())


async def test_already_processed(node, adapter):
    node.answers["sendTransaction"] = preflight("AlreadyProcessed")
    assert await one(adapter.broadcast, signed()) is Broadcast.ALREADY_KNOWN


async def test_a_used_up_nonce_is_ours_or_somebody_elses(node, adapter):
    node.answers["sendTransaction"] = preflight("BlockhashNotFound")
    node.answers["getSignatureStatuses"] = at(9, [{"slot": 8, "err": None}])
    assert await one(adapter.broadcast, signed()) is Broadcast.ALREADY_KNOWN
    assert node.options("getSignatureStatuses") == {"searchTransactionHistory": True}
    node.answers["getSignatureStatuses"] = at(9, [None])
    with pytest.raises(BroadcastRejected) as caught:
        await one(adapter.broadcast, signed())
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
        await one(adapter.broadcast, signed())
    assert caught.value.reason == reason


async def test_a_node_that_is_behind_has_not_rejected(node, adapter):
    node.answers["sendTransaction"] = {"error": {"code": -32005, "message": "Node is behind"}}
    with pytest.raises(NodeUnavailable):
        await one(adapter.broadcast, signed())


# Fate


def included(error: object, fee: int, rent: int = 0) -> dict:
    raw = base64.b64encode(signed(rent).raw).decode()
    meta = {"err": error, "fee": fee, "preBalances": [], "postBalances": []}
    meta |= {"preTokenBalances": [], "postTokenBalances": None}
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
    status = await one(adapter.statuses, signed().txid)
    native = LOCAL.native.id
    assert status.state is state
    assert status.costs == costs_in(native, {CostKind.FEE: fee})
    assert status.held == costs_in(native, {CostKind.RENT: locked})
    assert (status.block is None) == (state is TxState.PENDING)
    assert (status.reason == "") == (state is TxState.INCLUDED)


@pytest.mark.parametrize(
    ("seen", "state"), [(None, TxState.UNKNOWN), ({"slot": 9}, TxState.PENDING)]
)
async def test_status_of_what_is_not_confirmed(node, adapter, seen, state):
    node.answers["getTransaction"] = None
    node.answers["getSignatureStatuses"] = at(9, [seen])
    assert (await one(adapter.statuses, TxId("1" * 64))).state is state


def life(final: int, born: int, held: int | None = None, lost: int | None = None):
    """Answers to getBlock on a chain of one block per slot: the block at `born` has the hash that
    our transaction stands on, the one at `held` holds it, the one at `lost` is not shown."""

    def hash_of(slot: int) -> str:
        return str(VALUE if slot == born else Hash(slot.to_bytes(32)))

    def answer(slot, options):
        assert options["transactionDetails"] == "signatures"
        assert options["commitment"] == "finalized"
        if slot == lost:
            return {"error": {"code": -32001, "message": "Block cleaned up"}}
        return {
            "blockhash": hash_of(slot),
            "previousBlockhash": hash_of(slot - 1),
            "parentSlot": slot - 1,
            "signatures": ["1" * 64] + ([signed(rent=1).txid] if slot == held else []),
        }

    return answer, BlockRef(final, hash_of(final))
