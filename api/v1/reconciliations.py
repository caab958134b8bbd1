"""Reports of how ledger and chain compared, and asking for one."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field

from api.auth import Administrator, Auditor, check_of_the_house
from api.context import ServicesDependency
from api.documentation import problems
from api.paging import ListQuery, Order, Page, number_of, page_of
from api.schemas import Body, Identifier, NetworkName, View, body_example, with_example
from api.v1.networks import named_in_request
from custody.db.listing import open_list
from custody.db.reconcile_tables import (
    ReconciliationLineRow,
    ReconciliationMismatchRow,
    ReconciliationRow,
)
from custody.reconcile import report_repository as repository
from custody.reconcile.keeping import ask
from custody.reconcile.report import Cause, Matching, Verdict
from custody.vaults import repository as vaults

router = APIRouter(prefix="/reconciliations", tags=["audit"])

REPORT_EXAMPLE = {
    "id": "rec_01k9zv8a2b3c4d5e6f7g8h9j0k",
    "network": "eip155:31337",
    "vault_id": None,
    "cause": "asked",
    "asked_by": "olivia",
    "created_at": "2026-03-02T06:00:01Z",
    "ended_at": "2026-03-02T06:00:04Z",
    "equal": 811,
    "shortage": 0,
    "surplus": 1,
    "inconclusive": 0,
}
MISMATCH_EXAMPLE = {
    "kind": "not_in_books",
    "name": "0x9f0c1e2d3b4a59687768594a3b2c1d0e9f0c1e2d3b4a59687768594a3b2c1d0e",
    "height": 811,
    "amount_base_units": "7",
}
LINE_EXAMPLE = {
    "vault_id": "vlt_01k9zv4a2b3c4d5e6f7g8h9j0k",
    "asset": "eip155:31337/slip44:60",
    "verdict": "surplus",
    "height": 812,
    "block_hash": "4c1f1e0d5f2a9b7c6d8e0f1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e",
    "ledger_base_units": "100000",
    "chain_base_units": "100007",
    "reason": None,
    "traced_from": 801,
    "mismatches": [MISMATCH_EXAMPLE],
}


class ReportView(View):
    """One comparison of a network's vaults, or of one. The four counts are of balances: one asset
    of one vault each; null until it is made."""

    model_config = with_example(REPORT_EXAMPLE)

    id: str
    network: str
    vault_id: str | None = Field(description="null: of all vaults")
    cause: Cause = Field(
        description="`interval`: it was time; `asked`: somebody asked; `unfreezing`: a vault was "
        "to go on"
    )
    asked_by: str | None
    created_at: datetime
    ended_at: datetime | None = Field(description="null: workers have not made it yet")
    equal: int | None
    shortage: int | None
    surplus: int | None
    inconclusive: int | None


class MismatchView(View):
    """Where to look. It need not be all: only the newest blocks are read again."""

    model_config = with_example(MISMATCH_EXAMPLE)

    kind: Matching = Field(
        description="`not_in_books`: a transaction that moved the asset and that the books do not "
        "have; `otherwise_in_books`: one of which the deposit says another amount; "
        "`not_on_chain`: one that the books have and the blocks do not; `entry`: a ledger entry "
        "whose subject moved nothing in the blocks; `unknown`: blocks that could not be read"
    )
    name: str = Field(description="the transaction id, the id of the entry, or words")
    height: int | None
    amount_base_units: str | None = Field(description="below zero: it left")


class LineView(View):
    """One asset of one vault: ledger and chain at one block, which is named."""

    model_config = with_example(LINE_EXAMPLE)

    vault_id: str
    asset: str
    verdict: Verdict
    height: int | None
    block_hash: str | None
    ledger_base_units: str | None
    chain_base_units: str | None
    reason: str | None = Field(description="why it was inconclusive")
    traced_from: int | None = Field(
        description="the lowest block that was read again to name what does not match; null: none, "
        "because it is equal, or differs by as much as when it was traced before"
    )
    mismatches: list[MismatchView]


class WholeReportView(ReportView):
    """`lines`: all; of what nobody asked for, those that are not equal."""

    model_config = with_example(REPORT_EXAMPLE | {"lines": [LINE_EXAMPLE]})

    lines: list[LineView]


class NewReport(Body):
    """Of one vault, or of all of the network."""

    model_config = body_example({"network": "ethereum-local"})

    network: NetworkName = Field(description="CAIP-2 id or alias")
    vault_id: Identifier | None = None


class ReportQuery(ListQuery):
    network: NetworkName | None = Field(None, description="CAIP-2 id or alias")
    order: Order = Field(Order.DESC, description="`desc`: the newest first")


@router.get("", summary="List reconciliations", responses=problems(404))
async def list_reconciliations(
    query: Annotated[ReportQuery, Query()], caller: Auditor, services: ServicesDependency
) -> Page[ReportView]:
    """The newest first; they are kept for ever. Needs a key that is bound to no client: what was
    found of one vault is at the vault."""
    check_of_the_house(caller)
    network = None if query.network is None else named_in_request(services, query.network).id
    async with open_list(services.custody.database, ReconciliationRow) as (session, settled):
        rows = await repository.page_of_reports(session, network, query.window(settled))
    return page_of(rows, query.limit, number_of, _report)


@router.get("/{report_id}", summary="Get a reconciliation", responses=problems(404))
async def get_reconciliation_report(
    report_id: Identifier, caller: Auditor, services: ServicesDependency
) -> WholeReportView:
    """With its lines and what does not match. Needs a key that is bound to no client."""
    check_of_the_house(caller)
    async with services.custody.database.read() as session:
        row = await repository.report(session, report_id)
        lines = await repository.lines_of(session, report_id)
        found = await repository.mismatches_of(session, report_id)
    shown = [_line(line, found.get((line.vault_id, line.asset), ())) for line in lines]
    return WholeReportView(**_fields(row), lines=shown)


@router.post(
    "", status_code=202, summary="Ask for a reconciliation", responses=problems(404, writes=True)
)
async def ask_for_reconciliation(
    body: NewReport, caller: Administrator, services: ServicesDependency
) -> ReportView:
    """Workers make it within seconds, one of a network after the other; no network waits for
    another. One that is asked for and not made yet is the same one. Needs a key that is bound to no
    client."""
    check_of_the_house(caller)
    network = named_in_request(services, body.network).id
    async with services.custody.database.write() as session:
        if body.vault_id is not None:
            await vaults.vault(session, body.vault_id)
        now, by = services.custody.clock(), caller.initiator
        return _report(await ask(session, network, body.vault_id, now, by=by))


def _report(row: ReconciliationRow) -> ReportView:
    return ReportView(**_fields(row))


def _fields(row: ReconciliationRow) -> dict[str, Any]:
    return {name: getattr(row, name) for name in ReportView.model_fields}


def _line(row: ReconciliationLineRow, found: Sequence[ReconciliationMismatchRow]) -> LineView:
    return LineView(
        vault_id=row.vault_id,
        asset=row.asset,
        verdict=Verdict(row.verdict),
        height=row.height,
        block_hash=row.block_hash,
        ledger_base_units=None if row.ledger is None else str(row.ledger),
        chain_base_units=None if row.chain is None else str(row.chain),
        reason=row.reason or None,
        traced_from=row.traced_from,
        mismatches=[
            MismatchView(
                kind=Matching(each.kind),
                name=each.name,
                height=each.height,
                amount_base_units=each.units,
            )
            for each in found
        ],
    )
