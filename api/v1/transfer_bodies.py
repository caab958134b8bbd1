"""What is asked for when money shall leave, and what it says in base units."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any, Final

from fastapi import Header
from pydantic import Field, StringConstraints, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError, PydanticKnownError

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
from api.v1.filters import TxIdText
from api.v1.networks import named_in_request
from api.v1.transfer_views import (
    TRANSACTION_EXAMPLE,
    TRANSFER_EXAMPLE,
)
from chains.assets import Amount, Asset
from chains.catalogue import Catalogue
from chains.costs import INSIDE, CostKind
from chains.errors import InvalidAmount
from chains.model import TxId
from chains.networks import Network
from custody.errors import Invalid
from custody.services import Services
from custody.transfers.everything import COINS_MAX
from custody.transfers.priority import Priority
from custody.transfers.request import (
    NOTE_LENGTH_MAX,
    OUTPUTS_MAX,
    Output,
    TransferRequest,
)

ExternalId = Annotated[Printable, StringConstraints(min_length=1, max_length=128)]
MetadataKey = Annotated[Printable, StringConstraints(min_length=1, max_length=40)]
MetadataValue = Annotated[Printable, StringConstraints(max_length=500)]
AmountText = Annotated[
    Ascii,
    StringConstraints(min_length=1, max_length=160),
    Pattern(r"^[0-9]{1,78}(\.[0-9]{1,78})?$"),
]
AmountOrAll = Annotated[
    Ascii,
    StringConstraints(min_length=1, max_length=160),
    Pattern(r"^(all|[0-9]{1,78}(\.[0-9]{1,78})?)$"),
]
UnitsText = Annotated[
    Ascii, StringConstraints(min_length=1, max_length=160), Pattern("^[0-9]{1,78}$")
]

_ALL = "all"
_GIVEN: dict[str, Any] = {"type": "string"}
NOT_GIVEN: dict[str, Any] = {"type": "null"}


def _pair(first: str, second: str) -> dict[str, Any]:
    """Schema of: `first` is given and `second` is not."""
    return {"required": [first], "properties": {first: _GIVEN, second: NOT_GIVEN}}


_ONE_AMOUNT = {
    "oneOf": [_pair("amount", "amount_base_units"), _pair("amount_base_units", "amount")]
}


def at_most_one(first: str, second: str) -> dict[str, Any]:
    """Schema of: not both are given."""
    return {"anyOf": [{"properties": {each: NOT_GIVEN}} for each in (first, second)]}


BOUND_RULES: Final[list[dict[str, Any]]] = [
    at_most_one("fee_max", "fee_max_base_units"),
    {"properties": {"costs_max": {"propertyNames": {"not": {"const": "fee"}}}}},
]
_SINGLE = ("destination", "amount", "amount_base_units", "memo")
"""What says who is paid where one is; `outputs` stands in its place."""
_AMOUNT_RULES = [
    {
        "oneOf": [
            {
                "required": ["destination"],
                "properties": {"destination": _GIVEN, "outputs": NOT_GIVEN},
                **_ONE_AMOUNT,
            },
            {
                "required": ["outputs"],
                "properties": {"outputs": {"type": "array"}} | dict.fromkeys(_SINGLE, NOT_GIVEN),
            },
        ]
    },
    *BOUND_RULES,
]
"""What `NewTransfer` checks about them, for who makes requests from the document."""


Destination = Annotated[Ascii, StringConstraints(min_length=1, max_length=128)]
Memo = Annotated[Ascii, StringConstraints(min_length=1, max_length=256)]
_MEMO: Final = "part of who is paid, on networks whose payments carry one"


class NewOutput(Body):
    """One of several payments. Give `amount` in the asset's unit, or `amount_base_units`."""

    model_config = body_example(
        {"destination": TRANSFER_EXAMPLE["destination"], "amount": "0.05"}, **_ONE_AMOUNT
    )

    destination: Destination
    amount: AmountText | None = Field(None, description="decimal, e.g. `0.05`")
    amount_base_units: UnitsText | None = Field(None, description="integer, e.g. `5000000`")
    memo: Memo | None = Field(None, description=_MEMO)

    @model_validator(mode="after")
    def _one_amount(self) -> "NewOutput":
        _check_one_amount(self)
        return self


