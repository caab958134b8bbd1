"""An event loop whose time is a number, and whose tasks can be frozen.

Nothing waits: where all wait for a time, that time has come. So a game of hours takes a moment, and
what happens first follows from the game alone. What belongs to a machine (`machine`) that froze is
never run again, as nothing of a process is that was killed.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable
from contextvars import Context, ContextVar
from typing import Any, Final, Protocol


class Freezable(Protocol):
    """`tasks`: those of it that have not ended, kept from the garbage collector."""

    is_frozen: bool
    tasks: set[asyncio.Task[Any]]


MACHINE: ContextVar[Freezable | None] = ContextVar("machine", default=None)
"""On which machine a task runs; None: in the world outside."""


class Deadlock(AssertionError):
    """Everybody waits for something that nobody will do."""


_ANSWERS_S: Final = 0.02
"""How long a server outside may take to answer before it is taken to wait for something itself."""


class _Now(selectors.DefaultSelector):
    """Where a loop would wait for the world, time passes instead; but for sockets, which wait for a
    server that is real."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        sockets = len(self.get_map()) > 1  # beside the one by which a loop wakes itself
        if sockets and (ready := super().select(_ANSWERS_S)):
            return ready
        if timeout is None and not sockets:
            raise Deadlock("nothing can happen any more")
        self.now += max(0.0, timeout or 0.0)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._clock = _Now()
        super().__init__(self._clock)
        self.set_task_factory(_kept)

    def time(self) -> float:
        return self._clock.now

    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        return _alive(super().call_soon(callback, *args, context=context))

    def call_at(  # type: ignore[override]
        self,
        when: float,
        callback: Callable[..., object],
        *args: Any,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        handle = super().call_at(when, callback, *args, context=context)
        _alive(handle)
        return handle

    def freeze(self, machine: Freezable) -> None:
        """What of it was about to run never does."""
        machine.is_frozen = True
        for handle in (*self._ready, *self._scheduled):  # type: ignore[attr-defined]
            if handle._context.get(MACHINE) is machine:
                handle.cancel()


def _kept(
    loop: asyncio.AbstractEventLoop,
    work: Any,
    *,
    context: Context | None = None,
    **named: Any,
) -> asyncio.Task[Any]:
    task: asyncio.Task[Any] = asyncio.Task(work, loop=loop, context=context, **named)
    machine = MACHINE.get() if context is None else context.get(MACHINE)
    if machine is not None:
        machine.tasks.add(task)
        task.add_done_callback(machine.tasks.discard)
    return task


def _alive(handle: asyncio.Handle) -> asyncio.Handle:
    machine = handle._context.get(MACHINE)  # type: ignore[attr-defined]
    if machine is not None and machine.is_frozen:
        handle.cancel()
    return handle
