"""What follows from a comparison: alarms raised or cleared, vaults frozen, the result kept.

A shortage freezes, because somebody may have a key. A surplus never does: anybody can make one by
paying in a way that the node doesn't show, and an outsider must not be able to stop a vault. Nor
does a shortage that a person saw and accepted, unless it grows.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from chains.model import NetworkId
from custody.alarms import repository as alarms
from custody.alarms.codes import AlarmCode
from custody.alarms.service import clear_alarm, raise_alarm
from custody.db.session import Database
from custody.ledger.model import Fault
from custody.reconcile import repository
from custody.reconcile.report import Line, Verdict, in_words, still_accepted
from custody.vaults.freezes import freeze

_ALARMS: Final = {Verdict.SHORTAGE: AlarmCode.SHORTAGE, Verdict.SURPLUS: AlarmCode.SURPLUS}


async def act_on_vault(
    database: Database, network: NetworkId, vault: str, lines: Sequence[Line], now: datetime
) -> None:
    """`lines`: all of the vault's assets on the network, as they were compared just now."""
    conclusive = all(line.verdict is not Verdict.INCONCLUSIVE for line in lines)
    async with database.write() as session:
        before = await repository.accepted_shortages(session, vault)
        accepted = {line.asset: still_accepted(line, before.get(line.asset, 0)) for line in lines}
        await repository.keep_lines(session, lines, accepted, now)
        for verdict, code in _ALARMS.items():
            words = "; ".join(in_words(line) for line in lines if line.verdict is verdict)
            if words:
                await raise_alarm(session, code, words, now, network=network, vault=vault)
            elif conclusive:
                await clear_alarm(session, code, now, network=network, vault=vault)
        if any(
            line.verdict is Verdict.SHORTAGE and -line.surplus > accepted[line.asset]
            for line in lines
        ):
            await freeze(session, [vault], AlarmCode.SHORTAGE.value, now)


async def act_on_books(database: Database, faults: Sequence[Fault], now: datetime) -> None:
    """All entries were added up: what is no fault is in order."""
    code = AlarmCode.BOOKS_BROKEN
    by_vault: dict[str | None, list[str]] = {}
    for fault in faults:
        by_vault.setdefault(fault.vault, []).append(f"{fault.asset}: {fault.message}")
    async with database.read() as session:
        open_ = {row.vault_id for row in await alarms.open_of(session, code)}
    if not faults and not open_:
        return
    async with database.write() as session:
        for vault, words in by_vault.items():
            await raise_alarm(session, code, "; ".join(words), now, vault=vault)
            if vault is not None:
                await freeze(session, [vault], code.value, now)
        for vault in open_ - by_vault.keys():
            await clear_alarm(session, code, now, vault=vault)
