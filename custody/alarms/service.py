"""Raises and clears alarms, inside the transaction of what causes them.

An alarm is one row for a code, a network and a vault, until it is cleared. Raising it again changes
nothing, unless the words changed: then the row and the log get the new words. So words may hold an
amount, but nothing that grows by itself (a height, an age).
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

import structlog

from chains.model import NetworkId
from custody.alarms import repository
from custody.alarms.codes import AlarmCode, runbook_section
from custody.db.ids import new_id
from custody.db.session import Database, WriteSession
from custody.db.tables import AlarmRow
from custody.errors import Conflict
from custody.reasons import checked_reason

ITSELF: Final = "custody"
"""Who cleared an alarm whose cause went away."""

log = structlog.get_logger()


async def raise_alarm(
    session: WriteSession,
    code: AlarmCode,
    message: str,
    now: datetime,
    *,
    network: NetworkId | None = None,
    vault: str | None = None,
) -> None:
    """Open an alarm, unless the same one (code, network, vault) is open already."""
    key = key_of_alarm(code, network, vault)
    found = await repository.open_by_key(session, key)
    if found is not None and found.message == message:
        return
    if found is not None:
        found.message, found.updated_at = message, now
    else:
        new = {
            "id": new_id("alm"),
            "code": code.value,
            "network": network,
            "vault_id": vault,
            "message": message,
            "open_key": key,
            "created_at": now,
            "updated_at": now,
            "cleared_at": None,
            "cleared_by": None,
            "cleared_reason": None,
        }
        await session.insert_missing(AlarmRow, [new])
    log.error(
        "alarm",
        code=code.value,
        network=network,
        vault=vault,
        message=message,
        runbook=runbook_section(code),
    )


async def clear_alarm(
    session: WriteSession,
    code: AlarmCode,
    now: datetime,
    *,
    network: NetworkId | None = None,
    vault: str | None = None,
) -> None:
    """The cause is gone. Does nothing if the alarm is not open."""
    key, reason = key_of_alarm(code, network, vault), "its cause is gone"
    if await repository.mark_cleared(session, key, now, by=ITSELF, reason=reason):
        log.warning("alarm_cleared", code=code.value, network=network, vault=vault, by=ITSELF)


async def tell(
    database: Database,
    code: AlarmCode,
    message: str,
    now: datetime,
    *,
    network: NetworkId | None = None,
    vault: str | None = None,
) -> None:
    """Raise it with these words; without any its cause is gone. For loops, which have mostly
    nothing to say: then nothing is written."""
    if not message:
        async with database.look() as look:
            if not await repository.is_open(look, key_of_alarm(code, network, vault)):
                return
    async with database.write() as session:
        if message:
            await raise_alarm(session, code, message, now, network=network, vault=vault)
        else:
            await clear_alarm(session, code, now, network=network, vault=vault)


async def dismiss_alarm(
    session: WriteSession, alarm_id: str, reason: str, now: datetime, *, by: str
) -> AlarmRow:
    """A person has looked. If the cause is still there, the alarm is raised again.

    Raises NotFound(alarm_not_found), Conflict(alarm_not_open), Invalid(reason_invalid).
    """
    words = checked_reason(reason)
    row = await repository.lock_alarm(session, alarm_id)
    if row.open_key is None:
        raise Conflict("alarm_not_open", "This alarm was cleared before.")
    row.open_key, row.cleared_at, row.cleared_by, row.cleared_reason = None, now, by, words
    log.warning(
        "alarm_cleared", code=row.code, network=row.network, vault=row.vault_id, by=by, reason=words
    )
    return row


def key_of_alarm(code: AlarmCode, network: NetworkId | None, vault: str | None) -> str:
    """Unique among open alarms."""
    return f"{code} {network or '-'} {vault or '-'}"
