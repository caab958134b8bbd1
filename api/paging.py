"""Lists by cursor: in the order in which rows came, stable while rows are added.

The cursor names the last row of the page before by its number (`custody.db.serials`), encoded so
that nobody builds one by hand. What is added later comes after the last page and moves nothing,
also where transactions end in another order than they began.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Annotated, Generic, Protocol, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

from api.schemas import Pattern
from custody.db.listing import Window
from custody.errors import Invalid

T = TypeVar("T")
R = TypeVar("R")

LIMIT_DEFAULT = 50
LIMIT_MAX = 200
_NUMBER = "seq_"
_DIGITS = re.compile("[0-9]{1,16}", re.ASCII)
_LAST = "[AEIMQUYcgk]"
_TWO = f"(?:[MN][DTjz]|O[DT]){_LAST}"
_NUMBERED = Pattern(
    f"^c2VxXz{_LAST}(?:[w-z0-5](?:{_TWO}[w-z0-5]){{0,4}}(?:[MN][AQgw]|O[AQ]|{_TWO})?)?$"
)
"""`_NUMBER` and up to sixteen digits in Base64url (RFC 4648 section 5), three bytes at a time."""
_ID = re.compile(r"[a-z]{3}_[0-9a-z]{1,26}", re.ASCII)


def encode_cursor(last_id: str) -> str:
    return urlsafe_b64encode(last_id.encode()).decode().rstrip("=")


def decode_cursor(cursor: str) -> str:
    """The id in it. Raises PydanticCustomError cursor_invalid."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        last_id = urlsafe_b64decode(padded.encode("ascii")).decode("ascii")
    except (Base64Error, ValueError):
        last_id = ""
    if _ID.fullmatch(last_id) is None or encode_cursor(last_id) != cursor:
        raise PydanticCustomError("cursor_invalid", "take the cursor from next_cursor")
    return last_id


class Order(StrEnum):
    ASC = "asc"
    DESC = "desc"


class PageQuery(BaseModel):
    """Base of every list's query. `cursor` is decoded here: the id to start after."""

    model_config = ConfigDict(extra="forbid")

    cursor: Annotated[str, AfterValidator(decode_cursor)] | None = Field(
        None, max_length=64, description="`next_cursor` of the page before"
    )
    limit: int = Field(LIMIT_DEFAULT, ge=1, le=LIMIT_MAX)

    @property
    def after(self) -> str:
        return self.cursor or ""


class ListQuery(PageQuery):
    """Of a list of numbered rows."""

    cursor: (
        Annotated[str, AfterValidator(decode_cursor), StringConstraints(max_length=64), _NUMBERED]
        | None
    ) = Field(None, description="`next_cursor` of the page before")
    order: Order = Field(Order.ASC, description="`asc`: the oldest first")

    def window(self, settled: int | None) -> Window:
        """With one row more than are shown. Raises Invalid cursor_invalid for the cursor of another
        list."""
        number = self.after.removeprefix(_NUMBER)
        if self.cursor is not None and (number == self.after or _DIGITS.fullmatch(number) is None):
            raise Invalid("cursor_invalid", "take the cursor from next_cursor", field="cursor")
        return Window(
            after=None if self.cursor is None else int(number),
            limit=self.limit + 1,
            descending=self.order is Order.DESC,
            settled=settled,
        )


class Page(BaseModel, Generic[T]):
    """`next_cursor` is null on the last page."""

    items: list[T]
    next_cursor: str | None


class HasSerial(Protocol):
    @property
    def serial(self) -> int | None: ...


def number_of(row: HasSerial) -> str:
    """What a cursor says of a numbered row."""
    return f"{_NUMBER}{row.serial}"


def page_of(
    rows: Sequence[R], limit: int, id_of: Callable[[R], str], render: Callable[[R], T]
) -> Page[T]:
    """From up to `limit + 1` rows: one more than are shown says that there is a next page."""
    shown = rows[:limit]
    more = len(rows) > limit
    return Page(
        items=[render(row) for row in shown],
        next_cursor=encode_cursor(id_of(shown[-1])) if more else None,
    )
