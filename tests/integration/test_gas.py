"""Tokens leave vaults that have no coin, on local engines of three families: one request, and a
gas station brings exactly what lacks. At the end of each case ledger and chain are the same of both
assets."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import select

from chains.families import traits_of
from chains.networks import Network
from custody.db.tables import ApiKeyRow
from custody.gas.model import Bearer
from custody.gas.service import NewRule, set_rule
from custody.sweeps import service as sweeps
from tests.support.evm_tokens import EvmIssuer
from tests.support.solana_issuer import SolanaIssuer
from tests.support.token_house import IssuedToken, Issuer, TokenHouse, Vault, opened
from tests.support.tron_tokens import TronIssuer

pytestmark = [
    pytest.mark.engine,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(300),
]
MAKERS: Mapping[str, Callable[[Network, Path], Issuer]] = {
    "ethereum-local": EvmIssuer,
    "bsc-local": EvmIssuer,
    "tron-local": TronIssuer,
    "solana-local": SolanaIssuer,
}
KINDS = {
    "ethereum-local": ("usdc", "habits"),
    "bsc-local": ("usdc", "habits"),
    "tron-local": ("dollar", "devnet"),
    "solana-local": ("token", "token-2022"),
}
"""Of tokens. What each of them does to payments is tested elsewhere."""
PLACES = pytest.mark.parametrize("house", list(MAKERS), indirect=True)
EACH_KIND = pytest.mark.parametrize(
    ("house", "kind"),
    [(alias, kind) for alias, kinds in KINDS.items() for kind in kinds],
    indirect=["house"],
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(request: pytest.FixtureRequest) -> AsyncIterator[TokenHouse[Issuer]]:
    with TemporaryDirectory(prefix="house-") as folder:
        async with opened(request.param, Path(folder), MAKERS[request.param]) as made:
            yield made


async def station(house: TokenHouse[Issuer], bears: Bearer) -> Vault[Issuer]:
    """A house vault with coins that brings them to whoever needs some."""
    payer = await house.new_vault()
    coin = house.issuer.coin
    await payer.receive(None, 10 * coin)
    custody, network = house.services.custody, house.network
    async with custody.database.write() as session:
        key = (await session.all(select(ApiKeyRow.id)))[0]
        new = NewRule(payer.id, coin, 5 * coin, bears, key)
        await set_rule(session, network, None, new, "tokens", custody.clock(), by="olivia")
    return payer


def first_token(house: TokenHouse[Issuer]) -> IssuedToken:
    return house.issuer.tokens[KINDS[house.network.alias][0]]


def costs_of(transfer: Any) -> int:
    """What its one transaction cost, in the native asset, all kinds together."""
    (paid,) = transfer["transactions"]
    return sum(int(each["amount_base_units"]) for each in paid["costs"].values())


def bound_of(transfer: Any) -> int:
    return sum(int(each["amount_base_units"]) for each in transfer["costs_max"].values())


async def gas(vault: Vault[Issuer]) -> Any:
    return await vault.house.get(f"vaults/{vault.id}/gas")


@EACH_KIND
async def test_tokens_leave_a_vault_without_a_coin(house: TokenHouse[Issuer], kind: str) -> None:
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
    brought = int(top_up["amount"]["amount_base_units"])
    least = traits_of(house.network).account_least
    assert brought == bound_of(done) + least, "exactly what it may cost, and what has to stay"
    balance = await vault.balance(native)
    left = brought - costs_of(done) - balance["locked"]
    assert balance["available"] == left
    assert {each["asset"] for each in await vault.deposits()} == {token.asset.id}
    # What is left of the first counts for the second.
    again = await vault.until(await vault.ask(token.asset.id, 800, payee), "final")
    lacked = bound_of(again) + least - left
    second = (await gas(vault))["items"][0]
    assert int(second["amount"]["amount_base_units"]) == lacked
    await vault.compare(token)
    report = await house.services.reconciliation.run(vault=payer.id)
    assert report.is_clean, report.lines


@PLACES
async def test_a_later_address_without_a_coin_is_swept(house: TokenHouse[Issuer]) -> None:
    payer = await station(house, Bearer.CLIENT)
    vault, token = await house.new_vault(), first_token(house)
    made = await house.post(f"vaults/{vault.id}/addresses", {"network": house.network.alias})
    later = made["address"]
    txid = await token.give(later, 300, mine=False)
    await house.until(lambda: vault.deposited(txid, "credited"))
    asked = await vault.ask(token.asset.id, None, vault.address, source=later)
    done = await vault.until(asked, "final")
    assert (await token.has(vault.address), await token.has(later)) == (300, 0)
    (top_up,) = (await gas(vault))["items"]
    brought = int(top_up["amount"]["amount_base_units"])
    fee = costs_of(done)
    native = house.network.native.id
    balance = await vault.balance(native)
    left = brought - fee - balance["locked"]
    assert balance["unswept"] == left == await house.issuer.node.balance(later)
    owed = int((await gas(payer))["owed"][native])
    assert owed > brought
    assert int((await gas(vault))["owed"][native]) == -owed
    for each in (vault, payer):
        report = await house.services.reconciliation.run(vault=each.id)
        assert report.is_clean, report.lines


@PLACES
async def test_a_rule_sweeps_tokens_and_coins(house: TokenHouse[Issuer]) -> None:
    """The coin pays for itself, the token gets its coin from the gas station; both books agree."""
    await station(house, Bearer.HOUSE)
    vault, token, coin = await house.new_vault(), first_token(house), house.issuer.coin
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
        most = sum(network.bounds(asset=token.asset.id).values())
        of_coin = sweeps.NewRule(coin // 2, None, None, 2, None, key)
        of_token = sweeps.NewRule(100, None, most, None, None, key)
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
    left, beside = [await house.issuer.node.balance(each) for each in addresses]
    if house.network.alias != "tron-local":  # where it stays what a transfer could burn and did not
        assert left == 0
    assert left < coin // 50
    arrived = await house.issuer.node.balance(vault.address)
    assert coin * 98 // 100 <= arrived < coin
    balance = await vault.balance(native)
    assert (balance["available"], balance["unswept"]) == (arrived, left + beside)
    (top_up,) = (await gas(vault))["items"]
    assert (top_up["address"], top_up["state"]) == (addresses[1], "done")
    await house.followed()
    report = await house.services.reconciliation.run(vault=vault.id)
    assert report.is_clean, report.lines


@pytest.mark.parametrize("house", ["solana-local"], indirect=True)
async def test_what_an_account_has_to_keep_is_brought_too(house: TokenHouse[Issuer]) -> None:
    """The vault could hold the costs, and the chain would refuse what they would leave behind."""
    await station(house, Bearer.HOUSE)
    vault, token = await house.new_vault(), first_token(house)
    least = traits_of(house.network).account_least
    bound = sum(house.network.bounds(asset=token.asset.id).values())
    await vault.receive(None, bound + least // 2)
    await vault.receive(token, 100)
    payee = await house.issuer.node.outside_address()
    await vault.until(await vault.ask(token.asset.id, 100, payee), "final")
    (top_up,) = (await gas(vault))["items"]
    assert int(top_up["amount"]["amount_base_units"]) == least - least // 2
    await vault.compare(token)
