"""Transfers: money that leaves. Asked for here, signed by the signer, moved by the workers."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError
from starlette.responses import Response

from api.auth import Reader, Spender
from api.context import ServicesDependency
from api.documentation import problems
from api.errors import describe, document
from api.idempotency import RequiredKey, idempotency_of, respond
from api.paging import Page, number_of, page_of
from api.schemas import (
    Ascii,
    AssetName,
    Body,
    Identifier,
    NetworkName,
    Pattern,
    Printable,
    body_example,
)
from api.v1.filters import AddressText, MoneyQuery, spellings
from api.v1.networks import named_in_request
from api.v1.transfer_views import (
    TRANSFER_EXAMPLE,
    TransferView,
    TransferWithEvents,
    event_view,
    transfer_view,
)
from chains.assets import Amount, Asset
from chains.catalogue import Catalogue
from chains.costs import CostKind
from chains.errors import InvalidAmount
from chains.model import NetworkId
from chains.networks import Network
from custody.db.listing import open_list
from custody.db.transfer_tables import TransferRow
from custody.errors import Invalid, Unprocessable
from custody.services import Services
from custody.transfers.filters import TransferFilter
from custody.transfers.request import NOTE_LENGTH_MAX, Answer, Shown, TransferRequest
from custody.transfers.state import State
from custody.vaults import repository as vaults
from signer.wire import canonical_json

router = APIRouter(prefix="/transfers", tags=["transfers"])

ExternalId = Annotated[Printable, StringConstraints(min_length=1, max_length=128)]
MetadataKey = Annotated[Printable, StringConstraints(min_length=1, max_length=40)]
MetadataValue = Annotated[Printable, StringConstraints(max_length=500)]
AmountText = Annotated[
    Ascii,
    StringConstraints(min_length=1, max_length=160),
    Pattern(r"^[0-9]{1,78}(\.[0-9]{1,78})?$"),
]
UnitsText = Annotated[
    Ascii, StringConstraints(min_length=1, max_length=160), Pattern("^[0-9]{1,78}$")
]

_GIVEN: dict[str, Any] = {"type": "string"}
_NOT_GIVEN: dict[str, Any] = {"type": "null"}


def _pair(first: str, second: str) -> dict[str, Any]:
    """Schema of: `first` is given and `second` is not."""
    return {"required": [first], "properties": {first: _GIVEN, second: _NOT_GIVEN}}


_AMOUNT_RULES = [
    {"oneOf": [_pair("amount", "amount_base_units"), _pair("amount_base_units", "amount")]},
    {
        "anyOf": [
            {"properties": {"fee_max": _NOT_GIVEN}},
            {"properties": {"fee_max_base_units": _NOT_GIVEN}},
        ]
    },
    {"properties": {"costs_max": {"propertyNames": {"not": {"const": "fee"}}}}},
]
"""What `NewTransfer` checks about them, for who makes requests from the document."""


class NewTransfer(Body):
    """Give `amount` in the asset's unit, or `amount_base_units`; not both. The same for the
    greatest fee, of which what is not used comes back."""

    model_config = body_example(
        {
            "vault_id": TRANSFER_EXAMPLE["vault_id"],
            "network": "bitcoin-regtest",
            "destination": TRANSFER_EXAMPLE["destination"],
            "amount": "0.05",
            "note": "payout 17",
            "external_id": "invoice-2041",
            "metadata": {"order": "A-17"},
        },
        allOf=_AMOUNT_RULES,
    )

    vault_id: Identifier
    network: NetworkName = Field(description="CAIP-2 id or alias")
    asset: AssetName | None = Field(
        None, description="CAIP-19 id; the network's native asset if absent"
    )
    destination: Annotated[Ascii, StringConstraints(min_length=1, max_length=128)]
    amount: AmountText | None = Field(None, description="decimal, e.g. `0.05`")
    amount_base_units: UnitsText | None = Field(None, description="integer, e.g. `5000000`")
    fee_max: AmountText | None = Field(
        None, description="decimal in the network's native unit; the network's default if absent"
    )
    fee_max_base_units: UnitsText | None = None
    costs_max: dict[Annotated[CostKind, Field(strict=False)], AmountText] = Field(
        default_factory=dict,
        max_length=16,
        description="the most that other kinds of cost may be, decimals in the network's native "
        "unit by kind (`rent`, `activation`); the network's default where a kind is absent",
    )
    memo: Annotated[Ascii, StringConstraints(min_length=1, max_length=256)] | None = Field(
        None, description="part of who is paid, on networks whose payments carry one"
    )
    retry_of: Identifier | None = Field(
        None, description="the transfer of the same client, ended unpaid, that this one repeats"
    )
    note: Annotated[Printable, StringConstraints(max_length=NOTE_LENGTH_MAX)] | None = None
    external_id: ExternalId | None = Field(
        None, description="your own name of it; no other transfer of the client has the same"
    )
    metadata: dict[MetadataKey, MetadataValue] = Field(
        # Pydantic turns the names' pattern into one of names that may be there beside others.
        json_schema_extra={
            "additionalProperties": False,
            "propertyNames": {"minLength": 1, "maxLength": 40},
        },
        default_factory=dict,
        max_length=20,
        description="words of yours, shown as you gave them; no part of what is signed",
    )

    @model_validator(mode="after")
    def _one_amount(self) -> "NewTransfer":
        if (self.amount is None) == (self.amount_base_units is None):
            raise PydanticCustomError(
                "amount_ambiguous", "give exactly one of amount and amount_base_units"
            )
        if self.fee_max is not None and self.fee_max_base_units is not None:
            raise PydanticCustomError(
                "amount_ambiguous", "give at most one of fee_max and fee_max_base_units"
            )
        if CostKind.FEE in self.costs_max:
            raise PydanticCustomError("amount_ambiguous", "give the bound of the fee as fee_max")
        return self


class RaisedCosts(Body):
    """The new bounds, decimals in the network's native unit by kind. What is not named stays."""

    model_config = body_example({"costs_max": {"fee": "0.001"}})

    costs_max: dict[Annotated[CostKind, Field(strict=False)], AmountText] = Field(
        min_length=1, max_length=16
    )


