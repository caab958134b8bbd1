"""Transfers: money that leaves. Asked for here, signed by the signer, moved by the workers."""

from datetime import datetime
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
from api.paging import Page, PageQuery, page_of
from api.schemas import (
    AssetName,
    Body,
    Identifier,
    Money,
    NetworkName,
    Printable,
    View,
    body_example,
    known_asset,
    money,
    with_example,
)
from api.v1.blocks import BLOCK_EXAMPLE, BlockView
from api.v1.networks import named_in_request
from chains.model import AssetId, NetworkId
from chains.networks import Asset, all_networks
from custody.db.tables import TransferEventRow, TransferRow
from custody.errors import Unprocessable
from custody.transfers.amounts import format_decimal, parse_base_units, parse_decimal
from custody.transfers.mandates import stored_mandate
from custody.transfers.repository import TransferFilter
from custody.transfers.request import NOTE_LENGTH_MAX, Answer, TransferRequest
from custody.transfers.state import State
from custody.vaults import repository as vaults
from signer.wire import canonical_json

router = APIRouter(prefix="/transfers", tags=["transfers"])

TRANSFER_EXAMPLE: dict[str, Any] = {
    "id": "tfr_01k9zv7e5f6g7h8j9k0m1n2p3q",
    "client_id": "cli_01k9zv3m8q4x7h2c5d6e8f9g0a",
    "vault_id": "vlt_01k9zv4a2b3c4d5e6f7g8h9j0k",
    "network": "bip122:0f9188f13cb7b2c71f2a335e3a4fc328",
    "asset": "bip122:0f9188f13cb7b2c71f2a335e3a4fc328/slip44:1",
    "symbol": "BTC",
    "destination": "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080",
    "amount": "0.05",
    "amount_base_units": "5000000",
    "fee_max": {"amount": "0.0005", "amount_base_units": "50000"},
    "fee": {"amount": "0.00000282", "amount_base_units": "282"},
    "locked": {"amount": "0", "amount_base_units": "0"},
    "note": "payout 17",
    "initiator": "payout-robot",
    "state": "included",
    "waiting": None,
    "reason": None,
    "txid": "9f0c1e2d3b4a59687768594a3b2c1d0e9f0c1e2d3b4a59687768594a3b2c1d0e",
    "block": BLOCK_EXAMPLE,
    "mandate_digest": "3a" * 32,
    "requested_at": "2026-03-02T06:30:00Z",
    "expires_at": "2026-03-03T06:30:00Z",
    "updated_at": "2026-03-02T06:31:12.482000Z",
}
EVENT_EXAMPLE = {
    "event": "accept",
    "state": "queued",
    "detail": None,
    "at": "2026-03-02T06:30:00.214000Z",
}

AmountText = Annotated[Printable, StringConstraints(min_length=1, max_length=160)]


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
        }
    )

    vault_id: Identifier
    network: NetworkName = Field(description="CAIP-2 id or alias")
    asset: AssetName | None = Field(
        None, description="CAIP-19 id; the network's native asset if absent"
    )
    destination: Annotated[Printable, StringConstraints(min_length=1, max_length=128)]
    amount: AmountText | None = Field(None, description="decimal, e.g. `0.05`")
    amount_base_units: AmountText | None = Field(None, description="integer, e.g. `5000000`")
    fee_max: AmountText | None = Field(
        None, description="decimal in the network's native unit; the network's default if absent"
    )
    fee_max_base_units: AmountText | None = None
    note: Annotated[Printable, StringConstraints(max_length=NOTE_LENGTH_MAX)] | None = None

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
        return self


class TransferView(View):
    model_config = with_example(TRANSFER_EXAMPLE)

    id: str
    client_id: str
    vault_id: str
    network: str
    asset: str
    symbol: str
    destination: str = Field(description="in the network's canonical form")
    amount: str
    amount_base_units: str
    fee_max: Money = Field(description="the greatest fee; other costs have the network's bounds")
    fee: Money | None = Field(description="what the network took, of every kind, once in a block")
    locked: Money | None = Field(description="moved to accounts the chain holds for the vault")
    note: str | None
    initiator: str = Field(description="the person or machine that asked, as the policy names it")
    state: State
    waiting: str | None = Field(
        description="code of what it waits for: `node_unavailable`, `insufficient_funds`, "
        "`fee_above_maximum`, `signer_not_yet` (a time lock), `signer_locked`, …"
    )
    reason: str | None = Field(description="why it ended, or why the chain says it failed")
    txid: str | None
    block: BlockView | None
    mandate_digest: str = Field(description="SHA-256 that approvers sign, in hex")
    requested_at: datetime
    expires_at: datetime = Field(description="the signer signs nothing after that")
    updated_at: datetime


