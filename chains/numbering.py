"""Conflict keys that are numbers: an account's transactions get into blocks in the order of their
numbers and without gaps (EVM nonces), where a family's traits say `numbered_keys`.

Pure. Such a key is spelled `SERIES:NUMBER`, whatever the family.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from chains.model import ConflictKey, Excludes


class Place(NamedTuple):
    """The number that a key takes. `series`: whose; unique across networks."""

    series: str
    number: int

    @property
    def text(self) -> str:
        """Of the key, as `Block.consumed` has it."""
        return f"{self.series}:{self.number}"

    @property
    def key(self) -> ConflictKey:
        """Of all transactions with one number of a series, the chain includes at most one."""
        return ConflictKey(self.text, Excludes.INCLUSION)


def numbered(keys: Iterable[ConflictKey]) -> Place | None:
    """The place among the keys; None for what takes no number: a payment that was signed apart."""
    found = [place_of(key.text) for key in keys if key.excludes is Excludes.INCLUSION]
    return found[0] if found else None


def place_of(text: str) -> Place:
    """The inverse of `Place.text`. Raises ValueError for another kind of key."""
    series, _, number = text.rpartition(":")
    if not series or not number.isdecimal():
        raise ValueError(f"{text} is no number of a series")
    return Place(series, int(number))
