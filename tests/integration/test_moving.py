"""Vaults are moved to new keys on real engines: coins, tokens, what lies on later addresses, and
what comes to an old address afterwards. At the end ledger and chain are the same."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import pytest
import pytest_asyncio
from sqlalchemy import select

from chains.devnet.bitcoin import BitcoinNode
from chains.model import Address
from chains.networks import Network
from custody.db.tables import ApiKeyRow
from custody.gas.model import Bearer
from tests.integration.test_gas import station
from tests.support.evm_tokens import EvmIssuer
from tests.support.token_house import IssuedToken, Issuer, Refused, TokenHouse, Vault, opened

pytestmark = [
    pytest.mark.engine,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(300),
]


class Bitcoin:
    """Implements `tests.support.token_house.Issuer`, without tokens."""

    coin = 10**8

    def __init__(self, network: Network, folder: Path) -> None:
        self.network = network
        self.node = BitcoinNode(network, folder)
        self.tokens: dict[str, IssuedToken] = {}

    async def start(self) -> None:
        await self.node.start()

    async def stop(self) -> None:
        await self.node.stop()

    async def height(self) -> int:
        return int(await self.node._ask("getblockcount"))


MAKERS: Mapping[str, Callable[[Network, Path], Issuer]] = {
    "ethereum-local": EvmIssuer,
    "bitcoin-regtest": Bitcoin,
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(request: pytest.FixtureRequest) -> AsyncIterator[TokenHouse[Any]]:
    with TemporaryDirectory(prefix="house-") as folder:
        async with opened(request.param, Path(folder), MAKERS[request.param]) as made:
            yield made


async def begin(vault: Vault[Any]) -> Vault[Any]:
    """The successor, once it has an address."""
    house = vault.house
    async with house.services.custody.database.read() as session:
        key = (await session.all(select(ApiKeyRow.id)))[0]
    said = await house.command(
        "vault", "move", "begin", vault.id, "--key", key, "--reason", "a key is suspected"
    )
    successor = (await house.get(f"vaults/{vault.id}"))["moved_to"]
    assert successor in said

    async def has_address() -> bool:
        return bool((await house.get(f"vaults/{successor}/addresses"))["items"])

    await house.until(has_address)
    made = (await house.get(f"vaults/{successor}/addresses"))["items"]
    return Vault(house, successor, Address(made[0]["address"]))


async def is_empty(vault: Vault[Any]) -> bool:
    rows = (await vault.house.get(f"vaults/{vault.id}/balances"))["items"]
    names = ("available", "reserved", "pending", "unswept")
    return not any(int(row[name]["amount_base_units"]) for row in rows for name in names)


async def equal(*vaults: Vault[Any]) -> None:
    await vaults[0].house.followed()
    for vault in vaults:
        report = await vault.house.services.reconciliation.run(vault=vault.id)
        assert report.is_clean, report.lines


@pytest.mark.parametrize("house", ["ethereum-local"], indirect=True)
async def test_coin_token_and_later_addresses(house: TokenHouse[Any]) -> None:
    await station(cast(Any, house), Bearer.HOUSE)
    vault, token = await house.new_vault(), house.issuer.tokens["usdc"]
    later = await house.post(f"vaults/{vault.id}/addresses", {"network": house.network.alias})
    await vault.receive(None, EvmIssuer.coin)
    await vault.receive(token, 700)
    txid = await token.give(Address(later["address"]), 300, mine=False)
    await house.until(lambda: vault.deposited(txid, "credited"))
    successor = await begin(vault)
    with pytest.raises(Refused) as refused:
        await house.post(f"vaults/{vault.id}/addresses", {"network": house.network.alias})
    assert refused.value.problem["code"] == "vault_moved"
    with pytest.raises(Refused) as refused:
        await vault.ask(token.asset.id, 1, await house.issuer.node.outside_address())
    assert refused.value.problem["vault_id"] == successor.id

    async def all_there() -> bool:
        return await is_empty(vault) and await token.has(successor.address) == 1_000

    await house.until(all_there)
    assert await token.has(vault.address) == 0 == await token.has(Address(later["address"]))
    await house.until(lambda: is_settled(successor))
    assert await house.issuer.node.balance(successor.address) > 0
    await equal(vault, successor)
    assert "nothing is left" in await house.command("vault", "move", "show", vault.id)
    (shown, _) = (await house.get(f"vaults/{vault.id}/addresses"))["items"]
    assert shown["retired"]


async def is_settled(vault: Vault[Any]) -> bool:
    states = [each["state"] for each in await vault.deposits()]
    return bool(states) and set(states) == {"credited"}


@pytest.mark.parametrize("house", ["bitcoin-regtest"], indirect=True)
async def test_coins_and_what_comes_afterwards(house: TokenHouse[Any]) -> None:
    vault = await house.new_vault()
    for _ in range(3):
        await vault.receive(None, Bitcoin.coin)
    successor = await begin(vault)
    await house.until(lambda: is_empty(vault))
    await house.until(lambda: is_settled(successor))
    first = (await successor.balance(house.network.native.id))["available"]
    assert 2.99 * Bitcoin.coin < first < 3 * Bitcoin.coin
    await equal(vault, successor)
    await vault.receive(None, Bitcoin.coin)
    await house.until(lambda: is_empty(vault))
    await house.until(lambda: is_settled(successor))
    after = (await successor.balance(house.network.native.id))["available"]
    assert after > first
    await equal(vault, successor)
    payee = await house.issuer.node.outside_address()
    paid = await successor.ask(house.network.native.id, None, payee)
    assert (await successor.until(paid, "final"))["state"] == "final"
    assert await is_empty(successor)
    said = await house.command("vault", "move", "stop", vault.id, "--reason", "all is there")
    assert successor.id in said
    assert "stopped" in await house.command("vault", "move", "show", vault.id)
