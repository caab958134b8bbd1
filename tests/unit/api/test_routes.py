"""The routes doing what they should: what is created is found again, paged, and only by its own."""

from __future__ import annotations

import re
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import select

from api.auth import api_routes, undeclared_routes
from api.paging import decode_cursor, encode_cursor
from custody.apikeys.model import Scope
from custody.apikeys.service import list_keys
from custody.db.ids import new_id
from custody.db.tables import (
    AddressRow,
    ApiKeyRow,
    BlockRow,
    DepositRow,
    IdempotencyRow,
    LedgerEntryRow,
)
from signer.wire import STOPPED, Notice, Verdict, approval_message
from tests.unit.api.counter import ALIASES, OUTSIDE, Counter


async def test_every_route_under_v1_declares_one_scope(counter: Counter):
    paths = [str(route.path) for route in api_routes(counter.app)]
    assert len([path for path in paths if path.startswith("/v1")]) == 94
    assert undeclared_routes(counter.app) == []
    counter.app.add_api_route("/v1/forgotten", lambda: None)
    try:
        assert undeclared_routes(counter.app) == ["/v1/forgotten"]
    finally:
        counter.app.router.routes.pop()


async def test_networks_and_assets(counter: Counter):
    networks = (await counter.get("/v1/networks"))["items"]
    assert [each["alias"] for each in networks] == list(ALIASES)
    for each in networks:
        for name in (each["id"], each["alias"]):
            assert (await counter.get(f"/v1/networks/{name}"))["id"] == each["id"]
        asset = each["native_asset"]
        assert await counter.get(f"/v1/assets/{asset['id']}") == asset
    assets = (await counter.get("/v1/assets"))["items"]
    assert assets == [each["native_asset"] for each in networks]
    finality = {each["alias"]: each["finality"] for each in networks}
    assert finality["tron-local"]["node"] and finality["tron-local"]["confirmations"] is None
    assert not finality["bitcoin-regtest"]["node"]
    assert finality["bitcoin-regtest"]["confirmations"] == 3


async def test_a_client_a_vault_and_its_addresses(counter: Counter):
    client = await counter.post("/v1/clients", {"name": "Second"}, "admin")
    body = {"client_id": client["id"], "name": "Cold"}
    vault = await counter.post("/v1/vaults", body, "admin")
    path = f"/v1/vaults/{vault['id']}/addresses"
    made = [
        await counter.post(path, {"network": "bitcoin-regtest", **more}, "receive")
        for more in ({}, {"label": "rent"}, {"address_type": "p2tr"})
    ]
    assert [(each["address_type"], each["position"], each["label"]) for each in made] == [
        ("p2wpkh", 0, None),
        ("p2wpkh", 1, "rent"),
        ("p2tr", 0, None),
    ]
    assert made[2]["address"].startswith("bcrt1p")
    assert await counter.get(f"/v1/clients/{client['id']}") == client
    assert await counter.get(f"/v1/vaults/{vault['id']}") == vault
    assert (await counter.get(path))["items"] == made
    assert (await counter.get(f"{path}?network=tron-local"))["items"] == []
    assert await counter.get(f"/v1/addresses/{made[1]['id']}") == made[1]
    listed = (await counter.get(f"/v1/vaults?client_id={client['id']}"))["items"]
    assert listed == [vault]


async def test_an_address_is_attested_by_the_signer(counter: Counter):
    address = (await counter.get(f"/v1/vaults/{counter.vault_id}/addresses"))["items"][0]
    found = await counter.get(f"/v1/addresses/{address['id']}/attestation")
    assert (found["address"], found["path"]) == (address["address"], address["path"])
    assert found["signature"] == "07" * 64


async def test_a_vault_shows_no_change_addresses(counter: Counter):
    await counter.app.state.services.vaults.create_addresses(
        counter.vault_id, counter.custody.networks.__iter__().__next__(), change=True
    )
    async with counter.database.read() as session:
        change = await session.one(select(AddressRow.id).where(AddressRow.change.is_(True)))
    addresses = (await counter.get(f"/v1/vaults/{counter.vault_id}/addresses"))["items"]
    assert change not in [each["id"] for each in addresses]
    assert (await counter.call("GET", f"/v1/addresses/{change}")).status_code == 404


