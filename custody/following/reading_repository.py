"""Queries on by which means blocks were read. Decides nothing."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import delete, select, update

from chains.model import BlockRef, NetworkId
from custody.db.session import ReadSession, WriteSession
from custody.db.tables import ReadingRow


async def rows_with(
    session: ReadSession, network: NetworkId, readings: Collection[str]
) -> Sequence[ReadingRow]:
    """Those of the given means, in order of height."""
    return await session.all(
        select(ReadingRow)
        .where(ReadingRow.network == network, ReadingRow.reading.in_(readings))
        .order_by(ReadingRow.first_height)
    )


async def every_row_with(
    session: ReadSession, readings: Collection[str], limit: int
) -> Sequence[ReadingRow]:
    """The first of those of the given means, of all networks."""
    return await session.all(
        select(ReadingRow)
        .where(ReadingRow.reading.in_(readings))
        .order_by(ReadingRow.network, ReadingRow.first_height)
        .limit(limit)
    )


async def newest_row(session: ReadSession, network: NetworkId) -> ReadingRow | None:
    """The one of the highest blocks."""
    newest = select(ReadingRow).where(ReadingRow.network == network)
    return await session.first(newest.order_by(ReadingRow.first_height.desc()).limit(1))


async def delete_from(session: WriteSession, network: NetworkId, height: int) -> None:
    """Those that begin at `height` or above."""
    mine = ReadingRow.network == network
    await session.execute(delete(ReadingRow).where(mine, ReadingRow.first_height >= height))


async def cut_off(session: WriteSession, network: NetworkId, height: int, last: BlockRef) -> None:
    """Those that reach `height` end with `last`."""
    reaching = (ReadingRow.network == network, ReadingRow.last_height >= height)
    await session.execute(update(ReadingRow).where(*reaching).values(_ending_with(last)))


async def extend(session: WriteSession, network: NetworkId, first: int, last: BlockRef) -> None:
    """The one that begins at `first` reaches up to `last`."""
    mine = (ReadingRow.network == network, ReadingRow.first_height == first)
    await session.execute(update(ReadingRow).where(*mine).values(_ending_with(last)))


def _ending_with(last: BlockRef) -> dict[str, int | str]:
    return {"last_height": last.height, "hashed_height": last.height, "last_hash": last.hash}
