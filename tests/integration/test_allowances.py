"""What a vault lets others take, and taking it back, on a local chain: by its transfers, and
by permits that it signed and somebody submitted."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from chains.evm import permits
from chains.evm.permits import Kind, Permit, Typed
from chains.model import Address
from custody.apikeys.model import Scope
from custody.apikeys.service import create_key
from custody.audit.period_controls import encumbrances
from custody.devnet.policy import MACHINE
from tests.integration.test_messages import House, ask, house, signed
from tests.support.evm_tokens import EvmIssuer
from tests.support.token_house import Refused, Vault

pytestmark = [
    pytest.mark.engine,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(300),
]
__all__ = ["house"]
ONE = Address("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed")
TWO = Address("0x3535353535353535353535353535353535353535")
NOBODY = "0x52908400098527886E0F7030069857D2E4169EE7"


async def allow(vault: Vault[EvmIssuer], spender: str, units: int) -> Any:
    made = vault.house
    words = {"spender": spender, "value": str(units)}
    body = {
        "vault_id": vault.id,
        "network": made.network.id,
        "contract": made.issuer.tokens["usdc"].contract,
        "function": "approve",
        "arguments": words,
    }
    asked = await made.post("calls", body, **{"Idempotency-Key": str(uuid4())})
    return await vault.until(asked, "final", "failed")


async def open_(vault: Vault[EvmIssuer]) -> dict[str, str]:
    """What is left, by spender."""
    found = (await vault.house.get(f"vaults/{vault.id}/allowances"))["items"]
    assert all(each["owner"] == vault.address for each in found)
    return {each["spender"]: each["left_base_units"] for each in found}


async def revoke(vault: Vault[EvmIssuer], key: str | None = None, **which: str) -> list[Any]:
    path = f"vaults/{vault.id}/allowances/revoke"
    made = await vault.house.post(path, which, **{"Idempotency-Key": key or str(uuid4())})
    return [each["transfer"] for each in made["items"]]


async def transfers(vault: Vault[EvmIssuer]) -> int:
    return len((await vault.house.get("transfers", vault_id=vault.id))["items"])


async def funded(house: House) -> Vault[EvmIssuer]:
    vault = await house.new_vault()
    await vault.receive(None, house.issuer.coin)
    return vault


async def test_one_is_taken_back_and_then_all(house: House) -> None:
    vault, usdc = await funded(house), house.issuer.tokens["usdc"]
    for spender, units in ((ONE, 41), (TWO, 42)):
        assert (await allow(vault, spender, units))["state"] == "final"
    assert await open_(vault) == {ONE: "41", TWO: "42"}
    before = await transfers(vault)
    assert await revoke(vault, spender=NOBODY) == []
    assert await revoke(vault, asset=house.network.native.id) == []
    assert await transfers(vault) == before
    # Whoever names it in small letters means the same one; the same key is the same transfer.
    (made,) = await revoke(vault, "once", spender=ONE.lower())
    (again,) = await revoke(vault, "once", spender=ONE.lower())
    assert made["id"] == again["id"]
    assert made["allowance"] == {"spender": ONE, "amount": "0", "amount_base_units": "0"}
    await vault.until(made, "final")
    assert await open_(vault) == {TWO: "42"}
    assert (await allow(vault, ONE, 7))["state"] == "final"
    made_all = await revoke(vault, asset=usdc.asset.id)
    assert {each["allowance"]["spender"] for each in made_all} == {ONE, TWO}
    for each in made_all:
        await vault.until(each, "final")
    assert await open_(vault) == {}
    assert await revoke(vault) == []


async def test_a_permit_is_there_once_somebody_submitted_it(house: House) -> None:
    vault, token = await funded(house), house.issuer.tokens["usdc"]
    domain = permits.domain_of(house.network, house.network.tokens[token.asset.id])
    assert domain is not None
    block = await house.issuer.node.ask("eth_getBlockByNumber", "latest", False)
    deadline = int(block["timestamp"], 16) + 1_200
    typed = Typed(Kind.PERMIT, domain, Permit(vault.address, ONE, 1_200, 0, deadline))
    found = await signed(vault, await ask(vault, typed_data=json.loads(typed.payload)))
    assert await open_(vault) == {}
    raw = bytes.fromhex(found["signature"][2:])
    data = permits.call(typed, raw[:64] + bytes([raw[64] - 27]))
    await house.issuer.node.send(domain.contract, 0, data, 300_000)
    await house.issuer.node.mine()
    (item,) = (await house.get(f"vaults/{vault.id}/allowances"))["items"]
    assert (item["spender"], item["left_base_units"]) == (ONE, "1200")
    assert item["transfer_id"] == found["id"]
    custody = house.services.custody
    async with custody.database.read() as session:
        stands = await encumbrances(session, custody.clock() + timedelta(seconds=1))
    told = [(e["kind"], e["spender"], e["amount"]) for e in stands if e["vault"] == vault.id]
    assert told == [("allowance", ONE, "1200"), ("message", None, None)], "as a period tells it"
    # What a transfer says later stands in its place.
    allowed = await allow(vault, ONE, 5)
    (item,) = (await house.get(f"vaults/{vault.id}/allowances"))["items"]
    assert (item["left_base_units"], item["transfer_id"]) == ("5", allowed["id"])
    (made,) = await revoke(vault)
    await vault.until(made, "final")
    assert await open_(vault) == {}


async def test_whose_it_is_not_sees_and_revokes_nothing(house: House) -> None:
    vault, other = await funded(house), await house.new_vault()
    assert (await allow(vault, ONE, 41))["state"] == "final"
    assert await open_(other) == {}
    assert await revoke(other) == []
    custody = house.services.custody
    stranger = (await house.post("clients", {"name": "another"}))["id"]
    async with custody.database.write() as session:
        made = await create_key(
            session,
            name="stranger",
            initiator=MACHINE,
            scopes=[Scope.READ, Scope.TRANSFER],
            client_id=stranger,
            now=custody.clock(),
        )
    headers = {"Authorization": f"Bearer {made.secret}", "Idempotency-Key": "k"}
    before = await transfers(vault)
    for path in (vault.id, "vlt_00000000000000000000000000"):
        url = f"/v1/vaults/{path}/allowances"
        for answer in (
            await house.http.get(url, headers=headers),
            await house.http.post(f"{url}/revoke", json={}, headers=headers),
        ):
            assert isinstance(answer, httpx2.Response)
            assert (answer.status_code, answer.json()["code"]) == (404, "vault_not_found")
    with pytest.raises(Refused) as refused:
        await revoke(vault, network="nowhere")
    assert refused.value.problem["code"] == "network_unknown"
    assert await transfers(vault) == before
    assert await open_(vault) == {ONE: "41"}
