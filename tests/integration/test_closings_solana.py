"""Token accounts that transfers close, on a running house: what a client is told before, what comes
back, and that the ledger is what the chain says, also across a reorg."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import pytest_asyncio
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from spl.token import instructions as spl_py
from spl.token import models
from sqlalchemy import select

from chains.assets import Asset
from chains.model import Address
from chains.solana.nonce import accounts_of
from custody.apikeys.model import Scope
from custody.apikeys.service import create_key
from custody.db.feed_tables import UnsequencedRow
from custody.devnet.policy import MACHINE
from custody.sweeps.service import NewRule, set_rule
from tests.integration.test_tokens_solana import House, OurVault, stocked, wallet
from tests.support.solana_issuer import SolanaIssuer, SolanaToken
from tests.support.token_house import Refused, opened

pytestmark = [
    pytest.mark.engine,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(300),
]
BOTH = pytest.mark.parametrize("kind", ["token", "token-2022"])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house() -> AsyncIterator[House]:
    with TemporaryDirectory(prefix="house-") as folder:
        async with opened("solana-local", Path(folder), SolanaIssuer) as made:
            yield made


async def later(vault: OurVault) -> Address:
    body = {"network": vault.house.network.alias}
    made = await vault.house.post(f"vaults/{vault.id}/addresses", body)
    return Address(made["address"])


async def given(vault: OurVault, token: SolanaToken, address: Address, units: int) -> None:
    """A stranger pays coins and the token to an address of the vault."""
    house = vault.house
    coins = await house.issuer.node.fund(address, SolanaIssuer.coin)
    await house.until(lambda: vault.deposited(coins, "credited"))
    if units:
        txid = await token.give(address, units, mine=False)
        await house.until(lambda: vault.deposited(txid, "credited"))
    else:
        await token.open(address)


async def lamports(token: SolanaToken, account: Pubkey) -> int:
    shown = (await token.shop.peer.get_account_info(account)).value
    return 0 if shown is None else shown.lamports


async def entries(vault: OurVault, reason: str) -> list[dict[str, Any]]:
    """Once all are numbered."""
    client = (await vault.house.get(f"vaults/{vault.id}"))["client_id"]

    async def numbered() -> bool:
        async with vault.house.services.custody.database.read() as session:
            return not await session.all(select(UnsequencedRow.seq))

    await vault.house.until(numbered, mining=False)
    found = await vault.house.get("entries", client_id=client, limit="200")
    return [each for each in found["items"] if each["reason"] == reason]


async def equal(vault: OurVault) -> None:
    await vault.house.followed()
    report = await vault.house.services.reconciliation.run(vault=vault.id)
    assert report.is_clean, report.lines
    assert await vault.frozen() is None


async def estimate(vault: OurVault, asset: str, to: Address, **more: Any) -> Any:
    body = {
        "vault_id": vault.id,
        "network": vault.house.network.id,
        "asset": asset,
        "destination": to,
        "amount": "all",
        **more,
    }
    return await vault.house.post("transfers:estimate", body)


@BOTH
async def test_a_sweep_closes_what_it_leaves_empty(house: House, kind: str) -> None:
    vault, token = await house.new_vault(), house.issuer.tokens[kind]
    address, native = await later(vault), house.network.native.id
    await stocked(vault, token, 1)
    await given(vault, token, address, 500)
    account = token.at(address)
    held = await lamports(token, account)
    place: dict[str, Any] = {"source": address, "close_accounts": True}
    told = await estimate(vault, token.asset.id, vault.address, **place)
    assert {key: int(back["amount_base_units"]) for key, back in told["returns"].items()} == {
        str(account): held
    }
    before = (await vault.balance(native))["unswept"]
    asked = await vault.ask(token.asset.id, None, vault.address, **place)
    assert asked["close_accounts"] is True and asked["kind"] == "sweep"
    done = await vault.until(asked, "final")
    (paid,) = done["transactions"]
    assert int(paid["returned"]["rent"]["amount_base_units"]) == held
    assert await lamports(token, account) == 0 and await token.has(vault.address) == 501
    spent = sum(
        int(each["amount_base_units"]) for each in [*paid["costs"].values(), *paid["held"].values()]
    )
    assert (await vault.balance(native))["unswept"] == before - spent + held
    assert (await house.issuer.node.balance(address)) == before - spent + held
    (entry,) = await entries(vault, "rent-returned")
    assert int(entry["amount"]["amount_base_units"]) == held and entry["subject"] == asked["id"]
    assert paid["txid"] not in {each["txid"] for each in await vault.deposits()}, "no deposit"
    await equal(vault)


async def test_a_sweep_of_coins_closes_all_that_is_empty(house: House) -> None:
    vault, token = await house.new_vault(), house.issuer.tokens["token"]
    address, native = await later(vault), house.network.native.id
    await stocked(vault, token, 1)
    await given(vault, token, address, 0)
    account = token.at(address)
    held = await lamports(token, account)
    place: dict[str, Any] = {"source": address, "close_accounts": True}
    asked = await vault.ask(native, None, vault.address, **place)
    done = await vault.until(asked, "final")
    assert int(done["transactions"][0]["returned"]["rent"]["amount_base_units"]) == held
    assert await house.issuer.node.balance(address) == held, "what came back lies there"
    assert await lamports(token, accounts_of(Pubkey.from_string(address))[0]) > 0, "its nonce stays"
    await equal(vault)


async def test_who_pays_all_of_a_token_closes_its_account(house: House) -> None:
    vault, token = await house.new_vault(), house.issuer.tokens["token"]
    await stocked(vault, token, 70)
    held = await lamports(token, token.at(vault.address))
    asked = await vault.ask(token.asset.id, None, wallet(), close_accounts=True)
    done = await vault.until(asked, "final")
    assert int(done["transactions"][0]["returned"]["rent"]["amount_base_units"]) == held
    assert await lamports(token, token.at(vault.address)) == 0
    await equal(vault)


async def ruled(vault: OurVault, asset: Asset) -> None:
    """Later addresses are swept of it, and what is left empty is closed."""
    custody = vault.house.services.custody
    async with custody.database.write() as session:
        made = await create_key(
            session,
            name="sweeps",
            initiator=MACHINE,
            scopes=list(Scope),
            client_id=None,
            now=custody.clock(),
        )
        new = NewRule(1, None, 10**9, None, None, made.id, closes=True)
        place = (vault.id, vault.house.network, asset)
        await set_rule(session, *place, new, "customers", custody.clock(), by="olivia")


async def swept(vault: OurVault, count: int) -> list[dict[str, Any]]:
    async def there() -> bool:
        found = (await vault.house.get(f"vaults/{vault.id}/sweeps"))["items"]
        return len(found) == count and all(each["state"] == "done" for each in found)

    await vault.house.until(there)
    found: list[dict[str, Any]] = (await vault.house.get(f"vaults/{vault.id}/sweeps"))["items"]
    return found


async def test_a_rule_closes_what_its_sweeps_leave_empty(house: House) -> None:
    """And does not wait where there is nothing to close."""
    vault, token = await house.new_vault(), house.issuer.tokens["token"]
    address, native = await later(vault), house.network.native
    await stocked(vault, token, 1)
    await given(vault, token, address, 500)
    held = await lamports(token, token.at(address))
    await ruled(vault, token.asset)
    (row,) = await swept(vault, 1)
    assert int(row["returns"]["amount_base_units"]) == held
    assert await lamports(token, token.at(address)) == 0
    (entry,) = await entries(vault, "rent-returned")
    assert int(entry["amount"]["amount_base_units"]) == held
    await ruled(vault, native)
    newest, _ = await swept(vault, 2)
    assert newest["returns"] is None and newest["asset"] == native.id
    assert await house.issuer.node.balance(address) == 0, "what came back is swept as well"
    await equal(vault)


async def test_a_reorg_takes_it_back_and_it_comes_again(house: House) -> None:
    vault, token = await house.new_vault(), house.issuer.tokens["token"]
    await stocked(vault, token, 70)
    held = await lamports(token, token.at(vault.address))
    asked = await vault.ask(token.asset.id, None, wallet(), close_accounts=True)

    async def included() -> bool:
        return any(each["block"] for each in (await vault.shown(asked))["transactions"])

    await house.until(included)
    assert await entries(vault, "rent-returned") == [], "not before it is final"
    await house.issuer.node.reorg(1)
    done = await vault.until(asked, "final")
    assert int(done["transactions"][-1]["returned"]["rent"]["amount_base_units"]) == held
    assert len(await entries(vault, "rent-returned")) == 1
    await equal(vault)


async def test_what_can_not_be_closed_is_said_before(house: House) -> None:
    vault, token = await house.new_vault(), house.issuer.tokens["fee"]
    await vault.receive(None, SolanaIssuer.coin)
    giver = Keypair()
    await token.give(Address(str(giver.pubkey())), 10_000)
    paid = models.TransferCheckedParams(
        program_id=token.program,
        source=token.at(giver.pubkey()),
        mint=token.mint,
        dest=await token.open(vault.address),
        owner=giver.pubkey(),
        amount=10_000,
        decimals=6,
    )
    txid = await token.shop.do([spl_py.transfer_checked(paid)], giver, mine=False)
    await house.until(lambda: vault.deposited(txid, "credited"))
    native = house.network.native.id
    for asset, amount, code in (
        (token.asset.id, None, "fees_withheld"),
        (native, 5, "closing_not_whole"),
    ):
        with pytest.raises(Refused) as caught:
            await vault.ask(asset, amount, wallet(), close_accounts=True)
        assert caught.value.problem["code"] == code
    other = await house.new_vault()
    await other.receive(None, SolanaIssuer.coin)
    with pytest.raises(Refused) as caught:
        await other.ask(native, None, wallet(), close_accounts=True)
    assert caught.value.problem["code"] == "nothing_to_close"
    await equal(vault)
