"""Transfers: money that leaves. Asked for here, signed by the signer, moved by the workers."""

from dataclasses import replace
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.responses import Response

from api.auth import Reader, Spender
from api.context import ServicesDependency
from api.documentation import problems
from api.errors import describe, document
from api.idempotency import RequiredKey, idempotency_of, respond
from api.paging import Page, number_of, page_of
from api.schemas import (
    Identifier,
)
from api.v1.filters import AddressText, MoneyQuery, spellings
from api.v1.sooner_views import SoonerView, sooner_view
from api.v1.transfer_bodies import (
    ExternalId,
    NewTransfer,
    RaisedCosts,
    RejectDuplicates,
    SpeedUp,
    bounds_in,
    request_of,
)
from api.v1.transfer_views import (
    TransferView,
    TransferWithEvents,
    event_view,
    transfer_view,
)
from chains.catalogue import Catalogue
from chains.model import AssetId, NetworkId, TxId
from custody.db.listing import open_list
from custody.db.transfer_tables import TransferRow
from custody.errors import Unprocessable
from custody.transfers.filters import TransferFilter
from custody.transfers.priority import Priority
from custody.transfers.request import (
    Answer,
    Shown,
)
from custody.transfers.sooner import sooner
from custody.transfers.state import State
from custody.vaults import repository as vaults
from signer.wire import canonical_json

router = APIRouter(prefix="/transfers", tags=["transfers"])


class TransferQuery(MoneyQuery):
    state: list[State] = Field([], description="may be repeated: one of these")
    external_id: ExternalId | None = None
    address: AddressText | None = Field(None, description="a destination")
    priority: Priority | None = None
    payout_file: Identifier | None = Field(None, description="of the lines of this file")


@router.post(
    "",
    status_code=201,
    summary="Create a transfer",
    response_model=TransferView,
    responses=problems(404, 409, 503, writes=True),
)
async def create_transfer(
    body: NewTransfer,
    caller: Spender,
    services: ServicesDependency,
    idempotency_key: RequiredKey,
    reject_duplicates: RejectDuplicates = False,
) -> Response:
    """Reserve the amount and the greatest fee, and have it signed and sent.

    It works while the node is away: the transfer waits. If the policy asks for approvals it is
    `awaiting_approval`. If the policy says no, the answer is a problem `policy_denied` and the
    transfer is kept on record as `denied`, under the problem's `transfer_id`.

    The `Idempotency-Key` belongs to the vault's client, whichever API key says it: a successor of
    this API key finds what this one asked for. If the vault paid, or is about to pay, the same
    amount to the same payee a moment ago, the transfer is accepted and says so in `warnings`; with
    `Reject-Duplicates: true` it is refused (409 `duplicate_payment`) and nothing is changed.
    """
    key = idempotency_of(idempotency_key, None, "POST /v1/transfers", body)
    renderer = TransferRenderer(services.custody.catalogue)
    request = replace(request_of(services, body), reject_duplicates=reject_duplicates)
    answer = await services.transfers.create(request, caller, key, renderer)
    return respond(answer)


@router.get("", summary="List transfers", responses=problems(404))
async def list_transfers(
    query: Annotated[TransferQuery, Query()], caller: Reader, services: ServicesDependency
) -> Page[TransferView]:
    """In order of creation. What is named must exist, except for a transaction, an `external_id`
    and a destination: of those there may be no transfer yet. `created_*` is about `requested_at`.
    """
    network = query.network_in(services)
    to = None if query.address is None else spellings(services, query.address, network)
    wanted = TransferFilter(
        client_id=caller.client_id,
        vault_id=query.vault_id,
        network=network,
        asset=query.asset_in(services),
        states=tuple(dict.fromkeys(query.state)),
        txid=query.txid,
        external_id=query.external_id,
        priority=query.priority,
        payout_file=query.payout_file,
        destinations=to,
        created=query.created,
        updated=query.updated,
    )
    async with open_list(services.custody.database, TransferRow) as (session, settled):
        if query.vault_id is not None:
            await vaults.vault(session, query.vault_id, only=caller.client_id)
        rows = await services.transfers.page(session, wanted, query.window(settled))
    return page_of(
        rows,
        query.limit,
        lambda each: number_of(each.row),
        partial(transfer_view, catalogue=services.custody.catalogue),
    )


