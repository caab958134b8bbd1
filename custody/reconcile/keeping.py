"""Reports are kept for ever: asked for, made, and written down once.

A report that nobody asked for says how many balances were equal, and has the lines of the others:
thousands of vaults at rest must not each cost a row every few minutes. One that somebody asked for
has every line.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from chains.model import NetworkId
from custody.db.ids import new_id
from custody.db.reconcile_tables import (
    ReconciliationLineRow,
    ReconciliationMismatchRow,
    ReconciliationRow,
)
from custody.db.session import Database, WriteSession
from custody.reconcile import report_repository as repository
from custody.reconcile.report import Cause, Line, Verdict, Wanted


async def ask(
    session: WriteSession, network: NetworkId, vault: str | None, now: datetime, *, by: str
) -> ReconciliationRow:
    """A report to be made by whoever compares the network next; the one that is asked for already,
    if it is of the same vault, or of all too."""
    key = f"{network} {vault or ''}"
    await session.serialize(f"reconciliation {key}")
    found = await repository.open_under(session, key)
    if found is None:
        row = _row(network, Wanted(Cause.ASKED, by, vault), now) | {"open_key": key}
        await session.insert(ReconciliationRow, [row])
        found = ReconciliationRow(**row)
    return found


async def keep(
    database: Database,
    network: NetworkId,
    wanted: Wanted,
    lines: Sequence[Line],
    began: datetime,
    now: datetime,
) -> str:
    """Its id. Whoever has made the same report meanwhile has kept it, and that one stands."""
    counts = Counter(line.verdict for line in lines)
    made = {each.value: counts[each] for each in Verdict} | {"ended_at": now}
    async with database.write() as session:
        if wanted.report is None:
            row = _row(network, wanted, began) | made
            await session.insert(ReconciliationRow, [row])
            report: str = row["id"]
        else:
            report = wanted.report
            if not await repository.end(session, report, made):
                return report
        told = lines if wanted.cause is not Cause.INTERVAL else _worth_telling(lines)
        await session.insert(ReconciliationLineRow, [_line(report, line) for line in told])
        await session.insert(
            ReconciliationMismatchRow, [each for line in told for each in _mismatches(report, line)]
        )
    return report


def _worth_telling(lines: Sequence[Line]) -> list[Line]:
    return [line for line in lines if line.verdict is not Verdict.EQUAL]


def _row(network: NetworkId, wanted: Wanted, now: datetime) -> dict[str, Any]:
    return {
        "id": new_id("rec"),
        "network": network,
        "vault_id": wanted.vault,
        "cause": wanted.cause.value,
        "asked_by": wanted.by,
        "open_key": None,
        "created_at": now,
        "ended_at": None,
        **{each.value: None for each in Verdict},
    }


def _line(report: str, line: Line) -> dict[str, Any]:
    return {
        "report_id": report,
        "vault_id": line.vault,
        "asset": line.asset,
        "height": line.height,
        "block_hash": line.block_hash,
        "ledger": line.ledger,
        "chain": line.chain,
        "verdict": line.verdict.value,
        "reason": line.reason,
        "traced_from": line.traced_from,
    }


def _mismatches(report: str, line: Line) -> list[dict[str, Any]]:
    return [
        {
            "report_id": report,
            "vault_id": line.vault,
            "asset": line.asset,
            "number": number,
            "kind": each.kind.value,
            "name": each.name,
            "height": each.height,
            "units": None if each.units is None else str(each.units),
        }
        for number, each in enumerate(line.mismatches, 1)
    ]
