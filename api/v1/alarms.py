"""Alarms: what a person must look at, and who looked."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from api.auth import Administrator, Reader, check_of_the_house
from api.context import ServicesDependency
from api.documentation import problems
from api.paging import ListQuery, Page, number_of, page_of
from api.schemas import Body, Identifier, Reason, View, body_example, with_example
from custody.alarms import repository
from custody.alarms.codes import CATALOGUE, AlarmCode, runbook_section
from custody.alarms.service import dismiss_alarm
from custody.apikeys.model import Caller
from custody.db.listing import open_list
from custody.db.tables import AlarmRow
from custody.services import Services

router = APIRouter(prefix="/alarms", tags=["alarms"])

ALARM_EXAMPLE = {
    "id": "alm_01k9zv8a2b3c4d5e6f7g8h9j0k",
    "code": "chain_above_ledger",
    "meaning": "more is on the chain than the ledger knows of; nothing is frozen",
    "clears_itself": True,
    "runbook": "docs/runbook.md#chain_above_ledger",
    "network": "eip155:31337",
    "vault_id": "vlt_01k9zv4a2b3c4d5e6f7g8h9j0k",
    "message": "eip155:31337/slip44:60: 7 more on the chain than in the ledger",
    "is_open": True,
    "created_at": "2026-03-02T06:00:01Z",
    "updated_at": "2026-03-02T06:00:01Z",
    "cleared_at": None,
    "cleared_by": None,
    "cleared_reason": None,
}


class AlarmView(View):
    model_config = with_example(ALARM_EXAMPLE)

    id: str
    code: AlarmCode
    meaning: str
    clears_itself: bool = Field(description="whether it ends when its cause is gone")
    runbook: str = Field(description="the section that says what to do")
    network: str | None
    vault_id: str | None
    message: str
    is_open: bool
    created_at: datetime
    updated_at: datetime = Field(description="when the message changed last")
    cleared_at: datetime | None
    cleared_by: str | None = Field(description="a key, a person, or custody itself")
    cleared_reason: str | None


class AlarmQuery(ListQuery):
    code: AlarmCode | None = None
    include_cleared: bool = False


class Clearing(Body):
    model_config = body_example({"reason": "the node was replaced"})

    reason: Reason


@router.get("", summary="List alarms", responses=problems())
async def list_alarms(
    query: Annotated[AlarmQuery, Query()], caller: Reader, services: ServicesDependency
) -> Page[AlarmView]:
    """In the order in which they were raised; those that are open, unless all are asked for. A key
    of one client sees those about its vaults."""
    return await alarm_page(query, caller, services)


async def alarm_page(query: AlarmQuery, caller: Caller, services: Services) -> Page[AlarmView]:
    """What a key may see of them, whatever scope it looks with."""
    async with open_list(services.custody.database, AlarmRow) as (session, settled):
        rows = await repository.alarms(
            session,
            only=caller.client_id,
            open_only=not query.include_cleared,
            code=query.code,
            window=query.window(settled),
        )
    return page_of(rows, query.limit, number_of, alarm_view)


@router.get("/{alarm_id}", summary="Get an alarm", responses=problems(404))
async def get_alarm(
    alarm_id: Identifier, caller: Reader, services: ServicesDependency
) -> AlarmView:
    """One alarm by id, also after it was cleared."""
    async with services.custody.database.read() as session:
        return alarm_view(await repository.alarm(session, alarm_id, only=caller.client_id))


@router.post(
    "/{alarm_id}/clear", summary="Clear an alarm", responses=problems(404, 409, writes=True)
)
async def clear_alarm(
    alarm_id: Identifier, body: Clearing, caller: Administrator, services: ServicesDependency
) -> AlarmView:
    """Somebody has looked; the reason is kept. If the cause is still there, the alarm comes back.
    Needs a key that is bound to no client."""
    check_of_the_house(caller)
    async with services.custody.database.write() as session:
        row = await dismiss_alarm(
            session, alarm_id, body.reason, services.custody.clock(), by=caller.initiator
        )
        return alarm_view(row)


def alarm_view(row: AlarmRow) -> AlarmView:
    code = AlarmCode(row.code)
    return AlarmView(
        id=row.id,
        code=code,
        meaning=CATALOGUE[code].words,
        clears_itself=CATALOGUE[code].clears_itself,
        runbook=runbook_section(code),
        network=row.network,
        vault_id=row.vault_id,
        message=row.message,
        is_open=row.open_key is not None,
        created_at=row.created_at,
        updated_at=row.updated_at,
        cleared_at=row.cleared_at,
        cleared_by=row.cleared_by,
        cleared_reason=row.cleared_reason,
    )
