"""Requests of a batch that make sense only after the one before them. Decides nothing.

Which these are is for the caller to say, who loses nothing but its own order if it says otherwise:
each request is judged as if it had come alone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Final, TypeVar

from signer.answers import Refusal, RefusalCode
from signer.canonical import MalformedMessage, integer, listed

T = TypeVar("T")
A = TypeVar("A")

BEHIND: Final = Refusal(
    None, RefusalCode.UNAVAILABLE, "behind", "what comes before it in this batch was not signed"
)


def in_turn(
    answer: Callable[[T], A], items: Sequence[T], follows: Collection[int]
) -> tuple[A | Refusal, ...]:
    """The answer about each. `follows`: positions of those about which nobody asks, and which are
    BEHIND, if the one before them was refused."""
    answers: list[A | Refusal] = []
    for at, item in enumerate(items):
        is_behind = at in follows and isinstance(answers[-1], Refusal)
        answers.append(BEHIND if is_behind else answer(item))
    return tuple(answers)


def positions(value: object, number: int) -> frozenset[int]:
    """Of so many items those that follow another one. Raises MalformedMessage."""
    found = [integer(each) for each in listed(value, maximum=number)]
    if found != sorted(set(found)) or not all(0 < each < number for each in found):
        raise MalformedMessage("positions")
    return frozenset(found)
