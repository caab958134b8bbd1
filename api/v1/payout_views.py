"""How a payout file looks from outside: what was sent, and what became of its lines."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydantic import Field

from api.schemas import Money, View, money, with_example
from chains.catalogue import Catalogue
from custody.audit.formats import Format
from custody.db.payout_tables import PayoutFileRow, PayoutLineRow
from custody.db.session import ReadSession
from custody.payouts import repository
from custody.payouts.model import FileState, LineState
from custody.transfers.state import State

_TOTAL_EXAMPLE: dict[str, Any] = {
    "asset": "eip155:31337/slip44:60",
    "symbol": "ETH",
    "state": "created",
    "lines": 2,
    "total": {"amount": "0.07", "amount_base_units": "70000000000000000"},
}
FILE_EXAMPLE: dict[str, Any] = {
    "id": "pof_2v6m8q4x7h2c5d6e8f9g0a1b2c",
    "client_id": "cli_01k9zv3m8q4x7h2c5d6e8f9g0a",
    "reference": "salaries 2026-03",
    "format": "csv",
    "state": "done",
    "lines": 3,
    "lines_by_state": {"invalid": 0, "pending": 0, "created": 2, "denied": 0, "refused": 1},
    "lines_repeated": 0,
    "transfers_by_state": {"approved": 1, "final": 1},
    "totals": [_TOTAL_EXAMPLE],
    "reject_duplicates": False,
    "initiator": "payout-robot",
    "created_at": "2026-03-02T06:30:00Z",
    "done_at": "2026-03-02T06:30:04.120000Z",
}
LINE_EXAMPLE: dict[str, Any] = {
    "number": 3,
    "line": 4,
    "state": "refused",
    "given": {"destination": "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "amount": "100"},
    "transfer_id": None,
    "transfer_state": None,
    "code": "amount_above_balance",
    "column": None,
    "detail": "the vault has less than that",
    "same_as": None,
}


class PayoutTotalView(View):
    """What lines in one state pay together, of one asset."""

    model_config = with_example(_TOTAL_EXAMPLE)

    asset: str
    symbol: str
    state: LineState
    lines: int
    total: Money


class PayoutFileView(View):
    model_config = with_example(FILE_EXAMPLE)

    id: str
    client_id: str
    reference: str | None = Field(description="your own name of it")
    format: Format
    state: FileState = Field(
        description="`receiving`: not all of it is stored and none of it is paid, send it again; "
        "`processing`; `done`: each line has become a transfer or says why not"
    )
    lines: int
    lines_by_state: dict[LineState, int]
    lines_repeated: int = Field(description="that pay what an earlier line of the file pays")
    transfers_by_state: dict[State, int]
    totals: list[PayoutTotalView]
    reject_duplicates: bool
    initiator: str
    created_at: datetime
    done_at: datetime | None


class PayoutLineView(View):
    """`number` counts payments from 1; `line` is where it stands in the file."""

    model_config = with_example(LINE_EXAMPLE)

    number: int
    line: int
    state: LineState
    given: dict[str, Any] = Field(description="its cells, as they were sent")
    transfer_id: str | None
    transfer_state: State | None
    code: str | None = Field(description="why it is no transfer, or was denied")
    column: str | None
    detail: str | None
    same_as: int | None = Field(description="the number of an earlier line that pays the same")


async def file_view(
    session: ReadSession, row: PayoutFileRow, catalogue: Catalogue
) -> PayoutFileView:
    counted = await repository.counts(session, row.id)
    moved = await repository.transfer_counts(session, row.id)
    return PayoutFileView(
        id=row.id,
        client_id=row.client_id,
        reference=row.reference,
        format=Format(row.form),
        state=FileState(row.state),
        lines=row.lines,
        lines_by_state={state: counted.get(state, 0) for state in LineState},
        lines_repeated=await repository.repeats(session, row.id),
        transfers_by_state={state: moved[state] for state in State if state in moved},
        totals=[
            PayoutTotalView(
                asset=asset,
                symbol=catalogue.find_asset(asset).symbol,
                state=LineState(state),
                lines=lines,
                total=money(units, catalogue.find_asset(asset)),
            )
            for asset, state, lines, units in await repository.totals(session, row.id)
        ],
        reject_duplicates=row.reject_duplicates,
        initiator=row.initiator,
        created_at=row.created_at,
        done_at=row.done_at,
    )


def line_view(found: tuple[PayoutLineRow, str | None]) -> PayoutLineView:
    row, moved = found
    return PayoutLineView(
        number=row.number,
        line=row.line,
        state=LineState(row.state),
        given=json.loads(row.cells_json),
        transfer_id=row.transfer_id,
        transfer_state=None if moved is None else State(moved),
        code=row.code,
        column=row.field,
        detail=row.detail,
        same_as=row.same_as,
    )


def results_of(row: PayoutFileRow) -> Sequence[str]:
    """The file's own columns."""
    names: Sequence[str] = json.loads(row.columns_json)
    return names


def result_row(row: PayoutLineRow, moved: str | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """One line of the result: its cells, and what became of it."""
    done = {
        "line": row.line,
        "state": row.state,
        "transfer_id": row.transfer_id,
        "transfer_state": moved,
        "code": row.code,
        "column": row.field,
        "detail": row.detail,
        "same_as_line": row.same_as,
    }
    return json.loads(row.cells_json), done
