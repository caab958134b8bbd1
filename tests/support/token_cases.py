"""What goes the same way with the tokens of every account chain. At the end of each the ledger is
what the chain says (`Vault.compare`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import select

from chains.model import Address
from custody.db.feed_tables import UnsequencedRow
from custody.db.tables import ApiKeyRow
from custody.moves.service import Moves
from custody.refills.service import NewRule, set_rule
from tests.support.token_house import IssuedToken, Refused, Vault


async def received_and_sent(vault: Vault[Any], token: IssuedToken) -> None:
    issuer, native = vault.house.issuer, vault.house.network.native.id
    payee = await issuer.node.outside_address()
    await vault.receive(None, issuer.coin)
    await vault.receive(token, 5_000)
    asked = await vault.ask(token.asset.id, 1_200, payee)
    done = await vault.until(asked, "final")
    assert await token.has(payee) == 1_200
    assert (await vault.balance(token.asset.id))["available"] == 3_800
    (paid,) = done["transactions"]
    costs = {kind: int(each["amount_base_units"]) for kind, each in paid["costs"].items()}
    assert sum(costs.values()) > 0
    left = await vault.ledger(native) + (await vault.balance(native))["locked"]
    assert left == issuer.coin - sum(costs.values())


async def sent_whole(vault: Vault[Any], token: IssuedToken) -> None:
    issuer = vault.house.issuer
    payee = await issuer.node.outside_address()
    await vault.receive(None, issuer.coin)
    await vault.receive(token, 777)
    await vault.until(await vault.ask(token.asset.id, None, payee), "final")
    assert await token.has(payee) == 777
    assert await token.has(vault.address) == 0


async def refused_by_name(vault: Vault[Any], token: IssuedToken) -> None:
    """Whether the token is missing or the coin that moves it. Accepted once both are there."""
    issuer, native = vault.house.issuer, vault.house.network.native.id
    payee = await issuer.node.outside_address()
    await vault.receive(token, 10)
    for units, code, short in (
        (11, "amount_above_balance", token.asset.id),
        (10, "insufficient_gas", native),
    ):
        with pytest.raises(Refused) as caught:
            await vault.ask(token.asset.id, units, payee)
        problem = caught.value.problem
        assert (problem["code"], problem["asset"]) == (code, short)
        found = await vault.balance(token.asset.id)
        assert (found["available"], found["reserved"]) == (10, 0)
    await vault.receive(None, issuer.coin)
    await vault.until(await vault.ask(token.asset.id, 10, payee), "final")


async def reorganised(vault: Vault[Any], token: IssuedToken) -> None:
    """What a block brought goes with it, and comes with another one."""
    issuer = vault.house.issuer
    await vault.receive(None, issuer.coin)
    txid = await token.give(vault.address, 9)
    await vault.house.until(lambda: vault.deposited(txid, "pending"), mining=False)
    await issuer.node.reorg(1)
    await vault.house.until(lambda: vault.deposited(txid, "reversed"), mining=False)
    assert await vault.ledger(token.asset.id) == 0 == await token.has(vault.address)
    await vault.receive(token, 9)


async def swept_less_a_fee(vault: Vault[Any], token: IssuedToken) -> None:
    """Its contract keeps a part of each payment. What came is what was sent, less that, and the
    part is an entry of its own: nobody's deposit, and no fee of the network's."""
    house, issuer = vault.house, vault.house.issuer
    made = await house.post(f"vaults/{vault.id}/addresses", {"network": house.network.alias})
    address = Address(made["address"])
    coins = await issuer.node.fund(address, issuer.coin)
    await house.until(lambda: vault.deposited(coins, "credited"))
    txid = await token.give(address, 10_000, mine=False)
    await house.until(lambda: vault.deposited(txid, "credited"))
    lay = await token.has(address)
    asked = await vault.ask(token.asset.id, None, vault.address, source=address)

    async def included() -> bool:
        return any(each["block"] for each in (await vault.shown(asked))["transactions"])

    await house.until(included)
    await house.followed()
    report = await house.services.reconciliation.run(vault=vault.id)
    assert report.is_clean, report.lines
    done = await vault.until(asked, "final")
    came = await token.has(vault.address)
    assert 0 < came < lay == int(done["amount_base_units"]) and await token.has(address) == 0
    kept = lay - came
    (paid,) = done["transactions"]
    assert int(paid["costs"]["withheld"]["amount_base_units"]) == kept
    found = await vault.balance(token.asset.id)
    assert (found["available"], found["unswept"], found["reserved"]) == (came, 0, 0)
    assert await vault.deposits(txid=paid["txid"]) == []
    assert await withheld_by_entries(vault, token) == [kept]
    await house.followed()
    report = await house.services.reconciliation.run(vault=vault.id)
    assert report.is_clean, report.lines
    assert await vault.frozen() is None


async def refilled_less_a_fee(vault: Vault[Any], token: IssuedToken) -> None:
    """Out of another vault of the client. What came is enough, and no second one is asked for."""
    house, asset = vault.house, token.asset.id
    source = await house.new_vault(of=vault)
    await source.receive(None, house.issuer.coin)
    await source.receive(token, 10_000)
    custody, before = house.services.custody, await token.has(source.address)
    async with custody.database.write() as session:
        key = (await session.all(select(ApiKeyRow.id)))[0]
        new = NewRule(source.id, 1_000, 2_000, key)
        place = (vault.id, house.network.id, asset)
        await set_rule(session, *place, new, "test", custody.clock(), by="olivia")

    async def refills() -> list[str]:
        items = (await house.get(f"vaults/{vault.id}/refills"))["items"]
        return [each["state"] for each in items]

    async def is_done() -> bool:
        return await refills() == ["done"]

    await house.until(is_done)
    assert await token.has(source.address) == before - 2_000
    came = await token.has(vault.address)
    assert 1_000 < came == (await vault.balance(asset))["available"] < 2_000
    assert await refills() == ["done"]
    async with custody.database.write() as session:
        await set_rule(session, *place, None, "test", custody.clock(), by="olivia")
    await source.compare(token)


async def moved_less_a_fee(vault: Vault[Any], token: IssuedToken) -> None:
    """To the vault that takes its place: all of it leaves, and what came is its successor's."""
    house, asset = vault.house, token.asset.id
    custody = house.services.custody
    await vault.receive(None, house.issuer.coin)
    await vault.receive(token, 4_000)
    async with custody.database.read() as session:
        key = (await session.all(select(ApiKeyRow.id)))[0]
    moves = Moves(custody.database, house.services.vaults, custody.clock)
    successor = (await moves.begin(vault.id, key, "new keys", by="olivia")).successor_id

    async def has() -> int:
        items = (await house.get(f"vaults/{successor}/balances", asset=asset))["items"]
        return sum(int(each["available"]["amount_base_units"]) for each in items)

    async def arrived() -> bool:
        return bool(await has()) and await vault.ledger(asset) == 0

    await house.until(arrived)
    (first,) = (await house.get(f"vaults/{successor}/addresses"))["items"]
    came = await token.has(Address(first["address"]))
    assert 0 < came == await has() < 4_000
    assert await token.has(vault.address) == 0
    await house.followed()
    report = await house.services.reconciliation.run(vault=successor)
    assert report.is_clean, report.lines


