"""Clients: the legal owners. Assets of two clients never share an address."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.auth import Administrator, Reader
from api.context import ServicesDependency
from api.documentation import problems
from api.idempotency import OptionalKey, idempotency_of, once
from api.paging import ListQuery, Page, number_of, page_of
from api.schemas import Body, Identifier, Name, View, body_example, with_example
from custody.db.listing import open_list
from custody.db.tables import ClientRow
from custody.errors import Forbidden
from custody.vaults import repository

router = APIRouter(prefix="/clients", tags=["clients"])

CLIENT_EXAMPLE = {
    "id": "cli_01k9zv3m8q4x7h2c5d6e8f9g0a",
    "name": "Example Bank",
    "created_at": "2026-03-02T06:00:00Z",
}


class NewClient(Body):
    model_config = body_example({"name": "Example Bank"})

    name: Name


class ClientView(View):
    model_config = with_example(CLIENT_EXAMPLE)

    id: str
    name: str
    created_at: datetime


@router.post(
    "",
    status_code=201,
    summary="Create a client",
    response_model=ClientView,
    responses=problems(409, writes=True),
)
async def create_client(
    body: NewClient,
    caller: Administrator,
    services: ServicesDependency,
    idempotency_key: OptionalKey = None,
) -> Response:
    """Needs a key that is bound to no client."""
    if caller.client_id is not None:
        raise Forbidden("key_bound_to_client", "a key of one client can't create another")
    key = (
        idempotency_of(idempotency_key, None, "POST /v1/clients", body) if idempotency_key else None
    )
    return await once(
        services,
        key,
        client_view,
        lambda within: services.vaults.create_client(body.name, within=within),
    )


@router.get("", summary="List clients", responses=problems())
async def list_clients(
    query: Annotated[ListQuery, Query()], caller: Reader, services: ServicesDependency
) -> Page[ClientView]:
    """In order of creation."""
    async with open_list(services.custody.database, ClientRow) as (session, settled):
        rows = await repository.clients(
            session, only=caller.client_id, window=query.window(settled)
        )
    return page_of(rows, query.limit, number_of, client_view)


@router.get("/{client_id}", summary="Get a client", responses=problems(404))
async def get_client(
    client_id: Identifier, caller: Reader, services: ServicesDependency
) -> ClientView:
    """One client by id."""
    async with services.custody.database.read() as session:
        return client_view(await repository.client(session, client_id, only=caller.client_id))


def client_view(row: ClientRow) -> ClientView:
    return ClientView(id=row.id, name=row.name, created_at=row.created_at)
