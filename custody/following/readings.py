"""Which blocks were read, and by which means, as ranges: what could not be seen is a fact, not a
guess, and so is what nobody read.

A range says the hash of its last block. A block names its parent, so that one hash says which
blocks the range was read from, and whoever has the chain can check it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby, pairwise

from chains.block import Block, Reading
from chains.model import BlockRef, NetworkId
from custody.db.session import ReadSession, WriteSession
from custody.db.tables import ReadingRow
from custody.following import reading_repository

GAPS = (Reading.WITHOUT_INTERNAL, Reading.PARTIAL, Reading.PASSED)
"""Readings in which movements are known to be missing, if there were any."""
_WORST_FIRST = (
    Reading.PASSED,
    Reading.PARTIAL,
    Reading.WITHOUT_INTERNAL,
    Reading.UNPROVEN,
    Reading.COMPLETE,
)


@dataclass(frozen=True, slots=True)
class Range:
    """Heights, both included. `last_hash`: of the block at `last`; `parent_hash`: of the one below
    `first`. Where heights are skipped, of the newest block up to there. None: not known."""

    first: int
    last: int
    reading: Reading
    parent_hash: str | None = None
    last_hash: str | None = None

    @classmethod
    def of(cls, blocks: Sequence[Block]) -> Range:
        """Of blocks that follow each other and were read by the same means."""
        first, last = blocks[0], blocks[-1]
        return cls(
            first.ref.height, last.ref.height, first.reading, first.parent_hash, last.ref.hash
        )


async def ranges(
    session: ReadSession, network: NetworkId, readings: Sequence[Reading] = tuple(Reading)
) -> list[Range]:
    """Those of the given means, in order of height."""
    rows = await reading_repository.rows_with(session, network, [each.value for each in readings])
    return [_range(row) for row in rows]


async def forget_from(
    session: WriteSession, network: NetworkId, height: int, kept: BlockRef | None
) -> None:
    """The blocks from `height` on were undone; `kept` is the newest that stays."""
    await reading_repository.delete_from(session, network, height)
    if kept is not None:
        await reading_repository.cut_off(session, network, height, kept)


async def record(
    session: WriteSession,
    network: NetworkId,
    blocks: Sequence[Block],
    before: BlockRef | None,
    now: datetime,
) -> None:
    """The blocks were connected, one after the other; `before` is what they stand on."""
    newest = await _newest(session, network)
    if newest is not None and blocks and newest.last >= blocks[0].ref.height:
        # Rows that nobody took back with their blocks must not keep the chain from being followed.
        await forget_from(session, network, blocks[0].ref.height, before)
        newest = await _newest(session, network)
    for reading, group in groupby(blocks, lambda block: block.reading):
        read = Range.of(found := list(group))
        extends = (
            newest is not None
            and before is not None
            and newest.last == before.height
            and newest.reading is reading
        )
        if newest is not None and extends:
            await reading_repository.extend(session, network, newest.first, found[-1].ref)
        else:
            await _store(session, network, [read], now)
        newest = None  # the next group has another reading


async def improve(
    session: WriteSession, network: NetworkId, blocks: Sequence[Block], now: datetime
) -> None:
    """The blocks, in order on our chain, were read again: where by better means, say so. Also those
    that lie before all that was followed. One that is missing between them was not read."""
    before = found = await ranges(session, network)
    for run in _runs(blocks):
        found = improved(found, Range.of(run))
    if found != before:
        await reading_repository.delete_from(session, network, 0)
        await _store(session, network, found, now)


def improved(ranges_: Sequence[Range], new: Range) -> list[Range]:
    """`ranges_` (all of a network, in order) after a second reading of some of their blocks, or a
    first one of blocks that lie before them or between them."""
    ends = {each.last: each.last_hash for each in (*ranges_, new)}
    ends |= {each.first - 1: each.parent_hash for each in (*ranges_, new) if each.parent_hash}
    parts: list[Range] = []

    def add(first: int, last: int, reading: Reading) -> None:
        if first <= last:
            parts.append(Range(first, last, reading, ends.get(first - 1), ends.get(last)))

    rest = new.first
    for old in ranges_:
        first, last = max(old.first, new.first), min(old.last, new.last)
        add(rest, min(old.first - 1, new.last), new.reading)
        rest = max(rest, old.last + 1)
        if first > last or not _is_better(new.reading, old.reading):
            parts.append(old)
            continue
        add(old.first, first - 1, old.reading)
        add(first, last, new.reading)
        add(last + 1, old.last, old.reading)
    add(rest, new.last, new.reading)
    merged: list[Range] = []
    for part in parts:
        if merged and merged[-1].reading is part.reading and _follows(part, merged[-1]):
            merged[-1] = replace(merged[-1], last=part.last, last_hash=part.last_hash)
        else:
            merged.append(part)
    return merged


def joined(ranges_: Sequence[Range]) -> bool:
    """Whether none of these, in order, leaves blocks unread before the next."""
    return all(_follows(later, earlier) for earlier, later in pairwise(ranges_))


def _follows(later: Range, earlier: Range) -> bool:
    """Heights may be skipped; a hash may be unknown."""
    by_hash = later.parent_hash is not None and later.parent_hash == earlier.last_hash
    return by_hash or later.first == earlier.last + 1


def _runs(blocks: Sequence[Block]) -> list[list[Block]]:
    """Those that follow each other and were read by the same means, together."""
    runs: list[list[Block]] = []
    for block in blocks:
        newest = runs[-1][-1] if runs else None
        if newest and (newest.reading, newest.ref.hash) == (block.reading, block.parent_hash):
            runs[-1].append(block)
        else:
            runs.append([block])
    return runs


async def _newest(session: ReadSession, network: NetworkId) -> Range | None:
    row = await reading_repository.newest_row(session, network)
    return None if row is None else _range(row)


async def _store(
    session: WriteSession, network: NetworkId, ranges_: Iterable[Range], now: datetime
) -> None:
    rows = [
        {
            "network": network,
            "first_height": each.first,
            "last_height": each.last,
            "reading": each.reading.value,
            "parent_hash": each.parent_hash,
            "last_hash": each.last_hash,
            "hashed_height": each.last,
            "created_at": now,
        }
        for each in ranges_
    ]
    await session.insert(ReadingRow, rows)


def _range(row: ReadingRow) -> Range:
    named = row.last_hash if row.hashed_height == row.last_height else None
    return Range(row.first_height, row.last_height, Reading(row.reading), row.parent_hash, named)


def _is_better(new: Reading, old: Reading) -> bool:
    return _WORST_FIRST.index(new) > _WORST_FIRST.index(old)
