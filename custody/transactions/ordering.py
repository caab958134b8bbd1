"""In which order transactions of one address are signed, where its keys are numbers. Pure.

Number n+1 is signed only after n: else what is signed would wait in no block until somebody sends
a further payment, should n be refused. So a number that is neither used on the chain nor signed
holds back all above it. If a transaction that is under way has it, they wait. If nobody has it
(what had it was refused, or couldn't be built), the highest of those that were built above it is
let go and built again: it takes the free number, and the others keep theirs. The signer has not
looked at it, because what comes before it had to be signed first.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum


class Turn(StrEnum):
    """What becomes of a built transaction now."""

    ASK = "ask"
    WAIT = "wait"
    """A lower number is not signed yet, and is not asked about with it."""
    LET_GO = "let_go"
    """It shall be built again with a lower number, which is free."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """Of one address. `first`: all below it are used on the chain, and what is not named here is
    free. `used`: also used. `signed`, `unsigned`: taken by what is under way."""

    first: int
    used: frozenset[int]
    signed: frozenset[int]
    unsigned: frozenset[int]


def turns(wanted: Collection[int], numbers: Numbers) -> Mapping[int, Turn]:
    """Of each of the numbers for which there are bytes that shall be signed together, the lowest
    first. A number that is signed already is a replacement's: nothing keeps it waiting."""
    waiting = sorted(set(wanted) - numbers.signed)
    known = numbers.used | numbers.signed
    below = range(numbers.first, max(waiting, default=0))
    free = [at for at in below if at not in known | numbers.unsigned and at not in waiting]
    in_work = [at for at in below if at in numbers.unsigned - known and at not in waiting]
    # One for each free number, from the end: what lies between keeps its number.
    let_go = {high for high, hole in zip(reversed(waiting), free, strict=False) if high > hole}
    first_open = min([*free, *in_work], default=None)

    def turn_of(number: int) -> Turn:
        if number in numbers.signed:
            return Turn.ASK
        if number in let_go:
            return Turn.LET_GO
        waits = first_open is not None and first_open < number
        return Turn.WAIT if waits else Turn.ASK

    return {number: turn_of(number) for number in sorted(wanted)}


def gap(first: int, taken: Collection[int], signed: Collection[int]) -> int | None:
    """The lowest number from `first` on that nobody has though what is signed has a higher one:
    that will be in no block before somebody takes it."""
    highest = max(signed, default=first)
    return next((each for each in range(first, highest) if each not in taken), None)
