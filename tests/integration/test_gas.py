"""Tokens leave vaults that have no coin, on real EVM engines: one request, and a gas station brings
exactly what lacks. At the end of each case ledger and chain are the same of both assets."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import select

from custody.db.tables import ApiKeyRow
from custody.gas.model import Bearer
from custody.gas.service import NewRule, set_rule
from custody.sweeps import service as sweeps
from tests.support.evm_tokens import EvmIssuer
from tests.support.token_house import TokenHouse, Vault, opened

pytestmark = [
    pytest.mark.engine,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(300),
]
PLACES = pytest.mark.parametrize("house", ["ethereum-local", "bsc-local"], indirect=True)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(request: pytest.FixtureRequest) -> AsyncIterator[TokenHouse[EvmIssuer]]:
    with TemporaryDirectory(prefix="house-") as folder:
        async with opened(request.param, Path(folder), EvmIssuer) as made:
            yield made


async def station(house: TokenHouse[EvmIssuer], bears: Bearer) -> Vault[EvmIssuer]:
    """A house vault with coins that brings them to whoever needs some."""
    payer = await house.new_vault()
    await payer.receive(None, house.issuer.coin)
    custody, network = house.services.custody, house.network
    async with custody.database.write() as session:
        key = (await session.all(select(ApiKeyRow.id)))[0]
        new = NewRule(payer.id, house.issuer.coin // 10, house.issuer.coin, bears, key)
        await set_rule(session, network, None, new, "tokens", custody.clock(), by="olivia")
    return payer


async def gas(vault: Vault[EvmIssuer]) -> Any:
    return await vault.house.get(f"vaults/{vault.id}/gas")


@PLACES
@pytest.mark.parametrize("kind", ["usdc", "habits"])
async def test_tokens_leave_a_vault_without_a_coin(house: TokenHouse[EvmIssuer], kind: str) -> None:
    payer = await station(house, Bearer.HOUSE)
    vault, token = await house.new_vault(), house.issuer.tokens[kind]
    native = house.network.native.id
    payee = await house.issuer.node.outside_address()
    await vault.receive(token, 5_000)
    asked = await vault.ask(token.asset.id, 1_200, payee)
    done = await vault.until(asked, "final")
    assert await token.has(payee) == 1_200
    (top_up,) = (await gas(vault))["items"]
    assert top_up["state"] == "done"
    assert top_up["amount"] == done["costs_max"]["fee"], "exactly what it may cost"
    brought = int(top_up["amount"]["amount_base_units"])
    (paid,) = done["transactions"]
    fee = int(paid["costs"]["fee"]["amount_base_units"])
    assert (await vault.balance(native))["available"] == brought - fee
    assert {each["asset"] for each in await vault.deposits()} == {token.asset.id}
    # What is left of the first counts for the second.
    await vault.until(await vault.ask(token.asset.id, 800, payee), "final")
    second = (await gas(vault))["items"][0]
    assert int(second["amount"]["amount_base_units"]) == fee
    await vault.compare(token)
    report = await house.services.reconciliation.run(vault=payer.id)
    assert report.is_clean, report.lines


@PLACES
async def test_a_later_address_without_a_coin_is_swept(house: TokenHouse[EvmIssuer]) -> None:
    payer = await station(house, Bearer.CLIENT)
    vault, token = await house.new_vault(), house.issuer.tokens["usdc"]
    made = await house.post(f"vaults/{vault.id}/addresses", {"network": house.network.alias})
    later = made["address"]
    txid = await token.give(later, 300, mine=False)
    await house.until(lambda: vault.deposited(txid, "credited"))
    asked = await vault.ask(token.asset.id, None, vault.address, source=later)
    done = await vault.until(asked, "final")
    assert (await token.has(vault.address), await token.has(later)) == (300, 0)
    (top_up,) = (await gas(vault))["items"]
    brought = int(top_up["amount"]["amount_base_units"])
    (paid,) = done["transactions"]
    fee = int(paid["costs"]["fee"]["amount_base_units"])
    native = house.network.native.id
    assert (await vault.balance(native))["unswept"] == brought - fee
    assert await house.issuer.node.balance(later) == brought - fee
    owed = int((await gas(payer))["owed"][native])
    assert owed > brought
    assert int((await gas(vault))["owed"][native]) == -owed
    for each in (vault, payer):
        report = await house.services.reconciliation.run(vault=each.id)
        assert report.is_clean, report.lines


@PLACES
async def test_a_rule_sweeps_tokens_and_coins(house: TokenHouse[EvmIssuer]) -> None:
    """The coin pays for itself, the token gets its coin from the gas station; both books agree."""
    await station(house, Bearer.HOUSE)
    vault, token, coin = await house.new_vault(), house.issuer.tokens["usdc"], house.issuer.coin
    addresses = []
    for _ in range(2):
        made = await house.post(f"vaults/{vault.id}/addresses", {"network": house.network.alias})
        addresses.append(made["address"])
    await house.issuer.node.fund(addresses[0], coin)
    txid = await token.give(addresses[1], 300, mine=False)
    await house.until(lambda: vault.deposited(txid, "credited"))
    custody, network = house.services.custody, house.network
    async with custody.database.write() as session:
        key = (await session.all(select(ApiKeyRow.id)))[0]
        of_coin = sweeps.NewRule(coin // 2, None, None, 1, None, key)
        of_token = sweeps.NewRule(100, None, coin // 1_000, None, None, key)
        for asset, new in ((network.native, of_coin), (token.asset, of_token)):
            place = (vault.id, network, asset)
            await sweeps.set_rule(session, *place, new, "together", custody.clock(), by="olivia")

    async def swept() -> bool:
        rows = (await house.get(f"vaults/{vault.id}/sweeps"))["items"]
        return sorted(row["state"] for row in rows) == ["done", "done"]

    await house.until(swept)
    native = network.native.id
    assert (await token.has(vault.address), await token.has(addresses[1])) == (300, 0)
    assert (await vault.balance(token.asset.id))["available"] == 300
    assert await house.issuer.node.balance(addresses[0]) == 0
    arrived = await house.issuer.node.balance(vault.address)
    assert coin * 99 // 100 <= arrived < coin
    assert (await vault.balance(native))["available"] == arrived
    (top_up,) = (await gas(vault))["items"]
    assert (top_up["address"], top_up["state"]) == (addresses[1], "done")
    await house.followed()
    report = await house.services.reconciliation.run(vault=vault.id)
    assert report.is_clean, report.lines
