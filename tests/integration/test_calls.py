"""A house's vault has a contract do what people agreed to, on a local chain with Circle's own
contract: it submits a payment that a stranger without a coin signed. The stranger's tokens move,
the house pays the fee, and ledger and chain are the same."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import pytest_asyncio
from coincurve import PrivateKey
from sqlalchemy import select

from chains.evm import address, carrying, permits
from chains.evm.permits import Authorization, Kind, Typed
from chains.model import Address
from custody.apikeys.repository import in_force
from custody.db.tables import ApiKeyRow
from custody.devnet.policy import ADMINISTRATOR, standing_policy
from custody.transfers.by_rule import caller_of
from custody.transfers.request import Idempotency, TransferRequest
from signer.policy import SignedPolicy, policy_message
from signer.wire import canonical_json
from tests.support.evm_tokens import EvmIssuer
from tests.support.token_house import IssuedToken, TokenHouse, Vault, opened
from tests.unit.custody.transfers.desk import Plain

pytestmark = [
    pytest.mark.engine,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(300),
]
STRANGER = PrivateKey(b"\x46" * 32)
PAYER = address.derive(STRANGER.public_key.format())
PAYEE = Address("0x3535353535353535353535353535353535353535")
UNITS = 1_200


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["ethereum-local", "bsc-local"])
async def house(request: pytest.FixtureRequest) -> AsyncIterator[TokenHouse[EvmIssuer]]:
    with TemporaryDirectory(prefix="calls-") as folder:
        async with opened(request.param, Path(folder), EvmIssuer, listed=("usdc",)) as made:
            await may_call(made)
            yield made


async def may_call(house: TokenHouse[EvmIssuer]) -> None:
    """The next version of the policy has a rule for it, of the same limits and any asset: nobody
    can tell what a call moves."""
    key, row = house._key, house.issuer.tokens["usdc"].row
    document = json.loads(standing_policy([house.network], key, [row], version=2).document)
    (usual,) = document["rules"]
    scope = usual["scope"] | {"actions": ["call"], "assets": "any"}
    document["rules"].append(usual | {"id": "calls", "scope": scope})
    signed = canonical_json(document)
    made = SignedPolicy(signed, {ADMINISTRATOR: key.sign(policy_message(signed))})
    await house.services.custody.signer.publish_policy(made)
    house.services.policies._fresh_until = None


async def authorized(house: TokenHouse[EvmIssuer], nonce: int) -> Typed:
    usdc = house.network.tokens[house.issuer.tokens["usdc"].asset.id]
    domain = permits.domain_of(house.network, usdc)
    assert domain is not None
    block = await house.issuer.node.ask("eth_getBlockByNumber", "latest", False)
    before = int(block["timestamp"], 16) + 3_000
    said = Authorization(PAYER, PAYEE, UNITS, 0, before, nonce.to_bytes(32, "big"))
    return Typed(Kind.TRANSFER, domain, said)


async def call(vault: Vault[EvmIssuer], typed: Typed, key: str) -> Any:
    """As custody asks for it; no route does yet."""
    house = vault.house
    signature = STRANGER.sign_recoverable(typed.digest, hasher=None)
    request = TransferRequest(
        vault.id,
        house.network.id,
        house.network.native.id,
        (),
        told=carrying.words(typed, signature),
    )
    custody = house.services.custody
    async with custody.database.read() as session:
        (named,) = await session.all(select(ApiKeyRow.id))
        row = await in_force(session, named)
    assert row is not None
    retry = Idempotency("calls", key, key.encode())
    answer = await house.services.transfers.create(request, caller_of(row), retry, Plain())
    assert answer.status == 201, answer
    return await house.get(f"transfers/{answer.body.decode()}")


def token_of(house: TokenHouse[EvmIssuer]) -> IssuedToken:
    return house.issuer.tokens["usdc"]


async def test_a_payment_that_was_signed_is_carried(house: TokenHouse[EvmIssuer]) -> None:
    vault, token = await house.new_vault(), token_of(house)
    await vault.receive(None, house.issuer.coin)
    await token.give(PAYER, 5_000)
    typed = await authorized(house, 7)
    asked = await call(vault, typed, "seven")
    function = permits.FUNCTIONS[typed.kind].signature
    assert (asked["kind"], asked["call"]["function"]) == ("call", function)
    assert asked["destination"] == asked["call"]["contract"] == typed.domain.contract
    done = await vault.until(asked, "final", "failed")
    assert done["state"] == "final", done["reason"]
    assert (await token.has(PAYER), await token.has(PAYEE)) == (5_000 - UNITS, UNITS)
    (paid,) = done["transactions"]
    fee = int(paid["costs"]["fee"]["amount_base_units"])
    balance = await vault.balance(house.network.native.id)
    assert balance["available"] == house.issuer.coin - fee
    assert balance["reserved"] == 0
    # What our follower reads of it: whose payment it was, in whoever's transaction.
    assert isinstance(typed.said, Authorization)
    block = await house.services.custody.adapters[house.network.id].block(paid["block"]["height"])
    key = permits.key(house.network.id, typed.domain.contract, PAYER, typed.said.nonce)
    assert block is not None and block.consumed[key.text] == paid["txid"]
    # The evidence says the same in the words that were signed.
    evidence = await house.get(f"audit/transfers/{done['id']}")
    assert evidence["transfer"]["call"] == done["call"]
    report = await house.services.reconciliation.run(vault=vault.id)
    assert report.is_clean, report.lines


async def test_one_that_somebody_submitted_first_costs_nothing(
    house: TokenHouse[EvmIssuer],
) -> None:
    """The contract refuses it when it is built, so nothing is signed; it waits and says why."""
    vault, token = await house.new_vault(), token_of(house)
    await vault.receive(None, house.issuer.coin)
    await token.give(PAYER, 5_000)
    typed = await authorized(house, 8)
    signature = STRANGER.sign_recoverable(typed.digest, hasher=None)
    data = permits.call(typed, signature)
    await house.issuer.node.send(typed.domain.contract, 0, data, 300_000)
    await house.issuer.node.mine()
    asked = await call(vault, typed, "eight")
    await vault.until_waiting(asked, "call_reverts", mining=True)
    shown = await vault.shown(asked)
    assert shown["transactions"] == []
    await house.post(f"transfers/{asked['id']}/cancel", {})
    balance = await vault.balance(house.network.native.id)
    assert balance["available"] == house.issuer.coin
    report = await house.services.reconciliation.run(vault=vault.id)
    assert report.is_clean, report.lines
