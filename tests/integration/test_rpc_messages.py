"""Programs that people have, unchanged, with a vault of the house for what they have signed: viem,
ethers and web3.py, over a real socket. What comes out is checked by eth_account."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_defunct, encode_typed_data
from hexbytes import HexBytes
from web3 import HTTPProvider, Web3
from web3.types import RPCEndpoint

from chains.evm import permits
from chains.evm.permits import Kind, Permit, Typed
from chains.model import Address
from tests.integration.test_rpc import Served, served
from tests.support import messages as said
from tests.support.evm_tokens import EvmIssuer
from tests.support.token_house import Vault

pytestmark = [
    pytest.mark.engine,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(300),
]
__all__ = ["served"]
LIMIT = 1_000 * 10**6
"""Of the policy, for one payment or allowance of the token."""


async def permit(served: Served, vault: Vault[EvmIssuer], units: int) -> dict[str, Any]:
    """EIP-2612, for Circle's own contract."""
    house = served.house
    domain = permits.domain_of(
        house.network, house.network.tokens[house.issuer.tokens["usdc"].asset.id]
    )
    assert domain is not None
    block = await house.issuer.node.ask("eth_getBlockByNumber", "latest", False)
    deadline = int(block["timestamp"], 16) + 1_200
    words = Permit(vault.address, Address(said.SPENDER), units, 0, deadline)
    document: dict[str, Any] = json.loads(Typed(Kind.PERMIT, domain, words).payload)
    return document


def for_programs(document: dict[str, Any]) -> dict[str, Any]:
    """Libraries find the domain's type out themselves."""
    types = {name: rows for name, rows in document["types"].items() if name != "EIP712Domain"}
    return document | {"types": types}


def signer_of(document: dict[str, Any] | str, signature: str) -> str:
    """eth_account's word."""
    if isinstance(document, str):
        signable = encode_defunct(text=document)
    else:
        signable = encode_typed_data(full_message=said.full(document))
    return str(Account.recover_message(signable, signature=signature))


async def messages(served: Served, vault: Vault[EvmIssuer]) -> list[dict[str, Any]]:
    return list((await served.house.get("messages", vault_id=vault.id))["items"])


@pytest.mark.parametrize("program", ["viemSigns", "ethersSigns"])
async def test_a_program_signs_in_and_signs_documents(served: Served, program: str) -> None:
    vault = await served.vault()
    login = said.siwe(vault.address)
    documents: list[dict[str, Any]] = [said.mail(), await permit(served, vault, 1_200)]
    told = await served.program(
        program,
        url=served.url(vault),
        key=served.key,
        texts=[login],
        documents=list(map(for_programs, documents)),
    )
    assert told.get("account") == vault.address, told
    assert signer_of(login, told["signatures"][0]) == vault.address
    for document, signature in zip(documents, told["signatures"][1:], strict=True):
        assert signer_of(document, signature) == vault.address
    rows = await messages(served, vault)
    assert [row["signature"] for row in rows] == told["signatures"]
    assert [row["kind"] for row in rows] == ["siwe", "eip-712", "eip-712"]
    # The permit was judged as what it is.
    assert [row["effects"][0]["does"] for row in rows] == ["sign", "sign", "allow"]
    assert rows[2]["effects"][0]["amount_base_units"] == "1200"


async def test_web3_py_signs(served: Served) -> None:
    vault = await served.vault()
    login, document = said.siwe(vault.address), said.mail()

    def sign() -> tuple[str, str]:
        headers = {"Authorization": f"Bearer {served.key}", "Content-Type": "application/json"}
        web3 = Web3(HTTPProvider(served.url(vault), request_kwargs={"headers": headers}))
        account = web3.eth.accounts[0]
        text = web3.manager.request_blocking(RPCEndpoint("personal_sign"), [login, account])
        typed = web3.eth.sign_typed_data(account, said.full(document))
        return str(text), HexBytes(typed).to_0x_hex()

    text, typed = await asyncio.to_thread(sign)
    assert signer_of(login, text) == signer_of(document, typed) == vault.address


async def test_what_waits_for_approval_is_found_by_the_same_request(served: Served) -> None:
    vault = await served.vault()
    asked = {"url": served.url(vault), "key": served.key, "texts": ["I agree."]}
    told = (await served.program("viemSigns", **asked))["error"]
    assert told["code"] == -32002, told
    assert told["data"]["needs"] == [{"group": "treasury", "count": 1, "people": ["ann"]}]
    await served.approve(told["data"]["transfer"])
    (signature,) = (await served.program("ethersSigns", **asked))["signatures"]
    assert signer_of("I agree.", signature) == vault.address
    assert [row["id"] for row in await messages(served, vault)] == [told["data"]["transfer"]]


async def test_what_says_something_else_than_it_seems_is_refused(served: Served) -> None:
    vault, other = await served.vault(), await served.vault()
    unchained, large = said.mail(chainId=None), await permit(served, vault, LIMIT + 1)
    disguised = json.dumps(await permit(served, vault, 1))
    rows: list[tuple[dict[str, Any], int, str]] = [
        ({"documents": [for_programs(unchained)]}, -32602, "typed_data_without_chain"),
        ({"texts": [disguised]}, -32602, "message_disguised"),
        ({"texts": [said.siwe(other.address)]}, -32602, "login_foreign"),
        ({"texts": [said.siwe(vault.address, "evil.example")]}, 4100, "policy_denied"),
        ({"documents": [for_programs(large)]}, 4100, "policy_denied"),
    ]  # fmt: skip
    for words, code, why in rows:
        told = (await served.program("viemSigns", url=served.url(vault), key=served.key, **words))[
            "error"
        ]
        assert (told["code"], told["data"]["code"]) == (code, why), told
    assert [row["state"] for row in await messages(served, vault)] == ["denied", "denied"]
