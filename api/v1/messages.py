"""Messages: what a vault's address signs beside transactions."""

import json
from typing import Annotated, Any, Final, Self

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError
from starlette.responses import Response

from api.auth import Reader, Spender
from api.context import ServicesDependency
from api.documentation import problems
from api.errors import describe, document
from api.idempotency import RequiredKey, idempotency_of, respond
from api.paging import ListQuery, Page, number_of, page_of
from api.schemas import (
    Ascii,
    Body,
    Identifier,
    NetworkName,
    Pattern,
    View,
    body_example,
    with_example,
)
from api.v1.approvals import NeedView
from api.v1.filters import AddressText
from api.v1.networks import named_in_request
from chains.effects import Allow, Effect, Sign
from chains.messages.model import TYPED, Kind
from chains.model import NetworkId
from custody.db.listing import open_list
from custody.db.message_tables import MessageRow
from custody.db.transfer_tables import TransferRow
from custody.errors import NotFound, Unprocessable
from custody.services import Services
from custody.transfers.filters import TransferFilter
from custody.transfers.kinds import Kind as TransferKind
from custody.transfers.mandates import stored_mandate
from custody.transfers.message_repository import find_message, messages_by_transfer
from custody.transfers.repository import current
from custody.transfers.request import Answer, Shown, TransferRequest, Wording
from custody.transfers.state import State
from custody.transfers.wording import text_wording, typed_wording
from custody.vaults import repository as vaults
from signer.wire import canonical_json, format_time

router = APIRouter(prefix="/messages", tags=["messages"])

_TEXT = "app.example asks for your word: nonce 4f1b9a77"
_SIGNER = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
EFFECT_EXAMPLE: dict[str, Any] = {
    "does": "sign",
    "kind": "eip-191",
    "domain": "anybody",
    "spender": None,
    "asset": None,
    "amount_base_units": None,
    "expires_at": None,
}
MESSAGE_EXAMPLE: dict[str, Any] = {
    "id": "tfr_01k9zv7e5f6g7h8j9k0m1n2p3q",
    "client_id": "cli_01k9zv3m8q4x7h2c5d6e8f9g0a",
    "vault_id": "vlt_01k9zv4a2b3c4d5e6f7g8h9j0k",
    "network": "eip155:31337",
    "kind": "eip-191",
    "address": _SIGNER,
    "text": _TEXT,
    "typed_data": None,
    "effects": [EFFECT_EXAMPLE],
    "state": "final",
    "waiting": None,
    "reason": None,
    "signature": "0x" + "5f" * 64 + "1b",
    "initiator": "payout-robot",
    "requested_at": "2026-03-02T06:30:00Z",
    "expires_at": "2026-03-03T06:30:00Z",
    "updated_at": "2026-03-02T06:31:12.482000Z",
}
TextContent = Annotated[str, StringConstraints(min_length=1, max_length=16_384)]
_OCTETS: Final = r"^0x([0-9a-fA-F]{2})+$"
HexContent = Annotated[
    Ascii,
    StringConstraints(min_length=4, max_length=32_770, pattern=_OCTETS),
    Pattern(_OCTETS),
]


_WAYS: Final = {"text": "string", "hex": "string", "typed_data": "object"}


class NewMessage(Body):
    """One of `text`, `hex` and `typed_data`."""

    model_config = body_example(
        {
            "vault_id": MESSAGE_EXAMPLE["vault_id"],
            "network": "ethereum-local",
            "text": _TEXT,
        },
        oneOf=[
            {
                "required": [name],
                "properties": {name: {"type": kind}}
                | {other: {"type": "null"} for other in _WAYS if other != name},
            }
            for name, kind in _WAYS.items()
        ],
    )

    vault_id: Identifier
    network: NetworkName = Field(description="CAIP-2 id or alias")
    # A string in JSON, so strictness would refuse it for not being a Python enum.
    kind: Annotated[Kind, Field(strict=False)] | None = Field(
        None, description="found out from what is to be signed if absent"
    )
    address: AddressText | None = Field(
        None, description="of the vault, who signs; the one that pays if absent"
    )
    text: TextContent | None = None
    hex: HexContent | None = Field(None, description="the text's bytes in UTF-8")
    typed_data: dict[str, Any] | None = Field(
        None, description="as eth_signTypedData_v4 takes it, with types, domain and message"
    )

    @model_validator(mode="after")
    def _one(self) -> Self:
        given = [each for each in (self.text, self.hex, self.typed_data) if each is not None]
        if len(given) != 1:
            raise PydanticCustomError(
                "message_ambiguous", "exactly one of text, hex and typed_data"
            )
        return self


