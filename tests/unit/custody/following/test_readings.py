"""The ranges that say how blocks were read: they grow, are undone, and get better."""

from __future__ import annotations

from datetime import UTC, datetime

from chains.block import Block, Reading
from chains.model import BlockRef
from custody.db.session import Database
from custody.following.readings import (
    Range,
    forget_from,
    improve,
    improved,
    ranges,
    record,
)
from tests.support.networks import find_network

NETWORK = find_network("ethereum-local").id
NOW = datetime(2026, 1, 1, tzinfo=UTC)
FULL, LESS, PASSED = Reading.COMPLETE, Reading.WITHOUT_INTERNAL, Reading.PASSED


def blocks(first: int, *readings: Reading) -> list[Block]:
    return [
        Block(BlockRef(height, f"a{height}"), f"a{height - 1}", 0, (), reading=reading)
        for height, reading in enumerate(readings, first)
    ]


async def test_ranges_grow_with_the_chain_and_shrink_with_a_reorg(database: Database) -> None:
    async with database.write() as session:
        await record(session, NETWORK, blocks(5, FULL, FULL), None, NOW)
        await record(session, NETWORK, blocks(7, FULL, LESS, LESS), BlockRef(6, "a6"), NOW)
        await record(session, NETWORK, blocks(10, LESS, FULL, FULL), BlockRef(9, "a9"), NOW)
        assert await ranges(session, NETWORK) == [
            Range(5, 7, FULL),
            Range(8, 10, LESS),
            Range(11, 12, FULL),
        ]
        await forget_from(session, NETWORK, 9, BlockRef(8, "a8"))
        assert await ranges(session, NETWORK) == [Range(5, 7, FULL), Range(8, 8, LESS)]
        await record(session, NETWORK, blocks(9, LESS), BlockRef(8, "a8"), NOW)
        assert await ranges(session, NETWORK, (LESS,)) == [Range(8, 9, LESS)]


async def test_ranges_left_over_from_blocks_that_are_gone_stop_nobody(database: Database) -> None:
    async with database.write() as session:
        await record(session, NETWORK, blocks(1, FULL, FULL, LESS, LESS), None, NOW)
        await record(session, NETWORK, blocks(3, LESS), BlockRef(2, "a2"), NOW)
        assert await ranges(session, NETWORK) == [Range(1, 2, FULL), Range(3, 3, LESS)]
        await record(session, NETWORK, blocks(1, FULL), None, NOW)
        assert await ranges(session, NETWORK) == [Range(1, 1, FULL)]


async def test_a_second_reading_by_better_means_is_recorded(database: Database) -> None:
    async with database.write() as session:
        await record(session, NETWORK, blocks(1, FULL, LESS, LESS, LESS, FULL), None, NOW)
        await improve(session, NETWORK, blocks(3, PASSED), NOW)
        assert await ranges(session, NETWORK, (LESS,)) == [Range(2, 4, LESS)], "never worse"
        await improve(session, NETWORK, blocks(3, FULL), NOW)
        assert await ranges(session, NETWORK, (LESS,)) == [Range(2, 2, LESS), Range(4, 4, LESS)]
        await improve(session, NETWORK, blocks(1, FULL, FULL, FULL, FULL), NOW)
        assert await ranges(session, NETWORK) == [Range(1, 5, FULL)]


def test_a_second_reading_changes_only_what_it_covers() -> None:
    before = [Range(1, 10, FULL), Range(11, 20, LESS), Range(21, 30, PASSED)]
    assert improved(before, Range(15, 25, LESS)) == [
        Range(1, 10, FULL),
        Range(11, 25, LESS),
        Range(26, 30, PASSED),
    ]
    assert improved(before, Range(0, 99, PASSED)) == before
