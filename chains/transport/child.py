"""The other end of `offload`: `python -m chains.transport.child`, until its input ends."""

from __future__ import annotations

import resource
import sys
from functools import partial
from importlib import import_module
from typing import Any, BinaryIO, Final

from pydantic_core import from_json

from chains.transport.offload import Reader, answer_of, frame

MEMORY_BYTES_MAX: Final = 4 << 30
"""Ten times what the largest answer takes once it is decoded."""
_LENGTH_BYTES: Final = 8
_decode = partial(from_json, cache_strings="keys")


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES_MAX, MEMORY_BYTES_MAX))
    source, target = sys.stdin.buffer, sys.stdout.buffer
    while (name := _read(source)) is not None and (body := _read(source)) is not None:
        target.write(frame(answer_of(body, _decode, _reader(name.decode()))))
        target.flush()


def _reader(name: str) -> Reader:
    module, _, function = name.partition(":")
    assert module.startswith("chains."), module
    found: Any = getattr(import_module(module), function)
    reader: Reader = found
    return reader


def _read(source: BinaryIO) -> bytes | None:
    head = source.read(_LENGTH_BYTES)
    if len(head) < _LENGTH_BYTES:
        return None
    length = int.from_bytes(head)
    data = source.read(length)
    return data if len(data) == length else None


if __name__ == "__main__":
    main()
