"""Coins and tokens that were sent on BNB Smart Chain to an address on Ethereum, on two real
engines: the operator's command adopts the address and finds the payment, the money is the vault's,
and is paid out. At the end ledger and chain are the same."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import pytest
import pytest_asyncio

from chains.devnet.evm import AnvilNode
from chains.model import Address, TxId
from custody.gas.model import Bearer
from tests.integration.test_gas import station
from tests.support.evm_tokens import EvmIssuer
from tests.support.networks import find_network
from tests.support.token_house import TokenHouse, Vault, opened

pytestmark = [
    pytest.mark.engine,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(300),
]
MEANT, WRONG = "ethereum-local", "bsc-local"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house() -> AsyncIterator[TokenHouse[EvmIssuer]]:
    with TemporaryDirectory(prefix="house-") as name:
        folder = Path(name)
        meant = AnvilNode(find_network(MEANT), folder / "meant")
        try:
            await meant.start()
            also = {MEANT: meant.url}
            async with opened(WRONG, folder, EvmIssuer, also=also) as made:
                yield made
        finally:
            await meant.stop()


async def given_out(house: TokenHouse[EvmIssuer], count: int) -> tuple[str, list[Any]]:
    """A vault with addresses on Ethereum and none on the other network."""
    client = await house.post("clients", {"name": "Bank"})
    vault = await house.post("vaults", {"client_id": client["id"], "name": "Treasury"})
    body = {"network": MEANT, "label": "invoice 7"}
    place = f"vaults/{vault['id']}/addresses"
    return vault["id"], [await house.post(place, body) for _ in range(count)]


async def adopt(house: TokenHouse[EvmIssuer], address: str, txid: TxId, *, ends: int = 0) -> str:
    return await house.command(
        "address", "adopt", address, "--given-on", MEANT, "--network", WRONG,
        "--txid", txid, "--reason", "ticket 12",
        ends=ends,
    )  # fmt: skip


async def in_a_block(house: TokenHouse[EvmIssuer], *sent: TxId) -> tuple[TxId, ...]:
    await house.issuer.node.mine(2)
    await house.followed()
    return sent


async def test_coin_and_token_are_credited_and_paid_out(house: TokenHouse[EvmIssuer]) -> None:
    node, token = house.issuer.node, house.issuer.tokens["usdc"]
    vault_id, [given] = await given_out(house, 1)
    vault = Vault(house, vault_id, Address(given["address"]))
    coins, tokens = await in_a_block(
        house,
        await node.fund(vault.address, EvmIssuer.coin),
        await token.give(vault.address, 700, mine=False),
    )
    assert await vault.deposits() == []
    said = await adopt(house, vault.address, coins)
    assert "2 deposits were missing" in said, "all of its block"
    assert "0 deposits were missing" in await adopt(house, vault.address, tokens)
    assert "0 deposits were missing" in await adopt(house, vault.address, coins)
    for txid in (coins, tokens):
        await house.until(lambda txid=txid: vault.deposited(txid, "credited"))  # type: ignore[misc]
    assert len(await vault.deposits()) == 2
    mine = (await house.get(f"vaults/{vault_id}/addresses"))["items"]
    [there] = [each for each in mine if each["network"] == house.network.id]
    assert (there["address"], there["given_as"]) == (given["address"], given["id"])
    assert there["label"] == "invoice 7"
    await vault.compare(token)
    payee = await node.outside_address()
    await vault.until(await vault.ask(token.asset.id, None, payee), "final")
    await vault.until(await vault.ask(house.network.native.id, None, payee), "final")
    assert await token.has(payee) == 700
    assert await node.balance(vault.address) == 0
    await vault.compare(token)
    assert "ticket 12" in await house.command("address", "adopted")


async def test_a_token_at_a_later_address_is_swept_and_paid_out(
    house: TokenHouse[EvmIssuer],
) -> None:
    """It has no coin there: the gas station brings it."""
    await station(cast(Any, house), Bearer.HOUSE)
    node, token = house.issuer.node, house.issuer.tokens["usdc"]
    vault_id, given = await given_out(house, 3)
    vault, later = Vault(house, vault_id, Address(given[0]["address"])), given[2]["address"]
    [txid] = await in_a_block(house, await token.give(Address(later), 400, mine=False))
    await adopt(house, later, txid)
    await house.until(lambda: vault.deposited(txid, "credited"))
    held = await vault.balance(token.asset.id)
    assert (held["available"], held["unswept"]) == (0, 400)
    swept = await vault.ask(token.asset.id, None, vault.address, source=later)
    await vault.until(swept, "final")
    payee = await node.outside_address()
    await vault.until(await vault.ask(token.asset.id, None, payee), "final")
    assert await token.has(payee) == 400
    report = await house.services.reconciliation.run(vault=vault_id)
    assert report.is_clean, report.lines


async def test_what_is_not_ours_there_is_refused_by_its_code(
    house: TokenHouse[EvmIssuer],
) -> None:
    vault = await house.new_vault()
    txid = TxId("0x" + "11" * 32)
    assert "address_not_found" in await adopt(house, vault.address, txid, ends=1)
    body = {"network": MEANT}
    given = await house.post(f"vaults/{vault.id}/addresses", body)
    said = await adopt(house, given["address"], txid, ends=1)
    assert "address_watched_there" in said
    said = await house.command(
        "address", "adopt", given["address"], "--given-on", MEANT, "--network", "tron-local",
        "--reason", "x",
        ends=2,
    )  # fmt: skip
    assert "has no node" in said