@pytest.mark.parametrize("path", ["/v1/clients", "/v1/vaults", "/v1/vaults/{vault}/addresses"])
async def test_creating_with_a_retry_key_happens_once(counter: Counter, path: str):
    path = path.replace("{vault}", counter.vault_id)
    bodies = {
        "clients": ({"name": "One"}, {"name": "Two"}),
        "vaults": (
            {"client_id": counter.client_id, "name": "One"},
            {"client_id": counter.client_id, "name": "Two"},
        ),
        "addresses": ({"network": "bsc-local"}, {"network": "tron-local"}),
    }[path.rpartition("/")[2]]
    key = "receive" if "addresses" in path else "admin"
    headers = {"Idempotency-Key": "same"}
    first = await counter.call("POST", path, bodies[0], key=key, headers=headers)
    before = await counter.tables()
    again = await counter.call("POST", path, bodies[0], key=key, headers=headers)
    other = await counter.call("POST", path, bodies[1], key=key, headers=headers)
    assert (first.status_code, again.status_code, other.status_code) == (201, 201, 409)
    assert again.content == first.content
    assert await counter.tables() == before
    without = await counter.call("POST", path, bodies[0], key=key)
    assert without.json()["id"] != first.json()["id"]


async def test_balances(counter: Counter):
    await counter.send(counter.transfer(amount="0.05", fee_max="0.0005"))
    asset = (await counter.get("/v1/networks/bitcoin-regtest"))["native_asset"]["id"]
    for path in (
        f"/v1/vaults/{counter.vault_id}/balances",
        f"/v1/clients/{counter.client_id}/balances",
        "/v1/balances",
    ):
        assert len((await counter.get(path))["items"]) == 5
        (found,) = (await counter.get(f"{path}?asset={asset}"))["items"]
        assert found["reserved"] == {"amount": "0.0505", "amount_base_units": "5050000"}
        assert found["available"]["amount_base_units"] == str(10**18 - 5_050_000)
        assert found["unswept"] == found["locked"] == found["pending"]
        assert found["symbol"] == "BTC"


async def test_what_was_never_held_is_shown_as_zero(counter: Counter):
    body = {"client_id": counter.client_id, "name": "Empty"}
    vault = await counter.post("/v1/vaults", body, "admin")
    items = (await counter.get(f"/v1/vaults/{vault['id']}/balances"))["items"]
    assert [each["available"]["amount"] for each in items] == ["0"] * 5


async def test_how_old_a_balance_is(counter: Counter):
    network = next(iter(counter.custody.networks))
    node = counter.nodes[network]
    await node.mine(3)
    async with counter.database.write() as session:
        for block in node.chain[:3]:
            session.add(
                BlockRow(
                    network=network,
                    height=block.ref.height,
                    hash=block.ref.hash,
                    timestamp=0,
                    connected_at=counter.clock(),
                )
            )

    async def as_of() -> dict[str, Any]:
        items = (await counter.get("/v1/balances"))["items"]
        found: dict[str, Any] = next(i for i in items if i["network"] == network)["as_of"]
        return found

    fresh = await as_of()
    assert (fresh["height"], fresh["hash"]) == (2, node.chain[2].ref.hash)
    assert (fresh["time"], fresh["stale"]) == ("2026-03-02T06:00:00Z", False)
    counter.clock.forward(minutes=2)
    assert (await as_of())["stale"] is True  # the node has had block 3 for two minutes


async def test_a_transfer_from_its_creation_to_its_cancellation(counter: Counter):
    body = counter.transfer("ethereum-local", amount="0.5", note="payout 17")
    answer = await counter.send(body)
    made = answer.json()
    assert answer.status_code == 201
    assert (made["state"], made["symbol"], made["note"]) == ("approved", "ETH", "payout 17")
    assert (made["amount"], made["amount_base_units"]) == ("0.5", "5" + "0" * 17)
    most = {"amount": "0.005", "amount_base_units": "5" + "0" * 15}
    assert made["costs_max"] == {"fee": most}
    (terms,) = made["mandates"]
    assert (terms["version"], terms["state"], terms["costs_max"]) == (1, "agreed", {"fee": most})
    assert (made["transactions"], made["memo"], made["retry_of"]) == ([], None, None)
    assert counter.woken == 1
    found = await counter.get(f"/v1/transfers/{made['id']}")
    events = found.pop("events")
    assert found == made
    assert [(each["event"], each["state"]) for each in events] == [("accept", "approved")]
    listed = (await counter.get("/v1/transfers?network=ethereum-local&state=approved"))["items"]
    assert listed == [made]
    cancelled = await counter.post(f"/v1/transfers/{made['id']}/cancel", None, "transfer")
    assert (cancelled["state"], cancelled["reason"]) == ("cancelled", "by robot")
    again = await counter.post(f"/v1/transfers/{made['id']}/cancel", None, "transfer")
    assert again == cancelled
    items = (await counter.get(f"/v1/vaults/{counter.vault_id}/balances"))["items"]
    assert {each["reserved"]["amount"] for each in items} == {"0"}


