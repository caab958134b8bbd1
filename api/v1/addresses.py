"""Addresses: where a vault is paid. Change addresses are never shown."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.responses import Response

from api.auth import Reader, Receiver
from api.context import ServicesDependency
from api.documentation import problems
from api.idempotency import OptionalKey, idempotency_of, once
from api.paging import ListQuery, Page, number_of, page_of
from api.schemas import Body, Identifier, Name, NetworkName, View, body_example, with_example
from api.v1.networks import named_in_request
from chains.model import Address, AddressType, NetworkId
from custody.db.listing import open_list
from custody.db.tables import AddressRow
from custody.vaults import repository
from custody.vaults.moved_repository import successor_of

router = APIRouter(tags=["addresses"])

ADDRESS_EXAMPLE = {
    "id": "adr_01k9zv5c3d4e5f6g7h8j9k0m1n",
    "vault_id": "vlt_01k9zv4a2b3c4d5e6f7g8h9j0k",
    "network": "bip122:0f9188f13cb7b2c71f2a335e3a4fc328",
    "address": "bcrt1qcr8te4kr609gcawutmrza0j4xv80jy8zeqchgx",
    "address_type": "p2wpkh",
    "label": "invoice 2041",
    "position": 0,
    "path": "m/84'/1'/0'/0/0",
    "given_as": None,
    "retired": False,
    "created_at": "2026-03-02T06:00:02Z",
}


class NewAddress(Body):
    model_config = body_example({"network": "bitcoin-regtest", "label": "invoice 2041"})

    network: NetworkName
    # A string in JSON, so strictness would refuse it for not being a Python enum.
    address_type: Annotated[AddressType, Field(strict=False)] | None = Field(
        None, description="one of the network's `address_types`; the first of them if absent"
    )
    label: Name | None = None


class AddressView(View):
    model_config = with_example(ADDRESS_EXAMPLE)

    id: str
    vault_id: str
    network: str
    address: str
    address_type: AddressType
    label: str | None
    position: int = Field(description="counts the vault's addresses of one network and type")
    path: str = Field(description="derivation path of its key")
    given_as: str | None = Field(
        description="the address, on another network, for which this one is watched: it has the"
        " same key, and was paid here by mistake"
    )
    retired: bool = Field(
        description="its vault was moved to new keys: what comes is credited still, and follows"
    )
    created_at: datetime


class AttestationView(View):
    """The signer's own signature under "this address is ours". Check it with the attestation key
    that you pinned, not with one that this server told you."""

    model_config = with_example(
        {
            "network": ADDRESS_EXAMPLE["network"],
            "vault_id": ADDRESS_EXAMPLE["vault_id"],
            "path": ADDRESS_EXAMPLE["path"],
            "address": ADDRESS_EXAMPLE["address"],
            "signature": "5f" * 64,
        }
    )

    network: str
    vault_id: str
    path: str
    address: str
    signature: str = Field(description="Ed25519, 64 bytes in hex")


class AddressQuery(ListQuery):
    network: NetworkName | None = None


@router.post(
    "/vaults/{vault_id}/addresses",
    status_code=201,
    summary="Create an address",
    response_model=AddressView,
    responses=problems(404, 409, 503, writes=True),
)
async def create_address(
    vault_id: Identifier,
    body: NewAddress,
    caller: Receiver,
    services: ServicesDependency,
    idempotency_key: OptionalKey = None,
) -> Response:
    """The vault's next address on a network; deposits to it are watched from now on."""
    network = named_in_request(services, body.network)
    route = f"POST /v1/vaults/{vault_id}/addresses"
    async with services.custody.database.read() as session:
        vault = await repository.vault(session, vault_id, only=caller.client_id)
    key = idempotency_of(idempotency_key, vault.client_id, route, body) if idempotency_key else None
    return await once(
        services,
        key,
        _first,
        lambda within: services.vaults.create_addresses(
            vault_id,
            network.id,
            address_type=body.address_type,
            label=body.label,
            only=caller.client_id,
            within=within,
        ),
    )


@router.get("/vaults/{vault_id}/addresses", summary="List addresses", responses=problems(404))
async def list_addresses(
    vault_id: Identifier,
    query: Annotated[AddressQuery, Query()],
    caller: Reader,
    services: ServicesDependency,
) -> Page[AddressView]:
    """Of one vault, in order of creation."""
    network: NetworkId | None = None
    if query.network is not None:
        network = named_in_request(services, query.network).id
    async with open_list(services.custody.database, AddressRow) as (session, settled):
        await repository.vault(session, vault_id, only=caller.client_id)
        rows = await repository.addresses(
            session,
            vault_id,
            network=network,
            window=query.window(settled),
        )
        given = await repository.given_as(session, [row.id for row in rows])
        retired = await successor_of(session, vault_id) is not None
    return page_of(
        rows, query.limit, number_of, lambda row: address_view(row, given.get(row.id), retired)
    )


@router.get("/addresses/{address_id}", summary="Get an address", responses=problems(404))
async def get_address(
    address_id: Identifier, caller: Reader, services: ServicesDependency
) -> AddressView:
    """One address by id."""
    async with services.custody.database.read() as session:
        row = await repository.address(session, address_id, only=caller.client_id)
        given = await repository.given_as(session, [row.id])
        retired = await successor_of(session, row.vault_id) is not None
        return address_view(row, given.get(row.id), retired)


@router.get(
    "/addresses/{address_id}/attestation",
    summary="Attest an address",
    responses=problems(404, 503),
)
async def attest_address(
    address_id: Identifier, caller: Reader, services: ServicesDependency
) -> AttestationView:
    """Proof, by the signer's key, that the address leads to this vault: so that a swapped deposit
    address can be told from ours."""
    async with services.custody.database.read() as session:
        row = await repository.address(session, address_id, only=caller.client_id)
    made = await services.custody.signer.attest(
        NetworkId(row.network), row.vault_id, row.path, Address(row.address)
    )
    return AttestationView(
        network=made.network,
        vault_id=made.vault,
        path=made.path,
        address=made.address,
        signature=made.signature.hex(),
    )


def _first(rows: Sequence[AddressRow]) -> AddressView:
    return address_view(rows[0])


def address_view(
    row: AddressRow, given_as: str | None = None, retired: bool = False
) -> AddressView:
    return AddressView(
        id=row.id,
        vault_id=row.vault_id,
        network=row.network,
        address=row.address,
        address_type=AddressType(row.address_type),
        label=row.label,
        position=row.position,
        path=row.path,
        given_as=given_as,
        retired=retired,
        created_at=row.created_at,
    )
