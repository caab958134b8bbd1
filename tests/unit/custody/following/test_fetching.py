"""How much is asked of a node at once, and that a slow one is caught up with all the same."""

from __future__ import annotations

import asyncio

import pytest

from chains.block import Block
from chains.errors import NodeUnavailable
from chains.follow import BlockFollower
from chains.model import BlockRef
from chains.patience import patience
from custody.following.fetching import AHEAD_BLOCKS, EASE_AFTER, PATIENCE_MAX, BlockSource, Effort


def test_after_failures_less_side_by_side_and_then_longer() -> None:
    effort, seen = Effort(), []
    for _ in range(9):
        effort = effort.failed()
        seen.append((effort.ahead, effort.patience))
    assert seen[:4] == [(4, 1), (2, 1), (1, 1), (0, 1)]
    assert seen[4:] == [(0, 2), (0, 4), (0, PATIENCE_MAX), (0, PATIENCE_MAX), (0, PATIENCE_MAX)]


def test_after_many_successes_in_a_row_more_again() -> None:
    effort = Effort(ahead=0, patience=2)
    for _ in range(EASE_AFTER - 1):
        effort = effort.succeeded()
    assert (effort.ahead, effort.patience) == (0, 2)
    assert effort.failed().succeeded().successes == 1, "in a row"
    effort = effort.succeeded()
    assert (effort.ahead, effort.patience) == (0, 1)
    for _ in range(20 * EASE_AFTER):
        effort = effort.succeeded()
    assert (effort.ahead, effort.patience) == (AHEAD_BLOCKS, 1)


class SlowTracer:
    """A node with one core: the requests under way share it, and each has a time limit. Time is
    counted, not waited for."""

    def __init__(self, seconds_per_block: float, limit_s: float) -> None:
        self.seconds_per_block = seconds_per_block
        self.limit_s = limit_s
        self.running = 0

    async def block(self, height: int) -> Block:
        limit_s = self.limit_s * patience()
        self.running += 1
        for _ in range(3):  # all that are asked for together have begun
            await asyncio.sleep(0)
        took_s = self.seconds_per_block * self.running
        await asyncio.sleep(0)
        self.running -= 1
        if took_s > limit_s:
            raise NodeUnavailable("too slow")
        return Block(BlockRef(height, f"a{height}"), f"a{height - 1}", 0, ())


@pytest.mark.parametrize("seconds_per_block", [0.5, 1.3, 9.0, 45.0])
async def test_a_slow_node_is_caught_up_with(seconds_per_block: float) -> None:
    """With nine side by side and ten seconds for each, all but the first would fail for ever."""
    source = BlockSource(SlowTracer(seconds_per_block, 10.0))  # type: ignore[arg-type]
    follower, tip, failures = BlockFollower(0, 50), BlockRef(40, "a40"), 0
    while (height := follower.wants(tip)) is not None:
        try:
            block = await source.get(follower, height, tip.height)
        except NodeUnavailable:
            failures += 1
            assert failures < 20, "no progress"
            continue
        assert block is not None
        follower.feed(block)
    await source.forget()
    assert follower.position == tip
