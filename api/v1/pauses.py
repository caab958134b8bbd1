"""Pauses: what an operator holds back, on a network or of a vault, and lets go on."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from api.auth import Administrator, Reader
from api.context import ServicesDependency
from api.documentation import problems
from api.schemas import Body, Identifier, NetworkName, Reason, View, body_example, with_example
from api.v1.networks import named_in_request
from custody.db.pause_tables import PauseRow
from custody.pauses import repository
from custody.pauses.service import of_the_house, pause, resume
from custody.vaults import repository as vaults

router = APIRouter(prefix="/pauses", tags=["pauses"])

PAUSE_EXAMPLE = {
    "id": "pau_01k9zv8a2b3c4d5e6f7g8h9j0k",
    "network": "eip155:31337",
    "vault_id": None,
    "reason": "the network upgrades at noon",
    "paused_by": "olivia",
    "created_at": "2026-03-02T06:00:01Z",
    "ended_at": None,
    "ended_by": None,
    "ended_reason": None,
}


class PauseView(View):
    """Nothing new leaves by `network`, from the vault, or from the vault by the network; where one
    is null, by every network or from every vault."""

    model_config = with_example(PAUSE_EXAMPLE)

    id: str
    network: str | None
    vault_id: str | None
    reason: str
    paused_by: str
    created_at: datetime
    ended_at: datetime | None
    ended_by: str | None
    ended_reason: str | None


class PauseList(View):
    model_config = with_example({"items": [PAUSE_EXAMPLE]})

    items: list[PauseView]


class NewPause(Body):
    """Name a network, a vault, or both."""

    model_config = body_example(
        {"network": "ethereum-local", "reason": "the network upgrades at noon"}
    )

    network: NetworkName | None = Field(None, description="CAIP-2 id or alias")
    vault_id: Identifier | None = None
    reason: Reason


class Resuming(Body):
    model_config = body_example({"reason": "the upgrade went well"})

    reason: Reason


class PauseQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    include_ended: bool = False


@router.get("", summary="List pauses", responses=problems())
async def list_pauses(
    query: Annotated[PauseQuery, Query()], caller: Reader, services: ServicesDependency
) -> PauseList:
    """The oldest first; those that stand, unless all are asked for. A key of one client sees those
    of its vaults and those of whole networks."""
    async with services.custody.database.read() as session:
        rows = await repository.pauses(
            session, only=caller.client_id, open_only=not query.include_ended
        )
    return PauseList(items=[pause_view(row) for row in rows])


@router.post(
    "", status_code=201, summary="Pause a network or a vault", responses=problems(404, writes=True)
)
async def create_pause(
    body: NewPause, caller: Administrator, services: ServicesDependency
) -> PauseView:
    """From now on nothing new is built, signed or sent there, in any process. Requests are accepted
    and wait (`paused`); deposits, cancels and what a node has already go on. The same reason again
    is the same pause. A whole network needs a key that is bound to no client."""
    network = None if body.network is None else named_in_request(services, body.network).id
    async with services.custody.database.write() as session:
        if body.vault_id is not None:
            await vaults.vault(session, body.vault_id, only=caller.client_id)
        elif caller.client_id is not None:
            raise of_the_house()
        now, by = services.custody.clock(), caller.initiator
        row = await pause(session, network, body.vault_id, body.reason, now, by=by)
    return pause_view(row)


@router.post("/{pause_id}/resume", summary="End a pause", responses=problems(404, 409, writes=True))
async def end_pause(
    pause_id: Identifier, body: Resuming, caller: Administrator, services: ServicesDependency
) -> PauseView:
    """What it held back goes on, unless another pause holds it."""
    async with services.custody.database.write() as session:
        now, by = services.custody.clock(), caller.initiator
        row = await resume(session, pause_id, body.reason, now, by=by, only=caller.client_id)
        await session.flush()
        view = pause_view(row)
    return view


def pause_view(row: PauseRow) -> PauseView:
    return PauseView(
        id=row.id,
        network=row.network,
        vault_id=row.vault_id,
        reason=row.reason,
        paused_by=row.paused_by,
        created_at=row.created_at,
        ended_at=row.ended_at,
        ended_by=row.ended_by,
        ended_reason=row.ended_reason,
    )
