"""Sees which of our folders a piece of work goes through, and by which calls.

A **room** is a folder of ours: each of custody's and each chain's, with what lies below it; `api`
and `signer` are one room each, since each is a process of its own. A **hop** is a call from a file
of one room into a file of another; the same two rooms count once in a **visit**, which is what one
cause from outside sets off. What every room stands on is no room (`GROUND`): words and values, the
clock, the log, the connection to the database and to a node, and pure functions of their
arguments, such as a chain's codec. Between two frames of rooms may lie frames of the ground or of a
library; a task continues the call that made it.

What is seen depends on what is called and on nothing else, least of all on the time.
"""

from __future__ import annotations

import asyncio
import gc
import re
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, Final
from weakref import WeakKeyDictionary

ROOT: Final = Path(__file__).resolve().parents[2]
LAYERS: Final = ("api", "custody", "signer", "chains")
"""From above to below. The signer and the chains do not know custody."""
GROUND: Final = (
    "custody/apikeys/model.py",
    "custody/db/",
    "custody/deposits/deciding.py",
    "custody/ledger/model.py",
    "custody/workers/logs.py",
    "chains/contracts/",
    "chains/transport/",
    "chains/devnet/",
    "chains/evm/traits/",
    "signer/agreement.py",
    "signer/canonical.py",
    "signer/messages.py",
    "signer/reading.py",
    "signer/policy/",
    "signer/wire.py",
)
"""Beside the files that lie directly in custody/ and chains/, and the pure half of each chain."""
_PURE: Final = re.compile(
    r"chains/[a-z]+/(address|bech32|build|calling|codec|erc20|parse|permits|psbt|rlp|schema"
    r"|transaction|trc20)"
)
_VISIT: Final = re.compile(r"\*\*([^*]+)\*\*")
_NUMBERED: Final = re.compile(r"(\d+)\. `([a-z0-9_/]+)` -> `([a-z0-9_/]+)`")
SIGNER: Final = "signer"
"""The visit of the signer's own process, here a thread of that name."""

VISIT: ContextVar[str] = ContextVar("visit", default="")
"""What is being done; empty: nothing that is looked at."""


@dataclass(frozen=True, slots=True)
class Hop:
    """Between rooms, by the first call that was seen: files without `.py`."""

    caller: str
    callee: str

    @property
    def rooms(self) -> tuple[str, str]:
        return room_of(self.caller), room_of(self.callee)


@dataclass
class Trace:
    """By visit, the hops in the order in which they were first made. `upward`: those of them that
    lead from a lower layer into a higher one."""

    hops: dict[str, dict[tuple[str, str], list[Hop]]] = field(default_factory=dict)
    upward: set[Hop] = field(default_factory=set)

    def see(self, visit: str, caller: str, callee: str) -> None:
        hop = Hop(caller, callee)
        if hop.rooms[0] == hop.rooms[1]:
            return
        if _layer(callee) < _layer(caller):
            self.upward.add(hop)
        seen = self.hops.setdefault(visit, {}).setdefault(hop.rooms, [])
        if hop not in seen:
            seen.append(hop)


def described(document: Path) -> dict[str, list[tuple[int, Hop]]]:
    """By visit, the numbered lines of `document`: 1. `a/file` -> `b/file`: why. A visit begins at
    a line that is its name, as **The request**."""
    found: dict[str, list[tuple[int, Hop]]] = {}
    visit = ""
    for line in document.read_text().splitlines():
        if title := _VISIT.fullmatch(line):
            visit = title[1].lower()
        elif visit and (hop := _NUMBERED.match(line)):
            found.setdefault(visit, []).append((int(hop[1]), Hop(hop[2], hop[3])))
    return found


def room_of(file: str) -> str:
    """By the folder's first two parts; by the first alone where that is a process."""
    top, *folders = file.split("/")[:-1]
    return top if top in ("api", "signer") or not folders else f"{top}/{folders[0]}"


def is_ground(file: str) -> bool:
    on_top = room_of(file) in ("custody", "chains")
    return on_top or f"{file}.py".startswith(GROUND) or _PURE.fullmatch(file) is not None


def _layer(file: str) -> int:
    return LAYERS.index(file.partition("/")[0])


@contextmanager
def tracing() -> Iterator[Trace]:
    """Of this thread's running event loop, and of threads that begin meanwhile. The collector is
    off: whom it closes while somebody runs, nobody has called."""
    trace, tracer = Trace(), _Tracer()
    loop = asyncio.get_running_loop()
    before = loop.get_task_factory()
    loop.set_task_factory(tracer.make_task)

    def look(frame: FrameType, event: str, _: Any) -> None:
        if event == "call":
            tracer.look(trace, frame)

    gc.collect()
    gc.disable()
    threading.setprofile(look)
    sys.setprofile(look)
    try:
        yield trace
    finally:
        gc.enable()
        sys.setprofile(None)
        threading.setprofile(None)
        loop.set_task_factory(before)


class _Tracer:
    def __init__(self) -> None:
        self._files: dict[CodeType, str | None] = {}
        self._makers: WeakKeyDictionary[asyncio.Task[Any], str | None] = WeakKeyDictionary()

    def make_task(self, loop: asyncio.AbstractEventLoop, work: Any, **more: Any) -> Any:
        task: asyncio.Task[Any] = asyncio.Task(work, loop=loop, **more)
        self._makers[task] = self._caller_of(sys._getframe(1))
        return task

    def look(self, trace: Trace, frame: FrameType) -> None:
        callee = self._file(frame.f_code)
        if callee is None:
            return
        visit = SIGNER if threading.current_thread().name.startswith(SIGNER) else VISIT.get()
        if not visit:
            return
        caller = self._caller_of(frame.f_back)
        if caller is not None and caller != callee:
            trace.see(visit, caller, callee)

    def _caller_of(self, frame: FrameType | None) -> str | None:
        """The nearest file of ours; where a task begins, that of who made the task."""
        while frame is not None:
            found = self._file(frame.f_code)
            if found is not None:
                return found
            frame = frame.f_back
        task = _current_task()
        return None if task is None else self._makers.get(task)

    def _file(self, code: CodeType) -> str | None:
        """Without `.py`, from the root; None if it is in no room of ours."""
        if code not in self._files:
            self._files[code] = _file_in_a_room(Path(code.co_filename))
        return self._files[code]


def _file_in_a_room(path: Path) -> str | None:
    if not path.is_relative_to(ROOT) or path.relative_to(ROOT).parts[0] not in LAYERS:
        return None
    file = path.relative_to(ROOT).with_suffix("").as_posix()
    return None if is_ground(file) else file


def _current_task() -> asyncio.Task[Any] | None:
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None


def visiting(name: str, work: Callable[..., Any]) -> Callable[..., Any]:
    """`work`, looked at as the visit `name`."""

    async def visit(*arguments: Any) -> Any:
        token = VISIT.set(name)
        try:
            return await work(*arguments)
        finally:
            VISIT.reset(token)

    return visit
