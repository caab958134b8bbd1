"""By which means each block was read, as ranges: what could not be seen is a fact, not a guess."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

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
    """Heights, both included."""

    first: int
    last: int
    reading: Reading


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
        await reading_repository.cut_off(session, network, height, kept.height)


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
        heights = [block.ref.height for block in group]
        extends = (
            newest is not None
            and before is not None
            and newest.last == before.height
            and newest.reading is reading
        )
        if newest is not None and extends:
            await reading_repository.extend(session, network, newest.first, heights[-1])
        else:
            await _store(session, network, [Range(heights[0], heights[-1], reading)], now)
        newest = None  # the next group has another reading


async def improve(
    session: WriteSession, network: NetworkId, blocks: Sequence[Block], now: datetime
) -> None:
    """The blocks, which follow each other on our chain, were read again: where by better means, say
    so."""
    before = found = await ranges(session, network)
    for reading, group in groupby(blocks, lambda block: block.reading):
        heights = [block.ref.height for block in group]
        found = improved(found, Range(heights[0], heights[-1], reading))
    if found != before:
        await reading_repository.delete_from(session, network, 0)
        await _store(session, network, found, now)


def improved(ranges_: Sequence[Range], new: Range) -> list[Range]:
    """`ranges_` (all of a network, in order) after a second reading of some of their blocks."""
    parts: list[Range] = []
    for old in ranges_:
        first, last = max(old.first, new.first), min(old.last, new.last)
        if first > last or not _is_better(new.reading, old.reading):
            parts.append(old)
            continue
        pieces = (
            Range(old.first, first - 1, old.reading),
            Range(first, last, new.reading),
            Range(last + 1, old.last, old.reading),
        )
        parts += [piece for piece in pieces if piece.first <= piece.last]
    merged: list[Range] = []
    for part in parts:
        if merged and merged[-1].reading is part.reading:
            merged[-1] = Range(merged[-1].first, part.last, part.reading)
        else:
            merged.append(part)
    return merged


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
            "created_at": now,
        }
        for each in ranges_
    ]
    await session.insert(ReadingRow, rows)


def _range(row: ReadingRow) -> Range:
    return Range(row.first_height, row.last_height, Reading(row.reading))


def _is_better(new: Reading, old: Reading) -> bool:
    return _WORST_FIRST.index(new) > _WORST_FIRST.index(old)
