"""What shows that a period was under control: comparisons of ledger and chain, alarms, freezes,
keys; and what stood against the money at its end. What the rows really say: nothing is judged.

`NOT_RECORDED` names what somebody may look for, and no row has.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from custody.audit import controls_repository as repository
from custody.db.debit_tables import SuspenseDecisionRow
from custody.db.pause_tables import PauseRow
from custody.db.reconcile_tables import ReconciliationLineRow, ReconciliationRow
from custody.db.session import ReadSession
from custody.db.tables import AlarmRow, ApiKeyRow, PassRow, VaultFreezeRow
from custody.transfers.allowance_repository import signed_typed
from custody.transfers.allowances import on_record

Line = dict[str, Any]
NOT_RECORDED: Final = (
    "who made or revoked an API key",
    "ceremonies with key shares, and restores of the signer's keys: of a recovery and of "
    "administrators pinned anew the signer's log has a record",
    "restores of the database, and drills of backups",
    "why a comparison of ledger and chain was not made",
    "allowances and messages as of the period's end: those of now are shown",
    "the share of money that is held hot and cold",
)


class _Table(NamedTuple):
    """`columns`: as the package names them, each with the row's own name behind `=` if that is
    another one. `ended`: the column of its end, None for what has no duration."""

    row: Any
    columns: str
    ended: str | None


_TABLES: Final = {
    "alarms": _Table(
        AlarmRow,
        "id code network vault=vault_id message created_at cleared_at cleared_by cleared_reason",
        "cleared_at",
    ),
    "freezes": _Table(
        VaultFreezeRow,
        "id vault=vault_id reason frozen_by created_at ended_at ended_by ended_reason",
        "ended_at",
    ),
    "keys": _Table(
        ApiKeyRow,
        "id name initiator scopes client=client_id created_at revoked_at",
        "revoked_at",
    ),
    "passes": _Table(
        PassRow, "id network first_height last_height failure reason passed_by created_at", None
    ),
    "pauses": _Table(
        PauseRow,
        "id network vault=vault_id reason paused_by created_at ended_at ended_by ended_reason",
        "ended_at",
    ),
    "suspense": _Table(
        SuspenseDecisionRow,
        "id vault=vault_id asset amount destination reason decided_by created_at",
        None,
    ),
}


async def controls(
    session: ReadSession, first: datetime, before: datetime
) -> dict[str, list[Line]]:
    """By table. What has a duration is there if it stood at any time of the period."""
    found = {name: await _rows(session, each, first, before) for name, each in _TABLES.items()}
    reports = await repository.reports(session, before)
    found["reconciliations"] = await _days(session, reports, first, before)
    found["breaks"] = await _breaks(session, reports, first)
    return found


async def _rows(
    session: ReadSession, table: _Table, first: datetime, before: datetime
) -> list[Line]:
    rows = await repository.stood(session, table.row, table.ended, first, before)
    names = [each.partition("=") for each in table.columns.split()]
    return [{name: told(getattr(row, own or name)) for name, _, own in names} for row in rows]


def told(value: Any) -> Any:
    """As the package writes it: amounts as text, times to the microsecond."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return value if value is None or isinstance(value, bool | str) else str(value)


async def _days(
    session: ReadSession, reports: Sequence[ReconciliationRow], first: datetime, before: datetime
) -> list[Line]:
    """For each day of the period and each network with accounts, how many rounds were made of all
    its vaults, and how many of them were not equal. A day without a round has none."""
    assets = await repository.assets(session)
    counted = {
        (day, network): [0, 0, 0, 0]
        for day in _calendar(first, before)
        for network in sorted({asset.partition("/")[0] for asset in assets})
    }
    for row in reports:
        place = row.ended_at and row.ended_at.astimezone(UTC).date().isoformat(), row.network
        if row.vault_id is None and row.ended_at and row.ended_at >= first and place in counted:
            found = (True, row.shortage, row.surplus, row.inconclusive)
            counted[place] = [a + bool(b) for a, b in zip(counted[place], found, strict=True)]
    names = ("rounds", "shortage", "surplus", "inconclusive")
    return [
        {"day": day, "network": network, **dict(zip(names, each, strict=True))}
        for (day, network), each in counted.items()
    ]


def _calendar(first: datetime, before: datetime) -> Iterator[str]:
    day, last = first.astimezone(UTC).date(), (before - timedelta(seconds=1)).astimezone(UTC).date()
    while day <= last:
        yield day.isoformat()
        day += timedelta(days=1)


async def _breaks(
    session: ReadSession, reports: Sequence[ReconciliationRow], first: datetime
) -> list[Line]:
    """Each time that a vault and asset was not equal: since which report, until the first one of
    its network, or of it alone, that had nothing of it. `until` is null while it lasts."""
    unequal: dict[str, list[ReconciliationLineRow]] = {}
    for each in await repository.unequal(session):
        unequal.setdefault(each.report_id, []).append(each)
    standing: dict[tuple[str, str], Line] = {}
    found: list[Line] = []
    for report in reports:
        lines = {(each.vault_id, each.asset): each for each in unequal.get(report.id, ())}
        for place in list(standing):
            mine = standing[place]
            about = report.network == mine["network"] and report.vault_id in (None, place[0])
            if about and place not in lines:
                standing.pop(place)["until"] = told(report.ended_at)
        for place, each in lines.items():
            if place not in standing:
                standing[place] = {
                    "vault": each.vault_id, "asset": each.asset, "network": report.network,
                    "since": told(report.ended_at), "until": None, "reports": 0,
                }  # fmt: skip
                found.append(standing[place])
            said = {"verdict": each.verdict, "ledger": told(each.ledger), "chain": told(each.chain)}
            standing[place] |= {**said, "reports": standing[place]["reports"] + 1}
    return [each for each in found if each["until"] is None or each["until"] >= told(first)]


async def encumbrances(session: ReadSession, before: datetime) -> list[Line]:
    """What stands now of what was asked for before then: allowances on record, payments that were
    signed apart and that nobody has submitted yet, and typed data that was signed."""
    found: list[Line] = []
    for vault, _ in await repository.vaults(session):
        for each in await on_record(session, vault):
            if each.agreed != 0 and each.since < before:
                gives = each.network, each.owner, each.spender, each.asset, told(each.agreed)
                found.append(_stands("allowance", vault, *gives, each.transfer, each.since))
        for row, owner in await signed_typed(session, vault):
            if row.requested_at < before:
                where = row.network, owner, None, None, None
                found.append(_stands("message", vault, *where, row.id, row.requested_at))
    for row, owner in await repository.apart(session):
        if row.requested_at < before:
            gives = row.network, owner, row.destination, row.asset, told(row.amount)
            found.append(_stands("apart", row.vault_id, *gives, row.id, row.requested_at))
    return found


def _stands(
    kind: str, vault: str, network: str, owner: str, spender: str | None, asset: str | None,
    amount: str | None, transfer: str, since: datetime,
) -> Line:  # fmt: skip
    return {
        "kind": kind, "vault": vault, "network": network, "owner": owner, "spender": spender,
        "asset": asset, "amount": amount, "transfer": transfer, "since": told(since),
    }  # fmt: skip
