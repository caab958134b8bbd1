"""Queries on kept reports. Decides nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import bindparam, select, update

from chains.model import NetworkId
from custody.db.listing import Window, page
from custody.db.look import Quick
from custody.db.reconcile_tables import (
    ReconciliationLineRow,
    ReconciliationMismatchRow,
    ReconciliationRow,
)
from custody.db.session import ReadSession, WriteSession
from custody.errors import NotFound


async def open_under(session: ReadSession, key: str) -> ReconciliationRow | None:
    """The report that is asked for under the key."""
    mine = select(ReconciliationRow).where(ReconciliationRow.open_key == key)
    return await session.first(mine)


async def end(session: WriteSession, report: str, made: Mapping[str, Any]) -> bool:
    """It is made, unless it was made before; whether it was not."""
    ended = await session.returning(
        update(ReconciliationRow)
        .where(ReconciliationRow.id == report, ReconciliationRow.ended_at.is_(None))
        .values(open_key=None, **made)
        .returning(ReconciliationRow)
        .execution_options(synchronize_session=False)
    )
    return bool(ended)


_ASKED: Final = (
    select(ReconciliationRow.id, ReconciliationRow.asked_by, ReconciliationRow.vault_id)
    .where(
        ReconciliationRow.network == bindparam("network"), ReconciliationRow.open_key.is_not(None)
    )
    .order_by(ReconciliationRow.serial)
    .limit(1)
)


class Asked(NamedTuple):
    """In the order in which `_ASKED` selects."""

    id: str
    asked_by: str | None
    vault_id: str | None


async def asked(session: Quick, network: NetworkId) -> Asked | None:
    """The oldest report of the network that somebody waits for."""
    rows = await session.quick_rows(_ASKED, {"network": network})
    return Asked(*rows[0]) if rows else None


async def page_of_reports(
    session: ReadSession, network: NetworkId | None, window: Window
) -> Sequence[ReconciliationRow]:
    wanted = select(ReconciliationRow)
    if network is not None:
        wanted = wanted.where(ReconciliationRow.network == network)
    return await session.all(page(wanted, ReconciliationRow, window))


async def report(session: ReadSession, report_id: str) -> ReconciliationRow:
    """Raises NotFound reconciliation_not_found."""
    row = await session.get(ReconciliationRow, report_id)
    if row is None:
        raise NotFound("reconciliation_not_found", "There is no such reconciliation.")
    return row


async def lines_of(session: ReadSession, report_id: str) -> Sequence[ReconciliationLineRow]:
    mine = select(ReconciliationLineRow).where(ReconciliationLineRow.report_id == report_id)
    return await session.all(
        mine.order_by(ReconciliationLineRow.vault_id, ReconciliationLineRow.asset)
    )


async def mismatches_of(
    session: ReadSession, report_id: str
) -> dict[tuple[str, str], list[ReconciliationMismatchRow]]:
    """By vault and asset, in their order."""
    mine = select(ReconciliationMismatchRow).where(ReconciliationMismatchRow.report_id == report_id)
    found: dict[tuple[str, str], list[ReconciliationMismatchRow]] = {}
    for row in await session.all(mine.order_by(ReconciliationMismatchRow.number)):
        found.setdefault((row.vault_id, row.asset), []).append(row)
    return found


async def newest(
    session: ReadSession, networks: Iterable[NetworkId]
) -> dict[NetworkId, ReconciliationRow]:
    """Of each network the newest report of all its vaults that is made."""
    found = {}
    for network in networks:
        made = select(ReconciliationRow).where(
            ReconciliationRow.network == network,
            ReconciliationRow.vault_id.is_(None),
            ReconciliationRow.ended_at.is_not(None),
        )
        row = await session.first(made.order_by(ReconciliationRow.serial.desc()).limit(1))
        if row is not None:
            found[network] = row
    return found
