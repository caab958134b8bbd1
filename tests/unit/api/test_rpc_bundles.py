"""EIP-5792: bundles of calls, which are one call yet, under the app's own id."""

from __future__ import annotations

from typing import Any

import pytest

from custody.apikeys.model import Scope
from custody.apikeys.service import create_key
from custody.transfers.state import Event
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


def bundle(**changes: Any) -> dict[str, Any]:
    asked = {
        "version": "2.0.0",
        "chainId": CHAIN,
        "atomicRequired": False,
        "calls": [{"to": TO, "value": "0x5"}],
    }
    return {name: value for name, value in (asked | changes).items() if value is not None}


async def test_one_call_is_one_transfer_under_the_apps_own_id(app: App):
    named = bundle(id="0x1234")
    assert await app.ask("wallet_sendCalls", named) == {"id": "0x1234"}
    assert await app.ask("wallet_sendCalls", named) == {"id": "0x1234"}
    (row,) = await transfers(app.counter)
    other = bundle(id="0x1234", calls=[{"to": TO, "value": "0x6"}])
    assert (await app.refusal("wallet_sendCalls", other))["code"] == 5720
    status = await app.ask("wallet_getCallsStatus", "0x1234")
    assert (status["status"], status["atomic"], status["id"]) == (100, False, "0x1234")
    assert status["transfer"]["transfer"] == row.id
    assert await app.ask("wallet_showCallsStatus", "0x1234") is None
    for method in ("wallet_getCallsStatus", "wallet_showCallsStatus"):
        assert (await app.refusal(method, "0x9999"))["code"] == 5730
    await end(app.counter, row.id, Event.REJECT, "no")
    assert (await app.ask("wallet_getCallsStatus", "0x1234"))["status"] == 400


async def test_calls_without_an_id_are_given_ours(app: App):
    made = await app.ask("wallet_sendCalls", bundle())
    (row,) = await transfers(app.counter)
    assert made == {"id": row.id}
    await sent(app, row.id, "0x" + "ab" * 32)
    receipt = {
        "status": "0x1",
        "blockHash": "0x" + "01" * 32,
        "blockNumber": "0x5",
        "gasUsed": "0x5208",
        "transactionHash": "0x" + "ab" * 32,
        "logs": [{"address": TO, "data": "0x", "topics": [], "removed": False}],
        "from": TO,
    }
    app.node.says["eth_getTransactionReceipt"] = receipt
    status = await app.ask("wallet_getCallsStatus", row.id)
    assert status["status"] == 200
    (shown,) = status["receipts"]
    assert shown["logs"] == [{"address": TO, "data": "0x", "topics": []}]
    assert "from" not in shown
    app.node.says["eth_getTransactionReceipt"] = {**receipt, "status": "0x0"}
    assert (await app.ask("wallet_getCallsStatus", row.id))["status"] == 500
    app.node.says["eth_getTransactionReceipt"] = None
    assert (await app.ask("wallet_getCallsStatus", row.id))["status"] == 100


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"atomicRequired": True}, 5760),
        ({"atomicRequired": "no"}, -32602),
        ({"chainId": "0x1"}, 5710),
        ({"version": "1.0"}, -32602),
        ({"calls": []}, -32602),
        ({"calls": [{"to": TO}] * 2}, 5740),
        ({"calls": [{"to": TO, "gas": "0x1"}]}, -32602),
        ({"calls": [{"data": "0x12"}]}, 4200),
        ({"capabilities": {"paymasterService": {"url": "x"}}}, 5700),
        ({"capabilities": {"paymasterService": {"url": "x", "optional": False}}}, 5700),
        ({"calls": [{"to": TO, "value": "0x1", "capabilities": {"x": {}}}]}, 5700),
        ({"more": 1}, -32602),
        ({"id": 5}, -32602),
        ({"id": "x" * 8_195}, -32602),
        ({"from": TO}, 4100),
    ],
)
async def test_bundles_that_are_refused_make_nothing(app: App, changes: dict[str, Any], code: int):
    assert (await app.refusal("wallet_sendCalls", bundle(**changes)))["code"] == code
    assert await transfers(app.counter) == []


async def test_a_capability_that_is_optional_may_be_missing(app: App):
    wished = bundle(capabilities={"paymasterService": {"url": "x", "optional": True}})
    assert "id" in await app.ask("wallet_sendCalls", wished)


async def test_another_initiators_calls_are_not_shown(app: App, counter: Counter):
    made = await app.ask("wallet_sendCalls", bundle())
    async with counter.database.write() as session:
        other = await create_key(
            session,
            name="other",
            initiator="another",
            scopes=[Scope.ASK],
            client_id=None,
            now=counter.clock(),
        )
    stranger = App(counter, key=other.secret)
    assert (await stranger.refusal("wallet_getCallsStatus", made["id"]))["code"] == 5730
