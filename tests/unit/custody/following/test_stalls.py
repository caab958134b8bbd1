"""A follower that makes no progress says so; an operator may let it pass a block; gaps are told."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import select

from chains.block import Block, Reading
from chains.errors import BlockUnreadable, NodeMisbehaved, NodeUnfit
from chains.model import BlockRef, InternalCredits
from chains.networks import Environment
from custody.db.session import Database
from custody.db.tables import AlarmRow, PassRow
from custody.errors import Invalid
from custody.following import states
from custody.following.follow import NetworkFollower
from custody.following.passing import ATTEMPTS_MIN, pass_blocks
from custody.following.progress import STALL_AFTER, FollowStatus
from custody.following.readings import Range, ranges
from custody.following.rescan import Rescan
from tests.support.custody import World, without_hashes


class Unreadable:
    """The node of a world, which can't show some of its blocks."""

    def __init__(self, world: World, *heights: int, error: Exception | None = None) -> None:
        self._honest = world.adapter.block
        self._honest_salvage = world.adapter.salvage
        self.heights = set(heights)
        self.missing: set[int] = set()
        self._error = error
        world.adapter.block = self.block  # type: ignore[method-assign]
        world.adapter.salvage = self.salvage  # type: ignore[method-assign]

    async def block(self, height: int) -> Block | None:
        if height in self.missing:
            return None
        if height in self.heights:
            raise self._error or BlockUnreadable("pruned", height=height)
        return await self._honest(height)

    async def salvage(self, height: int) -> Block:
        if height in self.missing:
            raise BlockUnreadable("unknown", height=height)
        return await self._honest_salvage(height)


async def open_alarms(world: World) -> dict[str, str]:
    async with world.database.read() as session:
        rows = await session.all(select(AlarmRow).where(AlarmRow.cleared_at.is_(None)))
    return {row.code: row.message for row in rows}


async def saved(world: World) -> FollowStatus:
    async with world.database.read() as session:
        return await states.load(session, world.network.id)


async def read_as(world: World) -> list[Range]:
    async with world.database.read() as session:
        return without_hashes(await ranges(session, world.network.id))


async def stall(world: World, *, steps: int = 3) -> None:
    """The node goes on for longer than a follower may stand still."""
    for _ in range(steps):
        world.clock.now += STALL_AFTER / (steps - 1)
        await world.node.mine()
        await world.follower.step()


async def test_standing_still_while_the_node_goes_on_is_an_alarm_until_it_ends(
    database: Database,
):
    world = World(database, "ethereum-local")
    await world.node.mine(3)
    await world.follow()
    broken = Unreadable(world, 4)
    await stall(world)
    told = "Ethereum (local): stands at 3 while the node goes on; block 4 can't be read: "
    assert await open_alarms(world) == {"follower_stalled": told + "block_unreadable"}
    status = await saved(world)
    assert status.position == BlockRef(3, world.node.chain[3].ref.hash)
    assert (status.blocks_behind, status.tip) == (3, world.node.tip)
    assert status.failure is not None
    assert (status.failure.height, status.failure.attempts) == (4, 3)
    await stall(world)
    assert len(await world.alarms()) == 1, "one alarm, however long it lasts"
    broken.heights.clear()
    await world.follow()
    assert await open_alarms(world) == {}


async def test_a_restart_does_not_hide_how_long_it_stands_still(database: Database):
    world = World(database)
    await world.node.mine(3)
    await world.follow()
    Unreadable(world, 4)
    for _ in range(4):
        world.clock.now += STALL_AFTER / 4
        world.restart()
        await world.node.mine()
        await world.follower.step()
    assert "follower_stalled" in await open_alarms(world)
    assert (await saved(world)).failure == replace(
        world.follower.status.failure,  # type: ignore[type-var]
        attempts=4,
    )


async def test_an_alarm_that_an_earlier_run_left_open_ends_with_its_cause(database: Database):
    world = World(database)
    await world.node.mine(3)
    await world.follow()
    broken = Unreadable(world, 4)
    await stall(world)
    broken.heights.clear()
    world.restart()
    await world.follow()
    assert await open_alarms(world) == {}


