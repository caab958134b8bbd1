"""Lists by cursor: oldest first, stable while rows are added.

The cursor names the last row of the page before, encoded so that nobody builds one by hand: by its
id, or by its ordinal where ids are derived. Both sort by time of creation, so what is added later
comes after the last page and moves nothing.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Callable, Sequence
from typing import Annotated, Generic, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

T = TypeVar("T")
R = TypeVar("R")

LIMIT_DEFAULT = 50
LIMIT_MAX = 200
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


class Page(BaseModel, Generic[T]):
    """`next_cursor` is null on the last page."""

    items: list[T]
    next_cursor: str | None


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
