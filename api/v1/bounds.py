"""A bound of what a call may lead to, as it is shown."""

from typing import Any

from pydantic import Field

from api.schemas import View, with_example
from chains.effects import Call
from chains.outcomes import Bound, read

BOUND_EXAMPLE: dict[str, Any] = {
    "asset": "eip155:1/erc20:0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48",
    "at_least_base_units": "24000000",
    "at_most_base_units": None,
    "spender": None,
}


class BoundView(View):
    model_config = with_example(BOUND_EXAMPLE)

    asset: str
    at_least_base_units: str | None = Field(description="the balance grows by that or more")
    at_most_base_units: str | None = Field(
        description="it shrinks by that or less; with `spender`, what that one may take afterwards"
    )
    spender: str | None


def bound_views(call: Call) -> list[BoundView]:
    return [BoundView(**bound_fields(each)) for each in read(call.outcome)]


def bound_fields(bound: Bound) -> dict[str, Any]:
    least, most = bound.at_least, bound.at_most
    return {
        "asset": bound.asset,
        "at_least_base_units": None if least is None else str(least),
        "at_most_base_units": None if most is None else str(most),
        "spender": bound.spender,
    }
