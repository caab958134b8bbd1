"""A machine that runs one process of ours, until it is killed between two statements.

A killed process does nothing any more: no `finally` tidies up, nothing is rolled back by code. What
the system does is done here: its connections to the database are dropped. Its coroutines are kept
until the game is over, because Python would end them otherwise, and run what they meant to do last.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from contextvars import copy_context
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any, Final, TypeVar, cast

from tests.sim.chain import Adapter
from tests.sim.loop import MACHINE, VirtualLoop

T = TypeVar("T")

_YIELDS: Final = 0.15
"""How often a statement takes long enough for others to come in between."""
_YIELDS_AT_COMMIT: Final = 0.4
"""A commit waits for the disk."""
_SLOW_S: Final = 0.004


class Died(Exception):
    """The machine was killed before it was done."""


@dataclass
class Machine:
    """`fuse`: after so many points in its work it dies; a point is before or after a statement, and
    before or after a commit; `commits_only`: only the latter count. `stalls_s`: so long nothing of
    it runs, at its next statement. `adapter`: its line to the chain."""

    name: str
    dice: Random
    told: Callable[[str, object], None]
    wall: Callable[[], datetime]
    adapter: Adapter
    is_frozen: bool = False
    fuse: int | None = None
    commits_only: bool = False
    stalls_s: float = 0.0
    tasks: set[asyncio.Task[Any]] = field(default_factory=set)
    on_death: list[Callable[[], None]] = field(default_factory=list)
    _running: dict[asyncio.Task[Any], asyncio.Future[Any]] = field(default_factory=dict)
    _stalled: asyncio.Future[None] | None = None

    def start(self, work: Coroutine[Any, Any, T]) -> asyncio.Future[T]:
        """Its result, or Died, for whoever waits in the world outside."""
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[T] = loop.create_future()
        ended.add_done_callback(_heard)
        if self.is_frozen:
            work.close()
            ended.set_exception(Died(self.name))
            return ended
        context = copy_context()
        context.run(MACHINE.set, self)
        task = loop.create_task(work, context=context)
        self._running[task] = ended
        task.add_done_callback(self._end, context=copy_context())
        return ended

    def _end(self, task: asyncio.Task[Any]) -> None:
        ended = self._running.pop(task)
        if ended.done():
            return
        if task.cancelled():
            ended.cancel()
        elif (error := task.exception()) is not None:
            ended.set_exception(error)
        else:
            ended.set_result(task.result())

    async def point(self, what: str, values: object = None, *, commit: bool = False) -> None:
        """Between two statements of its work. May never return."""
        if values is not None:
            self.told(f"{self.name} {what}", values)
        if self.dice.random() < (_YIELDS_AT_COMMIT if commit else _YIELDS):
            await asyncio.sleep(self.dice.random() * _SLOW_S)
        if self.fuse is not None and (commit or not self.commits_only):
            self.fuse -= 1
            if self.fuse < 0:
                self.die()
        if self.is_frozen:
            await asyncio.get_running_loop().create_future()
        while self.stalls_s:
            stalls, self.stalls_s = self.stalls_s, 0.0
            self._stalled = asyncio.get_running_loop().create_future()
            await asyncio.sleep(stalls)
            self._stalled.set_result(None)
            self._stalled = None
        if self._stalled is not None:
            await asyncio.shield(self._stalled)

    def die(self) -> None:
        if self.is_frozen:
            return
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        loop.freeze(self)
        for drop in self.on_death:
            drop()
        for ended in self._running.values():
            if not ended.done():
                ended.set_exception(Died(self.name))

    def bury(self) -> None:
        """When the game is over and its loop stands: nothing that they touch is in use any more."""
        for task in list(self.tasks):
            task._log_destroy_pending = False  # type: ignore[attr-defined]
            coroutine = cast(Any, task).get_coro()
            with suppress(BaseException):  # whatever they meant to do last
                coroutine.close()
        self.tasks.clear()


def _heard(ended: asyncio.Future[Any]) -> None:
    """Also where nobody waits for it."""
    if not ended.cancelled():
        ended.exception()
