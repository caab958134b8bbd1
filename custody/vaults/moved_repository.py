"""Which vaults were moved to new keys, and to which successor: one, for good."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import func, select

from custody.db.chunks import chunks
from custody.db.move_tables import VaultMoveRow
from custody.db.session import ReadSession
from custody.errors import Conflict

_MOVE = VaultMoveRow


async def successor_of(session: ReadSession, vault: str) -> str | None:
    """None: it was not moved."""
    mine = select(_MOVE.successor_id).where(_MOVE.vault_id == vault)
    return await session.first(mine.order_by(_MOVE.number).limit(1))


async def successors(session: ReadSession, vaults: Collection[str]) -> dict[str, str]:
    """Of those that were moved."""
    mine = select(_MOVE.vault_id, _MOVE.successor_id)
    found: dict[str, str] = {}
    for part in chunks(sorted(vaults)):
        found |= dict(await session.rows(mine.where(_MOVE.vault_id.in_(part))))
    return found


async def moves_in_force(session: ReadSession) -> Sequence[VaultMoveRow]:
    """The row that counts of each vault that was moved."""
    newest = (
        select(_MOVE.vault_id, func.max(_MOVE.number).label("number"))
        .group_by(_MOVE.vault_id)
        .subquery()
    )
    found = select(_MOVE).join(
        newest, (_MOVE.vault_id == newest.c.vault_id) & (_MOVE.number == newest.c.number)
    )
    return await session.all(found.order_by(_MOVE.vault_id))


async def history_of(session: ReadSession, vault: str) -> Sequence[VaultMoveRow]:
    """All that was ever set, the oldest first."""
    mine = select(_MOVE).where(_MOVE.vault_id == vault)
    return await session.all(mine.order_by(_MOVE.number))


def vault_moved(successor: str) -> Conflict:
    words = f"This vault was moved to new keys: {successor} takes its place."
    return Conflict("vault_moved", words, field="vault_id", named={"vault_id": successor})
