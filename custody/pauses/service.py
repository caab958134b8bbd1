"""Holds back what is new, and lets it go on.

Paused is what is asked for and not signed yet: it is accepted and waits. What was signed goes on,
and so does everything that comes in. Something is paused as long as one reason for it stands.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

import structlog

from chains.model import NetworkId
from custody.alarms.codes import AlarmCode
from custody.alarms.service import clear_alarm, raise_alarm
from custody.db.ids import new_id
from custody.db.pause_tables import PauseRow
from custody.db.session import WriteSession
from custody.errors import Conflict, Forbidden, Invalid, NotFound
from custody.pauses import repository
from custody.reasons import checked_reason
from custody.vaults import repository as vaults

_ALL: Final = "pauses"
"""One at a time pauses and resumes: an alarm tells of the reasons that stand."""

log = structlog.get_logger()


async def pause(
    session: WriteSession,
    network: NetworkId | None,
    vault: str | None,
    reason: str,
    now: datetime,
    *,
    by: str,
) -> PauseRow:
    """Nothing new leaves there from now on. The same reason twice is one: the pause that stands.

    Raises Invalid (pause_of_nothing, reason_invalid), NotFound vault_not_found.
    """
    reason = checked_reason(reason)
    if network is None and vault is None:
        raise Invalid("pause_of_nothing", "name a network, a vault, or both")
    if vault is not None:
        await vaults.vault(session, vault)
    await session.serialize(_ALL)
    key = f"{network or '-'} {vault or '-'} {reason}"
    standing = await repository.open_by_key(session, key)
    if standing is not None:
        return standing
    new = {
        "id": new_id("pau"),
        "network": network,
        "vault_id": vault,
        "reason": reason,
        "open_key": key,
        "paused_by": by,
        "created_at": now,
        "ended_at": None,
        "ended_by": None,
        "ended_reason": None,
    }
    await session.insert(PauseRow, [new])
    await _tell(session, PauseRow(**new), now)
    log.warning("paused", network=network, vault=vault, reason=reason, by=by)
    return PauseRow(**new)


async def resume(
    session: WriteSession,
    pause_id: str,
    reason: str,
    now: datetime,
    *,
    by: str,
    only: str | None = None,
) -> PauseRow:
    """End one pause. What it held back goes on, unless another one holds it. `only`: of this
    client's vaults.

    Raises NotFound pause_not_found, Conflict pause_ended, Invalid reason_invalid, Forbidden
    key_bound_to_client.
    """
    reason = checked_reason(reason)
    await session.serialize(_ALL)
    row = await repository.lock_pause(session, pause_id)
    await _check_whose(session, row, only)
    if row.open_key is None:
        raise Conflict("pause_ended", "This pause has ended before.")
    row.open_key, row.ended_at = None, now
    row.ended_by, row.ended_reason = by, reason
    others = await repository.others(session, row)
    if others:
        await _tell(session, others[0], now)
    else:
        network = None if row.network is None else NetworkId(row.network)
        await clear_alarm(session, AlarmCode.PAUSED, now, network=network, vault=row.vault_id)
    log.warning("resumed", network=row.network, vault=row.vault_id, reason=reason, by=by)
    return row


async def _check_whose(session: WriteSession, row: PauseRow, only: str | None) -> None:
    """What concerns all clients is not for a key that is bound to one, and another one's vault is
    not there for it."""
    if only is None:
        return
    if row.vault_id is None:
        raise of_the_house()
    if (await vaults.vault(session, row.vault_id)).client_id != only:
        raise NotFound("pause_not_found", "There is no such pause.")


def of_the_house() -> Forbidden:
    return Forbidden("key_bound_to_client", "this needs a key that is bound to no client")


async def _tell(session: WriteSession, row: PauseRow, now: datetime) -> None:
    network = None if row.network is None else NetworkId(row.network)
    message = f"paused by {row.paused_by}: {row.reason}"
    await raise_alarm(session, AlarmCode.PAUSED, message, now, network=network, vault=row.vault_id)
