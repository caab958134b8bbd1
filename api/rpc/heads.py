"""New blocks of a network, as its node tells them, for whoever listens: one look for all of them.

What is told here is for apps alone. When the node's chain turns out to be another one, the blocks
that are gone are told before those in their place.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import structlog

from chains.errors import ChainError
from chains.transport.jsonrpc import Fault

LOOK_S: Final = 1.0
_KEPT: Final = 64
"""Blocks that are remembered, and at most made up for at a time."""
_WAITING_MAX: Final = 512
_LEFT_OUT: Final = ("transactions", "uncles", "withdrawals", "size", "totalDifficulty")
"""Not of the header."""

Ask = Callable[[str, Sequence[Any]], Awaitable[Any]]

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Head:
    """`header`: the block, without what it holds. `removed`: it is not on the chain any more."""

    header: Mapping[str, Any]
    removed: bool = False

    @property
    def hash(self) -> str:
        return str(self.header["hash"])


class Listener:
    """What one of those who listen has not taken yet. None ends it: too much waited."""

    def __init__(self) -> None:
        self._waiting: asyncio.Queue[Head | None] = asyncio.Queue()

    async def next(self) -> Head | None:
        return await self._waiting.get()

    def tell(self, heads: Sequence[Head]) -> None:
        if self._waiting.qsize() + len(heads) > _WAITING_MAX:
            self._waiting.put_nowait(None)
            return
        for head in heads:
            self._waiting.put_nowait(head)


class Heads:
    """Of one network, in one process. `ask`: of a node; may raise ChainError."""

    def __init__(self, ask: Ask, look_delay: float = LOOK_S) -> None:
        self._ask = ask
        self._look_delay = look_delay
        self._known: deque[Mapping[str, Any]] = deque(maxlen=_KEPT)
        self._listeners: set[Listener] = set()
        self._looking: asyncio.Task[None] | None = None

    @contextmanager
    def listening(self) -> Iterator[Listener]:
        """From the next block on."""
        mine = Listener()
        self._listeners.add(mine)
        if self._looking is None:
            self._looking = asyncio.create_task(self._look())
        try:
            yield mine
        finally:
            self._listeners.discard(mine)

    async def close(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)

    async def _look(self) -> None:
        self._known.clear()
        while self._listeners:
            try:
                await self.step()
            except (ChainError, KeyError, TypeError, ValueError) as error:
                log.info("heads_not_read", error=type(error).__name__)
            await asyncio.sleep(self._look_delay)
        self._looking = None

    async def step(self) -> None:
        """Look once, and tell what is new."""
        tip = await self._block("eth_getBlockByNumber", "latest")
        if tip is None or (self._known and tip["hash"] == self._known[-1]["hash"]):
            return
        if not self._known:
            self._known.append(tip)
            return
        new = [tip]
        places = {each["hash"]: at for at, each in enumerate(self._known)}
        while new[-1]["parentHash"] not in places and len(new) < _KEPT:
            parent = await self._block("eth_getBlockByHash", new[-1]["parentHash"])
            if parent is None:
                return  # it went on meanwhile: the next look sees another tip
            new.append(parent)
        at = places.get(new[-1]["parentHash"])
        gone = [] if at is None else list(self._known)[at + 1 :]
        if at is None:
            self._known.clear()
        for _ in gone:
            self._known.pop()
        self._known.extend(reversed(new))
        heads = [Head(each, removed=True) for each in reversed(gone)]
        heads += [Head(each) for each in reversed(new)]
        for listener in tuple(self._listeners):
            listener.tell(heads)

    async def _block(self, method: str, which: str) -> Mapping[str, Any] | None:
        found = await self._ask(method, [which, False])
        if found is None or isinstance(found, Fault):
            return None
        return {name: value for name, value in found.items() if name not in _LEFT_OUT}
