"""The follower's loop: batches, gaps, restarts, faults of the node, two leaders, crashes."""

from __future__ import annotations

import asyncio
import random

import pytest
from sqlalchemy import func, select

from chains.block import Block, output_index
from chains.errors import NodeUnavailable, WrongChain
from chains.follow import ReorgTooDeep
from chains.model import Address
from custody.alarms.codes import AlarmCode
from custody.db.session import Database
from custody.db.tables import BlockRow
from custody.following import fetching, follow
from tests.support.custody import World
from tests.support.fake_codec import FakeInput, FakeOutput, FakeTx
from tests.support.interrupt import interrupt


async def heights(world: World) -> tuple[int, int]:
    """The oldest and the newest stored block."""
    async with world.database.read() as session:
        mine = BlockRow.network == world.network.id
        oldest = await session.one(select(func.min(BlockRow.height)).where(mine))
        newest = await session.one(select(func.max(BlockRow.height)).where(mine))
    return oldest, newest


async def test_the_first_start_is_follow_depth_below_the_tip(database: Database):
    world = World(database)
    await world.node.mine(80)
    await world.follow()
    assert await heights(world) == (30, 80)


async def test_the_first_start_may_be_configured(database: Database):
    world = World(database, start_height=3)
    await world.node.mine(20)
    await world.follow()
    assert await heights(world) == (3, 20)


