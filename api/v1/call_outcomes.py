"""What a call may lead to: how bounds are asked for, and how they and a simulation are shown."""

from collections.abc import Collection, Sequence
from typing import Any, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from api.schemas import AssetName, Body, View, body_example, with_example
from api.v1.bounds import BOUND_EXAMPLE, BoundView, bound_fields
from api.v1.filters import AddressText
from api.v1.transfer_bodies import UnitsText
from chains.codec import TransactionCodec
from chains.families import names_token
from chains.model import AssetId
from chains.outcomes import Bound, Strength
from chains.simulation import Method, Simulated
from custody.errors import Invalid

_ASSET = BOUND_EXAMPLE["asset"]
_BOUND = {name: value for name, value in BOUND_EXAMPLE.items() if value is not None}
_ONE = [
    {
        "required": [one],
        "properties": {one: {"type": "string"}} | {other: {"type": "null"} for other in others},
    }
    for one, others in (
        ("at_least_base_units", ("at_most_base_units", "spender")),
        ("at_most_base_units", ("at_least_base_units",)),
    )
]
ASKED_EXAMPLE: dict[str, Any] = {**BOUND_EXAMPLE, "strength": "enforced"}
_CHANGE: dict[str, Any] = {"asset": _ASSET, "change_base_units": "24930000"}
_ALLOWANCE: dict[str, Any] = {
    "asset": _ASSET,
    "spender": "0x7a250d5630B4cF539739dF2C5dAcb4c659F2488D",
    "before_base_units": "0",
    "after_base_units": "25000000",
}
SIMULATION_EXAMPLE: dict[str, Any] = {
    "method": "block",
    "height": 18204,
    "hash": "0x" + "9f" * 32,
    "changes": [_CHANGE],
    "allowances": [],
    "outside": None,
}


class NewBound(Body):
    """Of one asset, about the balance of the address that calls, without the fee: it grows by at
    least so much, or shrinks by at most so much. Or, with `spender`, what that one may take of it
    afterwards."""

    model_config = body_example(_BOUND, oneOf=_ONE)

    asset: AssetName = Field(
        description="CAIP-19 id of an asset of the network; of a token that is not listed only "
        "with `at_most_base_units`"
    )
    at_least_base_units: UnitsText | None = Field(None, description="more than 0")
    at_most_base_units: UnitsText | None = None
    spender: AddressText | None = None

    @model_validator(mode="after")
    def _one_bound(self) -> Self:
        least = self.at_least_base_units is not None
        if least == (self.at_most_base_units is not None) or (least and self.spender):
            words = "give exactly one of at_least and at_most; of a spender, at_most"
            raise PydanticCustomError("amount_ambiguous", words)
        return self


class HeldBoundView(BoundView):
    """With what holds it."""

    model_config = with_example(ASKED_EXAMPLE)

    strength: Strength = Field(
        description="`enforced`: the bytes that are signed take care of it, by what the policy "
        "says of the function; `stated`: custody's word, until a node of an approver's own shows it"
    )


class ChangeInUnits(View):
    model_config = with_example(_CHANGE)

    asset: str
    change_base_units: str = Field(description="less than 0 where it shrinks; without the fee")


class AllowanceChange(View):
    model_config = with_example(_ALLOWANCE)

    asset: str
    spender: str
    before_base_units: str
    after_base_units: str


class SimulationView(View):
    """What the network's node says that it would do in the next block."""

    model_config = with_example(SIMULATION_EXAMPLE)

    method: Method = Field(description="how the node was asked, the most faithful first")
    height: int
    hash: str
    changes: list[ChangeInUnits] = Field(description="of the balances of the address that calls")
    allowances: list[AllowanceChange] = Field(description="those that would change")
    outside: str | None = Field(
        description="what of it is out of the bounds: then it would wait unsigned, with "
        "`outcome_outside`; null: nothing is"
    )


def bounds_of(codec: TransactionCodec, asked: Sequence[NewBound]) -> list[Bound]:
    """Raises Invalid asset_unknown, InvalidAddress."""
    return [_bound(codec, number, each) for number, each in enumerate(asked)]


def held_views(bounds: Sequence[Bound], enforced: Collection[Bound]) -> list[HeldBoundView]:
    return [
        HeldBoundView(
            **bound_fields(each),
            strength=Strength.ENFORCED if each in enforced else Strength.STATED,
        )
        for each in bounds
    ]


def simulation_view(found: Simulated, outside: str | None) -> SimulationView:
    return SimulationView(
        method=found.method,
        height=found.block.height,
        hash=found.block.hash,
        changes=[
            ChangeInUnits(asset=asset, change_base_units=str(units))
            for asset, units in sorted(found.changes.items())
        ],
        allowances=[
            AllowanceChange(
                asset=asset,
                spender=spender,
                before_base_units=str(each.before),
                after_base_units=str(each.after),
            )
            for (asset, spender), each in sorted(found.allowances.items(), key=lambda row: row[0])
        ],
        outside=outside,
    )


def _bound(codec: TransactionCodec, number: int, asked: NewBound) -> Bound:
    least, most = asked.at_least_base_units, asked.at_most_base_units
    # What comes in of what is not listed, no book has.
    named = most is not None and names_token(codec, asked.asset)
    if not named and not codec.network.is_listed(AssetId(asked.asset)):
        words = "no asset of this network that is listed, nor a token that leaves"
        raise Invalid("asset_unknown", words, field=f"outcome/{number}/asset")
    return Bound(
        AssetId(asked.asset),
        None if least is None else int(least),
        None if most is None else int(most),
        None if asked.spender is None else codec.parse_address(asked.spender).address,
    )
