"""Queries on the steps of moves. Decides nothing."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select

from custody.db.move_tables import VaultMoveStepRow
from custody.db.session import ReadSession, WriteSession
from custody.db.transfer_tables import TransferRow
from custody.transfers.state import TERMINAL

_STEP = VaultMoveStepRow


async def open_steps(session: ReadSession) -> Sequence[VaultMoveStepRow]:
    mine = select(_STEP).where(_STEP.open_key.is_not(None))
    return await session.all(mine.order_by(_STEP.vault_id, _STEP.asset))


async def newest_of(
    session: ReadSession, vault: str, asset: str, count: int
) -> Sequence[VaultMoveStepRow]:
    """The newest first."""
    mine = select(_STEP).where(_STEP.vault_id == vault, _STEP.asset == asset)
    return await session.all(mine.order_by(_STEP.number.desc()).limit(count))


async def newest(session: ReadSession, vault: str, count: int) -> Sequence[VaultMoveStepRow]:
    """Of all assets, the newest first."""
    mine = select(_STEP).where(_STEP.vault_id == vault)
    ordered = mine.order_by(_STEP.created_at.desc(), _STEP.asset, _STEP.number.desc())
    return await session.all(ordered.limit(count))


async def lock_step(session: WriteSession, row: VaultMoveStepRow) -> VaultMoveStepRow:
    mine = select(_STEP).where(
        _STEP.vault_id == row.vault_id, _STEP.asset == row.asset, _STEP.number == row.number
    )
    return (await session.for_update(mine.order_by(_STEP.number)))[0]


async def under_way(session: ReadSession, vault: str) -> int:
    """How many transfers of the vault have not ended."""
    ended = [state.value for state in TERMINAL]
    mine = select(func.count()).where(
        TransferRow.vault_id == vault, TransferRow.state.not_in(ended)
    )
    return await session.one(mine)
