"""What all routes share: strict bodies, text that is safe to store and print, amounts, problems."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

from chains.assets import Amount, Asset
from custody.reasons import LENGTH_MAX


def _printable(text: str) -> str:
    """No control characters that a database, a log or a terminal would trip over."""
    if not text.isprintable():
        raise PydanticCustomError("text_unprintable", "only printable characters")
    return text


Printable = Annotated[str, AfterValidator(_printable)]
Name = Annotated[Printable, StringConstraints(min_length=1, max_length=200)]
Reason = Annotated[Printable, StringConstraints(min_length=1, max_length=LENGTH_MAX)]
"""Why a person decided something; kept with the decision."""
Identifier = Annotated[str, StringConstraints(pattern=r"^[a-z]{3}_[0-9a-z]{26}$")]
NetworkName = Annotated[Printable, StringConstraints(min_length=1, max_length=64)]
AssetName = Annotated[Printable, StringConstraints(min_length=1, max_length=200)]


class Body(BaseModel):
    """A request body: what it does not name is refused, and nothing is converted."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class View(BaseModel):
    """Something we answer with."""

    model_config = ConfigDict(frozen=True)


def with_example(example: dict[str, Any]) -> ConfigDict:
    """Configuration of a view with the example that the API's documentation shows."""
    return ConfigDict(frozen=True, json_schema_extra={"examples": [example]})


def body_example(example: dict[str, Any]) -> ConfigDict:
    return ConfigDict(
        extra="forbid", strict=True, frozen=True, json_schema_extra={"examples": [example]}
    )


class Money(View):
    """The same amount twice: in the unit that people use, and in integer base units. Both are
    strings, because JSON numbers lose digits."""

    amount: str = Field(examples=["0.015"])
    amount_base_units: str = Field(examples=["1500000"])


def money(units: int, asset: Asset) -> Money:
    return Money(amount=Amount(asset, units).decimal, amount_base_units=str(units))


class ProblemError(View):
    """One culprit in the request. `pointer` (RFC 6901) for the body; `query`, `header` or `path`
    names it elsewhere."""

    code: str
    detail: str
    pointer: str | None = None
    query: str | None = None
    header: str | None = None
    path: str | None = None


class Problem(View):
    """RFC 9457. `code` is for programs and never changes; `detail` is for people."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {
                    "type": "about:blank",
                    "title": "Unprocessable Content",
                    "status": 422,
                    "code": "amount_too_many_decimals",
                    "detail": "at most 8 decimal places",
                    "errors": [
                        {
                            "pointer": "/amount",
                            "code": "amount_too_many_decimals",
                            "detail": "at most 8 decimal places",
                        }
                    ],
                }
            ]
        },
    )

    type: str
    title: str
    status: int
    code: str
    detail: str
    errors: list[ProblemError] | None = None
