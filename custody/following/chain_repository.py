"""Queries on the stored chain: blocks, their coins, and the followers. Decides nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import delete, func, select, update

from chains.model import BlockRef, NetworkId
from custody.db.chunks import chunks
from custody.db.session import ReadSession, WriteSession
from custody.db.tables import BlockRow, CoinRow, FollowerRow

# Blocks


async def position(session: ReadSession, network: NetworkId) -> BlockRef | None:
    """The newest block that was applied."""
    refs = await newest_refs(session, network, 1)
    return refs[-1] if refs else None


async def newest_final_height(session: ReadSession, network: NetworkId) -> int | None:
    """The height up to which blocks are final, None before anything is."""
    follower = await session.get(FollowerRow, network)
    return None if follower is None else follower.final_height


@dataclass(frozen=True, slots=True)
class FinalBlock:
    """`timestamp`: Unix seconds, 0 where unknown."""

    height: int
    timestamp: int


async def newest_final(session: ReadSession, network: NetworkId) -> FinalBlock | None:
    """None before anything is final."""
    height = await newest_final_height(session, network)
    if height is None:
        return None
    newest = (
        select(BlockRow.timestamp)
        .where(BlockRow.network == network, BlockRow.height <= height)
        .order_by(BlockRow.height.desc())
        .limit(1)
    )
    return FinalBlock(height, await session.first(newest) or 0)


async def newest_time(session: ReadSession, network: NetworkId) -> int:
    """Unix seconds of our chain's newest block, 0 before there is one."""
    newest = (
        select(BlockRow.timestamp)
        .where(BlockRow.network == network)
        .order_by(BlockRow.height.desc())
        .limit(1)
    )
    return await session.first(newest) or 0


async def height_of(session: ReadSession, network: NetworkId, hash_: str) -> int | None:
    """Of the block of our chain with the hash, if it is remembered."""
    found = select(BlockRow.height).where(BlockRow.network == network, BlockRow.hash == hash_)
    return await session.first(found.order_by(BlockRow.height))


async def count_between(
    session: ReadSession, network: NetworkId, above: int | None, last: int
) -> int:
    """How many remembered blocks lie above a height, or at all, up to `last`."""
    count = select(func.count()).select_from(BlockRow)
    mine = count.where(BlockRow.network == network, BlockRow.height <= last)
    return await session.one(mine if above is None else mine.where(BlockRow.height > above))


async def newest_refs(session: ReadSession, network: NetworkId, count: int) -> list[BlockRef]:
    """The newest applied blocks, oldest first."""
    newest = (
        select(BlockRow.height, BlockRow.hash)
        .where(BlockRow.network == network)
        .order_by(BlockRow.height.desc())
        .limit(count)
    )
    return [BlockRef(height, hash_) for height, hash_ in reversed(await session.rows(newest))]


async def hashes_at(
    session: ReadSession, network: NetworkId, heights: Collection[int]
) -> dict[int, str]:
    """Our chain's block hashes at those of the heights that are remembered."""
    rows = select(BlockRow.height, BlockRow.hash).where(
        BlockRow.network == network, BlockRow.height.in_(heights)
    )
    return dict(await session.rows(rows)) if heights else {}


async def ref_at_or_below(session: ReadSession, network: NetworkId, height: int) -> BlockRef | None:
    """Our chain's newest remembered block that is not above `height`."""
    newest = (
        select(BlockRow.height, BlockRow.hash)
        .where(BlockRow.network == network, BlockRow.height <= height)
        .order_by(BlockRow.height.desc())
        .limit(1)
    )
    rows = await session.rows(newest)
    return BlockRef(*rows[0]) if rows else None


async def oldest_height(session: ReadSession, network: NetworkId) -> int:
    """The oldest remembered block's height, 0 if there is none."""
    oldest = select(func.min(BlockRow.height)).where(BlockRow.network == network)
    return await session.one(oldest) or 0


async def newest_blocks(session: ReadSession) -> dict[NetworkId, BlockRow]:
    """The newest block that was applied, by network."""
    newest = (
        select(BlockRow.network, func.max(BlockRow.height).label("height"))
        .group_by(BlockRow.network)
        .subquery()
    )
    rows = await session.all(
        select(BlockRow).join(
            newest,
            (BlockRow.network == newest.c.network) & (BlockRow.height == newest.c.height),
        )
    )
    return {NetworkId(row.network): row for row in rows}


async def forget_blocks(
    session: WriteSession, network: NetworkId, heights: Collection[int]
) -> None:
    """They were undone."""
    await session.execute(
        delete(BlockRow).where(BlockRow.network == network, BlockRow.height.in_(heights))
    )


async def forget_blocks_below(session: WriteSession, network: NetworkId, height: int) -> None:
    """Nobody will ask for them again."""
    await session.execute(
        delete(BlockRow).where(BlockRow.network == network, BlockRow.height < height)
    )


# Followers


async def followers(session: ReadSession) -> dict[NetworkId, FollowerRow]:
    """Where each network's follower stands."""
    return {NetworkId(row.network): row for row in await session.all(select(FollowerRow))}


async def lock_follower(session: WriteSession, network: NetworkId) -> FollowerRow:
    """Ours until the transaction ends. Made if need be."""
    mine = select(FollowerRow).where(FollowerRow.network == network)
    rows = await session.for_update(mine.order_by(FollowerRow.network))
    if not rows:
        new = {"network": network, "coins_version": None, "final_height": None, "final_by": None}
        await session.insert_missing(FollowerRow, [new])
        rows = await session.for_update(mine.order_by(FollowerRow.network))
    return rows[0]


# Coins


async def coin_places(
    session: ReadSession, network: NetworkId, txids: Iterable[str]
) -> set[tuple[str, int]]:
    """The (txid, position) of each stored coin that one of the transactions made."""
    return {
        (txid, position)
        for chunk in chunks(txids)
        for txid, position in await session.rows(
            select(CoinRow.txid, CoinRow.position).where(
                CoinRow.network == network, CoinRow.txid.in_(chunk)
            )
        )
    }


async def coins_spent_at(
    session: ReadSession, network: NetworkId, heights: Collection[int]
) -> Sequence[CoinRow]:
    return await session.all(
        select(CoinRow).where(CoinRow.network == network, CoinRow.spent_height.in_(heights))
    )


async def give_back_coins(
    session: WriteSession, network: NetworkId, heights: Collection[int]
) -> None:
    """The blocks that spent them were undone."""
    mine = CoinRow.network == network
    spent = update(CoinRow).where(mine, CoinRow.spent_height.in_(heights))
    await session.execute(spent.values(spent_height=None))


async def forget_coins(session: WriteSession, network: NetworkId, heights: Collection[int]) -> None:
    """The blocks that made them were undone."""
    mine = CoinRow.network == network
    await session.execute(delete(CoinRow).where(mine, CoinRow.block_height.in_(heights)))
