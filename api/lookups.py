"""Queries that only the API asks. They decide nothing."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import func, select

from chains.model import NetworkId
from custody.db.session import ReadSession
from custody.db.tables import AddressRow, BlockRow, FollowerRow, VaultRow
from custody.errors import NotFound


async def address(session: ReadSession, address_id: str, *, only: str | None) -> AddressRow:
    """An address that users see. Raises NotFound(address_not_found), also if it belongs to another
    client than `only`."""
    statement = (
        select(AddressRow)
        .join(VaultRow, VaultRow.id == AddressRow.vault_id)
        .where(AddressRow.id == address_id, AddressRow.change.is_(False))
    )
    if only is not None:
        statement = statement.where(VaultRow.client_id == only)
    found = await session.one_or_none(statement)
    if found is None:
        raise NotFound("address_not_found", "There is no such address.")
    return found


async def addresses_by_id(session: ReadSession, ids: Collection[str]) -> dict[str, str]:
    """The addresses' texts."""
    rows = await session.rows(
        select(AddressRow.id, AddressRow.address).where(AddressRow.id.in_(list(ids)))
    )
    return {row[0]: row[1] for row in rows}


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


async def followers(session: ReadSession) -> dict[NetworkId, FollowerRow]:
    """Where each network's follower stands."""
    return {NetworkId(row.network): row for row in await session.all(select(FollowerRow))}
