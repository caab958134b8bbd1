"""A vault signs messages through the whole house: API, custody, the signer's process. What comes
out is checked by other wallets, and a permit by Circle's own contract on a local chain."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from eth_account import Account
from eth_account.messages import encode_defunct, encode_typed_data

from chains.evm import erc20, permits
from chains.evm.permits import Kind, Permit, Typed
from chains.model import Address
from custody.devnet.policy import ADMINISTRATOR, standing_policy
from signer.policy import SignedPolicy, policy_message
from signer.wire import canonical_json
from tests.support import messages as said
from tests.support.evm_tokens import EvmIssuer
from tests.support.exported import claims_about, graded
from tests.support.oracle import Oracle
from tests.support.token_house import Refused, TokenHouse, Vault, opened

pytestmark = [
    pytest.mark.engine,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(300),
]
House = TokenHouse[EvmIssuer]
SPENDER = Address(said.SPENDER)
MESSAGES = [
    {"kind": "eip-191", "domains": ["anybody"]},
    {"kind": "siwe", "domains": ["app.example"]},
    {"kind": "eip-712", "domains": [f"{said.MAIL}/Mail"]},
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house() -> AsyncIterator[House]:
    with TemporaryDirectory(prefix="messages-") as folder:
        async with opened("ethereum-local", Path(folder), EvmIssuer, listed=("usdc",)) as made:
            await may_sign(made)
            yield made


async def may_sign(house: House) -> None:
    """The next version of the policy has a rule for messages, and one for allowances with the
    limits of payments."""
    key, row = house._key, house.issuer.tokens["usdc"].row
    document = json.loads(standing_policy([house.network], key, [row], version=2).document)
    (usual,) = document["rules"]
    scope = usual["scope"] | {"actions": ["allow"]}
    document["rules"].append(usual | {"id": "allows", "scope": scope})
    scope = usual["scope"] | {"actions": ["sign"], "assets": "any"}
    nothing: dict[str, Any] = {"per_transfer": [], "windows": [], "hours": None}
    grant = usual["grant"] | {"costs": [], "messages": MESSAGES}
    document["rules"].append(
        usual | {"id": "says", "scope": scope, "limits": nothing, "grant": grant}
    )
    signed = canonical_json(document)
    made = SignedPolicy(signed, {ADMINISTRATOR: key.sign(policy_message(signed))})
    await house.services.custody.signer.publish_policy(made)
    house.services.policies._fresh_until = None


async def ask(vault: Vault[EvmIssuer], key: str | None = None, **words: Any) -> Any:
    body = {"vault_id": vault.id, "network": vault.house.network.alias, **words}
    return await vault.house.post("messages", body, **{"Idempotency-Key": key or str(uuid4())})


async def signed(vault: Vault[EvmIssuer], asked: Any) -> Any:
    """No block comes meanwhile: none is waited for."""
    house = vault.house

    async def there() -> bool:
        found = await house.get(f"messages/{asked['id']}")
        return found["state"] in ("final", "failed", "denied")

    await house.until(there, mining=False)
    found = await house.get(f"messages/{asked['id']}")
    assert found["state"] == "final", found
    return found


async def test_a_text_a_login_and_typed_data_are_signed_as_wallets_do(house: House) -> None:
    vault = await house.new_vault()
    login = said.siwe(vault.address)
    document = said.mail(chainId=house.network.number("chain_id"))
    text = await signed(vault, await ask(vault, text="Grüße,\nein Text"))
    by_hex = await signed(vault, await ask(vault, hex="0x" + login.encode().hex()))
    typed = await signed(vault, await ask(vault, typed_data=document))
    assert [each["kind"] for each in (text, by_hex, typed)] == ["eip-191", "siwe", "eip-712"]
    assert {each["address"] for each in (text, by_hex, typed)} == {vault.address}
    assert typed["effects"][0]["domain"] == f"{said.MAIL}/Mail"
    assert typed["typed_data"]["message"] == document["message"]
    # An auditor's.
    for found, state in ((text, "proven"), (by_hex, "proven"), (typed, "not checked")):
        shown = graded(await claims_about(house, found["id"]))
        assert (shown["effects"], shown["bytes"][0]) == (("proven", "A"), state)
        assert shown["block"] == ("not checked", "")
    # eth_account's word, and that of ethers.
    for found, words in ((text, "Grüße,\nein Text"), (by_hex, login)):
        signable = encode_defunct(text=words)
        assert Account.recover_message(signable, signature=found["signature"]) == vault.address
    signable = encode_typed_data(full_message=said.full(document))
    assert Account.recover_message(signable, signature=typed["signature"]) == vault.address
    with Oracle() as oracle:
        for found, words in ((text, "Grüße,\nein Text"), (by_hex, login)):
            answer = oracle.call("verifyMessage", text=words, signature=found["signature"])
            assert answer == vault.address
        types = {k: v for k, v in document["types"].items() if k != "EIP712Domain"}
        answer = oracle.call(
            "verifyTypedData",
            domain=document["domain"],
            types=types,
            message=document["message"],
            signature=typed["signature"],
        )
        assert answer == vault.address
    listed = await house.get("messages", vault_id=vault.id)
    assert [each["id"] for each in listed["items"]] == [
        each["id"] for each in (text, by_hex, typed)
    ]


async def test_the_same_key_is_the_same_message(house: House) -> None:
    vault = await house.new_vault()
    first = await ask(vault, key="one", text="once")
    again = await ask(vault, key="one", text="once")
    assert first["id"] == again["id"]
    with pytest.raises(Refused) as refused:
        await ask(vault, key="one", text="twice")
    assert refused.value.problem["code"] == "idempotency_key_reused"
    await signed(vault, first)
    shown = await house.get(f"transfers/{first['id']}")
    (made,) = shown["transactions"]
    assert (shown["kind"], made["purpose"], made["state"]) == ("message", "message", "final")


async def test_a_permit_is_taken_by_the_token_itself(house: House) -> None:
    vault, token = await house.new_vault(), house.issuer.tokens["usdc"]
    usdc = house.network.tokens[token.asset.id]
    domain = permits.domain_of(house.network, usdc)
    assert domain is not None
    block = await house.issuer.node.ask("eth_getBlockByNumber", "latest", False)
    deadline = int(block["timestamp"], 16) + 1_200
    typed = Typed(Kind.PERMIT, domain, Permit(vault.address, SPENDER, 1_200, 0, deadline))
    found = await signed(vault, await ask(vault, typed_data=json.loads(typed.payload)))
    (effect,) = found["effects"]
    assert effect == {
        "does": "allow",
        "kind": None,
        "domain": None,
        "spender": SPENDER,
        "asset": token.asset.id,
        "amount_base_units": "1200",
        "expires_at": None,
    }
    raw = bytes.fromhex(found["signature"][2:])
    data = permits.call(typed, raw[:64] + bytes([raw[64] - 27]))
    await house.issuer.node.send(domain.contract, 0, data, 300_000)
    await house.issuer.node.mine()
    asked = "0xdd62ed3e" + "".join(
        each[2:].lower().rjust(64, "0") for each in (vault.address, SPENDER)
    )
    call = {"to": domain.contract, "data": asked}
    assert int(await house.issuer.node.ask("eth_call", call, "latest"), 16) == 1_200


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a hash": ({"hex": "0x" + "9c" * 32}, "message_is_hash"),
    "a hash in digits": ({"text": "0x" + "9c" * 32}, "message_is_hash"),
    "a transaction": ({"text": "0x02f8" + "00" * 70}, "message_is_transaction"),
    "octets": ({"hex": "0x00ff"}, "message_unreadable"),
    "a login as a text": (
        {"kind": "eip-191", "text": said.siwe(said.SPENDER)},
        "message_is_login",
    ),
    "a login of another": ({"text": said.siwe(said.SPENDER)}, "login_foreign"),
    "no chain": ({"typed_data": said.mail(chainId=None)}, "typed_data_without_chain"),
    "another chain": ({"typed_data": said.mail(chainId=1)}, "typed_data_other_chain"),
    "an order": ({"typed_data": said.order()}, "typed_data_undescribed"),
    "typed data as a text": (
        {"kind": "eip-191", "typed_data": said.mail()},
        "message_disguised",
    ),
    "not typed data": ({"typed_data": {"types": {}}}, "typed_data_malformed"),
    "of another address": ({"text": "x", "address": said.SPENDER}, "address_not_found"),
    "two at once": ({"text": "x", "hex": "0x61"}, "message_ambiguous"),
    "a kind of another chain": ({"kind": "siwe", "text": "x"}, "login_malformed"),
}


@pytest.mark.parametrize(("words", "code"), REFUSED.values(), ids=REFUSED)
async def test_what_is_no_message_is_refused_with_its_code(
    house: House, words: dict[str, Any], code: str
) -> None:
    vault = await house.new_vault()
    with pytest.raises(Refused) as refused:
        await ask(vault, **words)
    assert refused.value.problem["code"] == code
    assert (await house.get("messages", vault_id=vault.id))["items"] == []


async def test_what_no_rule_names_is_denied(house: House) -> None:
    vault = await house.new_vault()
    for words in (
        {"text": said.siwe(vault.address, "evil.example")},
        {"typed_data": said.mail(verifyingContract=said.SPENDER)},
    ):
        with pytest.raises(Refused) as refused:
            await ask(vault, **words)
        assert refused.value.problem["code"] == "policy_denied"
        assert "message-unnamed" in refused.value.problem["detail"]


async def test_a_payment_that_anybody_may_submit_is_no_message(house: House) -> None:
    vault, token = await house.new_vault(), house.issuer.tokens["usdc"]
    domain = permits.domain_of(house.network, house.network.tokens[token.asset.id])
    block = await house.issuer.node.ask("eth_getBlockByNumber", "latest", False)
    before = int(block["timestamp"], 16) + 1_200
    assert domain is not None
    words = permits.Authorization(vault.address, SPENDER, 5, 0, before, bytes(32))
    typed = Typed(Kind.TRANSFER, domain, words)
    with pytest.raises(Refused) as refused:
        await ask(vault, typed_data=json.loads(typed.payload))
    assert refused.value.problem["code"] == "message_pays"
    assert erc20.asset_of(house.network.id, domain.contract) == token.asset.id
