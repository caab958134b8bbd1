"""Queries on alarms. Decides nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import Select, bindparam, func, null, select, update

from custody.alarms.codes import AlarmCode
from custody.db.listing import FIRST, Window, page
from custody.db.look import Quick
from custody.db.session import ReadSession, WriteSession
from custody.db.tables import AlarmRow, VaultRow
from custody.errors import NotFound

# Constants: loops ask these again and again, and mostly nothing is open.
_OPEN: Final = select(AlarmRow.id).where(AlarmRow.open_key == bindparam("key"))
_OPEN_OF: Final = (
    select(AlarmRow)
    .where(AlarmRow.code == bindparam("code"), AlarmRow.open_key.is_not(None))
    .order_by(AlarmRow.id)
)
_ANY_OPEN: Final = select(_OPEN_OF.exists().label("any_open"))
_CLEAR: Final = (
    update(AlarmRow)
    .where(AlarmRow.open_key == bindparam("key"))
    .values(
        open_key=null(),
        cleared_at=bindparam("now"),
        cleared_by=bindparam("by"),
        cleared_reason=bindparam("reason"),
    )
    .returning(AlarmRow.id)
)


async def alarm(session: ReadSession, alarm_id: str, *, only: str | None = None) -> AlarmRow:
    """Raises NotFound(alarm_not_found), also if it is not about a vault of the client `only`."""
    mine = select(AlarmRow).where(AlarmRow.id == alarm_id)
    if only is not None:
        mine = mine.where(AlarmRow.vault_id.in_(_vaults_of(only)))
    found = await session.one_or_none(mine)
    if found is None:
        raise NotFound("alarm_not_found", "There is no such alarm.")
    return found


async def lock_alarm(session: WriteSession, alarm_id: str) -> AlarmRow:
    """Ours until the transaction ends. Raises NotFound(alarm_not_found)."""
    mine = select(AlarmRow).where(AlarmRow.id == alarm_id)
    await session.for_update(mine.order_by(AlarmRow.id))
    return await alarm(session, alarm_id)


async def open_by_key(session: ReadSession, key: str) -> AlarmRow | None:
    """The open alarm of one code, network and vault."""
    return await session.first(select(AlarmRow).where(AlarmRow.open_key == key))


async def mark_cleared(
    session: WriteSession, key: str, now: datetime, *, by: str, reason: str
) -> bool:
    """False if it was not open."""
    asked = {"key": key, "now": now, "by": by, "reason": reason}
    return bool(await session.quick_change(_CLEAR, asked))


async def is_open(session: Quick, key: str) -> bool:
    return bool(await session.quick_rows(_OPEN, {"key": key}))


async def alarms(
    session: ReadSession,
    *,
    only: str | None = None,
    open_only: bool = True,
    code: AlarmCode | None = None,
    window: Window = FIRST,
) -> Sequence[AlarmRow]:
    """One page in the order in which they were raised. `only`: about the vaults of this client."""
    statement = select(AlarmRow)
    if only is not None:
        statement = statement.where(AlarmRow.vault_id.in_(_vaults_of(only)))
    if open_only:
        statement = statement.where(AlarmRow.open_key.is_not(None))
    if code is not None:
        statement = statement.where(AlarmRow.code == code.value)
    return await session.all(page(statement, AlarmRow, window))


async def open_of(session: ReadSession, code: AlarmCode) -> Sequence[AlarmRow]:
    """All open alarms of one code."""
    return await session.all(_OPEN_OF, {"code": code.value})


async def is_any_open(session: Quick, code: AlarmCode) -> bool:
    """Whether `open_of` has any."""
    ((found,),) = await session.quick_rows(_ANY_OPEN, {"code": code.value})
    return bool(found)


async def open_counts(session: ReadSession) -> dict[str, int]:
    """How many are open, by code; none for a code of which none is."""
    counted = (
        select(AlarmRow.code, func.count())
        .where(AlarmRow.open_key.is_not(None))
        .group_by(AlarmRow.code)
    )
    return dict(await session.rows(counted))


def _vaults_of(client: str) -> Select[str]:
    return select(VaultRow.id).where(VaultRow.client_id == client)
