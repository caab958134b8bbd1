"""Many values for one query, in parts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from sqlalchemy import Select

from custody.db.session import ReadSession

T = TypeVar("T")

CHUNK = 500
"""Values per query, far below what either database accepts."""


def chunks(values: Iterable[str]) -> Iterator[list[str]]:
    """Each value once, in parts of at most CHUNK; in order, so that locks taken part by part are
    taken in order too."""
    distinct = sorted(set(values))
    for start in range(0, len(distinct), CHUNK):
        yield distinct[start : start + CHUNK]


async def all_in(
    session: ReadSession, values: Iterable[str], query: Callable[[list[str]], Select[T]]
) -> list[T]:
    """What `query` finds for each part of the values."""
    return [row for chunk in chunks(values) for row in await session.all(query(chunk))]