class MessageEffectView(View):
    """What the signature does, as the signer decodes it."""

    model_config = with_example(EFFECT_EXAMPLE)

    does: str = Field(
        description="`sign`: says something to `domain`; `allow`: lets `spender` take `asset`, "
        "once anybody submits it"
    )
    kind: str | None
    domain: str | None = Field(
        description="of a login its site, of typed data its contract and structure, of a text "
        "`anybody`"
    )
    spender: str | None
    asset: str | None
    amount_base_units: str | None = Field(description="null of an allowance: any amount")
    expires_at: str | None = Field(description="null of an allowance: never")


class MessageView(View):
    model_config = with_example(MESSAGE_EXAMPLE)

    id: str = Field(description="a transfer's of kind `message`; approvals go by it")
    client_id: str
    vault_id: str
    network: str
    kind: Kind
    address: str
    text: str | None
    typed_data: dict[str, Any] | None = Field(description="in its one spelling")
    effects: list[MessageEffectView]
    state: State = Field(description="`final`: signed")
    waiting: str | None = Field(description="code of what it waits for")
    reason: str | None = Field(description="why it ended")
    signature: str | None = Field(description="as the network's wallets pass it, once signed")
    initiator: str
    requested_at: AwareDatetime
    expires_at: AwareDatetime
    updated_at: AwareDatetime


class MessageWithNeeds(MessageView):
    """With who still has to approve it."""

    model_config = with_example(MESSAGE_EXAMPLE | {"needs": [{"group": "treasury", "count": 1}]})

    needs: list[NeedView] = Field(description="empty unless it is `awaiting_approval`")


class MessageQuery(ListQuery):
    vault_id: Identifier | None = None
    network: NetworkName | None = Field(None, description="CAIP-2 id or alias")
    state: list[State] = Field([], description="may be repeated: one of these")


@router.post(
    "",
    status_code=201,
    summary="Have a message signed",
    response_model=MessageView,
    responses=problems(404, 409, 503, writes=True),
)
async def create_message(
    body: NewMessage, caller: Spender, services: ServicesDependency, idempotency_key: RequiredKey
) -> Response:
    """A text, a login or typed data, read by the signer before it signs.

    A rule has to name the action and, under `messages`, the kind and the domain. What gives
    something away (EIP-2612, Permit2) is an allowance, judged by the rules, limits and windows of
    allowances. What pays (EIP-3009) is asked for as a transfer. What nobody can read, or what is
    something else than it looks, is refused with its own code.
    """
    key = idempotency_of(idempotency_key, None, "POST /v1/messages", body)
    request = _request(services, body)
    renderer = _Renderer(request.message)
    return respond(await services.transfers.create(request, caller, key, renderer))


@router.get("", summary="List messages", responses=problems(404))
async def list_messages(
    query: Annotated[MessageQuery, Query()], caller: Reader, services: ServicesDependency
) -> Page[MessageView]:
    """In order of creation."""
    network = query.network and named_in_request(services, query.network).id
    wanted = TransferFilter(
        client_id=caller.client_id,
        vault_id=query.vault_id,
        network=NetworkId(network) if network else None,
        states=tuple(dict.fromkeys(query.state)),
        kind=TransferKind.MESSAGE,
    )
    async with open_list(services.custody.database, TransferRow) as (session, settled):
        if query.vault_id is not None:
            await vaults.vault(session, query.vault_id, only=caller.client_id)
        rows = await services.transfers.page(session, wanted, query.window(settled))
        said = await messages_by_transfer(session, [each.row.id for each in rows])
    return page_of(
        rows,
        query.limit,
        lambda each: number_of(each.row),
        lambda each: message_view(each, said[each.row.id]),
    )


