"""Stops what looks wrong and calls a person: frozen vaults, open alarms."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import select, update

from chains.model import NetworkId
from custody.db.ids import new_id
from custody.db.session import WriteSession
from custody.db.tables import AlarmRow, VaultRow


async def raise_alarm(
    session: WriteSession,
    code: str,
    message: str,
    now: datetime,
    *,
    network: NetworkId | None = None,
    vault: str | None = None,
) -> None:
    """Open an alarm, unless the same one (code, network, vault) is open already."""
    already = select(AlarmRow.id).where(
        AlarmRow.code == code,
        AlarmRow.network.is_not_distinct_from(network),
        AlarmRow.vault_id.is_not_distinct_from(vault),
        AlarmRow.cleared_at.is_(None),
    )
    if await session.first(already.limit(1)) is None:
        session.add(
            AlarmRow(
                id=new_id("alm"),
                code=code,
                network=network,
                vault_id=vault,
                message=message,
                created_at=now,
                cleared_at=None,
            )
        )


async def freeze(session: WriteSession, vaults: Collection[str], reason: str) -> None:
    """Nothing leaves these vaults until a person has looked. The first reason stays."""
    for vault in sorted(vaults):
        await session.execute(
            update(VaultRow)
            .where(VaultRow.id == vault, VaultRow.frozen_reason.is_(None))
            .values(frozen_reason=reason)
        )
