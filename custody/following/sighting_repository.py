"""Queries on what our blocks show of our transactions. Decides nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import delete, func, or_, select

from chains.model import Excludes, NetworkId, TxId
from custody.db.chunks import chunks
from custody.db.session import ReadSession, WriteSession
from custody.db.sighting_tables import (
    ConsumptionRow,
    SightingRow,
    UnlistedBeyondRow,
    UnlistedRow,
)
from custody.db.transfer_tables import ClaimHolderRow, ClaimRow, TransferNeedRow, TransferRow
from custody.transfers.state import TERMINAL

_OF_BLOCKS: Final = (SightingRow, ConsumptionRow, UnlistedRow)


async def claimed(session: ReadSession, network: NetworkId) -> set[str]:
    """Keys that unfinished transactions take, or that their unconfirmed parents do."""
    keys = select(ClaimRow.key).where(ClaimRow.network == network).order_by(ClaimRow.key)
    parents = (
        select(TransferNeedRow.key)
        .join(TransferRow, TransferRow.id == TransferNeedRow.transfer_id)
        .where(TransferNeedRow.network == network, TransferRow.state.not_in(TERMINAL))
        .order_by(TransferNeedRow.key)
    )
    return {*await session.all(keys), *await session.all(parents)}


async def claimed_apart(session: ReadSession, network: NetworkId) -> set[str]:
    """Those of `claimed` that name payments which anybody submits."""
    keys = (
        select(ClaimRow.key)
        .join(ClaimHolderRow, ClaimHolderRow.key == ClaimRow.key)
        .where(ClaimRow.network == network, ClaimHolderRow.excludes == Excludes.EFFECT.value)
        .order_by(ClaimRow.key)
    )
    return set(await session.all(keys))


async def apart_among(session: ReadSession, txids: Iterable[str]) -> set[TxId]:
    """Which of them are names of payments that anybody submits."""
    return {
        TxId(key)
        for chunk in chunks(txids)
        for key in await session.all(
            select(ClaimHolderRow.key).where(
                ClaimHolderRow.key.in_(chunk), ClaimHolderRow.excludes == Excludes.EFFECT.value
            )
        )
    }


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
    session: ReadSession,
    network: NetworkId | None = None,
    *,
    client: str | None = None,
    vault: str | None = None,
    marks: Collection[str] = (),
    limit: int = 1000,
) -> Sequence[UnlistedRow]:
    """What is set apart, the newest first; what is marked only if its mark is among `marks`."""
    row = UnlistedRow
    shown = select(row).where(or_(row.mark.is_(None), row.mark.in_(marks)))
    for column, value in ((row.network, network), (row.client_id, client), (row.vault_id, vault)):
        if value is not None:
            shown = shown.where(column == value)
    newest = shown.order_by(row.block_height.desc(), row.network, row.txid, row.place)
    return await session.all(newest.limit(limit))


async def beyond(
    session: ReadSession,
    network: NetworkId | None = None,
    *,
    client: str | None = None,
    vault: str | None = None,
) -> Sequence[UnlistedBeyondRow]:
    """Of each address that was sent more than is kept, how much more."""
    row = UnlistedBeyondRow
    shown = select(row).order_by(row.network, row.address)
    for column, value in ((row.network, network), (row.client_id, client), (row.vault_id, vault)):
        if value is not None:
            shown = shown.where(column == value)
    return await session.all(shown)


async def unlisted_places(
    session: ReadSession, network: NetworkId, txids: Iterable[str]
) -> set[tuple[str, str]]:
    """Transaction and place of what is set apart already."""
    row = UnlistedRow
    return {
        (txid, place)
        for chunk in chunks(txids)
        for txid, place in await session.rows(
            select(row.txid, row.place).where(row.network == network, row.txid.in_(chunk))
        )
    }


async def kept(
    session: ReadSession, network: NetworkId, addresses: Iterable[str]
) -> dict[tuple[str, bool], int]:
    """How many rows each address has, those with a mark (True) and those without."""
    row = UnlistedRow
    marked = row.mark.is_not(None)
    return {
        (address, bool(is_marked)): count
        for chunk in chunks(addresses)
        for address, is_marked, count in await session.rows(
            select(row.address, marked, func.count())
            .where(row.network == network, row.address.in_(chunk))
            .group_by(row.address, marked)
        )
    }


async def payees(session: ReadSession, vault: str, limit: int) -> Sequence[str]:
    """Whom the vault's newest transfers pay, or were to."""
    row = TransferRow
    newest = select(row.destination).where(row.vault_id == vault).order_by(row.serial.desc())
    return sorted(set(await session.all(newest.limit(limit))))


async def note_beyond(
    session: WriteSession, network: NetworkId, rows: Sequence[Mapping[str, Any]]
) -> None:
    """Under the lock of the network's follower. `rows`: what is not kept."""
    for each in rows:
        found = await session.get(UnlistedBeyondRow, (network, each["address"]))
        if found is None:
            found = UnlistedBeyondRow(
                network=network,
                address=each["address"],
                client_id=each["client_id"],
                vault_id=each["vault_id"],
                count=0,
                first_height=each["block_height"],
            )
            session.add(found)
            await session.flush()
        found.count += 1
        found.first_height = min(found.first_height, each["block_height"])
