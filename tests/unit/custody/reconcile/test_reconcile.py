"""Ledger == chain, or somebody is told: on chains that can look back and on those that can't."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from chains.model import Address, AssetId
from custody.alarms.codes import AlarmCode
from custody.db.session import Database
from custody.ledger.model import (
    Post,
    Reason,
    chain_account,
    vault_account,
)
from custody.reconcile.report import DIFFERENT, Verdict
from custody.reconcile.repository import kept_lines
from custody.reconcile.service import Reconciliation
from tests.support.custody import World
from tests.unit.custody.reconcile.scene import (
    ALL,
    COINS,
    CURRENT,
    HISTORIC,
    confirmed,
    funded,
    settle,
    transfer,
    verdicts,
)


@pytest.mark.parametrize("alias", ALL)
async def test_every_stage_of_a_transfer_is_equal(database: Database, alias: str):
    world, vault = await funded(database, alias)
    await transfer(world, vault, 30_000, 5_000)
    held = await world.reconcile(patience_s=0)
    if alias == CURRENT:
        # The node may count what waits; it would not be fair to compare.
        assert [line.verdict for line in held.lines] == [Verdict.INCONCLUSIVE]
    else:
        assert held.is_clean
    await world.node.mine()
    if alias == HISTORIC:  # the follower is behind, and so is the question
        assert (await world.reconcile()).is_clean
    await world.follow()
    report = await world.reconcile()
    assert report.is_clean
    assert {line.chain for line in report.lines} == {69_000}
    await settle(world, 30_000, 1_000)
    assert (await world.reconcile()).is_clean
    assert await world.frozen(vault) is None


async def test_a_transfer_that_reverted_cost_its_fee(database: Database):
    world, vault = await funded(database, HISTORIC)
    txid = await transfer(world, vault, 30_000, 5_000)
    world.node.revert(txid)
    await world.node.mine()
    await world.follow()
    report = await world.reconcile()
    assert report.is_clean
    assert {line.chain for line in report.lines} == {99_000}
    await settle(world, 0, 1_000)
    assert (await world.reconcile()).is_clean


async def test_rent_is_neither_lost_nor_on_our_address(database: Database):
    world, vault = await funded(database, CURRENT)
    world.node.rent = 2_500
    await transfer(world, vault, 30_000, 5_000)
    await world.node.mine()
    await world.follow()
    assert (await world.reconcile()).is_clean
    await settle(world, 30_000, 1_000, locked=2_500)
    report = await world.reconcile()
    assert report.is_clean
    assert {line.chain for line in report.lines} == {66_500}
    assert (await world.balance(vault)).locked == 2_500


async def test_a_reorg_that_takes_a_transfer_back(database: Database):
    world, vault = await funded(database, HISTORIC)
    await transfer(world, vault, 30_000, 5_000)
    await world.node.mine()
    await world.follow()
    await world.node.reorg(1)
    (line,) = (await world.reconcile()).lines
    assert line.verdict is Verdict.INCONCLUSIVE  # our block is gone from the node
    await world.follow()
    assert (await world.reconcile()).is_clean


@pytest.mark.parametrize("alias", ALL)
@pytest.mark.parametrize("amount", [7, -7])
async def test_a_shortage_freezes_and_a_surplus_does_not(
    database: Database, alias: str, amount: int
):
    """A surplus is money that the follower did not see; anybody can bring it about."""
    world, vault = await funded(database, alias)
    (row,) = await world.addresses(vault)
    world.node.state.give(row.address, world.native, amount)
    code = AlarmCode.SURPLUS if amount > 0 else AlarmCode.SHORTAGE
    frozen = None if amount > 0 else code
    if alias == CURRENT:
        assert await verdicts(world) == [Verdict.INCONCLUSIVE]
        assert await world.frozen(vault) is None
    report = await confirmed(world)
    (line,) = report.differences
    assert (line.ledger, line.chain, line.surplus) == (100_000, 100_000 + amount, amount)
    assert line.verdict is (Verdict.SURPLUS if amount > 0 else Verdict.SHORTAGE)
    assert not report.is_clean
    assert await world.frozen(vault) == frozen
    await confirmed(world)
    (alarm,) = await world.open_alarms()
    assert (alarm.code, alarm.network, alarm.vault_id) == (code, world.network.id, vault.id)
    words = "in suspense" if amount > 0 else "less on the chain than in the ledger"
    assert alarm.message == f"{world.native}: 7 {words}"
    if amount > 0:
        assert (await confirmed(world)).is_clean
        return
    # The alarm goes when the shortage is gone. A freeze is a person's to end.
    world.node.state.give(row.address, world.native, -amount)
    assert (await confirmed(world)).is_clean
    assert await world.open_alarms() == []
    assert await world.frozen(vault) == frozen


async def test_what_a_node_does_not_show_is_a_surplus_and_the_client_goes_on(database: Database):
    """A stranger pays through a contract, and the node has no traces."""
    world, vault = await funded(database, HISTORIC)
    (row,) = await world.addresses(vault)
    world.node.hides_inside = True
    await world.node.fund(Address(row.address), 5, inside=True)
    await world.node.mine()
    await world.follow()
    (line,) = (await world.reconcile()).differences
    assert (line.verdict, line.surplus) == (Verdict.SURPLUS, 5)
    await transfer(world, vault, 30_000, 5_000)
    await world.node.mine()
    await world.follow()
    await settle(world, 30_000, 1_000)
    assert (await world.reconcile()).is_clean
    assert (await world.balance(vault)).suspense == 5
    assert await world.frozen(vault) is None


async def test_assets_and_vaults_are_judged_each_for_itself(database: Database):
    world, vault = await funded(database, HISTORIC)
    other = await world.new_vault()
    (mine,), theirs = await world.addresses(vault), await world.new_address(other)
    token = AssetId(f"{world.network.id}/erc20:0x{'11' * 20}")
    async with database.write() as session:
        known = Post(chain_account(token), vault_account(vault.id, token), 50, "d", Reason.DEPOSIT)
        await world.ledger.post(session, known)
    world.node.state.give(mine.address, token, 40)
    world.node.state.give(mine.address, world.native, 3)
    world.node.state.give(theirs.address, world.native, 9)
    report = await world.reconcile()
    found = {(line.vault, line.asset): line.surplus for line in report.differences}
    assert found == {
        (vault.id, token): -10,
        (vault.id, world.native): 3,
        (other.id, world.native): 9,
    }
    alarms = {(row.vault_id, row.code) for row in await world.open_alarms()}
    assert alarms == {
        (vault.id, AlarmCode.SHORTAGE),
        (vault.id, AlarmCode.SURPLUS),
        (other.id, AlarmCode.SURPLUS),
    }
    assert await world.frozen(vault) == AlarmCode.SHORTAGE
    assert await world.frozen(other) is None


async def test_a_shortage_that_changes_with_every_look_is_a_shortage(database: Database):
    """A thief who takes a little in every block must not keep us from coming to a verdict."""
    world, vault = await funded(database, COINS)
    (row,) = await world.addresses(vault)

    def steal(call: str) -> None:
        if call in ("balance", "balances"):
            world.node.state.give(row.address, world.native, -1)

    world.adapter.before = steal
    assert await verdicts(world) == [Verdict.SHORTAGE]
    assert await world.frozen(vault) == AlarmCode.SHORTAGE


async def test_a_slow_network_does_not_delay_the_alarm_of_another(database: Database):
    slow, fast = World(database, COINS), World(database, HISTORIC)
    vault = await slow.new_vault()
    fast.signer.accounts = slow.signer.accounts
    for world in (slow, fast):
        address = await world.new_address(vault)
        await world.node.mine()
        await world.follow()
        world.node.state.give(address.address, world.native, 7)
    reached, answered = asyncio.Event(), asyncio.Event()
    ask = slow.adapter.balances

    async def balances(*question: Any) -> Any:
        reached.set()
        await answered.wait()
        return await ask(*question)

    slow.adapter.balances = balances  # type: ignore[method-assign, assignment]
    service = Reconciliation(
        database,
        slow.ledger,
        {world.network.id: world.network for world in (slow, fast)},
        {world.network.id: world.adapter for world in (slow, fast)},
        slow.clock,
    )
    running = asyncio.create_task(service.run())
    await reached.wait()
    async with asyncio.timeout(60):
        while not await fast.open_alarms():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert not running.done()
    answered.set()
    assert len((await running).differences) == 2


async def test_a_node_that_never_answers_is_given_up_in_time(database: Database):
    world, vault = await funded(database, COINS)

    async def balances(*_question: Any) -> Any:
        await asyncio.Event().wait()
        raise AssertionError

    world.adapter.balances = balances  # type: ignore[method-assign, assignment]
    (line,) = (await world.reconcile(vault_timeout_s=0.05)).lines
    assert (line.verdict, line.reason) == (Verdict.INCONCLUSIVE, "the node takes too long")
    assert await world.frozen(vault) is None


async def test_what_could_not_be_compared_clears_nothing(database: Database):
    world, vault = await funded(database, COINS)
    (row,) = await world.addresses(vault)
    world.node.state.give(row.address, world.native, 7)
    await world.reconcile()
    world.node.state.give(row.address, world.native, -7)
    world.node.go_away()
    await world.reconcile()
    assert [alarm.code for alarm in await world.open_alarms()] == [AlarmCode.SURPLUS]
    async with database.read() as session:
        (kept,) = await kept_lines(session, vault.id)
    assert (kept.verdict, kept.reason) == ("inconclusive", "node_unavailable")


async def test_money_in_the_ledger_alone_freezes_the_vault(database: Database):
    world, vault = await funded(database, COINS)
    native = world.native
    async with database.write() as session:
        invented = Post(
            chain_account(native), vault_account(vault.id, native), 9, "dep_x", Reason.DEPOSIT
        )
        await world.ledger.post(session, invented)
    (line,) = (await world.reconcile()).differences
    assert (line.ledger, line.chain) == (100_009, 100_000)
    assert await world.frozen(vault) == AlarmCode.SHORTAGE


async def test_a_difference_that_goes_away_is_no_difference(database: Database):
    """The node answers wrongly once, as one behind a load balancer may."""
    world, vault = await funded(database, COINS)
    (row,) = await world.addresses(vault)
    answers = iter([5, 0, 0, 0])

    def flicker(call: str) -> None:
        if call in ("balance", "balances"):
            world.node.state.balances[row.address, world.native] = 100_000 + next(answers)

    world.adapter.before = flicker
    assert await verdicts(world) == [Verdict.EQUAL]
    answers = iter([5, -6])
    assert await verdicts(world) == [Verdict.INCONCLUSIVE]
    assert await world.frozen(vault) is None


@pytest.mark.parametrize("alias", ALL)
async def test_a_deposit_at_the_wrong_moment(database: Database, alias: str):
    """A block arrives between the questions. Never a false alarm."""
    world, vault = await funded(database, alias)
    (row,) = await world.addresses(vault)
    await world.pay(row, 50)
    asked = 0

    def arrive(call: str) -> None:
        nonlocal asked
        if call in ("balance", "balances"):
            asked += 1
            if asked == 1:
                world.node._mine(0)

    world.adapter.before = arrive
    assert not set(DIFFERENT) & set(await verdicts(world))
    await world.follow()
    assert await verdicts(world) == [Verdict.EQUAL]
    assert await world.frozen(vault) is None


async def test_a_node_that_is_away_decides_nothing(database: Database):
    world, _vault = await funded(database, HISTORIC)
    world.node.go_away()
    (line,) = (await world.reconcile()).inconclusive
    assert line.reason == "node_unavailable"
    world.node.heal()
    assert (await world.reconcile()).is_clean


async def test_a_follower_that_is_behind(database: Database):
    world, vault = await funded(database, COINS)
    await world.node.mine(2)
    (line,) = (await world.reconcile(patience_s=0)).inconclusive
    assert "behind" in line.reason
    catching_up = asyncio.create_task(world.follow())
    report = await world.reconcile(patience_s=5)
    await catching_up
    assert report.is_clean
    assert await world.frozen(vault) is None


async def test_nothing_was_followed_yet(database: Database):
    world = World(database, HISTORIC)
    vault = await world.new_vault()
    await world.new_address(vault)
    assert await verdicts(world) == [Verdict.INCONCLUSIVE]


async def test_a_vault_that_is_not_compared_for_long_calls_a_person(database: Database):
    """Not a node that is away for a while, but nothing that lasts."""
    world, vault = await funded(database, COINS)
    await world.reconcile()
    world.node.go_away()
    for hours, expected in ((5, []), (1, [AlarmCode.NOT_COMPARED]), (9, [AlarmCode.NOT_COMPARED])):
        world.clock.forward(hours=hours)
        await world.reconcile()
        assert [row.code for row in await world.open_alarms()] == expected
    assert await world.frozen(vault) is None
    world.node.heal()
    await world.reconcile()
    assert await world.open_alarms() == []


async def test_a_vault_at_rest_costs_no_write(database: Database):
    world, vault = await funded(database, COINS)
    (row,) = await world.addresses(vault)
    start = world.clock()
    kept = []
    for minutes, change in ((0, 0), (30, 0), (29, 0), (1, 0), (1, 7), (1, 0)):
        world.clock.forward(minutes=minutes)
        world.node.state.give(row.address, world.native, change)
        await world.reconcile()
        async with database.read() as session:
            (line,) = await kept_lines(session, vault.id)
        kept.append(((line.compared_at - start).total_seconds() // 60, line.verdict))
    assert kept == [
        (0, "equal"),
        (0, "equal"),
        (0, "equal"),
        (60, "equal"),
        (61, "surplus"),
        (62, "equal"),
    ]
    assert [row.code for row in await world.open_alarms()] == [AlarmCode.SURPLUS]


async def test_all_addresses_of_a_vault_count(database: Database):
    world, vault = await funded(database, HISTORIC)
    second = await world.new_address(vault)
    await world.pay(second, 11)
    await world.node.mine()
    await world.follow()
    report = await world.reconcile()
    assert report.is_clean
    assert {line.chain for line in report.lines} == {100_011}


async def test_only_the_vaults_that_are_named(database: Database):
    world, vault = await funded(database, COINS)
    other = await world.new_vault()
    await world.new_address(other)
    report = await world.reconcile()
    assert {line.vault for line in report.lines} == {vault.id, other.id}
    report = await world.reconcile(vault=other.id)
    assert {line.vault for line in report.lines} == {other.id}
