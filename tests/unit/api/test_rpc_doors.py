"""Who may ask a vault as an app, and from where: keys, tokens in URLs, pages."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import update

from api.rpc.bounds import Bounds
from custody.apikeys.model import Scope
from custody.apikeys.service import authenticate, revoke_key
from custody.db.ids import new_id
from custody.db.rpc_tables import RpcAskRow, RpcTokenRow
from custody.provider import tokens
from tests.unit.api.counter import Counter
from tests.unit.api.rpc_app import (
    ALIAS,
    PAGE,
    App,
    made_token,
    transfers,
)


@pytest.fixture
def app(counter: Counter) -> App:
    return App(counter)


async def test_a_key_without_the_scope_and_a_client_that_sees_it_not_do_not_enter(
    counter: Counter, app: App
):
    asked = {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId"}
    for key, status, code in (
        (None, 401, "unauthenticated"),
        ("ck_nobody", 401, "unauthenticated"),
        ("transfer", 403, "scope_missing"),
    ):
        answer = await counter.call("POST", app.path, asked, key=key)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
    other = await counter.post("/v1/clients", {"name": "Other"}, "admin")
    bound = await counter.new_key(Scope.ASK, client_id=other["id"])
    answer = await counter.call("POST", app.path, asked, key=bound)
    assert (answer.status_code, answer.json()["code"]) == (404, "vault_not_found")
    for path, status, code in (
        (f"/v1/vaults/{counter.vault_id}/rpc/bitcoin-regtest", 422, "network_without_rpc"),
        (f"/v1/vaults/{counter.vault_id}/rpc/nowhere", 404, "network_not_found"),
        (f"/v1/vaults/{new_id('vlt')}/rpc/{ALIAS}", 404, "vault_not_found"),
        (f"{app.path}?more=1", 422, "field_unknown"),
    ):
        answer = await counter.call("POST", path, asked, key="ask")
        assert (answer.status_code, answer.json()["code"]) == (status, code), path


async def test_a_token_in_the_url_asks_and_does_nothing_else(counter: Counter):
    made = await made_token(counter)
    app = App(counter, made["path"], key=None)
    error = await app.pay()
    assert error["code"] == -32002
    (row,) = await transfers(counter)
    assert row.initiator == "robot"
    secret = made["path"].rpartition("/")[2]
    # It is no API key: nothing else is opened by it.
    for path in ("/v1/vaults", f"/v1/transfers/{row.id}", f"/v1/vaults/{counter.vault_id}"):
        answer = await counter.call("GET", path, key=secret)
        assert answer.status_code == 401
    answer = await counter.call("POST", "/v1/transfers", counter.transfer(ALIAS), key=secret)
    assert answer.status_code == 401
    listed = await counter.get(f"/v1/vaults/{counter.vault_id}/rpc-tokens")
    assert [each["id"] for each in listed["items"]] == [made["id"]]
    assert secret not in json.dumps(listed)
    # The secret is nowhere in the database.
    assert secret not in repr(await counter.tables())


async def test_a_revoked_token_is_nobodys(counter: Counter):
    made = await made_token(counter)
    path = f"/v1/vaults/{counter.vault_id}/rpc-tokens/{made['id']}/revoke"
    asked = {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId"}
    assert (await counter.call("POST", made["path"], asked, key=None)).status_code == 200
    assert (await counter.call("POST", path, key="ask")).status_code == 200
    assert (await counter.call("POST", made["path"], asked, key=None)).status_code == 401
    again = await counter.call("POST", path, key="ask")
    assert (again.status_code, again.json()["code"]) == (404, "token_not_found")


async def test_a_token_ends_with_the_key_that_made_it(counter: Counter):
    key = await counter.new_key(Scope.ASK)
    made = await made_token(counter, key=key)
    asked = {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId"}
    assert (await counter.call("POST", made["path"], asked, key=None)).status_code == 200
    async with counter.database.look() as look:
        caller = await authenticate(look, key)
    assert caller is not None
    async with counter.database.write() as session:
        await revoke_key(session, caller.key_id, counter.clock())
    assert (await counter.call("POST", made["path"], asked, key=None)).status_code == 401


@pytest.mark.parametrize(
    ("allowed", "origin", "status"),
    [
        ((), None, 200),
        ((), PAGE, 403),
        ((PAGE,), PAGE, 200),
        ((PAGE,), None, 403),
        ((PAGE,), "https://evil.example.org", 403),
        ((PAGE,), "null", 403),
        ((PAGE,), PAGE + ".evil.org", 403),
        ((PAGE,), "http://app.example.org", 403),
    ],
)
async def test_pages_of_other_origins_are_kept_out(
    counter: Counter, allowed: tuple[str, ...], origin: str | None, status: int
):
    made = await made_token(counter, *allowed)
    headers = {} if origin is None else {"Origin": origin}
    asked = {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId"}
    for method, body in (("POST", asked), ("OPTIONS", None)):
        answer = await counter.call(method, made["path"], body, key=None, headers=headers)
        good = 204 if method == "OPTIONS" else 200
        assert answer.status_code == (good if status == 200 else status)
        shared = origin if status == 200 else None
        assert answer.headers.get("access-control-allow-origin") == shared


@pytest.mark.parametrize(
    "origin",
    ["*", "https://*", "https://a/b", "HTTPS://A", "app.example.org", "https://a:0", "null", " "],
)
async def test_an_origin_is_one_page_and_no_pattern(counter: Counter, origin: str):
    path = f"/v1/vaults/{counter.vault_id}/rpc-tokens"
    body = {"network": ALIAS, "origins": [origin]}
    answer = await counter.call("POST", path, body, key="ask")
    assert (answer.status_code, answer.json()["code"]) == (422, "origin_invalid")


async def test_a_vault_has_only_so_many_tokens(counter: Counter, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tokens, "TOKENS_MAX", 2)
    for _ in range(2):
        await made_token(counter)
    path = f"/v1/vaults/{counter.vault_id}/rpc-tokens"
    answer = await counter.call("POST", path, {"network": ALIAS}, key="ask")
    assert (answer.status_code, answer.json()["code"]) == (409, "too_many_tokens")


async def test_no_log_and_no_problem_has_the_token(
    counter: Counter, capsys: pytest.CaptureFixture[str]
):
    made = await made_token(counter)
    secret = made["path"].rpartition("/")[2]
    asked = {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId"}
    texts = []
    for path, body in (
        (made["path"], asked),
        (made["path"], {"jsonrpc": "2.0"}),
        (made["path"] + "x", asked),
        (made["path"] + "?x=1", asked),
    ):
        answer = await counter.call("POST", path, body, key=None)
        texts.append(answer.text + repr(dict(answer.headers)))
    printed = capsys.readouterr()
    assert "/v1/rpc/{token}" in printed.out + printed.err
    assert secret not in "".join([*texts, printed.out, printed.err])


async def test_what_was_made_and_told_stays(counter: Counter, app: App):
    """The database refuses to change who may ask, and to forget that something was told."""
    made = await made_token(counter)
    await app.pay()
    for change in (
        update(RpcTokenRow).where(RpcTokenRow.id == made["id"]).values(initiator="eve"),
        update(RpcTokenRow).where(RpcTokenRow.id == made["id"]).values(origins=PAGE),
        update(RpcAskRow).values(number=7),
    ):
        with pytest.raises(Exception, match="the past does not change"):
            async with counter.database.write() as session:
                await session.execute(change)


def test_a_bound_that_is_left_is_free_again():
    bounds = Bounds()
    with bounds.asking("key"), bounds.reading("key"):
        pass
    assert not bounds._busy
