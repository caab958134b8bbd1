"""Questions about several things at once. Each thing gets its own answer. Knows no chain.

A node is asked once about a whole set, because a question costs more than the things it is about.
Trouble with one thing is the answer for that thing. It must not hide the other answers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from typing import Final, TypeVar

from chains.errors import ChainError

T = TypeVar("T")
I = TypeVar("I")  # noqa: E741 - an item

Answers = list[T | ChainError]
"""One for each thing, in order: what was found, or why nothing was found."""

CONCURRENCY: Final = 8
"""Requests to a node at the same time, where it takes no set."""


async def each_answer(items: Iterable[I], ask: Callable[[I], Awaitable[T]]) -> Answers[T]:
    """Ask about each, several at a time."""
    slots = asyncio.Semaphore(CONCURRENCY)

    async def one(item: I) -> T | ChainError:
        async with slots:
            return await answer(ask(item))

    return list(await asyncio.gather(*(one(item) for item in items)))


async def answer(asking: Awaitable[T]) -> T | ChainError:
    """The result. A ChainError is returned instead of raised."""
    try:
        return await asking
    except ChainError as error:
        return error


def attempt(work: Callable[[], T]) -> T | ChainError:
    """As `answer`, for work that waits for nothing."""
    try:
        return work()
    except ChainError as error:
        return error


def found(answered: T | ChainError) -> T:
    """The answer. Raises it if it is an error."""
    if isinstance(answered, ChainError):
        raise answered
    return answered


def chunks(items: Sequence[I], size: int) -> Iterator[Sequence[I]]:
    """In order, in lists of at most `size`."""
    return (items[at : at + size] for at in range(0, len(items), size))
