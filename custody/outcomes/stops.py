"""Contracts that a vault calls no more, until a person has looked.

One stands where a call did more than was agreed on and no argument of it kept it from that: what
others put before our transaction in its block decides the outcome then, and the next call would
meet the same. Who is held by an argument can lose no more than that, so nothing is stopped: else
whoever goes before us could stop a rule of ours.
"""

from __future__ import annotations

from datetime import datetime

import structlog

from chains.effects import Call
from chains.model import NetworkId
from custody.db.ids import new_id
from custody.db.outcome_tables import ContractStopRow
from custody.db.session import ReadSession, WriteSession
from custody.errors import Conflict, NotFound, Unprocessable
from custody.outcomes import repository
from custody.outcomes.model import Bounded
from custody.reasons import checked_reason
from custody.vaults import repository as vaults

log = structlog.get_logger()


async def check_callable(
    session: ReadSession, vault: str, network: NetworkId, call: Call | None
) -> None:
    """Raises Unprocessable contract_stopped."""
    if call is None:
        return
    row = await repository.standing(session, vault, network, call.contract)
    if row is not None:
        words = f"{row.transfer_id} did more there than was agreed on: {row.reason}"
        raise Unprocessable("contract_stopped", words, field="contract")


async def stop(session: WriteSession, wanted: Bounded, reason: str, now: datetime) -> None:
    """Unless it stands already."""
    call, place = wanted.call, (wanted.vault, wanted.network)
    if await repository.standing(session, *place, call.contract) is not None:
        return
    new = {
        "id": new_id("cst"),
        "vault_id": wanted.vault,
        "network": wanted.network,
        "contract": call.contract,
        "transfer_id": wanted.transfer,
        "reason": reason,
        "open_key": repository.stop_key(*place, call.contract),
        "created_at": now,
        "ended_at": None,
        "ended_by": None,
        "ended_reason": None,
    }
    await session.insert_missing(ContractStopRow, [new])
    log.error("contract_stopped", vault=wanted.vault, contract=call.contract, reason=reason)


async def lift(
    session: WriteSession,
    stop_id: str,
    reason: str,
    now: datetime,
    *,
    by: str,
    only: str | None = None,
) -> ContractStopRow:
    """The vault may call it again. `only`: of this client's vaults.

    Raises NotFound contract_stop_not_found, Conflict contract_stop_ended, Invalid reason_invalid.
    """
    reason = checked_reason(reason)
    row = await repository.lock_stop(session, stop_id)
    if only is not None and (await vaults.vault(session, row.vault_id)).client_id != only:
        raise NotFound("contract_stop_not_found", "There is no such stop.")
    if row.open_key is None:
        raise Conflict("contract_stop_ended", "This stop was lifted before.")
    row.open_key, row.ended_at, row.ended_by, row.ended_reason = None, now, by, reason
    log.warning("contract_stop_lifted", stop=stop_id, by=by, reason=reason)
    return row
