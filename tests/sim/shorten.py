"""Makes a list of moves that finds something as short as it gets, by leaving moves out (delta
debugging). A move draws from dice of its own, so those that stay are the same moves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


def shortened(
    items: Sequence[T], finds: Callable[[Sequence[T]], bool], tries: int = 60
) -> tuple[T, ...]:
    """`finds` is true of `items`, and of what is returned. After so many `tries` it is as short as
    it got."""
    kept, part = list(items), max(1, len(items) // 2)
    while kept and tries:
        at, shorter = 0, False
        while at < len(kept) and tries:
            fewer = kept[:at] + kept[at + part :]
            tries -= 1
            if finds(fewer):
                kept, shorter = fewer, True
            else:
                at += part
        if part == 1 and not shorter:
            break
        part = max(1, part // 2) if not shorter else min(part, max(1, len(kept) // 2))
    return tuple(kept)
