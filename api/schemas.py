"""What all routes share: strict bodies, text that is safe to store and print, amounts, problems."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    StringConstraints,
)
from pydantic_core import CoreSchema, PydanticCustomError

from chains.assets import Asset, signed_decimal
from custody.reasons import LENGTH_MAX
from custody.texts import ASCII, NAMING, PRINTABLE, fits


@dataclass(frozen=True, slots=True)
class Pattern:
    """A rule that is checked elsewhere, as a pattern in the schema: who makes requests from the
    document makes none that are refused for their form."""

    text: str

    def __get_pydantic_json_schema__(
        self, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return handler(core) | {"pattern": self.text}


def _only(pattern: str) -> AfterValidator:
    """No characters that a database, a log or a terminal would trip over."""

    def check(text: str) -> str:
        if not fits(text, pattern):
            raise PydanticCustomError("text_unprintable", "only printable characters")
        return text

    return AfterValidator(check)


def _integral(value: object) -> object:
    """JSON has one kind of number: 1.0 is an integer (JSON Schema, Validation, section 6.1.1)."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Printable = Annotated[str, _only(PRINTABLE), Pattern(PRINTABLE)]
Ascii = Annotated[str, _only(ASCII), Pattern(ASCII)]
Name = Annotated[Printable, StringConstraints(min_length=1, max_length=200), Pattern(NAMING)]
Reason = Annotated[
    Printable, StringConstraints(min_length=1, max_length=LENGTH_MAX), Pattern(NAMING)
]
"""Why a person decided something; kept with the decision."""


Version = Annotated[int, Field(ge=1), BeforeValidator(_integral)]
Identifier = Annotated[str, StringConstraints(pattern=r"^[a-z]{3}_[0-9a-z]{26}$")]
NetworkName = Annotated[Ascii, StringConstraints(min_length=1, max_length=64)]
AssetName = Annotated[Ascii, StringConstraints(min_length=1, max_length=200)]


class Body(BaseModel):
    """A request body: what it does not name is refused, and nothing is converted."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class View(BaseModel):
    """Something we answer with."""

    model_config = ConfigDict(frozen=True)


def with_example(example: dict[str, Any]) -> ConfigDict:
    """Configuration of a view with the example that the API's documentation shows."""
    return ConfigDict(frozen=True, json_schema_extra={"examples": [example]})


def body_example(example: dict[str, Any], **rules: Any) -> ConfigDict:
    """`rules`: of JSON Schema, beside those of the fields."""
    extra = {"examples": [example], **rules}
    return ConfigDict(extra="forbid", strict=True, frozen=True, json_schema_extra=extra)


class Money(View):
    """The same amount twice: in the unit that people use, and in integer base units. Both are
    strings, because JSON numbers lose digits. Below zero only where the books are broken, which has
    an alarm (`books_broken`) and is shown as it is."""

    amount: str = Field(examples=["0.015"])
    amount_base_units: str = Field(examples=["1500000"])


def money(units: int, asset: Asset) -> Money:
    return Money(amount=signed_decimal(asset, units), amount_base_units=str(units))


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