async def test_what_a_transfer_may_cost_is_raised_by_another_version(counter: Counter):
    made = (await counter.send(counter.transfer("ethereum-local", amount="0.5"))).json()
    path = f"/v1/transfers/{made['id']}/costs"
    after = await counter.post(path, {"costs_max": {"fee": "0.01"}}, "transfer")
    assert [each["version"] for each in after["mandates"]] == [1, 2]
    assert after["costs_max"]["fee"]["amount"] == "0.01"
    assert len({each["digest"] for each in after["mandates"]}) == 2
    for body, status, code in (
        ({"costs_max": {"fee": "0.01"}}, 422, "costs_not_raised"),
        ({"costs_max": {}}, 422, "field_invalid"),
        ({"costs_max": {"bribe": "1"}}, 422, None),
        ({"costs_max": {"fee": "0"}}, 422, "amount_zero"),
    ):
        refused = await counter.call("POST", path, body, key="transfer")
        assert refused.status_code == status, refused.json()
        assert code in (None, refused.json()["code"]), refused.json()
    assert await counter.get(f"/v1/transfers/{made['id']}/mandate?version=1") != (
        await counter.get(f"/v1/transfers/{made['id']}/mandate")
    )


@pytest.mark.parametrize("alias", ALIASES)
async def test_base_units_and_decimals_are_the_same_transfer(counter: Counter, alias: str):
    decimals = {"bitcoin": 8, "tron": 6, "solana": 9}.get(alias.partition("-")[0], 18)
    by_unit = await counter.send(counter.transfer(alias, amount="0.25"), "a")
    body = counter.transfer(alias, amount=None, amount_base_units=str(10**decimals // 4))
    by_base = await counter.send(body, "b")
    fields = ("amount", "amount_base_units", "costs_max", "destination", "state")
    assert [by_unit.json()[name] for name in fields] == [by_base.json()[name] for name in fields]
    assert by_unit.json()["destination"] == OUTSIDE[alias]


async def test_lists_are_pages_that_stay_put_while_rows_are_added(counter: Counter):
    made = [(await counter.send(counter.transfer(), f"k{n}")).json()["id"] for n in range(5)]
    first = await counter.get("/v1/transfers?limit=2")
    await counter.send(counter.transfer(), "later")
    seen = [each["id"] for each in first["items"]]
    cursor = first["next_cursor"]
    while cursor is not None:
        page = await counter.get(f"/v1/transfers?limit=2&cursor={cursor}")
        assert len(page["items"]) <= 2
        seen += [each["id"] for each in page["items"]]
        cursor = page["next_cursor"]
    assert seen[:5] == made
    assert len(set(seen)) == len(seen) == 6
    path = f"/v1/vaults/{counter.vault_id}/addresses?limit=1"
    positions = 0
    page = await counter.get(path)
    while page["next_cursor"]:
        positions += 1
        page = await counter.get(f"{path}&cursor={page['next_cursor']}")
    assert positions == len(ALIASES) - 1


@pytest.mark.parametrize("last_id", ["tfr_01k9zv7e5f6g7h8j9k0m1n2p3q", "seq_1", "seq_99999999999"])
def test_cursors_there_and_back(last_id: str):
    assert decode_cursor(encode_cursor(last_id)) == last_id


async def test_deposits(counter: Counter):
    deposit_id = await _insert_deposit(counter)
    (found,) = (await counter.get("/v1/deposits"))["items"]
    assert await counter.get(f"/v1/deposits/{deposit_id}") == found
    assert (found["amount"], found["amount_base_units"]) == ("0.0000125", "1250")
    assert found["state"] == "pending"
    own = (await counter.get(f"/v1/vaults/{counter.vault_id}/addresses"))["items"][0]
    assert found["address"] == own["address"]
    assert found["block"] == {"height": 7, "hash": "aa"}
    queries = {f"vault_id={counter.vault_id}": 1, "network=bsc-local": 0, "state=credited": 0}
    for query, count in queries.items():
        assert len((await counter.get(f"/v1/deposits?{query}"))["items"]) == count


async def _insert_deposit(counter: Counter, txid: str = "bb" * 32) -> str:
    async with counter.database.write() as session:
        address = await session.one(
            select(AddressRow).where(AddressRow.vault_id == counter.vault_id).limit(1)
        )
        entry = await session.one(select(LedgerEntryRow.id).limit(1))
        row = DepositRow(
            id=new_id("dep"),
            network=address.network,
            asset=counter.custody.networks[address.network].native.id,  # type: ignore[index]
            client_id=counter.client_id,
            vault_id=counter.vault_id,
            address_id=address.id,
            txid=txid,
            place="output:0",
            amount=1250,
            state="pending",
            block_height=7,
            block_hash="aa",
            final_height=9,
            reservation_id=entry,
            created_at=counter.clock(),
            decided_at=None,
        )
        session.add(row)
    return row.id


async def test_a_key_of_one_client_sees_nothing_of_another(counter: Counter):
    """Everything of the first client's, asked for with the second's key, is a 404 like any."""
    await _insert_deposit(counter)
    transfer = (await counter.send(counter.transfer())).json()["id"]
    other = (await counter.post("/v1/clients", {"name": "Other"}, "admin"))["id"]
    key = await counter.new_key(*Scope, client_id=other)
    address = (await counter.get(f"/v1/vaults/{counter.vault_id}/addresses"))["items"][0]["id"]
    deposit = (await counter.get("/v1/deposits"))["items"][0]["id"]
    hidden = [
        ("GET", f"/v1/clients/{counter.client_id}"),
        ("GET", f"/v1/clients/{counter.client_id}/balances"),
        ("GET", f"/v1/vaults/{counter.vault_id}"),
        ("GET", f"/v1/vaults/{counter.vault_id}/addresses"),
        ("GET", f"/v1/vaults/{counter.vault_id}/balances"),
        ("GET", f"/v1/vaults?client_id={counter.client_id}"),
        ("GET", f"/v1/addresses/{address}"),
        ("GET", f"/v1/addresses/{address}/attestation"),
        ("GET", f"/v1/deposits/{deposit}"),
        ("GET", f"/v1/deposits?vault_id={counter.vault_id}"),
        ("GET", f"/v1/transfers/{transfer}"),
        ("GET", f"/v1/transfers/{transfer}/mandate"),
        ("GET", f"/v1/transfers?vault_id={counter.vault_id}"),
        ("POST", f"/v1/transfers/{transfer}/cancel"),
    ]
    for method, path in hidden:
        real = await counter.call(method, path, key=key)
        imaginary = re.sub(r"_[0-9a-z]{26}", "_" + "0" * 26, path)
        assert real.status_code == 404, path
        assert real.content == (await counter.call(method, imaginary, key=key)).content
    lists = ("/v1/vaults", "/v1/deposits", "/v1/transfers", "/v1/approvals")
    for path in lists:
        assert (await counter.get(path, key))["items"] == []
    assert [each["id"] for each in (await counter.get("/v1/clients", key))["items"]] == [other]
    items = (await counter.get("/v1/balances", key))["items"]
    assert {each["available"]["amount"] for each in items} == {"0"}
    body = {"client_id": counter.client_id, "name": "Mine"}
    assert (await counter.call("POST", "/v1/vaults", body, key=key)).status_code == 404
    body = {"name": "Third"}
    answer = await counter.call("POST", "/v1/clients", body, key=key)
    assert (answer.status_code, answer.json()["code"]) == (403, "key_bound_to_client")


async def test_approvals_from_list_to_verdict(counter: Counter):
    key = Ed25519PrivateKey.from_private_bytes(bytes([9] * 32))
    credential = {"kind": "ed25519", "key": key.public_key().public_bytes_raw().hex()}
    person = {"id": "bob", "credentials": [credential]}
    counter.use_policy(
        persons=[person],
        groups=[{"id": "treasury", "members": ["bob"]}],
        grant={"approvals": {"order": "any", "needs": [{"group": "treasury", "count": 1}]}},
    )
    made = (await counter.send(counter.transfer())).json()
    assert made["state"] == "awaiting_approval"
    (waiting,) = (await counter.get("/v1/approvals?approver=bob"))["items"]
    assert waiting["transfer"] == made
    assert waiting["needs"] == [{"group": "treasury", "count": 1}]
    assert (await counter.get("/v1/approvals?approver=eve"))["items"] == []
    mandate = await counter.get(f"/v1/transfers/{made['id']}/mandate")
    assert (mandate["version"], waiting["version"]) == (1, 1)
    assert mandate["digest"] == made["mandates"][0]["digest"]
    assert made["mandates"][0]["state"] == "offered"
    digest = bytes.fromhex(mandate["digest"])
    assert mandate["approve_message"] == approval_message(digest, Verdict.APPROVE).hex()
    body = {"approver": "bob", "verdict": "approve", "signature": "00" * 64}
    path = f"/v1/transfers/{made['id']}/approvals"
    wrong = await counter.call("POST", path, body, key="approve")
    assert (wrong.status_code, wrong.json()["code"]) == (403, "approval_signature_invalid")
    body["signature"] = key.sign(bytes.fromhex(mandate["approve_message"])).hex()
    assert (await counter.post(path, body, "approve"))["state"] == "approved"
    assert (await counter.get("/v1/approvals"))["items"] == []
    events = (await counter.get(f"/v1/transfers/{made['id']}"))["events"]
    assert [each["event"] for each in events] == ["ask", "accept"]


async def test_health_and_readiness(counter: Counter):
    assert (await counter.call("GET", "/health", key=None)).json() == {"status": "ok"}
    answer = await counter.call("GET", "/ready", key=None)
    ready = answer.json()
    assert answer.status_code == 200
    assert (ready["ready"], ready["database"], ready["signer"]) == (True, "ok", "ok")
    assert [node["network"] for node in ready["nodes"]] == list(ALIASES)
    assert {node["state"] for node in ready["nodes"]} == {"reachable"}
    counter.signer.warnings = (Notice(STOPPED, "stopped by adm-1: a laptop was stolen"),)
    answer = await counter.call("GET", "/ready", key=None)
    assert (answer.status_code, answer.json()["signer"]) == (200, "stopped")
    counter.signer.away = True
    answer = await counter.call("GET", "/ready", key=None)
    assert (answer.status_code, answer.json()["signer"]) == (503, "unavailable")


async def test_every_answer_has_an_id_and_safe_headers(counter: Counter):
    for path in ("/health", "/v1/networks", "/nowhere", "/docs"):
        answer = await counter.call("GET", path, headers={"X-Request-Id": "trace-7"})
        assert answer.headers["x-request-id"] == "trace-7"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
    answer = await counter.call("GET", "/health", headers={"X-Request-Id": "a\tb"})
    assert re.fullmatch(r"req_[0-9a-f]{24}", answer.headers["x-request-id"])


async def test_the_documentation_page_needs_no_other_host(counter: Counter):
    for path, kind in {
        "/docs": "text/html",
        "/docs/page.js": "text/javascript",
        "/docs/page.css": "text/css",
    }.items():
        answer = await counter.call("GET", path, key=None)
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith(kind)
        assert "://" not in answer.text
    document = (await counter.call("GET", "/openapi.json", key=None)).json()
    assert document["openapi"].startswith("3.1")


async def test_api_keys_are_stored_as_digests(counter: Counter):
    secret = await counter.new_key("read", "transfer", client_id=counter.client_id)
    async with counter.database.read() as session:
        rows = await list_keys(session)
        stored = await session.all(select(ApiKeyRow))
        answers = await session.all(select(IdempotencyRow))
    assert len(rows) == len(Scope) + 1
    everything = repr([vars(row) for row in [*stored, *answers]])
    assert secret not in everything
    assert secret.rpartition("_")[2] not in everything
    row = next(row for row in rows if row.client_id)
    assert (row.scopes, row.id) == ("read transfer", f"key_{secret.split('_')[1]}")
