"""One thing asked of an adapter, for tests that are about one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Concatenate, ParamSpec, TypeVar

from chains.answers import Answers, found

P = ParamSpec("P")
T = TypeVar("T")
I = TypeVar("I")  # noqa: E741 - an item


async def one(
    ask: Callable[Concatenate[Sequence[I], P], Awaitable[Answers[T]]],
    item: I,
    *args: P.args,
    **kwargs: P.kwargs,
) -> T:
    """The answer about `item`, or its error raised."""
    [answer] = await ask([item], *args, **kwargs)
    return found(answer)
