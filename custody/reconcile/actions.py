"""What follows from a comparison: alarms raised or cleared, vaults frozen, a surplus put into
suspense, the result kept.

A shortage freezes, because somebody may have a key. A surplus never does: anybody can make one by
paying in a way that the node doesn't show, and an outsider must not be able to stop a vault. Nor
does a shortage that a person saw and accepted, unless it grows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from chains.model import AssetId, NetworkId
from custody.alarms import repository as alarms
from custody.alarms.codes import AlarmCode
from custody.alarms.service import clear_alarm, raise_alarm
from custody.db.session import Database, WriteSession
from custody.db.tables import ReconciledRow
from custody.ledger.model import Fault
from custody.ledger.service import Ledger
from custody.reconcile import repository
from custody.reconcile.report import Line, Verdict, in_words, still_accepted
from custody.vaults import suspense
from custody.vaults.freezes import freeze
from custody.vaults.repository import lock_vaults

_PATIENCE: Final = timedelta(hours=6)
"""How long there may be no verdict before a person is told."""
_REFRESH: Final = timedelta(hours=1)
"""How old a kept line gets while nothing changes."""


async def act_on_vault(
    database: Database,
    ledger: Ledger,
    network: NetworkId,
    vault: str,
    lines: Sequence[Line],
    now: datetime,
) -> None:
    """`lines`: all of the vault's assets on the network, as they were compared just now."""
    async with database.read() as session:
        if _says_nothing_new(lines, await repository.kept_lines(session, vault), now):
            return
    conclusive = all(line.verdict is not Verdict.INCONCLUSIVE for line in lines)
    async with database.write() as session:
        kept = {AssetId(row.asset): row for row in await repository.kept_lines(session, vault)}
        accepted, concluded = {}, {}
        for line in lines:
            before = kept.get(line.asset)
            accepted[line.asset] = still_accepted(line, 0 if before is None else before.accepted)
            waits = before is not None and line.verdict is Verdict.INCONCLUSIVE
            concluded[line.asset] = before.concluded_at if before and waits else now
        await repository.keep_lines(session, lines, accepted, concluded, now)
        await _say_if_not_compared(session, network, vault, lines, concluded, now)
        short = "; ".join(in_words(each) for each in lines if each.verdict is Verdict.SHORTAGE)
        if short:
            code = AlarmCode.SHORTAGE
            await raise_alarm(session, code, short, now, network=network, vault=vault)
        elif conclusive:
            await clear_alarm(session, AlarmCode.SHORTAGE, now, network=network, vault=vault)
        await _suspend(session, ledger, network, vault, lines)
        await suspense.tell(session, network, vault, now)
        if any(
            line.verdict is Verdict.SHORTAGE and -line.surplus > accepted[line.asset]
            for line in lines
        ):
            await freeze(session, [vault], AlarmCode.SHORTAGE.value, now)


async def _suspend(
    session: WriteSession, ledger: Ledger, network: NetworkId, vault: str, lines: Sequence[Line]
) -> None:
    """Only if the books still are as they were compared: another process may have found the same,
    or a rescan the deposit. The next comparison says so then. And not while they don't add up: what
    is wrong in them is no money."""
    found = {line.asset: line for line in lines if line.verdict is Verdict.SURPLUS}
    if not found or await _is_broken(session, vault):
        return
    await lock_vaults(session, [vault])
    owned = (await repository.snapshot(session, network, vault)).owned
    await suspense.suspend(
        session,
        ledger,
        vault,
        {asset: line.surplus for asset, line in found.items() if owned.get(asset, 0) == line.owned},
    )


async def _is_broken(session: WriteSession, vault: str) -> bool:
    broken = {row.vault_id for row in await alarms.open_of(session, AlarmCode.BOOKS_BROKEN)}
    return not broken.isdisjoint({None, vault})


def _says_nothing_new(lines: Sequence[Line], kept: Sequence[ReconciledRow], now: datetime) -> bool:
    """Equal as it was a moment ago: thousands of vaults at rest must not each cost a write, every
    few minutes. What an earlier line called for was done when that one was kept."""
    recent = {
        row.asset: (row.ledger, row.chain)
        for row in kept
        if row.verdict == Verdict.EQUAL and now - row.compared_at < _REFRESH
    }
    return all(
        line.verdict is Verdict.EQUAL and recent.get(line.asset) == (line.ledger, line.chain)
        for line in lines
    )


async def _say_if_not_compared(
    session: WriteSession,
    network: NetworkId,
    vault: str,
    lines: Sequence[Line],
    concluded: Mapping[AssetId, datetime],
    now: datetime,
) -> None:
    """Who keeps every comparison from coming to a verdict must not go unnoticed."""
    code = AlarmCode.NOT_COMPARED
    waiting = [
        line
        for line in lines
        if line.verdict is Verdict.INCONCLUSIVE and now - concluded[line.asset] >= _PATIENCE
    ]
    if waiting:
        words = "; ".join(line.asset for line in waiting)
        await raise_alarm(session, code, words, now, network=network, vault=vault)
    elif all(line.verdict is not Verdict.INCONCLUSIVE for line in lines):
        await clear_alarm(session, code, now, network=network, vault=vault)


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
