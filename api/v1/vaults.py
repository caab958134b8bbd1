"""Vaults: a named set of accounts of one client, on all networks."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.responses import Response

from api.auth import Administrator, Reader
from api.context import ServicesDependency
from api.documentation import problems
from api.idempotency import OptionalKey, idempotency_of, once
from api.paging import ListQuery, Page, number_of, page_of
from api.schemas import Body, Identifier, Name, View, body_example, with_example
from custody.db.listing import open_list
from custody.db.tables import VaultRow
from custody.vaults import repository
from custody.vaults.moved_repository import successor_of, successors

router = APIRouter(prefix="/vaults", tags=["vaults"])

VAULT_EXAMPLE = {
    "id": "vlt_01k9zv4a2b3c4d5e6f7g8h9j0k",
    "client_id": "cli_01k9zv3m8q4x7h2c5d6e8f9g0a",
    "name": "Treasury",
    "frozen_reason": None,
    "moved_to": None,
    "created_at": "2026-03-02T06:00:01Z",
}


class NewVault(Body):
    model_config = body_example({"client_id": "cli_01k9zv3m8q4x7h2c5d6e8f9g0a", "name": "Treasury"})

    client_id: Identifier
    name: Name


class VaultView(View):
    model_config = with_example(VAULT_EXAMPLE)

    id: str
    client_id: str
    name: str
    frozen_reason: str | None = Field(description="while set, nothing leaves the vault")
    moved_to: str | None = Field(
        description="the vault that took its place, with keys of its own: addresses and payments"
        " are asked for there; what still comes here is credited, and follows"
    )
    created_at: datetime


class VaultQuery(ListQuery):
    client_id: Identifier | None = None


@router.post(
    "",
    status_code=201,
    summary="Create a vault",
    response_model=VaultView,
    responses=problems(404, 409, 503, writes=True),
)
async def create_vault(
    body: NewVault,
    caller: Administrator,
    services: ServicesDependency,
    idempotency_key: OptionalKey = None,
) -> Response:
    """The signer gives the vault its keys; it needs to be running and unlocked."""
    client = caller.client_id or body.client_id
    key = (
        idempotency_of(idempotency_key, client, "POST /v1/vaults", body)
        if idempotency_key
        else None
    )
    return await once(
        services,
        key,
        vault_view,
        lambda within: services.vaults.create_vault(
            body.client_id, body.name, only=caller.client_id, within=within
        ),
    )


@router.get("", summary="List vaults", responses=problems(404))
async def list_vaults(
    query: Annotated[VaultQuery, Query()], caller: Reader, services: ServicesDependency
) -> Page[VaultView]:
    """In order of creation; of one client or of all that the key may see."""
    async with open_list(services.custody.database, VaultRow) as (session, settled):
        if query.client_id is not None:
            await repository.client(session, query.client_id, only=caller.client_id)
        rows = await repository.vaults(
            session,
            only=query.client_id or caller.client_id,
            window=query.window(settled),
        )
        moved_to = await successors(session, [row.id for row in rows])
    return page_of(rows, query.limit, number_of, lambda row: vault_view(row, moved_to.get(row.id)))


@router.get("/{vault_id}", summary="Get a vault", responses=problems(404))
async def get_vault(
    vault_id: Identifier, caller: Reader, services: ServicesDependency
) -> VaultView:
    """One vault by id."""
    async with services.custody.database.read() as session:
        row = await repository.vault(session, vault_id, only=caller.client_id)
        return vault_view(row, await successor_of(session, vault_id))


def vault_view(row: VaultRow, moved_to: str | None = None) -> VaultView:
    return VaultView(
        id=row.id,
        client_id=row.client_id,
        name=row.name,
        frozen_reason=row.frozen_reason,
        moved_to=moved_to,
        created_at=row.created_at,
    )
