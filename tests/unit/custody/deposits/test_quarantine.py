"""Deposits that are held before they are credited: by rule or by hand, through reorgs, until they
are released, once."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

import pytest
from sqlalchemy import select

from chains.catalogue import built_in
from chains.errors import InvalidAddress
from chains.model import Address
from custody.db.feed_tables import EventRow
from custody.db.quarantine_tables import QuarantineRow, QuarantineSenderRow
from custody.db.session import Database
from custody.db.tables import DepositRow, VaultRow
from custody.errors import CustodyError
from custody.following.rescan import Rescan
from custody.quarantine.repository import newest_of
from custody.quarantine.service import Desk as Shelf
from custody.quarantine.service import NewRule, end_rule, hold, release, set_rule
from custody.reconcile.verify import verify
from custody.rewind.service import Rewind
from custody.vaults.paying_repository import spendable
from custody.vaults.watchlist import WatchList
from tests.support.custody import World
from tests.support.fake_chain import OUTSIDE
from tests.support.networks import find_network
from tests.unit.custody.transfers.desk import Desk
from tests.unit.custody.transfers.life import FUNDS

COINS, ACCOUNT = "bitcoin-regtest", "ethereum-local"
BOTH = pytest.mark.parametrize("alias", [COINS, ACCOUNT])


def world_of(database: Database, alias: str, least: int = 0) -> World:
    native = find_network(alias).native.id
    minimums = {native: least} if least else {}
    return World(database, alias, start_height=0, minimums=minimums)


def shelf(world: World, *, four_eyes: bool = False) -> Shelf:
    return Shelf(world.ledger, built_in(), world.minimums, four_eyes)


async def held(world: World, deposit: str, *, by: str = "olivia", only: str | None = None) -> None:
    async with world.database.write() as session:
        now = world.clock()
        await hold(session, shelf(world), deposit, "asked about", now, by=by, only=only)


async def released(world: World, deposit: str, *, by: str = "oscar", **more: Any) -> None:
    async with world.database.write() as session:
        now = world.clock()
        await release(session, shelf(world, **more), deposit, "it is fine", now, by=by)


async def ruled(world: World, *, only: str | None = None, **what: Any) -> str:
    async with world.database.write() as session:
        new = NewRule(**what)
        row = await set_rule(session, new, "looked at", world.clock(), by="rita", only=only)
    return row.id


async def refused(code: str, doing: Awaitable[object]) -> None:
    with pytest.raises(CustodyError) as caught:
        await doing
    assert caught.value.code == code


async def mined(world: World, blocks: int = 1) -> None:
    await world.node.mine(blocks)
    await world.follow()


async def final(world: World) -> None:
    await world.node.mine(3)
    await world.node.finalize()
    await world.follow()
    await adds_up(world)


async def adds_up(world: World) -> None:
    """The ledger equals the chain, and its own rows."""
    assert (await world.reconcile()).is_clean
    assert (await verify(world.database)).passed


async def shares(world: World, vault: VaultRow) -> tuple[int, int, int]:
    balance = await world.balance(vault)
    return balance.available, balance.pending, balance.quarantined


async def funded(world: World, *amounts: int) -> tuple[VaultRow, list[DepositRow]]:
    """A vault whose first address these came to; in a block, and not final."""
    vault = await world.new_vault()
    address = await world.new_address(vault)
    for amount in amounts:
        await world.pay(address, amount)
    await mined(world)
    return vault, list(await world.all_deposits())


async def quarantines(world: World) -> list[QuarantineRow]:
    async with world.database.read() as session:
        return list(await session.all(select(QuarantineRow).order_by(QuarantineRow.id)))


@BOTH
async def test_what_is_held_by_hand_is_credited_once_it_is_released(database: Database, alias: str):
    world = world_of(database, alias)
    vault, (first, second) = await funded(world, 400, 30)
    assert await shares(world, vault) == (0, 430, 0)
    await held(world, first.id)
    assert await shares(world, vault) == (0, 30, 400)
    await final(world)
    assert sorted(await world.deposit_states()) == [(30, "credited"), (400, "quarantined")]
    assert await shares(world, vault) == (30, 0, 400)
    await released(world, first.id)
    assert await shares(world, vault) == (430, 0, 0)
    await adds_up(world)
    await final(world)
    assert await shares(world, vault) == (430, 0, 0)
    (row,) = await quarantines(world)
    said = (row.held_by, row.reason, row.rule_id, row.released_by, row.released_reason)
    assert said == ("olivia", "asked about", None, "oscar", "it is fine")
    async with database.read() as session:
        mine = select(EventRow.state).where(EventRow.subject == first.id)
        told = await session.all(mine.order_by(EventRow.seq))
    assert list(told) == ["pending", "quarantined", "pending", "credited"]
    assert second.state == "pending"


@BOTH
async def test_what_is_released_before_it_is_final_waits_for_its_block(
    database: Database, alias: str
):
    world = world_of(database, alias)
    vault, (row,) = await funded(world, 400)
    await held(world, row.id)
    await released(world, row.id)
    assert await shares(world, vault) == (0, 400, 0)
    await final(world)
    assert await shares(world, vault) == (400, 0, 0)


@BOTH
async def test_a_rule_holds_what_is_seen_after_it(database: Database, alias: str):
    world = world_of(database, alias)
    vault, _ = await funded(world, 1_000)
    rule = await ruled(world, network=world.network, asset=world.native, amount_from=500)
    address = (await world.addresses(vault))[0]
    await world.pay(address, 500)
    await world.pay(address, 499)
    await final(world)
    assert sorted(await world.deposit_states()) == [
        (499, "credited"),
        (500, "quarantined"),
        (1_000, "credited"),
    ]
    assert await shares(world, vault) == (1_499, 0, 500)
    (row,) = await quarantines(world)
    assert (row.rule_id, row.held_by, row.reason) == (rule, "rita", "looked at")
    async with database.write() as session:
        await end_rule(session, rule, "not needed", world.clock(), by="rita")
    await world.pay(address, 501)
    await final(world)
    assert await shares(world, vault) == (2_000, 0, 500)


async def test_a_list_of_senders_holds_what_they_send(database: Database):
    world = world_of(database, ACCOUNT)
    bad = "0x52908400098527886E0F7030069857D2E4169EE7"
    rule = await ruled(world, network=world.network, senders=(bad.lower(), bad))
    async with database.read() as session:
        (listed,) = await session.all(select(QuarantineSenderRow))
    assert (listed.rule_id, listed.address) == (rule, bad)
    vault, _ = await funded(world, 400)
    async with database.write() as session:
        await session.insert(QuarantineSenderRow, [{"rule_id": rule, "address": OUTSIDE}])
    await world.pay((await world.addresses(vault))[0], 30)
    await final(world)
    assert sorted(await world.deposit_states()) == [(30, "quarantined"), (400, "credited")]


async def test_a_rule_that_contradicts_itself_is_refused(database: Database):
    world, coins = world_of(database, ACCOUNT), find_network(COINS)
    vault = await world.new_vault()
    network = world.network
    for what in (
        {"client": vault.client_id, "vault": vault.id},
        {"asset": world.native},
        {"asset": world.native, "network": coins},
        {"amount_from": 5, "network": network},
        {"amount_from": 0, "network": network, "asset": world.native},
        {"senders": ("0x52908400098527886E0F7030069857D2E4169EE7",)},
        {"senders": (), "network": network},
        {"senders": ("bcrt1qcr8te4kr609gcawutmrza0j4xv80jy8zeqchgx",), "network": coins},
    ):
        await refused("quarantine_rule_invalid", ruled(world, **what))
    with pytest.raises(InvalidAddress):
        await ruled(world, senders=("nobody",), network=network)
    await refused("client_not_found", ruled(world, client="cli_nobody"))
    await refused("vault_not_found", ruled(world, vault="vlt_nobody"))


async def test_a_key_of_one_client_rules_and_holds_its_own(database: Database):
    world = world_of(database, COINS)
    vault, (row,) = await funded(world, 400)
    other = (await world.new_vault()).client_id
    await refused("key_bound_to_client", ruled(world, only=other))
    await refused("vault_not_found", ruled(world, vault=vault.id, only=other))
    await refused("client_not_found", ruled(world, client=vault.client_id, only=other))
    await refused("deposit_not_found", held(world, row.id, only=other))
    rule, everybodys = await ruled(world, vault=vault.id, only=vault.client_id), await ruled(world)

    async def end(which: str, only: str) -> None:
        async with database.write() as session:
            await end_rule(session, which, "done", world.clock(), by="rita", only=only)

    await refused("quarantine_rule_not_found", end(rule, other))
    await refused("key_bound_to_client", end(everybodys, other))
    await end(rule, vault.client_id)
    await refused("quarantine_rule_ended", end(rule, vault.client_id))


async def test_what_can_not_be_held_or_released_is_refused_and_changes_nothing(
    database: Database,
):
    world = world_of(database, ACCOUNT)
    vault, (row,) = await funded(world, 400)
    await refused("deposit_not_quarantined", released(world, row.id))
    await held(world, row.id)
    await refused("deposit_quarantined", held(world, row.id))
    await refused("second_person_needed", released(world, row.id, by="olivia", four_eyes=True))
    await refused("deposit_not_found", held(world, "dep_nobody"))
    await final(world)
    assert await shares(world, vault) == (0, 0, 400)
    await released(world, row.id, by="oscar", four_eyes=True)
    await refused("deposit_credited", held(world, row.id))
    assert await shares(world, vault) == (400, 0, 0)
    assert len(await quarantines(world)) == 1
    await adds_up(world)


async def test_a_rules_deposit_is_released_by_another_than_who_set_it(database: Database):
    world = world_of(database, ACCOUNT)
    await ruled(world)
    _, (row,) = await funded(world, 400)
    await refused("second_person_needed", released(world, row.id, by="rita", four_eyes=True))
    await released(world, row.id, by="rita")


@BOTH
async def test_a_reorg_takes_what_is_held_and_another_block_brings_it_held(
    database: Database, alias: str
):
    """Held by hand, with no rule to hold it again."""
    world = world_of(database, alias)
    vault, (row,) = await funded(world, 400)
    await held(world, row.id)
    (sent,) = [each.tx for each in world.node.chain[-1].included]
    await world.node.reorg(1)
    world.node.pool.clear()
    await world.follow()
    assert await world.deposit_states() == [(400, "reversed")]
    assert await shares(world, vault) == (0, 0, 0)
    await refused("deposit_reversed", held(world, row.id))
    await refused("deposit_not_quarantined", released(world, row.id))
    world.node.pool[sent.txid] = sent
    await final(world)
    assert await world.deposit_states() == [(400, "reversed"), (400, "quarantined")]
    assert await shares(world, vault) == (0, 0, 400)
    assert len(await quarantines(world)) == 1
    new = (await world.all_deposits())[1]
    await released(world, new.id)
    assert await shares(world, vault) == (400, 0, 0)
    await adds_up(world)


@BOTH
async def test_what_was_released_is_not_held_again_after_a_reorg(database: Database, alias: str):
    world = world_of(database, alias)
    await ruled(world)
    vault, (row,) = await funded(world, 400)
    assert row.state == "quarantined"
    await released(world, row.id)
    await world.node.reorg(1, replay=True)
    await final(world)
    assert await shares(world, vault) == (400, 0, 0)
    assert len(await quarantines(world)) == 1


async def test_undone_below_what_was_final_it_is_just_gone(database: Database):
    """Nobody could spend it, so no vault is frozen for it."""
    world = world_of(database, COINS)
    vault, (row,) = await funded(world, 600)
    await held(world, row.id)
    await final(world)
    await world.node.reorg(len(world.node.chain) - 1)
    world.node.pool.clear()
    await final(world)
    assert await world.deposit_states() == [(600, "reversed")]
    assert not await world.frozen(vault)
    assert await shares(world, vault) == (0, 0, 0)


async def test_a_rewind_takes_back_what_is_held_and_what_was_released(database: Database):
    world = world_of(database, COINS)
    await world.node.mine(2)
    vault, (first, second) = await funded(world, 600, 700)
    await held(world, first.id)
    await held(world, second.id)
    await mined(world, 2)
    await released(world, second.id)
    assert await shares(world, vault) == (700, 0, 600)
    await world.node.reorg(3)
    waiting = dict(world.node.pool)
    world.node.pool.clear()
    await world.node.mine(3)
    rewind = Rewind(
        database, world.ledger, world.network, world.adapter, world.clock, world.minimums
    )
    await rewind.apply(await rewind.plan())
    world.restart()
    await final(world)
    assert {state for _, state in await world.deposit_states()} == {"reversed"}
    assert await shares(world, vault) == (0, 0, 0)
    world.node.pool.update(waiting)
    await final(world)
    assert await shares(world, vault) == (700, 0, 600)


async def test_a_rescan_doubles_nothing_and_holds_what_was_missed(database: Database):
    world = world_of(database, COINS)
    vault, (row,) = await funded(world, 600)
    await held(world, row.id)
    await ruled(world, network=world.network, asset=world.native, amount_from=300)
    address = (await world.addresses(vault))[0]
    await world.pay(address, 300)
    await world.pay(address, 20)
    await world.node.mine()
    missed = world.node.tip.height
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WatchList, "movements", lambda self, found: [])
        await world.follow()
    await mined(world, 3)
    rescan = Rescan(
        database, world.ledger, world.network, world.adapter, world.clock, world.minimums
    )
    await rescan.blocks(missed, missed)
    await rescan.blocks(0, world.node.tip.height)
    assert await shares(world, vault) == (20, 0, 900)
    await adds_up(world)


@BOTH
async def test_less_than_the_minimum_and_quarantine(database: Database, alias: str):
    """What is held adds nothing to what waits, and waits itself once it is released."""
    world = world_of(database, alias, least=1_000)
    vault, (first, second) = await funded(world, 600, 300)
    await held(world, first.id)
    await final(world)
    assert sorted(await world.deposit_states()) == [(300, "below_minimum"), (600, "quarantined")]
    await held(world, second.id)
    assert await shares(world, vault) == (0, 0, 900)
    await released(world, first.id)
    assert sorted(await world.deposit_states()) == [(300, "quarantined"), (600, "below_minimum")]
    assert await shares(world, vault) == (0, 600, 300)
    await released(world, second.id)
    assert await shares(world, vault) == (0, 900, 0)
    await world.pay((await world.addresses(vault))[0], 100)
    await final(world)
    assert await shares(world, vault) == (1_000, 0, 0)


@BOTH
async def test_a_payment_that_needs_held_money_is_refused(database: Database, alias: str):
    desk, much = Desk(database, alias), 10**8 if alias == COINS else FUNDS
    vault = await desk.open_funded(much)
    address = (await desk.addresses(vault))[0]
    await ruled(desk, vault=vault.id)
    await desk.node.fund(Address(address.address), 5 * much)
    await desk.node.mine()
    await desk.node.finalize()
    await desk.follow()
    assert (await desk.balance(vault)).quarantined == 5 * much
    answer = await desk.ask(vault, 2 * much)
    assert (answer.status, answer.body) == (422, b"amount_above_balance")
    if alias == COINS:
        async with database.read() as session:
            offered = await spendable(session, desk.network.id, vault.id)
        assert [coin.amount for coin, _ in offered] == [much]
    row = (await desk.all_deposits())[-1]
    await released(desk, row.id)
    sent = await desk.send(vault, 2 * much)
    assert (await desk.settle(sent)).state == "final"
    await adds_up(desk)


@BOTH
async def test_everything_leaves_what_is_held_where_it_is(database: Database, alias: str):
    desk = Desk(database, alias)
    vault = await desk.open_funded(1_000_000)
    address = (await desk.addresses(vault))[0]
    await ruled(desk, vault=vault.id)
    await desk.node.fund(Address(address.address), 5_000_000)
    await desk.node.mine()
    await desk.node.finalize()
    await desk.follow()
    sent = await desk.send(vault, None)
    assert (await desk.settle(sent)).state == "final"
    assert (await desk.balance(vault)).quarantined == 5_000_000
    await adds_up(desk)


async def test_what_is_shown_is_the_newest(database: Database):
    world = world_of(database, ACCOUNT)
    _, (row,) = await funded(world, 400)
    await held(world, row.id)
    await released(world, row.id)
    await held(world, row.id, by="omar")
    async with database.read() as session:
        (shown,) = (await newest_of(session, [row])).values()
    assert (shown.held_by, shown.released_at) == ("omar", None)
