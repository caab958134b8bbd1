"""Many values for one query, in parts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

CHUNK = 500
"""Values per query, far below what either database accepts."""


def chunks(values: Iterable[str]) -> Iterator[list[str]]:
    """Each value once, in parts of at most CHUNK; in order, so that locks taken part by part are
    taken in order too."""
    distinct = sorted(set(values))
    for start in range(0, len(distinct), CHUNK):
        yield distinct[start : start + CHUNK]