async def test_a_long_gap_is_filled_in_batches(sqlite_url: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(follow, "BATCH_BLOCKS", 16)
    database = Database(sqlite_url)
    world = World(database)
    vault = await world.new_vault()
    address = await world.new_address(vault)
    await world.node.mine(1)
    await world.follow()
    for _ in range(100):
        await world.pay(address, 1_000)
        await world.node.mine(1)
    world.restart()
    steps = await world.follow()
    assert [step.connected for step in steps] == [16] * 6 + [4]
    assert sum(len(step.applied.pending) for step in steps) == 100
    assert sum(len(step.applied.credited) for step in steps) == 98
    assert world.adapter.calls["block"] == 102  # from genesis on, each block once
    assert await heights(world) == (51, 101)  # older ones are forgotten
    assert (await world.reconcile()).is_clean
    await database.close()


async def test_blocks_are_fetched_concurrently(sqlite_url: str):
    database = Database(sqlite_url)
    world = World(database)
    await world.node.mine(40)
    world.node.delay(0.01)
    asked: list[int] = []
    running = 0

    def count(call: str) -> None:
        nonlocal running
        if call == "block":
            running += 1
            asked.append(running)
            asyncio.get_running_loop().call_later(0.01, leave)

    def leave() -> None:
        nonlocal running
        running -= 1

    world.adapter.before = count
    await world.follow()
    assert max(asked) >= fetching.AHEAD_BLOCKS
    await database.close()


async def test_a_restart_goes_on_where_it_stopped(database: Database):
    world = World(database)
    vault = await world.new_vault()
    address = await world.new_address(vault)
    for height in range(10):
        await world.pay(address, 1_000 + height)
        await world.node.mine()
        await world.follow()
        world.restart()
    assert (await world.balance(vault)).available == sum(range(1_000, 1_008))
    assert (await world.reconcile()).is_clean


async def test_an_address_given_out_before_a_block_is_watched_in_it(database: Database):
    """The follower is up and has its watch list; the address is newer than that."""
    world = World(database)
    vault = await world.new_vault()
    await world.node.mine()
    await world.follow()
    address = await world.new_address(vault)
    await world.pay(address, 1_000)
    await world.node.mine()
    await world.follow()
    assert await world.deposit_states() == [(1_000, "pending")]


async def test_skipped_slots(database: Database):
    world = World(database, "solana-local")
    vault = await world.new_vault()
    address = await world.new_address(vault)
    for skip in (0, 3, 1):
        await world.pay(address, 1_000)
        await world.node.mine(1, skip=skip)
    await world.follow()
    assert await world.deposit_states() == [(1_000, "pending")] * 3
    world.restart()
    await world.node.mine(1, skip=2)
    await world.node.finalize()
    await world.follow()
    assert await world.deposit_states() == [(1_000, "credited")] * 3
    await world.node.reorg(1)
    await world.follow()
    assert (await world.reconcile()).is_clean


async def test_a_slot_wrongly_called_skipped_undoes_nothing_and_freezes_nobody(database: Database):
    """The deposit lies in a final block, right below the slot that the node says has none."""
    world = World(database, "solana-local")
    vault = await world.new_vault()
    address = await world.new_address(vault)
    await world.node.mine(3)
    await world.pay(address, 1_000)
    await world.node.mine()
    await world.node.finalize()
    await world.follow()
    assert await world.deposit_states() == [(1_000, "credited")]
    lost = world.node.tip.height + 1
    await world.pay(address, 2_000)
    await world.node.mine(3)
    await world.node.finalize()
    honest = world.adapter.block

    async def forgetful(height: int) -> Block | None:
        return None if height == lost else await honest(height)

    world.adapter.block = forgetful  # type: ignore[method-assign]
    for _ in range(5):
        asked = world.adapter.calls["block"]
        step = await world.follower.step()
        assert (step.at_tip, step.connected) == (True, 0), "it pauses"
        assert world.adapter.calls["block"] - asked <= fetching.AHEAD_BLOCKS, "and asks little"
    assert await world.deposit_states() == [(1_000, "credited")]
    assert await world.frozen(vault) is None
    world.adapter.block = honest  # type: ignore[method-assign]
    await world.follow()
    assert await world.deposit_states() == [(1_000, "credited"), (2_000, "credited")]
    assert (await world.reconcile()).is_clean


async def test_a_step_that_only_undoes_is_followed_by_a_pause(database: Database):
    """A node that loses its blocks one after the other never connects any."""
    world = World(database, start_height=0)
    await world.node.mine(5)
    await world.follow()
    await world.node.reorg(3)
    asked = 0

    def fail(call: str) -> None:
        nonlocal asked
        asked += call == "block"
        if call == "block" and asked > 1:
            raise NodeUnavailable("gone again")

    world.adapter.before = fail
    step = await world.follower.step()
    assert step.applied.position is not None
    assert (step.applied.position.height, step.connected) == (4, 0)


async def test_a_node_that_is_away_is_noted_and_nothing_is_lost(database: Database):
    world = World(database)
    vault = await world.new_vault()
    address = await world.new_address(vault)
    await world.node.mine()
    await world.follow()
    assert world.follower.status.node_unavailable_since is None
    world.node.go_away()
    await world.pay(address, 1_000)
    await world.node.mine(3)
    since = world.clock()
    for _ in range(3):
        step = await world.follower.step()
        assert (step.at_tip, step.connected) == (True, 0)
        world.clock.forward(minutes=1)
    status = world.follower.status
    assert status.node_unavailable_since == since == status.checked_at
    assert status.position is not None
    assert status.position.height == 1
    world.node.heal()
    await world.follow()
    assert world.follower.status.node_unavailable_since is None
    assert world.follower.status.checked_at == world.clock()
    assert await world.deposit_states() == [(1_000, "credited")]


async def test_every_answer_may_be_lost_once(sqlite_url: str):
    database = Database(sqlite_url)
    world = World(database, start_height=0)
    vault = await world.new_vault()
    address = await world.new_address(vault)
    rng = random.Random(3)
    for round_ in range(30):
        await world.pay(address, 1_000)
        await world.node.mine(rng.randint(1, 4))
        if round_ % 7 == 6:
            await world.node.reorg(rng.randint(1, 2), replay=True)
        world.node.error(rng.randint(0, 1))
        world.node.drop_reply(rng.randint(0, 1))
        for _ in range(3):
            await world.follower.step()
    world.node.heal()
    await world.node.mine(3)
    await world.follow()
    assert (await world.balance(vault)).available == 30_000
    assert (await world.reconcile()).is_clean
    await database.close()


async def test_a_node_of_another_chain_is_an_error(database: Database):
    world = World(database)
    await world.node.mine()

    def refuse(call: str) -> None:
        if call == "check":
            raise WrongChain("another genesis")

    world.adapter.before = refuse
    for _ in range(2):
        with pytest.raises(WrongChain):
            await world.follower.step()
    (alarm,) = await world.open_alarms()
    told = "Bitcoin regtest: another genesis"
    assert (alarm.code, alarm.message) == (AlarmCode.NODE_WRONG_CHAIN, told)
    world.restart()  # whoever follows next clears it
    world.adapter.before = lambda call: None
    await world.follow()
    assert await world.open_alarms() == []


async def test_a_reorg_deeper_than_we_remember_stops_and_calls_a_person(database: Database):
    world = World(database, start_height=0)
    vault = await world.new_vault()
    address = await world.new_address(vault)
    await world.pay(address, 1_000)
    await world.node.mine(60)
    await world.follow()
    await world.node.reorg(58)
    with pytest.raises(ReorgTooDeep):
        await world.follow()
    assert "reorg_too_deep" in await world.alarms()
    with pytest.raises(ReorgTooDeep):
        await world.follow()
    assert (await world.alarms()).count("reorg_too_deep") == 1
    assert [row.code for row in await world.open_alarms()] == [AlarmCode.REORG_TOO_DEEP]


async def test_the_node_changes_its_mind_while_blocks_are_fetched(sqlite_url: str):
    """Blocks fetched in advance belong to a chain that is gone when they are wanted."""
    database = Database(sqlite_url)
    world = World(database)
    vault = await world.new_vault()
    address = await world.new_address(vault)
    for _ in range(30):
        await world.pay(address, 1_000)
        await world.node.mine()
    blocks = 0

    def flip(call: str) -> None:
        nonlocal blocks
        blocks += call == "block"
        if call == "block" and blocks in (5, 14, 22, 40):
            # Synchronously, in the middle of the fetches that are under way.
            reorg = world.node.reorg(3, replay=True)
            with pytest.raises(StopIteration):
                reorg.send(None)

    world.adapter.before = flip
    await world.follow()
    world.adapter.before = lambda call: None
    await world.node.mine(3)
    await world.follow()
    assert (await world.balance(vault)).available == 30_000
    assert (await world.reconcile()).is_clean
    await database.close()


async def test_two_followers_at_once_do_no_harm(database: Database):
    world = World(database)
    vault = await world.new_vault()
    address = await world.new_address(vault)
    first = world.follower
    world.restart()
    second = world.follower
    rng = random.Random(1)
    for round_ in range(15):
        await world.pay(address, 1_000)
        await world.node.mine(rng.randint(1, 3))
        if round_ % 4 == 3:
            await world.node.reorg(rng.randint(1, 2), replay=True)
        await asyncio.gather(first.step(), second.step())
    await world.node.mine(3)
    await world.follow()
    assert (await world.balance(vault)).available == 15_000
    assert (await world.reconcile()).is_clean


async def test_coins_of_another_leader_are_known_when_they_are_spent(database: Database):
    """Leader, follower and again leader: the memory of the first is behind."""
    world = World(database)
    vault = await world.new_vault()
    address = await world.new_address(vault)
    await world.node.mine()
    await world.follow()
    first = world.follower
    world.restart()
    await world.pay(address, 90_000)
    await world.node.mine()
    await world.follow()
    (deposit,) = await world.all_deposits()
    tx = FakeTx(
        world.network.id,
        (FakeInput(deposit.txid, output_index(deposit.place), 90_000, Address("x"), None),),
        (FakeOutput(await world.node.outside_address(), world.native, 89_000),),
        1_000,
    )
    world.node.pool[tx.txid] = tx
    await world.node.mine()
    world.follower = first
    await world.follow()
    assert await world.coins() == {90_000: 3}


# Crashes


@pytest.mark.timeout(300)
async def test_a_crash_between_any_two_waits(database: Database):
    """Each round pays twice, mines, sometimes reorganises, and follows; the n-th round is cut off
    where it waits for the n-th time, and a new process goes on. It ends when a round was too short
    to be cut off, so every wait of a round was tried."""
    world = World(database)
    vault = await world.new_vault()
    address = await world.new_address(vault)
    rounds = 0
    while True:
        for amount in (1_000, 2_000):
            await world.pay(address, amount)
            await world.node.mine()
        if rounds % 3 == 2:
            await world.node.reorg(2, replay=True)
        cut = await interrupt(world.follow(), rounds)
        await world.follower.close()
        world.restart()
        await world.follow()
        rounds += 1
        balance = await world.balance(vault)
        assert balance.available + balance.pending == 3_000 * rounds
        if not cut and rounds % 3 == 0:
            break
    least = 3 if database.is_sqlite else 15  # whose statements of a write wait for nobody
    assert rounds > least, "there are more waits than that"
    await world.node.mine(3)
    await world.follow()
    assert (await world.balance(vault)).available == 3_000 * rounds
    assert len(await world.coins()) == 2
    report = await world.reconcile()
    assert report.is_clean