RejectDuplicates = Annotated[
    bool,
    Header(
        alias="Reject-Duplicates",
        description="whether a payment that looks like one of a moment ago is refused; no part of "
        "the request that the `Idempotency-Key` names",
    ),
]


class NewTransfer(Body):
    """Give `destination` and an amount, or `outputs`. An amount is `amount` in the asset's unit, or
    `amount_base_units`; not both. The same for the greatest fee, of which what is not used comes
    back."""

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
    outputs: list[NewOutput] | None = Field(
        None,
        min_length=1,
        max_length=OUTPUTS_MAX,
        # A retry key is good for what was asked before there were any.
        exclude_if=lambda given: given is None,
        description="several payments in one transaction, in place of `destination`, amount and "
        "`memo`: all of them or none, on networks that can (bitcoin, Solana)",
    )
    destination: Destination | None = Field(None, validate_default=True)
    amount: AmountOrAll | None = Field(
        None,
        description="decimal, e.g. `0.05`; or `all`: whatever the vault could pay there now, less "
        "what the network asks for it, so that nothing is left where the network can",
    )
    amount_base_units: UnitsText | None = Field(None, description="integer, e.g. `5000000`")
    fee_max: AmountText | None = Field(
        None, description="decimal in the network's native unit; the network's default if absent"
    )
    fee_max_base_units: UnitsText | None = None
    costs_max: dict[Annotated[CostKind, Field(strict=False)], AmountText] = Field(
        default_factory=dict,
        max_length=16,
        description="the most that other kinds of cost may be, decimals in the network's native "
        "unit by kind (`rent`, `activation`); the network's default where a kind is absent. "
        "`withheld`, in the asset's unit: the most of the amount that a token may keep; what it "
        "says itself if absent",
    )
    memo: Memo | None = Field(None, description=_MEMO)
    priority: Annotated[Priority, Field(strict=False)] | None = Field(
        None,
        # A retry key is good for what was asked before there was any.
        exclude_if=lambda given: given is None,
        description="what goes first of the vault's own transfers that wait to be signed; `normal` "
        "if absent. It makes no other vault wait",
    )
    source: Annotated[Ascii, StringConstraints(min_length=1, max_length=128)] | None = Field(
        None,
        # A retry key is good for what was asked before there was any.
        exclude_if=lambda given: given is None,
        description="a later address of the vault on a network of accounts: all that lies there "
        "(`amount` is `all`) goes to the vault's first address, which is the `destination`",
    )
    consolidate: Annotated[int, Field(ge=2, le=COINS_MAX, strict=False)] | None = Field(
        None,
        exclude_if=lambda given: given is None,
        description="where coins are spent: at most so many of the vault's smallest coins become "
        "one (`amount` is `all`) at the `destination`, an address of the vault's own",
    )
    split: Annotated[int, Field(ge=2, le=100, strict=False)] | None = Field(
        None,
        exclude_if=lambda given: given is None,
        description="where coins are spent: the vault's largest coin becomes so many equal ones "
        "(`amount` is `all`) at the `destination`, an address of the vault's own, so that as many "
        "transfers can be paid side by side",
    )
    child_of: TxIdText | None = Field(
        None,
        exclude_if=lambda given: given is None,
        description="where coins are spent: a transaction that waits to be in a block and pays the "
        "vault, or is the vault's own. The vault's largest coin of it is spent (`amount` is `all`) "
        "to the `destination`, an address of the vault's own, and pays for both, so that both are "
        "included",
    )
    close_accounts: Annotated[bool, Field(strict=True)] | None = Field(
        None,
        exclude_if=lambda given: given is None,
        description="where tokens lie in accounts of their own (Solana): of one that takes `all`, "
        "the token accounts of the address that pays which it leaves empty are closed with it, and "
        "their rent comes back to that address. As far as it is possible when it is built: an "
        "account that was paid meanwhile stays open",
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

    @field_validator("destination", mode="after")
    @classmethod
    def _somebody(cls, given: str | None, found: ValidationInfo) -> str | None:
        if given is None and found.data.get("outputs", ()) is None:
            raise PydanticKnownError("missing")
        return given

    @model_validator(mode="after")
    def _one_amount(self) -> "NewTransfer":
        if self.outputs is None:
            _check_one_amount(self)
        elif any(getattr(self, name) is not None for name in _SINGLE):
            raise PydanticCustomError(
                "outputs_ambiguous", "outputs stand in place of destination, amount and memo"
            )
        if self.fee_max is not None and self.fee_max_base_units is not None:
            raise PydanticCustomError(
                "amount_ambiguous", "give at most one of fee_max and fee_max_base_units"
            )
        if CostKind.FEE in self.costs_max:
            raise PydanticCustomError("amount_ambiguous", "give the bound of the fee as fee_max")
        return self


def _check_one_amount(given: NewOutput | NewTransfer) -> None:
    if (given.amount is None) == (given.amount_base_units is None):
        raise PydanticCustomError(
            "amount_ambiguous", "give exactly one of amount and amount_base_units"
        )


class RaisedCosts(Body):
    """The new bounds, decimals in the network's native unit by kind; of `withheld`, in the asset's.
    What is not named stays."""

    model_config = body_example({"costs_max": {"fee": "0.001"}})

    costs_max: dict[Annotated[CostKind, Field(strict=False)], AmountText] = Field(
        min_length=1, max_length=16
    )


class SpeedUp(Body):
    """`txid`: of the transaction to outbid. If another one has taken its place meanwhile, nothing
    more is asked, so that a repeated request pays once."""

    model_config = body_example({"txid": TRANSACTION_EXAMPLE["txid"]})

    txid: TxIdText


def request_of(services: Services, body: NewTransfer) -> TransferRequest:
    """The body in base units. Raises Invalid, NotFound."""
    network = named_in_request(services, body.network)
    asset = _asset(body, network, services.custody.catalogue)
    return TransferRequest(
        vault_id=body.vault_id,
        network=network.id,
        asset=asset.id,
        outputs=_outputs(body, asset),
        fee_max=native_units(network.native, body.fee_max, body.fee_max_base_units, "fee_max"),
        costs_max=bounds_in(body.costs_max, network.native, asset),
        priority=body.priority or Priority.NORMAL,
        source=body.source,
        close_accounts=body.close_accounts or False,
        consolidate=body.consolidate,
        split=body.split,
        child_of=None if body.child_of is None else TxId(body.child_of),
        retry_of=body.retry_of,
        note=body.note,
        external_id=body.external_id,
        metadata=body.metadata,
    )


def _asset(body: NewTransfer, network: Network, catalogue: Catalogue) -> Asset:
    """Raises Invalid asset_unknown."""
    try:
        return network.native if body.asset is None else catalogue.find_asset(body.asset)
    except KeyError:
        raise Invalid("asset_unknown", "there is no such asset", field="asset") from None


def _outputs(body: NewTransfer, asset: Asset) -> tuple[Output, ...]:
    if body.outputs is None:
        assert body.destination is not None
        amount = None if body.amount == _ALL else _amount(body, asset)
        return (Output(body.destination, amount, body.memo),)
    return tuple(
        Output(each.destination, _amount(each, asset, f"outputs/{number}/"), each.memo)
        for number, each in enumerate(body.outputs)
    )


def _amount(given: NewTransfer | NewOutput, asset: Asset, at: str = "") -> int:
    """`at`: where in the body it stands."""
    if given.amount is not None:
        with _named(f"{at}amount"):
            return Amount.parse(asset, given.amount).units
    assert given.amount_base_units is not None
    with _named(f"{at}amount_base_units"):
        return Amount.parse_base_units(asset, given.amount_base_units).units


def native_units(
    native: Asset, decimal: str | None, base_units: str | None, field: str
) -> int | None:
    """Of the one that is given. `field`: where the decimal stands. Raises Invalid."""
    if decimal is not None:
        with _named(field):
            return Amount.parse(native, decimal).units
    if base_units is not None:
        with _named(f"{field}_base_units"):
            return Amount.parse_base_units(native, base_units).units
    return None


def bounds_in(most: Mapping[CostKind, str], native: Asset, asset: Asset) -> dict[CostKind, int]:
    """`asset`: what is paid."""
    with _named("costs_max"):
        return {
            kind: Amount.parse(asset if kind in INSIDE else native, units).units
            for kind, units in most.items()
        }


@contextmanager
def _named(field: str) -> Iterator[None]:
    """An amount is found wrong in `field`."""
    try:
        yield
    except InvalidAmount as error:
        raise Invalid(error.code, str(error), field=field) from error