@router.get("/{message_id}", summary="Get a message", responses=problems(404, 503))
async def get_message(
    message_id: Identifier, caller: Reader, services: ServicesDependency
) -> MessageWithNeeds:
    """With its signature, or who still has to approve it."""
    async with services.custody.database.read() as session:
        found, _ = await services.transfers.get(session, message_id, caller)
        said = await find_message(session, message_id)
        if said is None:
            raise NotFound("message_not_found", "no such message")
        needs = await services.approvals.needs(session, found)
    return MessageWithNeeds(
        **message_view(found, said).model_dump(),
        needs=[NeedView(group=need.group, count=need.count) for need in needs],
    )


def _request(services: Services, body: NewMessage) -> TransferRequest:
    """Raises Invalid, NotFound, MessageRefused."""
    network = named_in_request(services, body.network)
    codec = services.custody.codecs[network.id]
    if body.typed_data is not None:
        wording = typed_wording(codec, body.typed_data, body.address)
        if body.kind not in (None, wording.kind):
            wording = text_wording(codec, wording.content, body.kind, body.address)
    else:
        content = bytes.fromhex(body.hex[2:]) if body.hex else (body.text or "").encode()
        wording = text_wording(codec, content, body.kind, body.address)
    return TransferRequest(
        vault_id=body.vault_id,
        network=network.id,
        asset=network.native.id,
        outputs=(),
        message=wording,
    )


def message_view(shown: Shown, said: MessageRow) -> MessageView:
    """With its signature, if there is one."""
    row, terms = shown.row, current(shown.mandates)
    typed = Kind(said.kind) in TYPED
    content = said.content.decode()
    raw = next((each.raw for each in reversed(shown.transactions) if each.raw is not None), None)
    return MessageView(
        id=row.id,
        client_id=row.client_id,
        vault_id=row.vault_id,
        network=row.network,
        kind=Kind(said.kind),
        address=said.signer,
        text=None if typed else content,
        typed_data=json.loads(content) if typed else None,
        effects=[_effect_view(each) for each in stored_mandate(terms).core.effects],
        state=State(row.state),
        waiting="paused" if shown.held_back else row.waiting,
        reason=row.reason,
        signature=None if raw is None else raw.decode("ascii"),
        initiator=row.initiator,
        requested_at=row.requested_at,
        expires_at=terms.expires_at,
        updated_at=row.updated_at,
    )


def _effect_view(effect: Effect) -> MessageEffectView:
    said: dict[str, Any] = dict.fromkeys(MessageEffectView.model_fields)
    match effect:
        case Sign():
            said |= {"does": "sign", "kind": effect.kind, "domain": effect.domain}
        case Allow():
            ends, most = effect.expires_at, effect.amount
            said |= {
                "does": "allow",
                "spender": effect.spender,
                "asset": effect.asset,
                "amount_base_units": None if most is None else str(most),
                "expires_at": None if ends is None else format_time(ends),
            }
    return MessageEffectView(**said)


class _Renderer:
    """Answers to a creation, rendered inside the transaction that stores them."""

    def __init__(self, wording: Wording | None) -> None:
        assert wording is not None
        self._wording = wording

    def created(self, made: Shown) -> Answer:
        signer = stored_mandate(current(made.mandates)).core.source_address
        said = MessageRow(
            transfer_id=made.row.id,
            kind=self._wording.kind.value,
            signer=signer,
            content=self._wording.content,
        )
        return Answer(201, message_view(made, said).model_dump_json().encode())

    def denied(self, made: Shown) -> Answer:
        reason = made.row.reason or "the policy says no"
        told = document(422, "policy_denied", reason, transfer_id=made.row.id)
        return Answer(422, canonical_json(told))

    def refused(self, error: Unprocessable) -> Answer:
        status, body = describe(error)
        return Answer(status, canonical_json(body))
