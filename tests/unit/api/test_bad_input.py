"""Bad input gets a clear problem and changes nothing: not one row in any table."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import httpx2
import pytest

from custody.apikeys.service import revoke_key
from tests.unit.api.counter import Counter

NOBODY = "0" * 26


def problem(answer: httpx2.Response) -> dict[str, Any]:
    """The document, once it is one: RFC 9457 with our members, and no trace of the inside."""
    assert answer.headers["content-type"] == "application/problem+json"
    found: dict[str, Any] = answer.json()
    assert found["status"] == answer.status_code
    assert {"type", "title", "status", "code", "detail"} <= found.keys()
    assert found["code"].replace("_", "").isalpha()
    assert found["detail"]
    assert "Traceback" not in answer.text
    return found


async def refused(
    counter: Counter, send: Awaitable[httpx2.Response], status: int, code: str, pointer: str = ""
) -> dict[str, Any]:
    before = await counter.tables()
    answer = await send
    found = problem(answer)
    assert (answer.status_code, found["code"]) == (status, code), answer.text
    if pointer:
        assert found["errors"][0]["pointer"] == pointer
    assert await counter.tables() == before
    return found


# Addresses: each kind of mistake on each network. The good ones are in `counter.OUTSIDE`.
ADDRESSES = """
bitcoin-regtest  address_malformed      nonsense
bitcoin-regtest  address_checksum       bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt08q
bitcoin-regtest  address_wrong_network  bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4
bitcoin-regtest  address_wrong_network  1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2
bitcoin-regtest  address_wrong_network  0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed
ethereum-local   address_malformed      0x5aAeb6053F3E94C9b9A09f33669435E7Ef1Be
ethereum-local   address_checksum       0x5AAeb6053F3E94C9b9A09f33669435E7Ef1BeAed
ethereum-local   address_wrong_network  TLa2f6VPqDgRE67v1736s7bJ8Ray5wYjU7
ethereum-local   address_zero           0x0000000000000000000000000000000000000000
bsc-local        address_zero           0x0000000000000000000000000000000000000000
tron-local       address_malformed      TLa2f6VPqDgRE67v1736s7bJ8Ray5w0jU7
tron-local       address_checksum       TLa2f6VPqDgRE67v1736s7bJ8Ray5wYjU8
tron-local       address_wrong_network  bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080
tron-local       address_zero           T9yD14Nj9j7xAB4dbGeiX9h8unkKHxuWwb
solana-local     address_malformed      4Nd1mBQtrMJVYVfKf2PJy9NZUZdTAsp7D4xWLs4gDB4
solana-local     address_wrong_network  0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed
solana-local     address_zero           11111111111111111111111111111111
"""


@pytest.mark.parametrize("line", ADDRESSES.strip().splitlines())
async def test_addresses(counter: Counter, line: str):
    alias, code, text = line.split()
    body = counter.transfer(alias, destination=text)
    await refused(counter, counter.send(body), 422, code, "/destination")


AMOUNTS = [
    ({"amount": "0"}, "amount_zero", "/amount"),
    ({"amount": "0.00000000"}, "amount_zero", "/amount"),
    ({"amount": "-1"}, "amount_negative", "/amount"),
    ({"amount": "0.000000001"}, "amount_too_many_decimals", "/amount"),
    ({"amount": "1e3"}, "amount_malformed", "/amount"),
    ({"amount": "1,5"}, "amount_malformed", "/amount"),
    ({"amount": "NaN"}, "amount_malformed", "/amount"),
    ({"amount": ""}, "field_invalid", "/amount"),
    ({"amount": 1}, "field_wrong_type", "/amount"),
    ({"amount": 0.5}, "field_wrong_type", "/amount"),
    ({"amount": "21000001"}, "amount_above_maximum", "/amount"),
    ({"amount": "0.00000293"}, "amount_dust", "/amount"),
    ({"amount": None}, "amount_ambiguous", ""),
    ({"amount": "1", "amount_base_units": "1"}, "amount_ambiguous", ""),
    ({"amount": None, "amount_base_units": "1.0"}, "amount_malformed", "/amount_base_units"),
    ({"amount": None, "amount_base_units": "0"}, "amount_zero", "/amount_base_units"),
    ({"amount": None, "amount_base_units": 5}, "field_wrong_type", "/amount_base_units"),
    ({"fee_max": "0"}, "amount_zero", "/fee_max"),
    ({"fee_max": "0.000000001"}, "amount_too_many_decimals", "/fee_max"),
    ({"fee_max_base_units": "-5"}, "amount_negative", "/fee_max_base_units"),
    ({"fee_max": "1", "fee_max_base_units": "5"}, "amount_ambiguous", ""),
]


@pytest.mark.parametrize(("changes", "code", "pointer"), AMOUNTS, ids=lambda value: str(value))
async def test_amounts(counter: Counter, changes: dict[str, Any], code: str, pointer: str):
    await refused(counter, counter.send(counter.transfer(**changes)), 422, code, pointer)


@pytest.mark.parametrize(
    ("changes", "status", "code", "pointer"),
    [
        ({"network": "nowhere"}, 422, "network_unknown", "/network"),
        ({"network": "bitcoin"}, 422, "network_unknown", "/network"),
        ({"network": "x\0"}, 422, "text_unprintable", "/network"),
        ({"asset": "eip155:1/slip44:60"}, 422, "asset_unknown", "/asset"),
        ({"vault_id": f"vlt_{NOBODY}"}, 404, "vault_not_found", "/vault_id"),
        ({"vault_id": "vlt"}, 422, "field_invalid", "/vault_id"),
        ({"colour": "blue"}, 422, "field_unknown", "/colour"),
        ({"call": {"contract": "0x", "function": "f"}}, 422, "field_unknown", "/call"),
        ({"Amount": "1"}, 422, "field_unknown", "/Amount"),
        ({"note": "x" * 501}, 422, "field_invalid", "/note"),
        ({"note": "\u0007"}, 422, "text_unprintable", "/note"),
        ({"destination": ["a"]}, 422, "field_wrong_type", "/destination"),
    ],
    ids=str,
)
async def test_bodies(
    counter: Counter, changes: dict[str, Any], status: int, code: str, pointer: str
):
    await refused(counter, counter.send(counter.transfer(**changes)), status, code, pointer)


async def test_a_missing_field_is_named(counter: Counter):
    body = counter.transfer(destination=None)
    found = await refused(counter, counter.send(body), 422, "field_missing", "/destination")
    assert found["errors"] == [
        {"pointer": "/destination", "code": "field_missing", "detail": "Field required"}
    ]


async def test_another_clients_vault_looks_like_none(counter: Counter):
    other = (await counter.post("/v1/clients", {"name": "Other"}, "admin"))["id"]
    bound = await counter.new_key("transfer", "read", client_id=other)
    foreign = await refused(
        counter, counter.send(counter.transfer(), key=bound), 404, "vault_not_found"
    )
    body = counter.transfer(vault_id=f"vlt_{NOBODY}")
    assert await refused(counter, counter.send(body, key=bound), 404, "vault_not_found") == foreign


# What money and state say is stored under the retry key, and nowhere else.


async def test_above_balance(counter: Counter):
    before = await counter.tables()
    answer = await counter.send(counter.transfer("tron-local", amount="2000000000000"))
    assert (answer.status_code, problem(answer)["code"]) == (422, "amount_above_balance")
    after = await counter.tables()
    assert len(after.pop("idempotency")) == len(before.pop("idempotency")) + 1
    assert after == before


async def test_the_vault_itself(counter: Counter):
    own = (await counter.get(f"/v1/vaults/{counter.vault_id}/addresses"))["items"][0]
    before = await counter.tables()
    answer = await counter.send(counter.transfer(destination=own["address"]))
    assert problem(answer)["code"] == "destination_in_same_vault"
    after = await counter.tables()
    assert len(after.pop("idempotency")) == len(before.pop("idempotency")) + 1
    assert after == before


async def test_what_the_policy_denies_is_a_problem_with_a_record(counter: Counter):
    counter.use_policy(rules=[])
    answer = await counter.send(counter.transfer())
    found = problem(answer)
    assert (answer.status_code, found["code"]) == (422, "policy_denied")
    assert found["detail"].startswith("policy/no-rule")
    kept = await counter.get(f"/v1/transfers/{found['transfer_id']}")
    assert (kept["state"], kept["reason"]) == ("denied", found["detail"])
    again = await counter.send(counter.transfer())
    assert (again.content, again.headers["idempotency-replayed"]) == (answer.content, "true")


# Idempotency keys


async def test_a_missing_key(counter: Counter):
    send = counter.call("POST", "/v1/transfers", counter.transfer(), key="transfer")
    found = await refused(counter, send, 422, "idempotency_key_missing")
    assert found["errors"][0]["header"] == "Idempotency-Key"


@pytest.mark.parametrize("key", ["", "x" * 256, "with space", "\xfcmlaut"])
async def test_a_malformed_key(counter: Counter, key: str):
    await refused(counter, counter.send(counter.transfer(), key), 422, "field_invalid")


async def test_a_key_with_the_same_body(counter: Counter):
    first = await counter.send(counter.transfer())
    before = await counter.tables()
    again = await counter.send(counter.transfer())
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert await counter.tables() == before


async def test_a_key_with_another_body(counter: Counter):
    await counter.send(counter.transfer())
    send = counter.send(counter.transfer(amount="0.06"))
    await refused(counter, send, 409, "idempotency_key_reused")


async def test_a_successor_of_an_api_key_repeats_what_it_asked_for(counter: Counter):
    """On every route that makes something: an API key that was replaced, of the house or of one
    client, must not make it a second time."""
    vault = {"client_id": counter.client_id, "name": "Second"}
    made = {
        "/v1/transfers": counter.transfer(),
        "/v1/vaults": vault,
        f"/v1/vaults/{counter.vault_id}/addresses": {"network": "bitcoin-regtest"},
    }
    scopes = ("receive", "transfer", "admin")
    house = [await counter.new_key(*scopes) for _ in range(2)]
    bound = [await counter.new_key(*scopes, client_id=counter.client_id) for _ in range(2)]
    headers = {"Idempotency-Key": "k"}
    for keys, routes in (
        (house, made | {"/v1/clients": {"name": "Other Ltd"}}),
        (house + bound, made),
    ):
        for path, body in routes.items():
            answers = [
                await counter.call("POST", path, body, key=key, headers=headers) for key in keys
            ]
            assert [answer.status_code for answer in answers] == [201] * len(keys), path
            assert len({answer.json()["id"] for answer in answers}) == 1, path


async def test_a_key_of_one_client_says_nothing_to_another(counter: Counter):
    scopes = ("receive", "transfer", "admin")
    stranger = await counter.new_key(*scopes, client_id=await _other_client(counter))
    headers = {"Idempotency-Key": "k"}
    body = {"client_id": counter.client_id, "name": "Second"}
    first = await counter.call("POST", "/v1/vaults", body, key="admin", headers=headers)
    assert first.status_code == 201
    for path, asked in (
        ("/v1/transfers", counter.transfer()),
        ("/v1/vaults", body),
        (f"/v1/vaults/{counter.vault_id}/addresses", {"network": "bitcoin-regtest"}),
    ):
        answer = await counter.call("POST", path, asked, key=stranger, headers=headers)
        assert answer.status_code == 404, path


async def _other_client(counter: Counter) -> str:
    made = await counter.post("/v1/clients", {"name": "Stranger Ltd"}, "admin")
    return str(made["id"])


# Who may


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer nonsense",
        "Basic dXNlcjpwYXNz",
        f"Bearer ck_{NOBODY}_{'A' * 43}",
        "Bearer " + "é" * 50,
    ],
)
async def test_no_key_or_a_wrong_one(counter: Counter, authorization: str | None):
    headers = {} if authorization is None else {"Authorization": authorization}
    await refused(
        counter,
        counter.send(counter.transfer(), key=None, headers=headers),
        401,
        "unauthenticated",
    )


async def test_how_to_authenticate_is_said(counter: Counter):
    answer = await counter.call("GET", "/v1/networks", key=None)
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_a_revoked_key(counter: Counter):
    secret = await counter.new_key("read")
    assert (await counter.call("GET", "/v1/networks", key=secret)).status_code == 200
    async with counter.database.write() as session:
        await revoke_key(session, f"key_{secret.split('_')[1]}", counter.clock())
    await refused(counter, counter.call("GET", "/v1/networks", key=secret), 401, "unauthenticated")


# Bodies that are none


Send = Callable[[Counter], Awaitable[httpx2.Response]]
BODIES: dict[str, tuple[Send, int, str]] = {
    "not json": (lambda c: c.send(None, content=b"{nope"), 400, "body_not_json"),
    "empty": (lambda c: c.send(None, content=b""), 422, "field_missing"),
    "not utf-8": (lambda c: c.send(None, content=b'{"note":"\xff"}'), 400, "body_not_json"),
    "two names": (lambda c: c.send(None, content=b'{"a":1,"a":2}'), 400, "body_not_json"),
    "NaN": (lambda c: c.send(None, content=b'{"amount":NaN}'), 400, "body_not_json"),
    "deep": (lambda c: c.send(None, content=b"[" * 30_000), 400, "body_not_json"),
    "long number": (lambda c: c.send(None, content=b"9" * 9_000), 400, "body_not_json"),
    "a list": (lambda c: c.send([1]), 422, "body_not_an_object"),
    "a text": (lambda c: c.send("x"), 422, "body_not_an_object"),
    "lone surrogate": (
        lambda c: c.send(None, content=b'{"note":"\\ud800"}'),
        422,
        "field_missing",
    ),
    "form": (
        lambda c: c.send(
            None, content=b"a=b", headers={"Content-Type": "application/x-www-form-urlencoded"}
        ),
        415,
        "media_type_unsupported",
    ),
    "text/json": (
        lambda c: c.send(None, content=b"{}", headers={"Content-Type": "text/json"}),
        415,
        "media_type_unsupported",
    ),
    "latin-1": (
        lambda c: c.send(
            None, content=b"{}", headers={"Content-Type": "application/json; charset=latin-1"}
        ),
        415,
        "media_type_unsupported",
    ),
    "too large": (
        lambda c: c.send(c.transfer(note="x" * 70_000)),
        413,
        "body_too_large",
    ),
}


@pytest.mark.parametrize("name", BODIES)
async def test_bodies_that_are_none(counter: Counter, name: str):
    send, status, code = BODIES[name]
    await refused(counter, send(counter), status, code)


async def test_too_large_in_chunks_that_announce_nothing(counter: Counter):
    async def chunks():
        for _ in range(70):
            yield b" " * 1024

    send = counter.http.post(
        "/v1/transfers",
        content=chunks(),
        headers={
            "Authorization": f"Bearer {counter.keys['transfer']}",
            "Idempotency-Key": "k",
            "Content-Type": "application/json",
        },
    )
    await refused(counter, send, 413, "body_too_large")


async def test_exactly_the_limit_passes(counter: Counter):
    padded = b'{"name": "Bank"}'.ljust(64 * 1024)
    answer = await counter.call("POST", "/v1/clients", content=padded, key="admin")
    assert answer.status_code == 201
    answer = await counter.call("POST", "/v1/clients", content=padded + b" ", key="admin")
    assert answer.status_code == 413


# Paths and queries


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/nowhere", 404, "route_not_found"),
        ("/v1/nowhere", 404, "route_not_found"),
        ("/v1/vaults/", 404, "route_not_found"),
        (f"/v1/vaults/vlt_{NOBODY}", 404, "vault_not_found"),
        ("/v1/vaults/x", 404, "vault_not_found"),
        ("/v1/vaults/%00", 404, "vault_not_found"),
        (f"/v1/clients/cli_{NOBODY}", 404, "client_not_found"),
        (f"/v1/addresses/adr_{NOBODY}", 404, "address_not_found"),
        (f"/v1/deposits/dep_{NOBODY}", 404, "deposit_not_found"),
        (f"/v1/transfers/tfr_{NOBODY}", 404, "transfer_not_found"),
        (f"/v1/transfers/tfr_{NOBODY}/mandate", 404, "transfer_not_found"),
        (f"/v1/vaults/vlt_{NOBODY}/balances", 404, "vault_not_found"),
        ("/v1/networks/nowhere", 404, "network_not_found"),
        ("/v1/assets/eip155:1/slip44:60", 404, "asset_not_found"),
        ("/v1/transfers?limit=0", 422, "field_invalid"),
        ("/v1/transfers?limit=201", 422, "field_invalid"),
        ("/v1/transfers?limit=x", 422, "field_invalid"),
        ("/v1/transfers?cursor=x", 422, "cursor_invalid"),
        ("/v1/transfers?cursor=dGZyXwAA", 422, "cursor_invalid"),
        ("/v1/transfers?state=lost", 422, "field_invalid"),
        ("/v1/transfers?colour=blue", 422, "field_unknown"),
        ("/v1/networks?colour=blue", 422, "field_unknown"),
        (f"/v1/transfers/tfr_{NOBODY}?limit=1", 422, "field_unknown"),
        ("/v1/transfers?limit=1&limit=2", 422, "parameter_repeated"),
        ("/v1/transfers?vault_id=a&vault_id=a", 422, "parameter_repeated"),
        ("/v1/balances?asset=a&asset=b", 422, "parameter_repeated"),
        ("/v1/transfers?network=nowhere", 422, "network_unknown"),
        (f"/v1/deposits?vault_id=vlt_{NOBODY}", 404, "vault_not_found"),
        ("/v1/balances?asset=%00", 422, "text_unprintable"),
        ("/v1/balances?at=yesterday", 422, "field_invalid"),
        ("/v1/balances?at=2026-01-01T00:00:00", 422, "field_invalid"),
        ("/v1/balances?at=2999-01-01T00:00:00Z", 422, "moment_not_past"),
        ("/v1/balances?block=1", 422, "moment_ambiguous"),
        (
            "/v1/balances?block=1&network=bitcoin-regtest&at=2026-01-01T00:00:00Z",
            422,
            "moment_ambiguous",
        ),
        ("/v1/balances?block=-1&network=bitcoin-regtest", 422, "field_invalid"),
        ("/v1/balances?block=1&network=nowhere", 422, "network_unknown"),
        ("/v1/balances?block=1&network=bitcoin-regtest", 409, "block_not_final"),
        ("/v1/entries?cursor=x", 422, "field_invalid"),
        ("/v1/entries?cursor=newest", 422, "field_invalid"),
        ("/v1/entries?cursor=9.ab", 409, "cursor_unknown"),
        (f"/v1/entries?client_id=cli_{NOBODY}", 404, "client_not_found"),
    ],
)
async def test_paths_and_queries(counter: Counter, path: str, status: int, code: str):
    await refused(counter, counter.call("GET", path), status, code)


async def test_a_wrong_method_says_which_are_right(counter: Counter):
    answer = await counter.call("DELETE", "/v1/transfers")
    assert (answer.status_code, problem(answer)["code"]) == (405, "method_not_allowed")
    assert answer.headers["allow"]


# Parts that are away


async def test_what_breaks_inside_is_told_to_nobody(counter: Counter):
    async def broken(*_: object) -> None:
        raise RuntimeError("postgresql://user:password@host/ said: secret")

    counter.app.state.services.transfers.create = broken
    answer = await counter.send(counter.transfer(), headers={"X-Request-Id": "abc"})
    found = problem(answer)
    assert (answer.status_code, found["code"], found["request_id"]) == (
        500,
        "internal_error",
        "abc",
    )
    assert "secret" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_while_the_signer_is_away(counter: Counter):
    counter.signer.away = True
    answer = await counter.call(
        "POST", "/v1/vaults", {"client_id": counter.client_id, "name": "New"}, key="admin"
    )
    assert (answer.status_code, problem(answer)["code"]) == (503, "signer_unavailable")
    assert answer.headers["retry-after"]
    assert (await counter.call("GET", "/ready", key=None)).status_code == 503


async def test_while_nodes_are_away_reads_say_so_and_transfers_wait(counter: Counter):
    path = f"/v1/vaults/{counter.vault_id}/balances"
    fresh = (await counter.get(path))["items"][0]["as_of"]
    assert (fresh["node"], fresh["node_answered_at"]) == ("reachable", "2026-03-02T06:00:00Z")
    for node in counter.nodes.values():
        node.go_away()
    counter.clock.forward(minutes=5)
    counter.app.state.nodes._fresh_seconds = 0
    for item in (await counter.get(path))["items"]:
        assert item["as_of"]["node"] == "unreachable"
        assert item["as_of"]["stale"] is True
        assert item["as_of"]["node_answered_at"] == "2026-03-02T06:00:00Z"
    ready = (await counter.call("GET", "/ready", key=None)).json()
    assert [node["age_seconds"] for node in ready["nodes"]] == [300] * 5
    assert (await counter.send(counter.transfer())).json()["state"] == "approved"
