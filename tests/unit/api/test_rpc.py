"""A vault as the wallet of an app: what is asked over HTTP, what becomes of it, what is refused."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from api.rpc.bounds import READS_MAX
from chains.errors import NodeLimited, NodeUnavailable
from chains.evm.build import nonce_key
from chains.model import Address, ConflictKey
from chains.transport.jsonrpc import Fault
from custody.db.ids import new_id
from custody.db.rpc_tables import RpcAskRow
from custody.db.transfer_tables import TransactionRow
from custody.provider.asks import _key
from custody.provider.model import GRACE
from custody.transactions.repository import claim
from custody.transfers.request import transfer_id_of
from custody.transfers.state import Event
from tests.support.transfer_rows import add_transaction
from tests.unit.api.counter import Counter
from tests.unit.api.rpc_app import (
    CHAIN,
    TO,
    App,
    end,
    sent,
    transfers,
)


@pytest.fixture
def app(counter: Counter) -> App:
    return App(counter)


async def test_what_a_wallet_says_of_itself(app: App):
    mine = await app.address()
    assert mine.startswith("0x")
    assert await app.ask("eth_requestAccounts") == [mine]
    assert await app.ask("eth_chainId") == CHAIN
    assert await app.ask("net_version") == "31337"
    assert await app.ask("web3_clientVersion") == "custody"
    assert await app.ask("wallet_switchEthereumChain", {"chainId": CHAIN}) is None
    assert (await app.refusal("wallet_switchEthereumChain", {"chainId": "0x1"}))["code"] == 4902
    (permission,) = await app.ask("wallet_requestPermissions", {"eth_accounts": {}})
    assert permission["caveats"][0]["value"] == [mine]
    assert await app.ask("wallet_getCapabilities", mine) == {
        CHAIN: {"atomic": {"status": "unsupported"}}
    }
    assert await app.ask("wallet_getCapabilities", mine, ["0x1"]) == {}
    assert (await app.refusal("wallet_getCapabilities", TO))["code"] == 4100


@pytest.mark.parametrize(
    "method",
    [
        "eth_sendRawTransaction",
        "eth_sign",
        "eth_signTransaction",
        "eth_signTypedData_v3",
        "wallet_addEthereumChain",
        "wallet_watchAsset",
        "eth_newFilter",
        "eth_newBlockFilter",
        "eth_newPendingTransactionFilter",
        "eth_subscribe",
        "eth_unsubscribe",
        "debug_traceCall",
        "personal_unlockAccount",
        "anvil_setBalance",
        "eth_getProof",
        "txpool_content",
    ],
)
async def test_what_is_not_on_the_list_reaches_no_node_and_changes_nothing(app: App, method: str):
    before = await app.counter.tables()
    error = await app.refusal(method, "0x1")
    assert error["code"] == 4200
    assert error["message"].startswith(method)
    assert app.node.asked == []
    assert await app.counter.tables() == before


async def test_a_payment_waits_and_the_same_request_finds_it(app: App):
    error = await app.pay()
    assert error["code"] == -32002
    data = error["data"]
    assert data["state"] == "approved"
    assert data["href"] == f"/v1/transfers/{data['transfer']}"
    again = await app.pay()
    assert again["data"]["transfer"] == data["transfer"]
    (row,) = await transfers(app.counter)
    assert (row.id, row.destination, row.amount) == (data["transfer"], TO, 5)
    shown = await app.counter.get(f"/v1/transfers/{row.id}")
    # The terms of what an app asks for are offered for a quarter of an hour.
    assert shown["expires_at"] == "2026-03-02T06:15:00Z"
    assert app.counter.woken == 1


async def test_what_differs_is_another_payment(app: App):
    first = await app.pay()
    for other in (
        await app.pay(6),
        await app.pay(gas="0x5208", maxFeePerGas=hex(10**9)),
        await app.pay(nonce="0x9"),
    ):
        assert other["data"]["transfer"] != first["data"]["transfer"]
    assert len(await transfers(app.counter)) == 4


async def test_a_retry_key_of_its_own_separates(app: App):
    first = await app.pay()
    mine = await app.address()
    asked = {"from": mine, "to": TO, "value": "0x5"}
    key = {"Idempotency-Key": "order-1"}
    named = await app.refusal("eth_sendTransaction", asked, **key)
    assert named["data"]["transfer"] != first["data"]["transfer"]
    again = await app.refusal("eth_sendTransaction", asked, **key)
    assert again["data"]["transfer"] == named["data"]["transfer"]
    other = await app.refusal("eth_sendTransaction", {**asked, "value": "0x6"}, **key)
    assert (other["code"], other["data"]["code"]) == (-32602, "idempotency_key_reused")
    assert len(await transfers(app.counter)) == 2


async def test_once_the_hash_was_told_the_same_request_is_another_payment(app: App):
    first = (await app.pay())["data"]["transfer"]
    txid = "0x" + "ab" * 32
    await sent(app, first, txid)
    mine = await app.address()
    asked = {"from": mine, "to": TO, "value": "0x5"}
    assert await app.ask("eth_sendTransaction", asked) == txid
    # A program that repeats what got no answer in time pays once.
    app.counter.clock.now += GRACE
    assert await app.ask("eth_sendTransaction", asked) == txid
    app.counter.clock.now += timedelta(seconds=1)
    second = await app.refusal("eth_sendTransaction", asked)
    assert second["data"]["transfer"] != first
    assert len(await transfers(app.counter)) == 2


@pytest.mark.parametrize(
    ("event", "code", "state"),
    [
        (Event.REJECT, 4001, "rejected"),
        (Event.CANCEL, 4001, "cancelled"),
        (Event.EXPIRE, 4001, "expired"),
        (Event.GIVE_UP, 4100, "denied"),
    ],
)
async def test_an_end_is_told_once_and_then_it_may_be_asked_for_again(
    app: App, event: Event, code: int, state: str
):
    first = (await app.pay())["data"]["transfer"]
    await end(app.counter, first, event, "for a reason")
    told = await app.pay()
    assert (told["code"], told["data"]["transfer"]) == (code, first)
    assert (told["data"]["state"], told["data"]["reason"]) == (state, "for a reason")
    assert "for a reason" in told["message"]
    after = await app.pay()
    assert (after["code"], after["data"]["transfer"] == first) == (-32002, False)


async def test_who_must_approve_is_said(app: App):
    people = [
        {"id": name, "credentials": [{"kind": "ed25519", "key": f"{at:02x}" * 32}]}
        for at, name in enumerate(("ann", "bob"), 0x21)
    ]
    app.counter.use_policy(
        persons=people,
        groups=[{"id": "treasury", "members": ["ann", "bob"]}],
        grant={"approvals": {"order": "any", "needs": [{"group": "treasury", "count": 1}]}},
    )
    error = await app.pay()
    assert error["code"] == -32002
    assert error["data"]["state"] == "awaiting_approval"
    (need,) = error["data"]["needs"]
    assert (need["group"], need["count"]) == ("treasury", 1)
    assert need["people"] == ["ann", "bob"]
    assert all(each in error["message"] for each in need["people"])


async def test_a_policy_that_says_no_is_told_and_asked_anew(app: App):
    app.counter.use_policy(rules=[])
    told = await app.pay()
    assert (told["code"], told["data"]["code"]) == (4100, "policy_denied")
    app.counter.use_policy(version=2)
    after = await app.pay()
    assert after["code"] == -32002
    assert after["data"]["transfer"] != told["data"]["transfer"]


async def test_more_than_there_is_is_refused_and_not_for_ever(app: App):
    short = await app.pay(10**19)
    assert (short["code"], short["data"]["code"]) == (-32003, "amount_above_balance")
    await app.counter.give(app.counter.vault_id, 10**20)
    assert (await app.pay(10**19))["code"] == -32002


async def test_the_fee_of_the_app_is_the_bound(app: App):
    error = await app.pay(gas="0x5208", gasPrice="0x2")
    shown = await app.counter.get(f"/v1/transfers/{error['data']['transfer']}")
    assert shown["costs_max"]["fee"]["amount_base_units"] == "42000"


async def test_another_account_is_not_the_wallets(app: App):
    asked = {"from": TO, "to": TO, "value": "0x1"}
    error = await app.refusal("eth_sendTransaction", asked)
    assert error["code"] == 4100
    assert await transfers(app.counter) == []


async def test_a_call_that_nobody_described_is_not_made(app: App):
    approve = "0x095ea7b3" + "00" * 12 + TO[2:] + "00" * 31 + "05"
    for data in ("0x12345678", approve):
        error = await app.pay(value=0, data=data)
        assert (error["code"], error["data"]["code"]) == (4200, "call_unknown")
    assert await transfers(app.counter) == []


async def test_two_at_the_same_moment_are_one_payment(app: App):
    mine = await app.address()
    asked = {"from": mine, "to": TO, "value": "0x5"}
    found = await asyncio.gather(*(app.refusal("eth_sendTransaction", asked) for _ in range(8)))
    assert len({each["data"]["transfer"] for each in found}) == 1
    assert len(await transfers(app.counter)) == 1


async def test_who_dies_before_the_transfer_was_made_pays_once(
    app: App, monkeypatch: pytest.MonkeyPatch
):
    """The row of the request stands first, and the transfer follows from it."""
    service = app.counter.app.state.services.transfers
    create = service.create

    async def dies(*arguments: Any) -> Any:
        await create(*arguments)
        raise RuntimeError("died before it could say so")

    monkeypatch.setattr(service, "create", dies)
    broken = await app.pay()
    assert (broken["code"], broken["data"]["code"]) == (-32603, "internal_error")
    monkeypatch.undo()
    error = await app.pay()
    (row,) = await transfers(app.counter)
    assert error["data"]["transfer"] == row.id


async def test_a_database_that_forgot_the_request_gives_the_transfer_the_same_id(app: App):
    first = (await app.pay())["data"]["transfer"]
    async with app.counter.database.read() as session:
        (ask,) = await session.all(select(RpcAskRow))
    assert transfer_id_of(app.counter.client_id, _key(ask)) == first


async def claimed(app: App, key: ConflictKey) -> None:
    """By a transaction that waits."""
    now, named = app.counter.clock(), new_id("txn")
    async with app.counter.database.write() as session:
        await add_transaction(
            session, named, [], network=app.network, vault=app.counter.vault_id,
            payload=b"", now=now,
        )  # fmt: skip
        row = await session.get(TransactionRow, named)
        assert row is not None
        await claim(session, [(row, [key])], now)


async def test_our_own_nonces_are_ours_to_say(app: App):
    mine = await app.address()
    assert await app.ask("eth_getTransactionCount", mine, "latest") == "0x3"
    assert await app.ask("eth_getTransactionCount", mine, "pending") == "0x3"
    for number, owner in ((6, mine), (90, TO)):
        await claimed(app, nonce_key(app.network, Address(owner), number))
    assert await app.ask("eth_getTransactionCount", mine.lower(), "pending") == "0x7"
    assert await app.ask("eth_getTransactionCount", TO, "pending") == "0x3"
    assert app.node.asked[-1] == ("eth_getTransactionCount", [TO, "pending"])


async def test_a_question_is_the_nodes_and_so_is_what_it_says_against_it(app: App):
    app.node.says["eth_call"] = Fault(3, "execution reverted: no", "0x08c379a0")
    error = await app.refusal("eth_call", {"to": TO}, "latest")
    assert error == {"code": 3, "message": "execution reverted: no", "data": "0x08c379a0"}
    assert await app.ask("eth_getBalance", TO, "latest") == "0x1"
    app.node.says["eth_getBalance"] = NodeUnavailable("http://secret@node")
    gone = await app.refusal("eth_getBalance", TO, "latest")
    assert (gone["code"], gone["data"]) == (4901, {"code": "node_unavailable"})
    assert "secret" not in json.dumps(gone)
    app.node.says["eth_getBalance"] = NodeLimited("slower", delay_s=1)
    assert (await app.refusal("eth_getBalance", TO, "latest"))["code"] == -32005


async def test_logs_are_bounded_by_the_tip(app: App):
    app.node.says["eth_blockNumber"] = hex(10_000)
    error = await app.refusal("eth_getLogs", {"fromBlock": "0x1"})
    assert error["code"] == -32005
    assert [method for method, _ in app.node.asked] == ["eth_blockNumber"]
    await app.ask("eth_getLogs", {"fromBlock": hex(9_999)})
    assert app.node.asked[-1] == (
        "eth_getLogs",
        [{"fromBlock": hex(9_999), "toBlock": hex(10_000)}],
    )


async def test_only_so_many_questions_of_one_caller_are_under_way(app: App):
    app.node.gate = asyncio.Event()
    asking = [asyncio.create_task(app.ask("eth_blockNumber")) for _ in range(READS_MAX)]
    while len(app.node.asked) < READS_MAX:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    assert (await app.refusal("eth_blockNumber"))["code"] == -32005
    app.node.gate.set()
    assert set(await asyncio.gather(*asking)) == {"0x10"}
    assert await app.ask("eth_blockNumber") == "0x10"


async def test_batches(app: App):
    one = {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId"}
    silent = {"jsonrpc": "2.0", "method": "eth_chainId"}
    answers = await app.post([one, silent, {**one, "id": "b", "method": "eth_sign"}, 5])
    assert [each["id"] for each in answers] == [1, "b", None]
    assert [each.get("error", {}).get("code") for each in answers] == [None, 4200, -32600]
    assert (await app.post([one] * 51))["error"]["code"] == -32005
    assert len(await app.post([one] * 50)) == 50
    assert (await app.post([]))["error"]["code"] == -32600
    keyed = await app.post([one], **{"Idempotency-Key": "k"})
    assert keyed["error"]["code"] == -32600
    nothing = await app.counter.call("POST", app.path, silent, key="ask")
    assert (nothing.status_code, nothing.content) == (204, b"")


@pytest.mark.parametrize(
    "document",
    [
        None,
        5,
        "eth_chainId",
        {},
        {"id": 1, "method": "eth_chainId"},
        {"jsonrpc": "1.0", "id": 1, "method": "eth_chainId"},
        {"jsonrpc": "2.0", "id": True, "method": "eth_chainId"},
        {"jsonrpc": "2.0", "id": [], "method": "eth_chainId"},
        {"jsonrpc": "2.0", "id": "x" * 257, "method": "eth_chainId"},
        {"jsonrpc": "2.0", "id": 1, "method": 5},
        {"jsonrpc": "2.0", "id": 1, "method": ""},
        {"jsonrpc": "2.0", "id": 1, "method": "x" * 65},
        {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": "0x1"},
        {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "more": 1},
    ],
)
async def test_what_is_no_request_is_said(app: App, document: Any):
    body = json.dumps(document).encode()
    answer = await app.counter.call("POST", app.path, key="ask", content=body)
    assert answer.json()["error"]["code"] == -32600


async def test_a_payment_without_an_id_is_not_made(app: App):
    asked = {"from": await app.address(), "to": TO, "value": "0x5"}
    silent = {"jsonrpc": "2.0", "method": "eth_sendTransaction", "params": [asked]}
    answer = await app.counter.call("POST", app.path, silent, key="ask")
    assert answer.status_code == 204
    assert await transfers(app.counter) == []