async def test_a_node_below_our_position_is_an_alarm(database: Database):
    world = World(database)
    await world.node.mine(9)
    await world.follow()
    chain = world.node.chain
    world.node.chain = chain[:5]
    for _ in range(3):
        world.clock.now += STALL_AFTER / 2
        await world.follower.step()
    assert "ends below" in (await open_alarms(world))["follower_stalled"]
    world.node.chain = chain
    await world.follow()
    assert await open_alarms(world) == {}


async def test_a_node_that_is_away_is_an_alarm(database: Database):
    world = World(database)
    await world.node.mine(3)
    await world.follow()
    world.node.go_away()
    world.clock.now += STALL_AFTER
    await world.follower.step()
    assert "has not told its tip" in (await open_alarms(world))["follower_stalled"]
    world.node.heal()
    await world.follow()
    assert await open_alarms(world) == {}


async def test_a_bug_is_visible_as_the_reason(database: Database, monkeypatch: pytest.MonkeyPatch):
    world = World(database)
    await world.node.mine(3)

    async def fail(*_: object) -> None:
        raise ZeroDivisionError("not for people")

    monkeypatch.setattr(world.writer, "apply", fail)
    with pytest.raises(ZeroDivisionError):
        await world.follower.step()
    assert world.follower.status.failure is not None
    assert world.follower.status.failure.code == "ZeroDivisionError"
    failure = (await saved(world)).failure
    assert failure is not None
    assert (failure.code, failure.message) == ("ZeroDivisionError", "")
    for _ in range(2):
        world.clock.now += STALL_AFTER
        with pytest.raises(ZeroDivisionError):
            await world.follower.step()
    assert (await open_alarms(world))["follower_stalled"].endswith(
        "last failure: ZeroDivisionError"
    )


# Passing


async def permit(world: World, height: int) -> PassRow:
    async with world.database.write() as session:
        return await pass_blocks(
            session, world.network, height, "no node has it", "root", world.clock()
        )


async def test_only_a_block_that_was_tried_often_may_be_passed(database: Database):
    world = World(database)
    await world.node.mine(3)
    await world.follow()
    with pytest.raises(Invalid) as caught:
        await permit(world, 4)
    assert caught.value.code == "block_not_stuck"
    Unreadable(world, 4)
    await world.node.mine(5)
    for _ in range(ATTEMPTS_MIN):
        with pytest.raises(Invalid, match="nothing to pass"):
            await permit(world, 4)
        world.clock.forward(seconds=10)
        await world.follower.step()
    for wrong in (3, 9):
        with pytest.raises(Invalid) as caught:
            await permit(world, wrong)
        assert caught.value.code == "height_invalid"
    async with world.database.write() as session:
        with pytest.raises(Invalid) as caught:
            await pass_blocks(session, world.network, 4, " ", "root", world.clock())
        assert caught.value.code == "reason_invalid"
    assert (await permit(world, 4)).failure == "block_unreadable: block 4: pruned"


@pytest.mark.parametrize("error", [None, NodeMisbehaved("a call of unknown type")])
async def test_a_passed_block_is_recorded_and_found_by_a_rescan(
    database: Database, error: Exception | None
):
    world = World(database)
    vault = await world.new_vault()
    address = await world.new_address(vault)
    await world.node.mine(3)
    await world.follow()
    broken = Unreadable(world, 4, 6, error=error)
    for amount in (1_000, 2_000, 3_000, 4_000):
        await world.pay(address, amount)
        await world.node.mine()
    for _ in range(ATTEMPTS_MIN):
        world.clock.forward(seconds=10)
        await world.follower.step()
    await permit(world, 5)
    await world.follower.step()
    assert world.follower.status.position is not None
    assert world.follower.status.position.height == 5, "the next one is not passed"
    assert await world.deposit_states() == [(2_000, "pending")]
    assert await read_as(world) == [
        Range(0, 3, Reading.COMPLETE),
        Range(4, 4, Reading.PASSED),
        Range(5, 5, Reading.COMPLETE),
    ]
    gap = (await open_alarms(world))["reading_gap"]
    assert gap.endswith("movements may be missing in the blocks from 4 (passed) on")

    broken.heights.clear()
    await world.follow()
    rescan = Rescan(
        world.database, world.ledger, world.network, world.adapter, world.clock, world.minimums
    )
    await rescan.blocks(4, 5)
    assert await read_as(world) == [Range(0, 7, Reading.COMPLETE)]
    assert "reading_gap" not in await open_alarms(world)
    await world.node.finalize()
    await world.follow()
    assert (await world.balance(vault)).available == 10_000
    assert (await world.reconcile()).is_clean


