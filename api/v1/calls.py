"""Calls of contracts: asked for in words or in octets, and transfers like any other."""

from typing import Annotated, Any, Final

from fastapi import APIRouter
from pydantic import Field, JsonValue, StringConstraints, model_validator
from pydantic_core import PydanticCustomError
from starlette.responses import Response

from api.auth import Spender
from api.context import ServicesDependency
from api.documentation import problems
from api.idempotency import RequiredKey, idempotency_of, respond
from api.schemas import (
    Ascii,
    Body,
    Identifier,
    NetworkName,
    Pattern,
    Printable,
    body_example,
    with_example,
)
from api.v1.call_outcomes import (
    ASKED_EXAMPLE,
    SIMULATION_EXAMPLE,
    HeldBoundView,
    NewBound,
    SimulationView,
    bounds_of,
    held_views,
    simulation_view,
)
from api.v1.estimates import ESTIMATE_EXAMPLE, EstimateView, estimate_view
from api.v1.networks import named_in_request
from api.v1.transfer_bodies import (
    BOUND_RULES,
    NOT_GIVEN,
    AmountText,
    Destination,
    ExternalId,
    MetadataKey,
    MetadataValue,
    UnitsText,
    at_most_one,
    bounds_in,
    native_units,
)
from api.v1.transfer_views import (
    CALL_EXAMPLE,
    TRANSFER_EXAMPLE,
    AllowanceView,
    CallView,
    MoneyByKind,
    TransferView,
    by_kind,
    told_fields,
)
from api.v1.transfers import TransferRenderer
from chains.costs import CostKind
from chains.effects import Call
from chains.outcomes import BOUNDS_MAX, read
from custody.apikeys.model import Caller
from custody.outcomes.checking import shown_by
from custody.services import Services
from custody.transfers.mandates import effects_of
from custody.transfers.priority import Priority
from custody.transfers.request import NOTE_LENGTH_MAX, Estimate, TransferRequest
from custody.transfers.telling import Telling, Words, bounded_by, estimated, understood
from signer.policy import enforced

router = APIRouter(tags=["calls"])

DATA_DIGITS_MAX: Final = 32_768
"""Of calldata in a request: what a mandate can show to people is less."""
_RULES: Final = [
    {
        "oneOf": [
            {
                "required": ["function"],
                "properties": {"function": {"type": "string"}, "data": NOT_GIVEN},
            },
            {
                "required": ["data"],
                "properties": {"data": {"type": "string"}}
                | dict.fromkeys(("function", "arguments"), NOT_GIVEN),
            },
        ]
    },
    at_most_one("value", "value_base_units"),
    *BOUND_RULES,
]
"""What `NewCall` checks, for who makes requests from the document."""
_HEX: Final = Pattern(r"^0x([0-9a-fA-F]{2})*$")


class CallEstimateView(EstimateView):
    """What an estimate of a transfer says, and what the node says of the call."""

    model_config = with_example(
        ESTIMATE_EXAMPLE
        | {
            "call": CALL_EXAMPLE,
            "allowance": None,
            "outcome": [ASKED_EXAMPLE],
            "simulation": SIMULATION_EXAMPLE,
            "units": "131072",
            "costs": ESTIMATE_EXAMPLE["costs_max"],
            "reverts": None,
        }
    )

    call: CallView | None = Field(description="as it would be signed; null of what is no call")
    allowance: AllowanceView | None
    outcome: list[HeldBoundView] = Field(description="its bounds, and what holds each")
    simulation: SimulationView | None = Field(
        description="null of what is no call, where no node of the network simulates, and if it "
        "`reverts`"
    )
    units: str | None = Field(
        description="gas or energy that it would take, with a margin; null if it `reverts`"
    )
    costs: MoneyByKind | None = Field(
        description="bounds that would do now, by kind; null if it `reverts`"
    )
    reverts: str | None = Field(
        description="why the contract would refuse, by its own word; null: it would not"
    )


