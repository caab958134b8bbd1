"""The ranges that say how blocks were read: they grow, are undone, and get better."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import update

from chains.block import Block, Reading
from chains.model import BlockRef
from custody.db.session import Database
from custody.db.tables import ReadingRow
from custody.following.readings import (
    Range,
    forget_from,
    improve,
    improved,
    joined,
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


def read(first: int, last: int, reading: Reading) -> Range:
    """As `blocks` are named."""
    return Range(first, last, reading, f"a{first - 1}", f"a{last}")


async def test_ranges_grow_with_the_chain_and_shrink_with_a_reorg(database: Database) -> None:
    async with database.write() as session:
        await record(session, NETWORK, blocks(5, FULL, FULL), None, NOW)
        await record(session, NETWORK, blocks(7, FULL, LESS, LESS), BlockRef(6, "a6"), NOW)
        await record(session, NETWORK, blocks(10, LESS, FULL, FULL), BlockRef(9, "a9"), NOW)
        assert await ranges(session, NETWORK) == [
            read(5, 7, FULL),
            read(8, 10, LESS),
            read(11, 12, FULL),
        ]
        await forget_from(session, NETWORK, 9, BlockRef(8, "a8"))
        assert await ranges(session, NETWORK) == [read(5, 7, FULL), read(8, 8, LESS)]
        await record(session, NETWORK, blocks(9, LESS), BlockRef(8, "a8"), NOW)
        assert await ranges(session, NETWORK, (LESS,)) == [read(8, 9, LESS)]


async def test_ranges_left_over_from_blocks_that_are_gone_stop_nobody(database: Database) -> None:
    async with database.write() as session:
        await record(session, NETWORK, blocks(1, FULL, FULL, LESS, LESS), None, NOW)
        await record(session, NETWORK, blocks(3, LESS), BlockRef(2, "a2"), NOW)
        assert await ranges(session, NETWORK) == [read(1, 2, FULL), read(3, 3, LESS)]
        await record(session, NETWORK, blocks(1, FULL), None, NOW)
        assert await ranges(session, NETWORK) == [read(1, 1, FULL)]


async def test_a_second_reading_by_better_means_is_recorded(database: Database) -> None:
    async with database.write() as session:
        await record(session, NETWORK, blocks(1, FULL, LESS, LESS, LESS, FULL), None, NOW)
        await improve(session, NETWORK, blocks(3, PASSED), NOW)
        assert await ranges(session, NETWORK, (LESS,)) == [read(2, 4, LESS)], "never worse"
        await improve(session, NETWORK, blocks(3, FULL), NOW)
        assert await ranges(session, NETWORK, (LESS,)) == [read(2, 2, LESS), read(4, 4, LESS)]
        await improve(session, NETWORK, blocks(1, FULL, FULL, FULL, FULL), NOW)
        assert await ranges(session, NETWORK) == [read(1, 5, FULL)]


async def test_a_block_that_was_not_read_again_stays_as_it_is(database: Database) -> None:
    """The node had another one there."""
    async with database.write() as session:
        await record(session, NETWORK, blocks(1, LESS, LESS, LESS), None, NOW)
        await improve(session, NETWORK, [*blocks(1, FULL), *blocks(3, FULL)], NOW)
        assert await ranges(session, NETWORK, (LESS,)) == [read(2, 2, LESS)]


def test_a_second_reading_changes_only_what_it_covers() -> None:
    before = [read(1, 10, FULL), read(11, 20, LESS), read(21, 30, PASSED)]
    assert improved(before, read(15, 25, LESS)) == [
        read(1, 10, FULL),
        read(11, 25, LESS),
        read(26, 30, PASSED),
    ]
    assert improved(before, read(1, 30, PASSED)) == before


def test_what_was_read_before_all_that_was_followed_is_recorded() -> None:
    """By a rescan. What lies between stays unread, which is a fact too."""
    followed = [read(21, 30, FULL)]
    apart = improved(followed, read(1, 10, LESS))
    assert apart == [read(1, 10, LESS), read(21, 30, FULL)]
    assert not joined(apart)
    assert joined(apart[1:])
    whole = improved(apart, read(9, 22, FULL))
    assert whole == [read(1, 8, LESS), read(9, 30, FULL)]
    assert joined(whole)


def test_where_heights_are_skipped_hashes_join_ranges() -> None:
    before = [Range(1, 5, FULL, "a0", "a5"), Range(8, 9, LESS, "a5", "a9")]
    assert joined(before)
    assert improved(before, Range(8, 9, FULL, "a5", "a9")) == [Range(1, 9, FULL, "a0", "a9")]
    assert not joined([before[0], Range(8, 9, LESS, "a7", "a9")])


async def test_a_hash_is_not_believed_after_an_older_program_moved_the_end(database: Database):
    async with database.write() as session:
        await record(session, NETWORK, blocks(1, FULL), None, NOW)
        await session.execute(update(ReadingRow).values(last_height=2))
        assert await ranges(session, NETWORK) == [Range(1, 2, FULL, "a0", None)]
        await record(session, NETWORK, blocks(3, FULL), BlockRef(2, "a2"), NOW)
        assert await ranges(session, NETWORK) == [read(1, 3, FULL)]


def test_a_range_without_hashes_gets_those_that_are_known() -> None:
    """An older program wrote it."""
    assert improved([Range(1, 9, LESS)], read(4, 6, FULL)) == [
        Range(1, 3, LESS, None, "a3"),
        read(4, 6, FULL),
        Range(7, 9, LESS, "a6", None),
    ]
