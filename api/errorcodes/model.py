"""What is said of one code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Word(NamedTuple):
    """`statuses`: of the answers that carry it, the likeliest first; none where it is only a reason
    why a transfer waits, or told by a command."""

    statuses: tuple[int, ...]
    meaning: str
    advice: str


Words = Mapping[str, Word]
