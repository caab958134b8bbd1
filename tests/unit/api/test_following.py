"""What the API says of a network that is not followed as it should be, and how old answers are."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from api.freshness import LAG, doubts
from api.nodes import NodeState, NodeView
from chains.block import Block, Reading
from chains.model import BlockRef, InternalCredits
from chains.networks import Network
from custody.db.tables import BlockRow
from custody.following import readings, states
from custody.following.progress import STALL_AFTER, FollowStatus
from tests.support.networks import find_network
from tests.unit.api.counter import Counter

NOW = datetime(2026, 1, 1, tzinfo=UTC)
NETWORK = find_network("ethereum-local")
SECOND = timedelta(seconds=1)


def node(height: int, age: timedelta = SECOND) -> NodeView:
    return NodeView(NodeState.REACHABLE, BlockRef(height, f"a{height}"), NOW - age)


def applied(height: int, age: timedelta = 2 * SECOND) -> BlockRow:
    return BlockRow(
        network=NETWORK.id, height=height, hash=f"a{height}", timestamp=0, connected_at=NOW - age
    )


@pytest.mark.parametrize(
    ("block", "view", "expected"),
    [
        (applied(9), node(9), []),
        (applied(9, 5 * LAG), node(9), []),
        (applied(9), node(12), []),  # on the way
        (applied(9, LAG + SECOND), node(12), ["behind"]),
        (applied(9), node(8), ["node_below"]),
        # the node answered before we applied the block
        (applied(9, SECOND), node(8, 2 * SECOND), []),
        (applied(9, 2 * LAG), node(9, LAG + SECOND), ["node_silent"]),
        (None, node(9), ["nothing_applied"]),
        (applied(9), NodeView(), ["node_unknown"]),
        (applied(9), replace(node(9), state=NodeState.UNREACHABLE), ["node_unreachable"]),
    ],
)
def test_doubts(block: BlockRow | None, view: NodeView, expected: list[str]) -> None:
    assert doubts(block, view, NOW) == expected


def followed(counter: Counter, tip: int, **changes: Any) -> FollowStatus:
    now = counter.clock()
    at = BlockRef(5, "a5")
    healthy = FollowStatus(
        position=at,
        tip=BlockRef(tip, f"a{tip}"),
        checked_at=now,
        moved_at=now,
        at_tip_at=now,
        started_at=now,
        internal_credits=InternalCredits.SEEN,
    )
    return replace(healthy, **changes)


async def save(counter: Counter, status: FollowStatus, network: Network = NETWORK) -> None:
    async with counter.database.write() as session:
        await states.save(session, network.id, status)


async def ready(counter: Counter) -> dict[str, Any]:
    answer = (await counter.call("GET", "/ready", key=None)).json()
    assert answer["ready"] is True, "requests can be served all the same"
    found: dict[str, Any] = next(i for i in answer["nodes"] if i["network"] == NETWORK.alias)
    return found


async def following(counter: Counter) -> dict[str, Any]:
    found: dict[str, Any] = (await counter.get(f"/v1/networks/{NETWORK.alias}"))["following"]
    return found


async def apply_tip(counter: Counter) -> None:
    """The node's newest block is the newest that we applied."""
    tip = await counter.custody.adapters[NETWORK.id].tip()
    async with counter.database.write() as session:
        row = applied(tip.height)
        row.hash, row.connected_at = tip.hash, counter.clock()
        session.add(row)


async def test_a_network_that_is_followed_is_ready(counter: Counter) -> None:
    assert (await ready(counter))["reasons"] == ["nothing_applied", "silent"]
    await apply_tip(counter)
    await save(counter, followed(counter, 5))
    found = await ready(counter)
    assert (found["ready"], found["reasons"]) == (True, [])
    assert (found["blocks_behind"], found["seconds_behind"]) == (0, 0)
    assert found["internal_credits"] == "seen"
    assert (await following(counter))["stalled"] is None


async def test_a_network_that_stands_still_is_not_ready_and_says_why(counter: Counter) -> None:
    await apply_tip(counter)
    long_ago = counter.clock() - STALL_AFTER
    status = followed(counter, 8, moved_at=long_ago, at_tip_at=long_ago, started_at=long_ago)
    await save(counter, status.failed("block_unreadable", "block 6: inside", 6, long_ago))
    found = await ready(counter)
    assert (found["ready"], found["reasons"]) == (False, ["behind", "block_unreadable"])
    assert "inside" not in str(found), "nothing of the inside is told without a key"
    shown = await following(counter)
    assert (shown["position"], shown["tip"], shown["blocks_behind"]) == (5, 8, 3)
    assert shown["seconds_behind"] == STALL_AFTER.total_seconds()
    assert shown["stalled"] == "behind"
    assert (shown["failure"]["height"], shown["failure"]["attempts"]) == (6, 1)


async def test_a_follower_that_is_gone_is_silent(counter: Counter) -> None:
    await apply_tip(counter)
    await save(counter, followed(counter, 5))
    counter.clock.now += STALL_AFTER
    assert "silent" in (await ready(counter))["reasons"]
    assert (await following(counter))["stalled"] == "silent"


async def test_gaps_are_shown(counter: Counter) -> None:
    async with counter.database.write() as session:
        blocks = [
            Block(BlockRef(n, f"a{n}"), f"a{n - 1}", 0, (), reading=reading)
            for n, reading in enumerate(
                [Reading.COMPLETE, Reading.WITHOUT_INTERNAL, Reading.WITHOUT_INTERNAL]
            )
        ]
        await readings.record(session, NETWORK.id, blocks, None, counter.clock())
    gap = {"first": 1, "last": 2, "reading": "without-internal"}
    assert (await following(counter))["gaps"] == [gap]


async def test_metrics_of_followers(counter: Counter) -> None:
    long_ago = counter.clock() - STALL_AFTER
    await save(
        counter, followed(counter, 8, moved_at=long_ago, at_tip_at=long_ago, started_at=long_ago)
    )
    text = (await counter.call("GET", "/metrics")).text
    for line in (
        'custody_follower_blocks_behind{network="ethereum-local"} 3.0',
        'custody_follower_seconds_behind{network="ethereum-local"} 120.0',
        'custody_follower_stalled{network="ethereum-local"} 1.0',
        'custody_follower_stalled{network="solana-local"} 1.0',
        'custody_follower_internal_credits{network="ethereum-local",state="seen"} 1.0',
        'custody_follower_internal_credits{network="ethereum-local",state="unseen"} 0.0',
    ):
        assert f"{line}\n" in text
