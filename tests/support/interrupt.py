"""Interrupts a coroutine at any point where it waits, as a crash or a cancellation would."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Generator
from typing import Any


class _Driver:
    def __init__(self, coroutine: Coroutine[Any, Any, Any], after: int) -> None:
        self._coroutine = coroutine
        self._after = after

    def __await__(self) -> Generator[Any, Any, Any]:
        inner = self._coroutine.__await__()
        waits = 0
        error: BaseException | None = None
        while True:
            try:
                future = inner.send(None) if error is None else inner.throw(error)
            except StopIteration as done:
                return done.value
            error = None
            if waits == self._after:
                self._after = -1
                error = asyncio.CancelledError()
                if asyncio.isfuture(future):
                    future.cancel()
                continue
            waits += 1
            try:
                yield future
            except BaseException as raised:
                error = raised


async def interrupt(coroutine: Coroutine[Any, Any, Any], after: int) -> bool:
    """Run `coroutine` and cancel it where it waits for the `after`-th time (from 0).

    Returns whether it was interrupted; False means it ended before. What it had begun (a commit on
    its way to the disk) may still take effect, as with a crash.
    """
    driver = _Driver(coroutine, after)
    try:
        await driver
    except asyncio.CancelledError:
        return True
    return False
