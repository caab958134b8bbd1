"""Queries on what our blocks show of our transactions. Decides nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Final

from sqlalchemy import delete, select

from chains.model import NetworkId, TxId
from custody.db.chunks import chunks
from custody.db.session import ReadSession, WriteSession
from custody.db.sighting_tables import ConsumptionRow, SightingRow, UnlistedRow
from custody.db.transfer_tables import ClaimRow

_OF_BLOCKS: Final = (SightingRow, ConsumptionRow, UnlistedRow)


async def claimed(session: ReadSession, network: NetworkId) -> set[str]:
    """Keys that unfinished transactions take."""
    return set(
        await session.all(
            select(ClaimRow.key).where(ClaimRow.network == network).order_by(ClaimRow.key)
        )
    )


async def sightings_of(
    session: ReadSession, network: NetworkId, txids: Iterable[str]
) -> dict[TxId, SightingRow]:
    """Where each of the transactions lies, of those that lie in a block of our chain."""
    return {
        TxId(row.txid): row
        for chunk in chunks(txids)
        for row in await session.all(
            select(SightingRow)
            .where(SightingRow.network == network, SightingRow.txid.in_(chunk))
            .order_by(SightingRow.block_height)
        )
    }


async def consumptions_of(
    session: ReadSession, network: NetworkId, keys: Iterable[str]
) -> dict[str, ConsumptionRow]:
    """Which of the keys were used up in a block of our chain."""
    return {
        row.key: row
        for chunk in chunks(keys)
        for row in await session.all(
            select(ConsumptionRow).where(
                ConsumptionRow.network == network, ConsumptionRow.key.in_(chunk)
            )
        )
    }


async def forget(session: WriteSession, network: NetworkId, heights: Collection[int]) -> None:
    """The blocks were undone."""
    for row in _OF_BLOCKS:
        await session.execute(
            delete(row).where(row.network == network, row.block_height.in_(heights))
        )


async def forget_above(session: WriteSession, network: NetworkId, height: int) -> None:
    """All blocks above the height were undone."""
    for row in _OF_BLOCKS:
        await session.execute(delete(row).where(row.network == network, row.block_height > height))


async def forget_listed(
    session: WriteSession, network: NetworkId, places: Collection[tuple[str, str]]
) -> None:
    """What was set apart there, by transaction and place, is listed now."""
    row = UnlistedRow
    for txid, place in sorted(places):
        mine = (row.network == network) & (row.txid == txid) & (row.place == place)
        await session.execute(delete(row).where(mine))


async def unlisted(
    session: ReadSession, network: NetworkId, limit: int = 1000
) -> Sequence[UnlistedRow]:
    """What is set apart, the newest first."""
    row = UnlistedRow
    mine = select(row).where(row.network == network)
    newest = mine.order_by(row.block_height.desc(), row.txid, row.place)
    return await session.all(newest.limit(limit))