class TransferEventView(View):
    model_config = with_example(EVENT_EXAMPLE)

    event: str
    state: State
    detail: str | None
    at: datetime


class TransferWithEvents(TransferView):
    """A transfer with everything that happened to it, in order."""

    model_config = with_example(TRANSFER_EXAMPLE | {"events": [EVENT_EXAMPLE]})

    events: list[TransferEventView]


class TransferQuery(PageQuery):
    vault_id: Identifier | None = None
    network: NetworkName | None = None
    state: State | None = None


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
    network = named_in_request(services, body.network)
    request = TransferRequest(
        vault_id=body.vault_id,
        network=network.id,
        asset=AssetId(body.asset) if body.asset is not None else network.native.id,
        destination=body.destination,
        amount=_amount(body, network.native),
        fee_max=_fee_max(body, network.native),
        note=body.note,
    )
    key = idempotency_of(idempotency_key, None, "POST /v1/transfers", body)
    answer = await services.transfers.create(request, caller, key, _Renderer())
    return respond(answer)


@router.get("", summary="List transfers", responses=problems(404))
async def list_transfers(
    query: Annotated[TransferQuery, Query()], caller: Reader, services: ServicesDependency
) -> Page[TransferView]:
    """In order of creation."""
    network: NetworkId | None = None
    if query.network is not None:
        network = named_in_request(services, query.network).id
    wanted = TransferFilter(caller.client_id, query.vault_id, network, query.state)
    async with services.custody.database.read() as session:
        if query.vault_id is not None:
            await vaults.vault(session, query.vault_id, only=caller.client_id)
        rows = await services.transfers.page(session, wanted, query.after, query.limit + 1)
    return page_of(rows, query.limit, lambda row: row.ordinal, transfer_view)


@router.get("/{transfer_id}", summary="Get a transfer", responses=problems(404))
async def get_transfer(
    transfer_id: Identifier, caller: Reader, services: ServicesDependency
) -> TransferWithEvents:
    """One transfer by id, with its events."""
    async with services.custody.database.read() as session:
        row, events = await services.transfers.get(session, transfer_id, caller)
    return TransferWithEvents(
        **transfer_view(row).model_dump(), events=[_event_view(each) for each in events]
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
    return transfer_view(await services.transfers.cancel(transfer_id, caller))


def transfer_view(row: TransferRow) -> TransferView:
    asset = known_asset(row.asset)
    native = all_networks()[NetworkId(row.network)].native
    block = None
    if row.block_height is not None and row.block_hash is not None:
        block = BlockView(height=row.block_height, hash=row.block_hash)
    return TransferView(
        id=row.id,
        client_id=row.client_id,
        vault_id=row.vault_id,
        network=row.network,
        asset=row.asset,
        symbol=asset.symbol,
        destination=row.destination,
        amount=format_decimal(row.amount, asset.decimals),
        amount_base_units=str(row.amount),
        fee_max=money(row.fee_max, native),
        fee=None if row.fee is None else money(row.fee, native),
        locked=None if row.locked is None else money(row.locked, native),
        note=row.note,
        initiator=row.initiator,
        state=State(row.state),
        waiting=row.waiting,
        reason=row.reason,
        txid=row.txid,
        block=block,
        mandate_digest=stored_mandate(row).digest().hex(),
        requested_at=row.requested_at,
        expires_at=row.expires_at,
        updated_at=row.updated_at,
    )


class _Renderer:
    """Answers to a creation, rendered inside the transaction that stores them."""

    def created(self, row: TransferRow) -> Answer:
        return Answer(201, transfer_view(row).model_dump_json().encode())

    def denied(self, row: TransferRow) -> Answer:
        reason = row.reason or "the policy says no"
        return Answer(
            422, canonical_json(document(422, "policy_denied", reason, transfer_id=row.id))
        )

    def refused(self, error: Unprocessable) -> Answer:
        status, body = describe(error)
        return Answer(status, canonical_json(body))


def _amount(body: NewTransfer, asset: Asset) -> int:
    if body.amount is not None:
        return parse_decimal(body.amount, asset.decimals)
    assert body.amount_base_units is not None
    return parse_base_units(body.amount_base_units)


def _fee_max(body: NewTransfer, native: Asset) -> int | None:
    if body.fee_max is not None:
        return parse_decimal(body.fee_max, native.decimals, "fee_max")
    if body.fee_max_base_units is not None:
        return parse_base_units(body.fee_max_base_units, "fee_max_base_units")
    return None


def _event_view(row: TransferEventRow) -> TransferEventView:
    return TransferEventView(
        event=row.event, state=State(row.state), detail=row.detail, at=row.created_at
    )