async def withheld_by_entries(vault: Vault[Any], token: IssuedToken) -> list[int]:
    """What of the token the ledger says that it kept, once all entries are numbered."""
    house = vault.house
    client = (await house.get(f"vaults/{vault.id}"))["client_id"]

    async def numbered() -> bool:
        async with house.services.custody.database.read() as session:
            return not await session.all(select(UnsequencedRow.seq))

    await house.until(numbered, mining=False)
    found = await house.get("entries", client_id=client, limit="200")
    return [
        int(each["amount"]["amount_base_units"])
        for each in found["items"]
        if (each["reason"], each["asset"]) == ("withheld", token.asset.id)
    ]


async def frozen_by_its_issuer(vault: Vault[Any], token: IssuedToken) -> None:
    """What waits says why, and goes on when that has ended."""
    issuer = vault.house.issuer
    payee = await issuer.node.outside_address()
    await vault.receive(None, issuer.coin)
    await vault.receive(token, 30)
    shown = await vault.house.get(f"assets/{token.asset.id}")
    assert shown["traits"] == sorted(token.asset.traits)
    await token.freeze(vault.address)
    asked = await vault.ask(token.asset.id, 10, payee)
    await vault.until_waiting(asked, "balance_frozen")
    assert await vault.stopped(token.asset.id) == 0, "nobody has asked yet"
    await vault.house.ask_again()
    assert await vault.stopped(token.asset.id) == 30
    await token.thaw(vault.address)
    await vault.until(asked, "final")
    assert await token.has(payee) == 10


async def paused_by_its_issuer(vault: Vault[Any], token: IssuedToken) -> None:
    issuer = vault.house.issuer
    payee = await issuer.node.outside_address()
    await vault.receive(None, issuer.coin)
    await vault.receive(token, 30)
    await token.pause()
    try:
        asked = await vault.ask(token.asset.id, 10, payee)
        await vault.until_waiting(asked, "token_paused")
    finally:
        await token.unpause()
    await vault.until(asked, "final")
    assert await token.has(payee) == 10


async def frozen_is_promised_to_nobody(vault: Vault[Any], token: IssuedToken) -> None:
    await _promised_to_nobody(
        vault,
        token,
        "balance_frozen",
        lambda: token.freeze(vault.address),
        lambda: token.thaw(vault.address),
    )


async def paused_is_promised_to_nobody(vault: Vault[Any], token: IssuedToken) -> None:
    await _promised_to_nobody(vault, token, "token_paused", token.pause, token.unpause)


async def _promised_to_nobody(
    vault: Vault[Any],
    token: IssuedToken,
    code: str,
    stop: Callable[[], Awaitable[object]],
    go: Callable[[], Awaitable[object]],
) -> None:
    """Reconciliation finds it. It is shown beside the balance, which stays the client's, and a
    transfer of it is refused; once it can move again it is paid."""
    house, asset = vault.house, token.asset.id
    payee = await house.issuer.node.outside_address()
    await vault.receive(None, house.issuer.coin)
    await vault.receive(token, 30)
    await stop()
    try:
        await house.followed()
        await house.services.reconciliation.run(vault=vault.id)
        assert await vault.stopped(asset) == 30
        for units in (1, None):
            with pytest.raises(Refused) as caught:
                await vault.ask(asset, units, payee)
            problem = caught.value.problem
            assert (problem["code"], problem["asset"]) == (code, asset)
        found = await vault.balance(asset)
        assert (found["available"], found["reserved"]) == (30, 0)
    finally:
        await go()
    await house.ask_again()
    assert await vault.stopped(asset) == 0
    await vault.until(await vault.ask(asset, None, payee), "final")
    assert await token.has(payee) == 30
