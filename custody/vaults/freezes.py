"""Stops vaults and lets them go on. Nothing leaves a frozen vault; deposits still arrive.

A vault may be frozen for several reasons at a time. Each is kept, with who gave it, and with who
ended it and why. One at a time freezes and unfreezes a vault: else a new reason could be lost with
the old.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final

import structlog

from custody.db.ids import new_id
from custody.db.session import ReadSession, WriteSession
from custody.db.tables import VaultFreezeRow
from custody.errors import Conflict
from custody.reasons import checked_reason
from custody.vaults import repository

ITSELF: Final = "custody"
"""Who froze a vault that custody stopped by itself."""

log = structlog.get_logger()


async def freeze(
    session: WriteSession,
    vaults: Collection[str],
    reason: str,
    now: datetime,
    *,
    by: str = ITSELF,
) -> None:
    """Nothing leaves these vaults until a person has looked. The same reason twice is one.

    Raises Invalid(reason_invalid).
    """
    reason = checked_reason(reason)
    for row in await repository.lock_vaults(session, vaults):
        key = f"{row.id} {reason}"
        if await repository.is_freeze_open(session, key):
            continue
        if row.frozen_reason is None:
            row.frozen_reason = reason
        new = {
            "id": new_id("frz"),
            "vault_id": row.id,
            "reason": reason,
            "open_key": key,
            "frozen_by": by,
            "created_at": now,
            "ended_at": None,
            "ended_by": None,
            "ended_reason": None,
            "difference": None,
        }
        await session.insert(VaultFreezeRow, [new])
        log.warning("vault_frozen", vault=row.id, reason=reason, by=by)


async def unfreeze(
    session: WriteSession,
    vault: str,
    reason: str,
    now: datetime,
    *,
    by: str,
    seen: Collection[str],
    difference: str | None = None,
) -> Sequence[VaultFreezeRow]:
    """End the freezes `seen` (ids) of the vault; those that ended. One that was added meanwhile was
    not looked into and stands. `difference`: what still differs.

    Raises Conflict(vault_not_frozen), Invalid(reason_invalid).
    """
    reason = checked_reason(reason)
    (locked,) = await repository.lock_vaults(session, [vault])
    open_ = await open_freezes(session, vault)
    rows = [row for row in open_ if row.id in seen]
    if not rows:
        raise not_frozen()
    locked.frozen_reason = next((row.reason for row in open_ if row.id not in seen), None)
    for row in rows:
        row.open_key, row.ended_at, row.ended_by = None, now, by
        row.ended_reason, row.difference = reason, difference
    log.warning("vault_unfrozen", vault=vault, reason=reason, by=by, difference=difference)
    return rows


async def lift(session: WriteSession, vault: str, reason: str, now: datetime) -> None:
    """End what custody froze by itself for this reason, because the cause is gone. Other reasons
    keep the vault frozen."""
    (locked,) = await repository.lock_vaults(session, [vault])
    open_ = await open_freezes(session, vault)
    ending = [row for row in open_ if (row.reason, row.frozen_by) == (reason, ITSELF)]
    if not ending:
        return
    for row in ending:
        row.open_key, row.ended_at, row.ended_by = None, now, ITSELF
        row.ended_reason = "its cause is gone"
    locked.frozen_reason = next((row.reason for row in open_ if row not in ending), None)
    log.warning("vault_unfrozen", vault=vault, reason=reason, by=ITSELF)


async def freezes_of(session: ReadSession, vault: str) -> Sequence[VaultFreezeRow]:
    """All of them, the oldest first, those that ended included."""
    return await repository.freezes_of(session, vault)


async def open_freezes(session: ReadSession, vault: str) -> Sequence[VaultFreezeRow]:
    """Those that keep it frozen, the oldest first."""
    return [row for row in await freezes_of(session, vault) if row.open_key is not None]


def not_frozen() -> Conflict:
    return Conflict("vault_not_frozen", "This vault is not frozen.")
