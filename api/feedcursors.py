"""Cursors of feeds: how far somebody has read, as text. What is numbered later comes after it."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import StringConstraints

from custody.feeds.repository import Cursor

NEWEST: Final = "newest"
_PLACE: Final = r"[0-9]{1,18}\.[0-9a-f]{0,32}"

FeedCursor = Annotated[str, StringConstraints(pattern=f"^{_PLACE}$")]
FeedCursorOrNewest = Annotated[str, StringConstraints(pattern=rf"^({_PLACE}|{NEWEST})$")]


def decode(text: str) -> Cursor:
    """Of what a query has checked."""
    number, _, mark = text.partition(".")
    return Cursor(int(number), mark)


def encode(cursor: Cursor) -> str:
    return f"{cursor.number}.{cursor.mark}"


BEGINNING: Final = encode(Cursor())