class NewCall(Body):
    """Give `function` and `arguments`, or `data`. What is plainly a payment of a token, or its
    approval, is made as one."""

    model_config = body_example(
        {
            "vault_id": TRANSFER_EXAMPLE["vault_id"],
            "network": "ethereum-local",
            "contract": "0x7a250d5630B4cF539739dF2C5dAcb4c659F2488D",
            "function": "swapExactETHForTokens",
            "arguments": {
                "amountOutMin": "24000000",
                "path": [
                    "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2",
                    "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48",
                ],
                "to": "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
                "deadline": "1772443800",
            },
            "value": "0.01",
        },
        allOf=_RULES,
    )

    vault_id: Identifier
    network: NetworkName = Field(description="CAIP-2 id or alias")
    contract: Destination
    function: Annotated[Ascii, StringConstraints(min_length=1, max_length=512)] | None = Field(
        None,
        description="its signature, or its name where the contract's description has one of that "
        "name",
    )
    arguments: (
        Annotated[
            dict[Annotated[Ascii, StringConstraints(max_length=64)], JsonValue],
            # Pydantic turns the names' pattern into one of names that may be there beside others.
            Field(max_length=64, json_schema_extra={"additionalProperties": False}),
        ]
        | None
    ) = Field(
        None,
        description="by name: numbers in decimal digits, octets as `0x` and hexadecimal digits, "
        "lists, and objects for tuples",
    )
    data: (
        Annotated[Ascii, StringConstraints(min_length=2, max_length=DATA_DIGITS_MAX), _HEX] | None
    ) = Field(None, description="the whole calldata, in place of `function` and `arguments`")
    outcome: list[NewBound] | None = Field(
        None,
        min_length=1,
        max_length=BOUNDS_MAX,
        # A retry key is good for what was asked before there was any.
        exclude_if=lambda given: given is None,
        description="bounds that approvers sign and that are looked at again before it is signed. "
        "With one the list is closed: of what none names nothing may leave but the coins that go "
        "with it, and no allowance may grow",
    )
    value: AmountText | None = Field(
        None, description="native coins that go with it, decimal; none if absent"
    )
    value_base_units: UnitsText | None = None
    fee_max: AmountText | None = Field(
        None, description="decimal in the network's native unit; the network's default if absent"
    )
    fee_max_base_units: UnitsText | None = None
    costs_max: dict[Annotated[CostKind, Field(strict=False)], AmountText] = Field(
        default_factory=dict,
        max_length=16,
        description="the most that other kinds of cost may be, as of a transfer",
    )
    priority: Annotated[Priority, Field(strict=False)] | None = None
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
    def _one_way(self) -> "NewCall":
        words = self.function is not None
        if words == (self.data is not None) or (self.arguments is not None and not words):
            raise PydanticCustomError(
                "call_ambiguous", "give function and arguments, or data in their place"
            )
        for one, other in (("value", "value_base_units"), ("fee_max", "fee_max_base_units")):
            if getattr(self, one) is not None and getattr(self, other) is not None:
                raise PydanticCustomError(
                    "amount_ambiguous", "give at most one of {one} and {other}", _names(one, other)
                )
        if CostKind.FEE in self.costs_max:
            raise PydanticCustomError("amount_ambiguous", "give the bound of the fee as fee_max")
        return self


def _names(one: str, other: str) -> dict[str, Any]:
    return {"one": one, "other": other}


@router.post(
    "/calls",
    status_code=201,
    summary="Call a contract",
    response_model=TransferView,
    responses=problems(404, 409, 503, writes=True),
)
async def create_call(
    body: NewCall,
    caller: Spender,
    services: ServicesDependency,
    idempotency_key: RequiredKey,
) -> Response:
    """A transfer of the kind `call`, or, where it is plainly that, a `payment` or an `allowance`:
    listed, shown, approved, sped up and called off as any other under `/v1/transfers`.

    Only what the signed policy describes is called (422 `call_unknown`). What people approve is the
    decoded call: function, arguments by name, and what it takes of the vault's tokens, which is
    held until it ends. No node is asked: ask for an estimate before.
    """
    key = idempotency_of(idempotency_key, None, "POST /v1/calls", body)
    request = await _request(services, body, caller)
    renderer = TransferRenderer(services.custody.catalogue)
    return respond(await services.transfers.create(request, caller, key, renderer))


@router.post(
    "/calls:estimate",
    summary="Estimate a call",
    responses=problems(404, 503, writes=True),
)
async def estimate_call(
    body: NewCall, caller: Spender, services: ServicesDependency
) -> CallEstimateView:
    """The body of a call, asked for by nobody: what it is in words, what the network would ask for
    it now by its node's estimate, and what an estimate of a transfer says. Nothing is made, held or
    recorded. If the contract would refuse, `reverts` has its word, and which allowance would help.
    """
    request = await _request(services, body, caller)
    found = await services.transfers.estimate(request, caller)
    custody = services.custody
    adapter = custody.adapters[request.network]
    would = await estimated(custody.database, adapter, found.mandate)
    shown = await shown_by(adapter, found.mandate.core)
    (effect,) = effects_of(found.mandate)
    asset = custody.catalogue.find_asset(request.asset)
    network = custody.catalogue.networks[request.network]
    view = estimate_view(found, custody.catalogue).model_dump()
    return CallEstimateView(
        **view,
        **told_fields(effect, asset, network),
        outcome=_held(found),
        simulation=None if shown is None else simulation_view(*shown),
        units=None if would.units is None else str(would.units),
        costs=None if would.costs is None else by_kind(would.costs, custody.catalogue),
        reverts=would.reverts,
    )


def _held(found: Estimate) -> list[HeldBoundView]:
    core = found.mandate.core
    (effect,) = core.effects
    if not isinstance(effect, Call):
        return []
    return held_views(read(effect.outcome), enforced(found.policy, core, effect))


async def _request(services: Services, body: NewCall, caller: Caller) -> TransferRequest:
    """Raises Invalid, NotFound, CallUnknown, InvalidAddress, MalformedOutcome."""
    custody = services.custody
    network = named_in_request(services, body.network)
    native = network.native
    asked = TransferRequest(
        body.vault_id,
        network.id,
        native.id,
        (),
        fee_max=native_units(native, body.fee_max, body.fee_max_base_units, "fee_max"),
        costs_max=bounds_in(body.costs_max, native, native),
        priority=body.priority or Priority.NORMAL,
        retry_of=body.retry_of,
        note=body.note,
        external_id=body.external_id,
        metadata=body.metadata,
    )
    value = 0  # which is no amount that anybody pays, and what wallets say where no coins go
    if (body.value or body.value_base_units or "").strip("0."):
        value = native_units(native, body.value, body.value_base_units, "value") or 0
    says = bytes.fromhex((body.data or "0x")[2:])
    words = None if body.function is None else Words(body.function, body.arguments or {})
    telling = Telling(body.contract, says if words is None else words, value, asked)
    request = await understood(custody.database, custody.codecs, telling, caller)
    return bounded_by(request, bounds_of(custody.codecs[network.id], body.outcome or ()))
