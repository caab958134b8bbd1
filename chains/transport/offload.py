"""Reads large answers in other processes, so that this one's event loop goes on.

Decoding JSON holds the interpreter's lock from the first byte to the last: in a thread, a block of
17 MB would still stop every other thread for as long. So the bytes go to a child, which decodes
them and keeps of the result what a reader (a pure function of ours, named by module) makes of it.

Small answers are read right here. There is a bound on children, on the time one answer may take,
and on a child's memory. A child knows no secret: its environment is empty but for the module path,
and it ends when its input does, so also when its parent is killed.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable
from typing import Any, Final

from pydantic_core import from_json

from chains.errors import NodeMisbehaved

Reader = Callable[[Any], Any]
"""A module-level function of `chains`: a decoded result -> what we need of it, as JSON values."""

LARGE_BYTES: Final = 128 * 1024
"""Decoded and read within a few milliseconds."""
WORKERS: Final = 2
TIMEOUT_S: Final = 60.0
_LENGTH_BYTES: Final = 8
MISREAD: Final = (KeyError, TypeError, ValueError, IndexError, AttributeError, RecursionError)
"""What reading JSON of another shape than expected raises."""


class Unreadable(Exception):
    """The answer has not the shape that the reader expects."""


def read_answer(body: bytes, decode: Callable[[bytes], Any], reader: Reader) -> Any:
    """A JSON-RPC answer in which the result, if there is one, is what `reader` makes of it.

    Raises what `decode` raises, Unreadable, and NodeMisbehaved in the reader's own words.
    """
    answer = decode(body)
    if isinstance(answer, dict) and answer.get("result") is not None:
        try:
            answer["result"] = reader(answer["result"])
        except MISREAD as error:
            raise Unreadable(type(error).__name__) from error
    return answer


class Offload:
    """Children for one connection, started when the first large answer comes."""

    def __init__(self, workers: int = WORKERS, timeout_s: float = TIMEOUT_S) -> None:
        self._places = asyncio.Semaphore(workers)
        self._timeout_s = timeout_s
        self._idle: list[Process] = []
        self._all: set[Process] = set()

    async def read(self, body: bytes, reader: Reader) -> Any:
        """As `read_answer`, elsewhere. Raises ValueError for what is no JSON."""
        async with self._places:
            child = self._idle.pop() if self._idle else await self._start()
            try:
                async with asyncio.timeout(self._timeout_s):
                    answer = await _exchange(child, _name(reader), body)
            except (OSError, EOFError, TimeoutError):
                await self._end(child)
                raise NodeMisbehaved("an answer that took too long to read") from None
            except BaseException:  # cancelled: what the child will say belongs to nobody
                await self._end(child)
                raise
            self._idle.append(child)
        return _value(answer)

    async def close(self) -> None:
        for child in list(self._all):
            await self._end(child)
        self._idle.clear()

    async def _start(self) -> Process:
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "chains.transport.child",
            stdin=PIPE,
            stdout=PIPE,
            env={"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
            limit=1 << 20,
            start_new_session=True,  # an interrupt from the terminal is for us, not for it
        )
        self._all.add(child)
        return child

    async def _end(self, child: Process) -> None:
        self._all.discard(child)
        with contextlib.suppress(ProcessLookupError):
            child.kill()
        await asyncio.shield(child.wait())


def _name(reader: Reader) -> str:
    return f"{reader.__module__}:{reader.__qualname__}"


async def _exchange(child: Process, name: str, body: bytes) -> Any:
    assert child.stdin is not None and child.stdout is not None
    child.stdin.writelines([frame(name.encode()), frame(body)])
    await child.stdin.drain()
    length = int.from_bytes(await child.stdout.readexactly(_LENGTH_BYTES))
    return from_json(await child.stdout.readexactly(length), cache_strings="keys")


def _value(answer: Any) -> Any:
    match answer:
        case {"value": value}:
            return value
        case {"misbehaved": message}:
            raise NodeMisbehaved(message)
        case {"unreadable": kind}:
            raise Unreadable(kind)
    raise ValueError("not JSON")


def frame(data: bytes) -> bytes:
    return len(data).to_bytes(_LENGTH_BYTES) + data


def answer_of(body: bytes, decode: Callable[[bytes], Any], reader: Reader) -> bytes:
    """What a child says."""
    said: dict[str, Any]
    try:
        said = {"value": read_answer(body, decode, reader)}
    except Unreadable as error:
        said = {"unreadable": str(error)}
    except NodeMisbehaved as error:
        said = {"misbehaved": str(error)}
    except (ValueError, RecursionError):
        said = {"undecodable": True}
    return json.dumps(said, separators=(",", ":")).encode()
