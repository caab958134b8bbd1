"""Stops vaults: nothing leaves a frozen one until a person has looked."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import update

from custody.db.session import WriteSession
from custody.db.tables import VaultRow


async def freeze(session: WriteSession, vaults: Collection[str], reason: str) -> None:
    """Nothing leaves these vaults until a person has looked. The first reason stays."""
    for vault in sorted(vaults):
        await session.execute(
            update(VaultRow)
            .where(VaultRow.id == vault, VaultRow.frozen_reason.is_(None))
            .values(frozen_reason=reason)
        )
