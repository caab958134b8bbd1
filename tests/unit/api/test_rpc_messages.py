"""`personal_sign` and `eth_signTypedData_v4`: what becomes a message, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from custody.db.ids import new_id
from custody.provider.model import GRACE
from tests.support import messages as said
from tests.support.transfer_rows import add_transaction
from tests.unit.api.counter import Counter
from tests.unit.api.rpc_app import TO, App, transfers

TEXT = "my word"
HEX = "0x" + TEXT.encode().hex()
SIGNATURE = "0x" + "5f" * 64 + "1b"
NAMED = [
    {"kind": "eip-191", "domains": ["anybody"]},
    {"kind": "siwe", "domains": ["app.example"]},
    {"kind": "eip-712", "domains": [f"{said.MAIL}/Mail"]},
]


@pytest.fixture
def app(counter: Counter) -> App:
    counter.use_policy(
        scope={"actions": ["transfer", "sign"]},
        grant={"messages": NAMED},
    )
    return App(counter)


async def signed(app: App, transfer_id: str, signature: str) -> None:
    """As if the signer had."""
    now = app.counter.clock()
    async with app.counter.database.write() as session:
        await add_transaction(
            session,
            new_id("txn"),
            [transfer_id],
            network=app.network,
            vault=app.counter.vault_id,
            payload=b"",
            now=now,
            purpose="message",
            raw=signature.encode(),
        )


async def test_the_same_words_in_any_spelling_are_one_message_that_waits(app: App):
    mine = await app.address()
    first = await app.refusal("personal_sign", HEX, mine)
    assert first["code"] == -32002
    assert first["data"]["href"] == f"/v1/transfers/{first['data']['transfer']}"
    for params in (
        (TEXT, mine),
        (HEX.upper().replace("0X", "0x"), mine.lower()),
        (TEXT, mine, ""),
        (TEXT, mine, None),
        (mine, HEX),
        (mine.lower(), TEXT),
    ):
        again = await app.refusal("personal_sign", *params)
        assert again["data"]["transfer"] == first["data"]["transfer"]
    (row,) = await transfers(app.counter)
    assert row.kind == "message"
    shown = await app.counter.get(f"/v1/messages/{first['data']['transfer']}")
    assert (shown["kind"], shown["text"], shown["address"]) == ("eip-191", TEXT, mine)
    # The terms of what an app asks for are offered for a quarter of an hour.
    assert shown["expires_at"] == "2026-03-02T06:15:00Z"


async def test_typed_data_as_json_or_as_its_text_is_one_message(app: App):
    mine, document = await app.address(), said.mail()
    first = await app.refusal("eth_signTypedData_v4", mine, json.dumps(document))
    assert first["code"] == -32002
    for method in ("eth_signTypedData_v4", "eth_signTypedData"):
        again = await app.refusal(method, mine.lower(), document)
        assert again["data"]["transfer"] == first["data"]["transfer"]
    shown = await app.counter.get(f"/v1/messages/{first['data']['transfer']}")
    assert shown["typed_data"]["message"] == document["message"]


async def test_the_signature_is_told_and_told_again_for_a_moment(app: App):
    mine = await app.address()
    first = (await app.refusal("personal_sign", HEX, mine))["data"]["transfer"]
    await signed(app, first, SIGNATURE)
    assert await app.ask("personal_sign", HEX, mine) == SIGNATURE
    app.counter.clock.now += GRACE
    assert await app.ask("personal_sign", TEXT, mine) == SIGNATURE
    app.counter.clock.now += GRACE
    other = await app.refusal("personal_sign", HEX, mine)
    assert other["data"]["transfer"] != first


async def test_another_text_is_another_message(app: App):
    mine = await app.address()
    first = await app.refusal("personal_sign", HEX, mine)
    other = await app.refusal("personal_sign", TEXT + "s", mine)
    assert first["data"]["transfer"] != other["data"]["transfer"]


async def test_who_must_approve_is_said(app: App):
    person = {"id": "ann", "credentials": [{"kind": "ed25519", "key": "21" * 32}]}
    needs = [{"group": "treasury", "count": 1}]
    app.counter.use_policy(
        version=2,
        persons=[person],
        groups=[{"id": "treasury", "members": ["ann"]}],
        scope={"actions": ["sign"]},
        grant={"messages": NAMED, "approvals": {"order": "any", "needs": needs}},
    )
    error = await app.refusal("personal_sign", TEXT, await app.address())
    assert (error["code"], error["data"]["state"]) == (-32002, "awaiting_approval")
    assert error["data"]["needs"] == [{"group": "treasury", "count": 1, "people": ["ann"]}]
    assert "ann" in error["message"]


async def test_what_the_policy_does_not_name_is_refused_with_its_code(app: App):
    mine = await app.address()
    for method, params in (
        ("personal_sign", (said.siwe(mine, "evil.example"), mine)),
        ("eth_signTypedData_v4", (mine, said.mail(verifyingContract=said.SPENDER))),
    ):
        error = await app.refusal(method, *params)
        assert (error["code"], error["data"]["code"]) == (4100, "policy_denied")
        assert "message-unnamed" in error["message"]


Params = Callable[[str], tuple[Any, ...]]
TYPED = "eth_signTypedData_v4"
REFUSED: dict[str, tuple[str, Params, str]] = {
    "a hash": ("personal_sign", lambda mine: ("0x" + "9c" * 32, mine), "message_is_hash"),
    "octets": ("personal_sign", lambda mine: ("0x00ff", mine), "message_unreadable"),
    "a login of another": (
        "personal_sign",
        lambda mine: (said.siwe(said.SPENDER), mine),
        "login_foreign",
    ),
    "a permit disguised as a login": (
        "personal_sign",
        lambda mine: (json.dumps(said.permit(mine, 2_000_000_000)), mine),
        "message_disguised",
    ),
    "what is hashed of typed data, as a text": (
        "personal_sign",
        lambda mine: ("0x1901" + "9c" * 64, mine),
        "message_unreadable",
    ),
    "no chain": (TYPED, lambda mine: (mine, said.mail(chainId=None)), "typed_data_without_chain"),
    "another chain": (TYPED, lambda mine: (mine, said.mail(chainId=1)), "typed_data_other_chain"),
    "an order": (TYPED, lambda mine: (mine, said.order()), "typed_data_undescribed"),
    "a permit of an unknown token": (
        TYPED,
        lambda mine: (mine, said.permit(mine, 2_000_000_000)),
        "typed_data_undescribed",
    ),
    "no typed data": (TYPED, lambda mine: (mine, {"types": {}}), "typed_data_malformed"),
    "typed data of two meanings": (
        TYPED,
        lambda mine: (mine, '{"types":{},"types":{},"primaryType":"A","message":{}}'),
        "typed_data_malformed",
    ),
}


@pytest.mark.parametrize(("method", "params", "code"), REFUSED.values(), ids=REFUSED)
async def test_what_is_no_message_is_refused_and_nothing_is_made(
    app: App, method: str, params: Params, code: str
):
    error = await app.refusal(method, *params(await app.address()))
    assert (error["code"], error["data"]["code"]) == (-32602, code)
    assert await transfers(app.counter) == []


FOREIGN: dict[str, tuple[str, Params]] = {
    "text": ("personal_sign", lambda _: (TEXT, TO)),
    "the other order": ("personal_sign", lambda _: (TO, TEXT)),
    # The standard's order counts: ours is what would be signed.
    "two addresses": ("personal_sign", lambda mine: (mine, TO)),
    "typed data": (TYPED, lambda _: (TO, said.mail())),
}


@pytest.mark.parametrize(("method", "params"), FOREIGN.values(), ids=FOREIGN)
async def test_another_address_is_not_the_wallets(app: App, method: str, params: Params):
    error = await app.refusal(method, *params(await app.address()))
    assert error["code"] == 4100
    assert await transfers(app.counter) == []


MALFORMED: dict[str, tuple[str, Params]] = {
    "nobody": ("personal_sign", lambda _: (TEXT,)),
    "no address at all": ("personal_sign", lambda _: (TEXT, "ann")),
    "a password": ("personal_sign", lambda mine: (TEXT, mine, "password")),
    "nothing to sign": ("personal_sign", lambda mine: ("0x", mine)),
    "an empty text": ("personal_sign", lambda mine: ("", mine)),
    "half an octet": ("personal_sign", lambda mine: ("0x123", mine)),
    "no octets": ("personal_sign", lambda mine: ("0xzz", mine)),
    "a number": ("personal_sign", lambda mine: (5, mine)),
    "half a character": ("personal_sign", lambda mine: ("\ud800", mine)),
    "a wrong checksum": ("personal_sign", lambda mine: (TEXT, mine.swapcase().replace("X", "x"))),
    "a list": (TYPED, lambda mine: (mine, [])),
    "the other order": (TYPED, lambda mine: (said.mail(), mine)),
    "its first version": (
        "eth_signTypedData",
        lambda mine: ([{"type": "string", "name": "text", "value": TEXT}], mine),
    ),
    "more": (TYPED, lambda mine: (mine, said.mail(), 1)),
}


@pytest.mark.parametrize(("method", "params"), MALFORMED.values(), ids=MALFORMED)
async def test_what_means_nothing_is_said(app: App, method: str, params: Params):
    before = await app.counter.tables()
    error = await app.refusal(method, *params(await app.address()))
    assert error["code"] == -32602
    assert await app.counter.tables() == before
