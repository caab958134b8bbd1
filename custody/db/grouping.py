"""Short write transactions that share one commit, because SQLite has one writer and one disk.

Most of a short transaction's time is BEGIN, COMMIT and the wait for the disk. Meanwhile others
queue; here those who queued become parts of the next transaction, one after the other, each in a
savepoint of its own. A part that fails is undone alone. Nobody goes on, also not with an error,
before the commit that holds what it did and saw is on the disk; if that fails, all fail.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Generic, Protocol, TypeVar

_PARTS_MAX = 16
"""So that the first does not wait long for the last."""


class Divisible(Protocol):
    """A transaction of which the newest part can be undone."""

    async def flush(self) -> None: ...

    async def begin_part(self) -> None: ...

    async def end_part(self, *, keep: bool) -> None: ...


T = TypeVar("T", bound=Divisible)


class _Part(Generic[T]):
    """`begun`: its turn has come. `ended`: whether it is worth keeping. `settled`: committed."""

    __slots__ = ("begun", "ended", "settled")

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.begun: asyncio.Future[T] = loop.create_future()
        self.ended: asyncio.Future[bool] = loop.create_future()
        self.settled: asyncio.Future[BaseException | None] = loop.create_future()


class Group(Generic[T]):
    """`transaction` opens one, and commits it at the end of its block."""

    def __init__(self, transaction: Callable[[], AbstractAsyncContextManager[T]]) -> None:
        self._transaction = transaction
        self._waiting: deque[_Part[T]] = deque()
        self._server: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def part(self) -> AsyncIterator[T]:
        """One part: durable at the end of the block, undone if the block raises."""
        part: _Part[T] = _Part()
        self._waiting.append(part)
        if self._server is None or self._server.done():
            self._server = asyncio.create_task(self._serve())
        try:
            session = await part.begun
            yield session
            await session.flush()
        except Exception:
            part.ended.set_result(False)
            await _outcome(part)
            raise
        except BaseException:
            part.ended.set_result(False)
            raise
        part.ended.set_result(True)
        await _outcome(part)

    async def close(self) -> None:
        """Return when no part is under way any more, also of callers that were cancelled."""
        while self._server is not None and not self._server.done():
            await asyncio.wait([self._server])

    async def _serve(self) -> None:
        """A task of its own, so that a cancelled caller takes nobody's commit with it."""
        while self._waiting:
            parts: list[_Part[T]] = []
            try:
                async with self._transaction() as session:
                    while self._waiting and len(parts) < _PARTS_MAX:
                        parts.append(self._waiting.popleft())
                        await _run(parts[-1], session)
            except BaseException as error:
                # It may have failed before anybody's turn came; then the first in line hears of it.
                _settle(parts or [self._waiting.popleft()], error)
                if not isinstance(error, Exception):
                    raise
            else:
                _settle(parts, None)


def _settle(parts: Iterable[_Part[T]], failure: BaseException | None) -> None:
    for part in parts:
        if failure is not None and not part.begun.done():
            part.begun.set_exception(failure)
        if not part.settled.done():  # as it is where the caller was cancelled
            part.settled.set_result(failure)


async def _run(part: _Part[T], session: T) -> None:
    if part.begun.cancelled():
        return
    await session.begin_part()
    if not part.begun.cancelled():
        part.begun.set_result(session)
    await session.end_part(keep=await part.ended)


async def _outcome(part: _Part[T]) -> None:
    failure = await part.settled
    if failure is not None:
        raise failure