@router.get("/{transfer_id}", summary="Get a transfer", responses=problems(404))
async def get_transfer(
    transfer_id: Identifier, caller: Reader, services: ServicesDependency
) -> TransferWithEvents:
    """One transfer by id, with its events."""
    async with services.custody.database.read() as session:
        found, events = await services.transfers.get(session, transfer_id, caller)
    return TransferWithEvents(
        **transfer_view(found, services.custody.catalogue).model_dump(),
        events=[event_view(each) for each in events],
    )


@router.post(
    "/{transfer_id}/cancel",
    summary="Cancel a transfer",
    responses=problems(404, 409, writes=True),
)
async def cancel_transfer(
    transfer_id: Identifier,
    caller: Spender,
    services: ServicesDependency,
    together: Annotated[
        bool, Query(description="also where others share its transaction: all are called off")
    ] = False,
) -> TransferView:
    """As long as the signer cannot have signed it, at once. After that, where the network can and
    it is in no block yet, a transaction that pays nobody takes its place: it is `cancelled` when
    that one is final. Else 409 `transfer_not_cancellable`. Where its transaction pays for others
    too, 409 `transaction_shared` names them, and `together` calls all of them off."""
    after = await services.transfers.cancel(transfer_id, caller, together=together)
    return transfer_view(after, services.custody.catalogue)


@router.post(
    "/{transfer_id}/speed-up",
    summary="Pay more for a transfer that waits to be in a block",
    responses=problems(404, 409, writes=True),
)
async def speed_up_transfer(
    transfer_id: Identifier, body: SpeedUp, caller: Spender, services: ServicesDependency
) -> TransferView:
    """A transaction that does the same and pays more for itself takes the place of the one that is
    named, within what the terms allow; raise those first where they don't. Never both are in a
    block. 409 `transfer_not_replaceable` where the network can't, or it is in a block already."""
    after = await services.transfers.speed_up(transfer_id, caller, TxId(body.txid))
    return transfer_view(after, services.custody.catalogue)


@router.get(
    "/{transfer_id}/sooner",
    summary="Get what it costs to have a transfer in a block sooner",
    responses=problems(404, 409, 503),
)
async def get_sooner(
    transfer_id: Identifier, caller: Reader, services: ServicesDependency
) -> SoonerView:
    """Asks the node, on networks that spend coins. `pinned` says that others spend the payment
    already, so that a replacement has to outbid all that they pay; beside it stands what a child
    of the vault's own change would pay for both. 409 `transfer_not_replaceable` where nothing of
    it waits."""
    custody = services.custody
    found = await sooner(custody.database, custody.adapters, transfer_id, caller)
    return sooner_view(found, custody.catalogue)


@router.post(
    "/{transfer_id}/costs",
    summary="Raise what a transfer may cost",
    responses=problems(404, 409, 503, writes=True),
)
async def raise_costs(
    transfer_id: Identifier, body: RaisedCosts, caller: Spender, services: ServicesDependency
) -> TransferView:
    """Offer its terms again with higher bounds, as another version, approved anew where the policy
    asks people. Until then, and if it is rejected, the version before counts."""
    async with services.custody.database.read() as session:
        found, _ = await services.transfers.get(session, transfer_id, caller)
    catalogue = services.custody.catalogue
    native = catalogue.networks[NetworkId(found.row.network)].native
    most = bounds_in(body.costs_max, native, catalogue.find_asset(AssetId(found.row.asset)))
    after = await services.versions.raise_costs(transfer_id, caller, most)
    return transfer_view(after, catalogue)


class TransferRenderer:
    """Answers to a creation, rendered inside the transaction that stores them."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def created(self, made: Shown) -> Answer:
        return Answer(201, transfer_view(made, self._catalogue).model_dump_json().encode())

    def denied(self, made: Shown) -> Answer:
        reason = made.row.reason or "the policy says no"
        return Answer(
            422, canonical_json(document(422, "policy_denied", reason, transfer_id=made.row.id))
        )

    def refused(self, error: Unprocessable) -> Answer:
        status, body = describe(error)
        return Answer(status, canonical_json(body))
