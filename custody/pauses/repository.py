"""Queries on pauses. Decides nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, or_, select

from custody.db.pause_tables import PauseRow
from custody.db.session import ReadSession, WriteSession
from custody.db.tables import VaultRow
from custody.errors import NotFound
from custody.pauses.scope import Paused


async def paused(session: ReadSession) -> Paused:
    """All that is paused now: as a rule nothing, and never many."""
    open_ = select(PauseRow.network, PauseRow.vault_id).where(PauseRow.open_key.is_not(None))
    return Paused.of([(network, vault) for network, vault in await session.rows(open_)])


def is_paused(network: Any, vault: Any) -> ColumnElement[bool]:
    """Whether nothing new may leave `vault` by `network`: a condition for queries that are about
    these two, so that pauses are read with what they hold back."""
    return (
        select(PauseRow.id)
        .where(
            PauseRow.open_key.is_not(None),
            or_(PauseRow.network.is_(None), PauseRow.network == network),
            or_(PauseRow.vault_id.is_(None), PauseRow.vault_id == vault),
        )
        .exists()
    )


async def open_by_key(session: ReadSession, key: str) -> PauseRow | None:
    found = select(PauseRow).where(PauseRow.open_key == key)
    return next(iter(await session.all(found.order_by(PauseRow.id))), None)


async def others(session: ReadSession, row: PauseRow) -> Sequence[PauseRow]:
    """What keeps the same paused for another reason, the oldest first."""
    same = select(PauseRow).where(
        PauseRow.open_key.is_not(None),
        PauseRow.id != row.id,
        PauseRow.network.is_not_distinct_from(row.network),
        PauseRow.vault_id.is_not_distinct_from(row.vault_id),
    )
    return await session.all(same.order_by(PauseRow.id))


async def pauses(
    session: ReadSession, *, only: str | None = None, open_only: bool = True
) -> Sequence[PauseRow]:
    """The oldest first. `only`: those that a client's vaults feel."""
    wanted = select(PauseRow)
    if open_only:
        wanted = wanted.where(PauseRow.open_key.is_not(None))
    if only is not None:
        mine = select(VaultRow.id).where(VaultRow.client_id == only)
        wanted = wanted.where(or_(PauseRow.vault_id.is_(None), PauseRow.vault_id.in_(mine)))
    return await session.all(wanted.order_by(PauseRow.id))


async def lock_pause(session: WriteSession, pause_id: str) -> PauseRow:
    """Raises NotFound pause_not_found."""
    mine = select(PauseRow).where(PauseRow.id == pause_id).order_by(PauseRow.id)
    found = await session.for_update(mine)
    if not found:
        raise NotFound("pause_not_found", "There is no such pause.")
    return found[0]
