"""When a follower stands still, by a table; and what a failure counts as."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from chains.model import BlockRef
from custody.following.progress import STALL_AFTER, FollowStatus, Stall, stall_of, stall_words
from tests.support.networks import find_network

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
LONG = NOW - STALL_AFTER
SHORT = NOW - STALL_AFTER + timedelta(seconds=1)
OURS, HIGHER, LOWER = BlockRef(10, "a10"), BlockRef(12, "a12"), BlockRef(8, "a8")


@pytest.mark.parametrize(
    ("position", "tip", "checked", "moved", "at_tip", "expected"),
    [
        (OURS, OURS, NOW, LONG, NOW, None),
        (OURS, HIGHER, NOW, LONG, LONG, Stall.BEHIND),
        (OURS, HIGHER, NOW, SHORT, LONG, None),  # it catches up
        (OURS, HIGHER, NOW, LONG, SHORT, None),  # a block has just come
        (OURS, BlockRef(10, "b10"), NOW, LONG, LONG, Stall.BEHIND),
        (OURS, LOWER, NOW, LONG, LONG, Stall.NODE_BELOW),
        (OURS, LOWER, NOW, LONG, SHORT, None),
        (OURS, OURS, LONG, LONG, LONG, Stall.SILENT),
        (OURS, HIGHER, LONG, LONG, LONG, Stall.SILENT),
        (OURS, OURS, SHORT, LONG, SHORT, None),
        (None, HIGHER, NOW, None, None, Stall.BEHIND),
        (None, None, None, None, None, Stall.SILENT),
    ],
)
def test_stall_of(
    position: BlockRef | None,
    tip: BlockRef | None,
    checked: datetime | None,
    moved: datetime | None,
    at_tip: datetime | None,
    expected: Stall | None,
) -> None:
    status = FollowStatus(
        position=position,
        tip=tip,
        checked_at=checked,
        moved_at=moved,
        at_tip_at=at_tip,
        started_at=LONG,
    )
    local, just_begun = find_network("ethereum-local"), replace(status, started_at=SHORT)
    assert stall_of(status, local, NOW) is expected
    assert stall_of(just_begun, local, NOW) is None


@pytest.mark.parametrize(
    ("alias", "seconds", "expected"),
    [
        ("ethereum", 143, None),
        ("ethereum", 144, Stall.NODE_STILL),
        ("bsc", 119, None),
        ("bsc", 120, Stall.NODE_STILL),
        ("bitcoin", 7199, None),
        ("bitcoin", 7200, Stall.NODE_STILL),
        ("bitcoin-regtest", 10**6, None),
    ],
)
def test_a_chain_that_stands_still_is_told_by_the_networks_own_measure(
    alias: str, seconds: int, expected: Stall | None
) -> None:
    """The node answers, and we stand at its tip."""
    moved = NOW - timedelta(seconds=seconds)
    status = FollowStatus(OURS, OURS, checked_at=NOW, moved_at=moved, at_tip_at=NOW)
    assert stall_of(status, find_network(alias), NOW) is expected
    behind = replace(status, tip=HIGHER)
    assert stall_of(behind, find_network(alias), NOW) is None, "it has just moved"


def test_what_is_told_does_not_grow() -> None:
    status = FollowStatus(position=OURS, tip=HIGHER)
    words = stall_words(Stall.BEHIND, status.failed("block_unreadable", "pruned", 11, LONG))
    assert words == "stands at 10 while the node goes on; block 11 can't be read: block_unreadable"
    later = replace(status, tip=BlockRef(500, "a500")).failed("block_unreadable", "x", 11, LONG)
    assert stall_words(Stall.BEHIND, later.failed("block_unreadable", "y", 11, NOW)) == words


def test_failures_at_one_height_are_counted_together() -> None:
    status = FollowStatus().failed("node_misbehaved", "odd", 11, LONG)
    status = status.failed("block_unreadable", "pruned", 11, NOW)
    assert status.failure is not None
    assert (status.failure.attempts, status.failure.since) == (2, LONG)
    assert (status.failure.code, status.failure.message) == ("block_unreadable", "pruned")
    other = status.failed("block_unreadable", "pruned", 12, NOW).failure
    assert other is not None
    assert (other.attempts, other.since) == (1, NOW)
    assert status.stands(OURS, NOW).failure is None


def test_how_far_behind() -> None:
    status = FollowStatus(position=OURS, started_at=LONG).saw(HIGHER, NOW)
    assert status.blocks_behind == 2
    assert status.seconds_behind(NOW) == STALL_AFTER.total_seconds()
    reached = status.stands(HIGHER, NOW)
    assert (reached.blocks_behind, reached.seconds_behind(NOW)) == (0, 0)
    assert reached.saw(LOWER, NOW).blocks_behind == 0
    assert FollowStatus().seconds_behind(NOW) is None
