"""The operator's caps on fees: set, judged when a transaction is built, and shown.

Whoever builds holds the vault's row locked from the judgement to the commit, so that two workers
don't fill the same rest. The day is the 24 hours before now by the database's clock, so what waits
goes on by itself as the day passes; it does at once when the cap is raised or taken away. Cancels
are never judged: they set free what waits.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import structlog

from chains.costs import Costs
from chains.model import NetworkId
from custody.alarms.codes import AlarmCode
from custody.alarms.service import clear_alarm, raise_alarm
from custody.db.clock import database_now
from custody.db.fee_tables import FeeCapRow
from custody.db.session import ReadSession, WriteSession
from custody.db.transfer_tables import TransactionRow
from custody.outbox import Work
from custody.reasons import checked_reason
from custody.transactions import repository as transactions
from custody.transactions.feecaps import repository
from custody.transactions.feecaps.model import WINDOW, Use, fee_of, used
from custody.transactions.outcomes import Later
from custody.transactions.state import State
from custody.vaults import repository as vaults

REACHED: Final = Later("fee_cap_reached")
RESUMED: Final = 1_000
"""Transfers that go on at once when a cap is changed; the rest as its time comes."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Standing:
    """`used`: what counts of the last 24 hours. `cap`: what was set last."""

    network: NetworkId
    cap: FeeCapRow
    used: int


async def set_cap(
    session: WriteSession,
    vault: str,
    network: NetworkId,
    amount: int | None,
    reason: str,
    now: datetime,
    *,
    by: str,
) -> Standing:
    """From now on; `amount` None: no cap. What waits for it is looked at again. The vault exists.

    Raises Invalid(reason_invalid).
    """
    reason = checked_reason(reason)
    assert amount is None or amount > 0
    await vaults.lock_vaults(session, [vault])
    await repository.add_cap(session, vault, network, amount, reason, by, now)
    log.warning("fee_cap_set", vault=vault, network=network, amount=str(amount), by=by)
    (standing,) = [each for each in await standings(session, vault) if each.network == network]
    if amount is None or standing.used < amount:
        await clear_alarm(session, AlarmCode.FEE_CAP_REACHED, now, network=network, vault=vault)
    for work in (Work.SIGN, Work.SPEED_UP):
        await transactions.resume(session, network, work, REACHED.code, RESUMED)
    return standing


async def standings(session: ReadSession, vault: str) -> list[Standing]:
    """Of each network that ever had a cap."""
    now = await database_now(session)
    return [
        Standing(NetworkId(cap.network), cap, used(await _uses(session, vault, cap.network, now)))
        for cap in await repository.caps_of(session, [vault])
    ]


async def admit(
    session: WriteSession,
    network: NetworkId,
    wanted: Sequence[tuple[TransactionRow, Costs]],
    now: datetime,
) -> set[str]:
    """Of transactions that pay and are about to be built, each with the most that its bytes can
    cost, those that keep within their vault's cap, by id; they count from now on. `now`: for
    alarms."""
    if not wanted:
        return set()
    at = await database_now(session)
    named = {row.vault_id for row, _ in wanted}
    capped = await _locked_caps(session, network, named)
    uses = {vault: await _uses(session, vault, network, at) for vault in capped}
    admitted: list[tuple[TransactionRow, int]] = []
    stopped: set[str] = set()
    for row, costs in wanted:
        most, cap = fee_of(costs), capped.get(row.vault_id)
        if cap is not None:
            new = Use(row.id, row.replaces, State.BUILT, most)
            if used([*uses[row.vault_id], new]) > cap:
                stopped.add(row.vault_id)
                continue
            uses[row.vault_id].append(new)
        admitted.append((row, most))
    await repository.add_uses(session, admitted, at)
    await _tell(session, network, capped, stopped, now)
    return {row.id for row, _ in admitted}


async def _locked_caps(
    session: WriteSession, network: NetworkId, named: Collection[str]
) -> dict[str, int]:
    """Of the vaults that have one now, locked: read again, since a person may be changing it."""
    found = await repository.caps_of(session, named, network)
    if all(each.amount is None for each in found):
        return {}
    await vaults.lock_vaults(session, [each.vault_id for each in found])
    found = await repository.caps_of(session, named, network)
    return {each.vault_id: each.amount for each in found if each.amount is not None}


async def _tell(
    session: WriteSession,
    network: NetworkId,
    capped: Mapping[str, int],
    stopped: Collection[str],
    now: datetime,
) -> None:
    for vault, cap in capped.items():
        if vault in stopped:
            words = f"a transaction waits: the fees of a day may come to {cap} base units"
            await raise_alarm(
                session, AlarmCode.FEE_CAP_REACHED, words, now, network=network, vault=vault
            )
        else:
            await clear_alarm(session, AlarmCode.FEE_CAP_REACHED, now, network=network, vault=vault)


async def _uses(session: ReadSession, vault: str, network: str, now: datetime) -> list[Use]:
    rows = await repository.uses_since(session, vault, network, now - WINDOW)
    return [
        Use(
            row.id,
            row.replaces,
            State(row.state),
            most,
            None if row.costs is None else fee_of(row.costs),
        )
        for row, most in rows
    ]