async def test_blocks_of_which_only_a_later_one_tells_may_be_passed(database: Database):
    """A node that began at a snapshot calls all older slots skipped."""
    world = World(database, "solana-local")
    await world.node.mine(3)
    await world.follow()
    lost = Unreadable(world)
    await world.node.mine(5)
    lost.missing = {4, 5, 6}
    for _ in range(ATTEMPTS_MIN):
        world.clock.forward(seconds=10)
        await world.follower.step()
    assert world.follower.status.position == world.node.chain[3].ref
    await permit(world, 6)
    await world.follow()
    assert world.follower.status.position == world.node.tip
    assert [each for each in await read_as(world) if each.reading is Reading.PASSED] == [
        Range(6, 6, Reading.PASSED)
    ]
    world.restart()
    await world.node.mine(2)
    await world.follow()
    assert world.follower.status.position == world.node.tip


# What a node does not show


async def test_blocks_read_without_internal_movements_are_recorded_and_told(database: Database):
    world = World(database, "ethereum-local")
    await world.node.mine(3)
    await world.follow()
    honest = world.adapter.block

    async def by_receipts(height: int) -> Block | None:
        block = await honest(height)
        assert block is not None
        return replace(block, reading=Reading.WITHOUT_INTERNAL) if 4 <= height <= 6 else block

    world.adapter.block = by_receipts  # type: ignore[method-assign]
    await world.node.mine(5)
    await world.follow()
    assert await read_as(world) == [
        Range(0, 3, Reading.COMPLETE),
        Range(4, 6, Reading.WITHOUT_INTERNAL),
        Range(7, 8, Reading.COMPLETE),
    ]
    assert "from 4 (without-internal) on" in (await open_alarms(world))["reading_gap"]


async def test_a_first_start_begins_where_the_node_still_shows_everything(database: Database):
    world = World(database, "ethereum-local")
    world.adapter.read_depth = 20
    await world.node.mine(100)
    await world.follow()
    assert await read_as(world) == [Range(85, 100, Reading.COMPLETE)]


def follower(world: World, *, main: bool, accept: bool) -> NetworkFollower:
    network = replace(world.network, environment=Environment.MAIN) if main else world.network
    return NetworkFollower(
        world.database,
        world.writer,
        network,
        world.adapter,
        world.clock,
        accept_without_internal=accept,
    )


@pytest.mark.parametrize(
    ("main", "accept", "followed", "told"),
    [
        (True, False, False, True),
        (True, True, True, False),
        (False, False, True, True),
        (False, True, True, False),
    ],
)
async def test_a_node_without_internal_credits_is_followed_on_a_main_network_only_if_accepted(
    database: Database, main: bool, accept: bool, followed: bool, told: bool
):
    world = World(database, "ethereum-local")
    world.adapter.internal_credits = InternalCredits.UNSEEN
    await world.node.mine(3)
    world.follower = follower(world, main=main, accept=accept)
    if followed:
        await world.follow()
    else:
        with pytest.raises(NodeUnfit):
            await world.follower.step()
        assert world.follower.status.position is None
    assert ("internal_unseen" in await open_alarms(world)) is told
    assert (await saved(world)).internal_credits is InternalCredits.UNSEEN

    world.adapter.internal_credits = InternalCredits.SEEN
    world.clock.forward(minutes=10)
    await world.node.mine()
    await world.follow()
    assert await open_alarms(world) == {}
    assert (await saved(world)).internal_credits is InternalCredits.SEEN


async def test_a_healthy_node_is_asked_again_what_it_shows(database: Database):
    world = World(database)
    await world.follow()
    for _ in range(6):
        world.clock.forward(minutes=1)
        await world.follower.step()
    assert world.adapter.calls["check"] == 2
