"""By which means each block was read, as ranges: what could not be seen is a fact, not a guess."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from sqlalchemy import delete, select, update

from chains.model import Block, BlockRef, NetworkId, Reading
from custody.db.session import ReadSession, WriteSession
from custody.db.tables import ReadingRow

GAPS = (Reading.WITHOUT_INTERNAL, Reading.PASSED)
"""Readings in which movements are known to be missing, if there were any."""
_WORST_FIRST = (
    Reading.PASSED,
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
    rows = await session.all(
        select(ReadingRow)
        .where(
            ReadingRow.network == network,
            ReadingRow.reading.in_([each.value for each in readings]),
        )
        .order_by(ReadingRow.first_height)
    )
    return [Range(row.first_height, row.last_height, Reading(row.reading)) for row in rows]


async def forget_from(
    session: WriteSession, network: NetworkId, height: int, kept: BlockRef | None
) -> None:
    """The blocks from `height` on were undone; `kept` is the newest that stays."""
    mine = ReadingRow.network == network
    await session.execute(delete(ReadingRow).where(mine, ReadingRow.first_height >= height))
    if kept is not None:
        await session.execute(
            update(ReadingRow)
            .where(mine, ReadingRow.last_height >= height)
            .values(last_height=kept.height)
        )


async def record(
    session: WriteSession,
    network: NetworkId,
    blocks: Sequence[Block],
    before: BlockRef | None,
    now: datetime,
) -> None:
    """The blocks were connected, one after the other; `before` is what they stand on."""
    newest = await _newest(session, network)
    if newest is not None and blocks and newest[1] >= blocks[0].ref.height:
        # Rows that nobody took back with their blocks must not keep the chain from being followed.
        await forget_from(session, network, blocks[0].ref.height, before)
        newest = await _newest(session, network)
    for reading, group in groupby(blocks, lambda block: block.reading):
        heights = [block.ref.height for block in group]
        extends = (
            newest is not None
            and before is not None
            and newest[1] == before.height
            and newest[2] == reading.value
        )
        if newest is not None and extends:
            await session.execute(
                update(ReadingRow)
                .where(ReadingRow.network == network, ReadingRow.first_height == newest[0])
                .values(last_height=heights[-1])
            )
        else:
            await session.insert(ReadingRow, [_row(network, heights[0], heights[-1], reading, now)])
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
        await session.execute(delete(ReadingRow).where(ReadingRow.network == network))
        rows = [_row(network, each.first, each.last, each.reading, now) for each in found]
        await session.insert(ReadingRow, rows)


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


async def _newest(session: ReadSession, network: NetworkId) -> tuple[int, int, str] | None:
    """First and last height, and reading, of the newest range."""
    rows = await session.rows(
        select(ReadingRow.first_height, ReadingRow.last_height, ReadingRow.reading)
        .where(ReadingRow.network == network)
        .order_by(ReadingRow.first_height.desc())
        .limit(1)
    )
    return (rows[0][0], rows[0][1], rows[0][2]) if rows else None


def _is_better(new: Reading, old: Reading) -> bool:
    return _WORST_FIRST.index(new) > _WORST_FIRST.index(old)


def _row(
    network: NetworkId, first: int, last: int, reading: Reading, now: datetime
) -> dict[str, object]:
    return {
        "network": network,
        "first_height": first,
        "last_height": last,
        "reading": reading.value,
        "created_at": now,
    }
