"""Queries on what apps ask. Decides nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import bindparam, func, or_, select, update

from custody.db.look import Quick
from custody.db.rpc_tables import RpcAskRow, RpcTokenRow
from custody.db.session import ReadSession, WriteSession
from custody.db.tables import AddressRow, ApiKeyRow, VaultRow

_LISTED_MAX = 1_000

_KEY_IN_FORCE = or_(RpcTokenRow.api_key_id.is_(None), ApiKeyRow.revoked_at.is_(None))
_IN_FORCE = (
    select(
        RpcTokenRow.id,
        RpcTokenRow.initiator,
        RpcTokenRow.vault_id,
        RpcTokenRow.network,
        RpcTokenRow.origins,
        VaultRow.client_id,
    )
    .join(VaultRow, VaultRow.id == RpcTokenRow.vault_id)
    .outerjoin(ApiKeyRow, ApiKeyRow.id == RpcTokenRow.api_key_id)
    .where(
        RpcTokenRow.digest == bindparam("digest"), RpcTokenRow.revoked_at.is_(None), _KEY_IN_FORCE
    )
)
"""A constant, because every request asks it."""


async def token_in_force(
    session: Quick, digest: bytes
) -> tuple[str, str, str, str, str, str] | None:
    """Of the token whose secret has this digest: its id, initiator, vault, network and origins, and
    the vault's client. None once it, or the key that made it, was revoked."""
    rows = await session.quick_rows(_IN_FORCE, {"digest": digest})
    return rows[0] if rows else None


async def count_in_force(session: ReadSession, vault_id: str) -> int:
    mine = (RpcTokenRow.vault_id == vault_id, RpcTokenRow.revoked_at.is_(None))
    return await session.one(select(func.count()).select_from(RpcTokenRow).where(*mine))


async def tokens(session: ReadSession, vault_id: str | None) -> Sequence[RpcTokenRow]:
    """The newest first, revoked ones included."""
    statement = select(RpcTokenRow).order_by(RpcTokenRow.id.desc()).limit(_LISTED_MAX)
    if vault_id is not None:
        statement = statement.where(RpcTokenRow.vault_id == vault_id)
    return await session.all(statement)


async def mark_revoked(
    session: WriteSession, token_id: str, vault_id: str | None, now: datetime
) -> bool:
    """False if there is no such token in force."""
    statement = update(RpcTokenRow).where(
        RpcTokenRow.id == token_id, RpcTokenRow.revoked_at.is_(None)
    )
    if vault_id is not None:
        statement = statement.where(RpcTokenRow.vault_id == vault_id)
    return await session.execute(statement.values(revoked_at=now)) == 1


async def newest_ask(
    session: ReadSession, vault_id: str, network: str, digest: bytes
) -> RpcAskRow | None:
    """Of a request, the time it was asked for last."""
    return await session.first(
        select(RpcAskRow)
        .where(
            RpcAskRow.vault_id == vault_id,
            RpcAskRow.network == network,
            RpcAskRow.digest == digest,
        )
        .order_by(RpcAskRow.number.desc())
        .limit(1)
    )


async def mark_told(session: WriteSession, ask_id: str, told_as: str, now: datetime) -> None:
    """Once."""
    await session.execute(
        update(RpcAskRow)
        .where(RpcAskRow.id == ask_id, RpcAskRow.told_at.is_(None))
        .values(told_at=now, told_as=told_as)
    )


async def paying_address(
    session: ReadSession, vault_id: str, network: str, address_type: str
) -> str | None:
    """The address with which a vault pays on a network of accounts; None if it has none."""
    return await session.first(
        select(AddressRow.address).where(
            AddressRow.vault_id == vault_id,
            AddressRow.network == network,
            AddressRow.address_type == address_type,
            AddressRow.change.is_(False),
            AddressRow.position == 0,
        )
    )
