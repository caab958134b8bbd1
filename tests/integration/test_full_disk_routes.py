"""Every route that writes says that the disk is full, whichever of its statements finds out: 503,
when to come back, and nothing is lost or done twice when there is space again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass

import httpx2
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from api.auth import api_routes
from chains.model import ConflictKey, Excludes, NetworkId
from custody.alarms.codes import AlarmCode
from custody.alarms.service import raise_alarm
from custody.db.outcome_tables import ContractStopRow
from custody.db.session import Database
from custody.db.transfer_tables import TransferRow
from custody.transactions import repository
from custody.transactions.claiming import Carried, carry, transaction_row
from custody.transactions.state import State
from custody.transfers.state import State as TransferState
from signer.agreement import Purpose
from tests.support.full_database import filled
from tests.unit.api.counter import OUTSIDE, Counter, opened
from tests.unit.api.rpc_app import App

EACH = 4
"""So many requests of every route at once: what shares a transaction fails together."""
PAGES = (0, 3, 8)
"""Free pages to begin with: each makes other statements the first that find none."""
ALIAS = "ethereum-local"
WORDS = "w" * 190
APPROVER = Ed25519PrivateKey.from_private_bytes(bytes([9] * 32))


@dataclass(frozen=True)
class Ask:
    path: str
    body: Mapping[str, object] | bytes
    scope: str


Prepare = Callable[[Counter, int], Awaitable[Ask]]


async def a_client(_counter: Counter, n: int) -> Ask:
    return Ask("/v1/clients", {"name": f"{WORDS} {n}"}, "admin")


async def a_vault(counter: Counter, n: int) -> Ask:
    return Ask("/v1/vaults", {"client_id": counter.client_id, "name": f"{WORDS} {n}"}, "admin")


async def an_address(counter: Counter, _n: int) -> Ask:
    path = f"/v1/vaults/{counter.vault_id}/addresses"
    return Ask(path, {"network": "bitcoin-regtest", "label": WORDS}, "receive")


async def a_transfer(counter: Counter, _n: int) -> Ask:
    return Ask("/v1/transfers", counter.transfer(note=WORDS), "transfer")


async def a_cancellation(counter: Counter, n: int) -> Ask:
    made = await waiting(counter, f"cancelled-{n}")
    return Ask(f"/v1/transfers/{made}/cancel", {}, "transfer")


async def a_speed_up(counter: Counter, n: int) -> Ask:
    """Of one that a node has, as far as the tables say."""
    transfer = await waiting(counter, f"sent-{n}")
    now, txid = counter.clock(), f"0x{n:064x}"
    async with counter.database.write() as session:
        row = await session.get(TransferRow, transfer)
        assert row is not None
        row.state = TransferState.IN_FLIGHT
        sent = transaction_row(Purpose.PAY, NetworkId(row.network), row.vault_id, now)
        sent.state, sent.txid, sent.source = State.BROADCAST, txid, "m"
        session.add(sent)
        await session.flush()
        await carry(session, [(sent, [Carried(transfer, 1, 1)])])
        key = ConflictKey(f"{row.network}/outpoint:{n}", Excludes.INCLUSION)
        await repository.claim(session, [(sent, [key])], now)
    return Ask(f"/v1/transfers/{transfer}/speed-up", {"txid": txid}, "transfer")


async def higher_costs(counter: Counter, n: int) -> Ask:
    approval = await an_approval(counter, EACH + n)
    made = approval.path.split("/")[3]
    await counter.post(approval.path, approval.body, "approve")
    return Ask(f"/v1/transfers/{made}/costs", {"costs_max": {"fee": "0.01"}}, "transfer")


async def an_approval(counter: Counter, n: int) -> Ask:
    made = await waiting(counter, f"approved-{n}")
    mandate = await counter.get(f"/v1/transfers/{made}/mandate")
    signature = APPROVER.sign(bytes.fromhex(mandate["approve_message"])).hex()
    body = {"approver": "bob", "verdict": "approve", "signature": signature}
    return Ask(f"/v1/transfers/{made}/approvals", body, "approve")


async def a_cleared_alarm(counter: Counter, n: int) -> Ask:
    async with counter.database.write() as session:
        await raise_alarm(
            session, AlarmCode.SURPLUS, "7", counter.clock(), network=NetworkId(f"n{n}")
        )
    newest = (await counter.get("/v1/alarms"))["items"][-1]["id"]
    return Ask(f"/v1/alarms/{newest}/clear", {"reason": WORDS}, "admin")


async def a_freeze(counter: Counter, n: int) -> Ask:
    return Ask(f"/v1/vaults/{await an_empty_vault(counter, n)}/freeze", {"reason": WORDS}, "admin")


async def an_unfreezing(counter: Counter, n: int) -> Ask:
    vault = await an_empty_vault(counter, n)
    await counter.post(f"/v1/vaults/{vault}/freeze", {"reason": WORDS}, "admin")
    body = {"reason": WORDS, "despite_difference": True}
    return Ask(f"/v1/vaults/{vault}/unfreeze", body, "admin")


async def a_fee_cap(counter: Counter, n: int) -> Ask:
    body = {"network": "ethereum-local", "amount": "0.5", "reason": WORDS}
    return Ask(f"/v1/vaults/{await an_empty_vault(counter, n)}/fee-caps", body, "admin")


async def a_refill_rule(counter: Counter, n: int) -> Ask:
    vault = await an_empty_vault(counter, n)
    await counter.post(f"/v1/vaults/{vault}/addresses", {"network": "ethereum-local"}, "receive")
    source = {"source_vault_id": counter.vault_id, "low": "1", "target": "2"}
    body = {"network": "ethereum-local", "asset": "eip155:31337/slip44:60", "refill": source}
    return Ask(f"/v1/vaults/{vault}/refill-rules", {**body, "reason": WORDS}, "transfer")


async def a_reconciliation(counter: Counter, n: int) -> Ask:
    body = {"network": "bitcoin-regtest", "vault_id": await an_empty_vault(counter, n)}
    return Ask("/v1/reconciliations", body, "admin")


async def a_pause(counter: Counter, n: int) -> Ask:
    body = {"vault_id": await an_empty_vault(counter, n), "reason": WORDS}
    return Ask("/v1/pauses", body, "admin")


async def a_resumption(counter: Counter, n: int) -> Ask:
    ask = await a_pause(counter, n)
    made = await counter.post(ask.path, ask.body, ask.scope)
    return Ask(f"/v1/pauses/{made['id']}/resume", {"reason": WORDS}, "admin")


async def a_hold(counter: Counter, n: int) -> Ask:
    deposit = await counter.come(700 + n, f"{n:064x}")
    return Ask(f"/v1/deposits/{deposit}/quarantine", {"reason": WORDS}, "compliance")


async def a_release(counter: Counter, n: int) -> Ask:
    ask = await a_hold(counter, n + 1_000)
    await counter.post(ask.path, ask.body, ask.scope)
    path = ask.path.replace("/quarantine", "/release")
    return Ask(path, {"reason": WORDS}, "compliance")


async def a_quarantine_rule(counter: Counter, n: int) -> Ask:
    body = {"vault_id": await an_empty_vault(counter, n), "reason": WORDS}
    return Ask("/v1/quarantine-rules", body, "compliance")


async def a_rules_end(counter: Counter, n: int) -> Ask:
    ask = await a_quarantine_rule(counter, n)
    made = await counter.post(ask.path, ask.body, ask.scope)
    return Ask(f"/v1/quarantine-rules/{made['id']}/end", {"reason": WORDS}, "compliance")


async def a_payout_file(counter: Counter, n: int) -> Ask:
    """Each of other lines: the same ones would be the same file."""
    line = {"destination": OUTSIDE["ethereum-local"], "amount": "0.5", "note": f"{WORDS} {n}"}
    path = f"/v1/payout-files?vault_id={counter.vault_id}&network=ethereum-local"
    return Ask(path, json.dumps(line).encode() + b"\n", "transfer")


async def a_call(counter: Counter, _n: int) -> Ask:
    """A payment, in the words of a call: it needs no description."""
    told = {"contract": OUTSIDE[ALIAS], "data": "0x", "value": "0.0001", "note": WORDS}
    return Ask("/v1/calls", {"vault_id": counter.vault_id, "network": ALIAS, **told}, "transfer")


async def a_message(counter: Counter, n: int) -> Ask:
    said = {"network": ALIAS, "text": f"{WORDS} {n}"}
    return Ask("/v1/messages", {"vault_id": counter.vault_id, **said}, "transfer")


async def a_revocation(counter: Counter, n: int) -> Ask:
    return Ask(f"/v1/vaults/{await an_empty_vault(counter, n)}/allowances/revoke", {}, "transfer")


async def a_lifted_stop(counter: Counter, n: int) -> Ask:
    transfer = await waiting(counter, f"stopped-{n}")
    async with counter.database.write() as session:
        session.add(
            ContractStopRow(
                id=f"cst_{n:026}",
                vault_id=counter.vault_id,
                network="eip155:31337",
                contract=OUTSIDE[ALIAS],
                transfer_id=transfer,
                reason=WORDS,
                open_key=f"{n}",
                created_at=counter.clock(),
            )
        )
    return Ask(f"/v1/contract-stops/cst_{n:026}/lift", {"reason": WORDS}, "admin")


async def a_token(counter: Counter, n: int) -> Ask:
    path = f"/v1/vaults/{counter.vault_id}/rpc-tokens"
    return Ask(path, {"network": ALIAS, "origins": [f"https://app-{n}.example.org"]}, "ask")


async def a_revoked_token(counter: Counter, n: int) -> Ask:
    ask = await a_token(counter, n)
    made = await counter.post(ask.path, ask.body, ask.scope)
    return Ask(f"{ask.path}/{made['id']}/revoke", {}, "ask")


async def an_app(counter: Counter, n: int) -> Ask:
    """Of JSON-RPC: what is wrong stands in the answer, whose status is 200."""
    path = f"/v1/vaults/{counter.vault_id}/rpc/{ALIAS}"
    return Ask(path, await _payment_of_an_app(counter, 100 + n), "ask")


async def an_app_with_a_token(counter: Counter, n: int) -> Ask:
    made = await counter.post(
        f"/v1/vaults/{counter.vault_id}/rpc-tokens", {"network": ALIAS, "origins": []}, "ask"
    )
    return Ask(made["path"], await _payment_of_an_app(counter, 200 + n), "ask")


async def _payment_of_an_app(counter: Counter, value: int) -> dict[str, object]:
    gas = {"gas": "0x5208", "maxFeePerGas": "0x3b9aca00", "maxPriorityFeePerGas": "0x1"}
    sender = await App(counter).address()
    asked = {"from": sender, "to": OUTSIDE[ALIAS], "value": hex(value), **gas}
    return {"jsonrpc": "2.0", "id": value, "method": "eth_sendTransaction", "params": [asked]}


ROUTES: Mapping[str, Prepare] = {
    "/v1/clients": a_client,
    "/v1/vaults": a_vault,
    "/v1/vaults/{vault_id}/addresses": an_address,
    "/v1/transfers": a_transfer,
    "/v1/transfers/{transfer_id}/cancel": a_cancellation,
    "/v1/transfers/{transfer_id}/speed-up": a_speed_up,
    "/v1/transfers/{transfer_id}/costs": higher_costs,
    "/v1/transfers/{transfer_id}/approvals": an_approval,
    "/v1/payout-files": a_payout_file,
    "/v1/alarms/{alarm_id}/clear": a_cleared_alarm,
    "/v1/vaults/{vault_id}/freeze": a_freeze,
    "/v1/vaults/{vault_id}/unfreeze": an_unfreezing,
    "/v1/vaults/{vault_id}/fee-caps": a_fee_cap,
    "/v1/deposits/{deposit_id}/quarantine": a_hold,
    "/v1/deposits/{deposit_id}/release": a_release,
    "/v1/quarantine-rules": a_quarantine_rule,
    "/v1/quarantine-rules/{rule_id}/end": a_rules_end,
    "/v1/vaults/{vault_id}/refill-rules": a_refill_rule,
    "/v1/reconciliations": a_reconciliation,
    "/v1/pauses": a_pause,
    "/v1/pauses/{pause_id}/resume": a_resumption,
    "/v1/calls": a_call,
    "/v1/messages": a_message,
    "/v1/vaults/{vault_id}/allowances/revoke": a_revocation,
    "/v1/contract-stops/{stop_id}/lift": a_lifted_stop,
    "/v1/vaults/{vault_id}/rpc-tokens": a_token,
    "/v1/vaults/{vault_id}/rpc-tokens/{token_id}/revoke": a_revoked_token,
    "/v1/vaults/{vault_id}/rpc/{network}": an_app,
    "/v1/rpc/{token}": an_app_with_a_token,
}


async def waiting(counter: Counter, name: str) -> str:
    """A transfer that waits for an approval."""
    made = await counter.send(counter.transfer(note=WORDS), name)
    assert made.json()["state"] == "awaiting_approval"
    return str(made.json()["id"])


async def an_empty_vault(counter: Counter, n: int) -> str:
    body = {"client_id": counter.client_id, "name": f"{n}"}
    return str((await counter.post("/v1/vaults", body, "admin"))["id"])


@pytest_asyncio.fixture
async def counter(sqlite_url: str) -> AsyncIterator[Counter]:
    database = Database(sqlite_url)
    async with opened(database) as made:
        credential = {"kind": "ed25519", "key": APPROVER.public_key().public_bytes_raw().hex()}
        made.use_policy(
            persons=[{"id": "bob", "credentials": [credential]}],
            groups=[{"id": "treasury", "members": ["bob"]}],
            scope={"actions": ["transfer", "sign"]},
            grant={
                "approvals": {"order": "any", "needs": [{"group": "treasury", "count": 1}]},
                "messages": [{"kind": "eip-191", "domains": ["anybody"]}],
            },
        )
        made.app.state.services.reconciliation._patience_s = 0.01
        yield made
    await database.close()


async def test_every_writing_route_is_tried(counter: Counter):
    writing = {
        str(route.path) for route in api_routes(counter.app) if "POST" in (route.methods or ())
    } - {"/v1/transfers:estimate", "/v1/calls:estimate"}  # which change nothing
    assert writing == set(ROUTES)


@pytest.mark.parametrize("pages", PAGES)
async def test_a_full_disk_is_503_on_every_route(counter: Counter, pages: int):
    asked = [await prepare(counter, n) for prepare in ROUTES.values() for n in range(EACH)]
    async with filled(counter.database, pages):
        told = await everybody(counter, asked)
        assert [
            (asked[at].path, answer.text)
            for at, answer in told.items()
            if answer.status_code not in (200, 201, 202, 503)
        ] == []
        for answer in told.values():
            if answer.status_code == 503:
                assert answer.json()["code"] in ("storage_full", "database_unavailable")
                assert int(answer.headers["Retry-After"]) > 0
        assert 503 in {answer.status_code for answer in told.values()}
        ready = await counter.call("GET", "/ready", key=None)
        assert (ready.status_code, ready.json()["database"]) == (503, "full")
    assert (await counter.call("GET", "/ready", key=None)).json()["database"] == "ok"
    refused = [asked[at] for at, answer in told.items() if answer.status_code == 503]
    again = await everybody(counter, refused)
    done = (200, 201, 202, 409)
    assert [a.text for a in again.values() if a.status_code not in done] == []


async def send(counter: Counter, ask: Ask, retry_key: str) -> httpx2.Response:
    headers = {"Idempotency-Key": retry_key}
    if isinstance(ask.body, bytes):
        headers["Content-Type"] = "application/jsonl"
        return await counter.call(
            "POST", ask.path, content=ask.body, key=ask.scope, headers=headers
        )
    return await counter.call("POST", ask.path, ask.body, key=ask.scope, headers=headers)


async def everybody(counter: Counter, asked: list[Ask]) -> dict[int, httpx2.Response]:
    """All at once, each with a retry key of its own."""
    answers = await asyncio.gather(*(send(counter, ask, f"k{at}") for at, ask in enumerate(asked)))
    return dict(enumerate(answers))
