"""Questions about several things at once, each answered for itself. Knows no chain.

A node is asked once about a whole set, because a question costs more than what it is about. One
thing's trouble is its own answer: it must not hide what the node said about the others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from typing import Final, TypeVar

from chains.errors import ChainError

T = TypeVar("T")
I = TypeVar("I")  # noqa: E741 - an item

Answers = list[T | ChainError]
"""One for each thing asked about, in order: what was found, or why nothing was."""

CONCURRENCY: Final = 8
"""Requests to one node at a time, where it takes no set."""


async def each_answer(items: Iterable[I], ask: Callable[[I], Awaitable[T]]) -> Answers[T]:
    """Ask about one after the other, several at a time."""
    slots = asyncio.Semaphore(CONCURRENCY)

    async def one(item: I) -> T | ChainError:
        async with slots:
            return await answer(ask(item))

    return list(await asyncio.gather(*(one(item) for item in items)))


async def answer(asking: Awaitable[T]) -> T | ChainError:
    """What comes of it, with an error of the chain as a value."""
    try:
        return await asking
    except ChainError as error:
        return error


def attempt(work: Callable[[], T]) -> T | ChainError:
    """The same for work that waits for nothing."""
    try:
        return work()
    except ChainError as error:
        return error


def found(answered: T | ChainError) -> T:
    """The answer, or its error raised."""
    if isinstance(answered, ChainError):
        raise answered
    return answered


def chunks(items: Sequence[I], size: int) -> Iterator[Sequence[I]]:
    """In order, in lists of at most `size`."""
    return (items[at : at + size] for at in range(0, len(items), size))