class TransferQuery(MoneyQuery):
    state: list[State] = Field([], description="may be repeated: one of these")
    external_id: ExternalId | None = None
    address: AddressText | None = Field(None, description="the destination")


@router.post(
    "",
    status_code=201,
    summary="Create a transfer",
    response_model=TransferView,
    responses=problems(404, 409, 503, writes=True),
)
async def create_transfer(
    body: NewTransfer, caller: Spender, services: ServicesDependency, idempotency_key: RequiredKey
) -> Response:
    """Reserve the amount and the greatest fee, and have it signed and sent.

    It works while the node is away: the transfer waits. If the policy asks for approvals it is
    `awaiting_approval`. If the policy says no, the answer is a problem `policy_denied` and the
    transfer is kept on record as `denied`, under the problem's `transfer_id`.

    The `Idempotency-Key` belongs to the vault's client, whichever API key says it: a successor of
    this API key finds what this one asked for.
    """
    key = idempotency_of(idempotency_key, None, "POST /v1/transfers", body)
    renderer = _Renderer(services.custody.catalogue)
    answer = await services.transfers.create(request_of(services, body), caller, key, renderer)
    return respond(answer)


def request_of(services: Services, body: NewTransfer) -> TransferRequest:
    """The body in base units. Raises Invalid, NotFound."""
    network = named_in_request(services, body.network)
    asset = _asset(body, network, services.custody.catalogue)
    return TransferRequest(
        vault_id=body.vault_id,
        network=network.id,
        asset=asset.id,
        destination=body.destination,
        amount=_amount(body, asset),
        fee_max=_fee_max(body, network.native),
        costs_max=_costs_max(body, network.native),
        memo=body.memo,
        retry_of=body.retry_of,
        note=body.note,
        external_id=body.external_id,
        metadata=body.metadata,
    )


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
    transfer_id: Identifier, caller: Spender, services: ServicesDependency
) -> TransferView:
    """As long as the signer cannot have signed it; after that, 409 `transfer_not_cancellable`."""
    after = await services.transfers.cancel(transfer_id, caller)
    return transfer_view(after, services.custody.catalogue)


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
    most = _costs_max(body, native)
    after = await services.versions.raise_costs(transfer_id, caller, most)
    return transfer_view(after, catalogue)


class _Renderer:
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


def _asset(body: NewTransfer, network: Network, catalogue: Catalogue) -> Asset:
    """Raises Invalid asset_unknown."""
    try:
        return network.native if body.asset is None else catalogue.find_asset(body.asset)
    except KeyError:
        raise Invalid("asset_unknown", "there is no such asset", field="asset") from None


def _amount(body: NewTransfer, asset: Asset) -> int:
    if body.amount is not None:
        return Amount.parse(asset, body.amount).units
    assert body.amount_base_units is not None
    with _named("amount_base_units"):
        return Amount.parse_base_units(asset, body.amount_base_units).units


def _fee_max(body: NewTransfer, native: Asset) -> int | None:
    if body.fee_max is not None:
        with _named("fee_max"):
            return Amount.parse(native, body.fee_max).units
    if body.fee_max_base_units is not None:
        with _named("fee_max_base_units"):
            return Amount.parse_base_units(native, body.fee_max_base_units).units
    return None


def _costs_max(body: NewTransfer | RaisedCosts, native: Asset) -> dict[CostKind, int]:
    with _named("costs_max"):
        return {kind: Amount.parse(native, most).units for kind, most in body.costs_max.items()}


@contextmanager
def _named(field: str) -> Iterator[None]:
    """An amount is found wrong in `field`."""
    try:
        yield
    except InvalidAmount as error:
        raise Invalid(error.code, str(error), field=field) from error
