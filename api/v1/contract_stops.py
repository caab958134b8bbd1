"""Contracts that vaults call no more, until a person has looked."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict

from api.auth import Administrator, Reader
from api.context import ServicesDependency
from api.documentation import problems
from api.schemas import Body, Identifier, Reason, View, body_example, with_example
from custody.db.outcome_tables import ContractStopRow
from custody.outcomes import repository
from custody.outcomes.stops import lift

router = APIRouter(prefix="/contract-stops", tags=["calls"])

STOP_EXAMPLE = {
    "id": "cst_01k9zv8a2b3c4d5e6f7g8h9j0k",
    "vault_id": "vlt_01k9zv8a2b3c4d5e6f7g8h9j0k",
    "network": "eip155:31337",
    "contract": "0x7a250d5630B4cF539739dF2C5dAcb4c659F2488D",
    "transfer_id": "tfr_01k9zv8a2b3c4d5e6f7g8h9j0k",
    "reason": "eip155:31337/slip44:60 changes by -12, at most 10 out was agreed",
    "created_at": "2026-03-02T06:00:01Z",
    "ended_at": None,
    "ended_by": None,
    "ended_reason": None,
}


class ContractStopView(View):
    """The vault calls the contract no more: `transfer_id` did more than was agreed on."""

    model_config = with_example(STOP_EXAMPLE)

    id: str
    vault_id: str
    network: str
    contract: str
    transfer_id: str
    reason: str
    created_at: datetime
    ended_at: datetime | None
    ended_by: str | None
    ended_reason: str | None


class ContractStopList(View):
    model_config = with_example({"items": [STOP_EXAMPLE]})

    items: list[ContractStopView]


class Lifting(Body):
    model_config = body_example({"reason": "the pool was drained, its owners paid us back"})

    reason: Reason


class StopQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    include_ended: bool = False


@router.get("", summary="List contracts that are called no more", responses=problems())
async def list_contract_stops(
    query: Annotated[StopQuery, Query()], caller: Reader, services: ServicesDependency
) -> ContractStopList:
    """The oldest first; those that stand, unless all are asked for. A key of one client sees those
    of its vaults."""
    async with services.custody.database.read() as session:
        rows = await repository.stops(
            session, only=caller.client_id, open_only=not query.include_ended
        )
    return ContractStopList(items=[_view(row) for row in rows])


@router.post(
    "/{stop_id}/lift",
    summary="Let a vault call a contract again",
    responses=problems(404, 409, writes=True),
)
async def lift_contract_stop(
    stop_id: Identifier, body: Lifting, caller: Administrator, services: ServicesDependency
) -> ContractStopView:
    """What waits for it goes on. The next breach stops it again."""
    async with services.custody.database.write() as session:
        now, by = services.custody.clock(), caller.initiator
        row = await lift(session, stop_id, body.reason, now, by=by, only=caller.client_id)
        await session.flush()
        view = _view(row)
    return view


def _view(row: ContractStopRow) -> ContractStopView:
    return ContractStopView(
        id=row.id,
        vault_id=row.vault_id,
        network=row.network,
        contract=row.contract,
        transfer_id=row.transfer_id,
        reason=row.reason,
        created_at=row.created_at,
        ended_at=row.ended_at,
        ended_by=row.ended_by,
        ended_reason=row.ended_reason,
    )
