"""The envelope around what crosses the socket: a length, then canonical JSON with a version.

Client and server share it. A frame is a 4-byte big-endian length, at most MESSAGE_BYTES_MAX, and
that many bytes. One request gets one response; a connection carries one exchange at a time.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Mapping
from typing import Any, Final

from signer.wire import (
    MESSAGE_BYTES_MAX,
    VERSION,
    MalformedMessage,
    RefusalCode,
    canonical_json,
    exact_fields,
    integer,
    parse_json,
    text,
)

_LENGTH: Final = struct.Struct(">I")


class CallRefused(Exception):
    """The signer answered, and the answer is no. `detail` is a stable word below `code`."""

    def __init__(self, code: RefusalCode, detail: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.detail = detail


async def read_frame(reader: asyncio.StreamReader) -> bytes:
    """The next frame's bytes. Raises MalformedMessage if it is longer than allowed, and
    asyncio.IncompleteReadError if the peer closes; `partial` is empty then if between frames."""
    return await reader.readexactly(read_length(await reader.readexactly(_LENGTH.size)))


def read_length(prefix: bytes) -> int:
    """Of the frame that these four bytes begin. Raises MalformedMessage."""
    length: int = _LENGTH.unpack(prefix)[0]
    if not 0 < length <= MESSAGE_BYTES_MAX:
        raise MalformedMessage("frame length")
    return length


def frame(body: bytes) -> bytes:
    """Raises MalformedMessage if `body` is longer than allowed."""
    if not 0 < len(body) <= MESSAGE_BYTES_MAX:
        raise MalformedMessage("frame length")
    return _LENGTH.pack(len(body)) + body


def request(call: str, arguments: Mapping[str, Any]) -> bytes:
    return canonical_json({"version": VERSION, "call": call, "arguments": arguments})


def parse_request(body: bytes) -> tuple[str, Mapping[str, Any]]:
    """Call and arguments. Raises MalformedMessage."""
    fields = exact_fields(parse_json(body), frozenset({"version", "call", "arguments"}))
    _check_version(fields)
    arguments = fields["arguments"]
    if not isinstance(arguments, dict):
        raise MalformedMessage("arguments")
    return text(fields["call"]), arguments


def result(value: Any) -> bytes:
    return canonical_json({"version": VERSION, "result": value})


def refusal(code: RefusalCode, detail: str, message: str) -> bytes:
    told = {"code": code.value, "detail": detail, "message": message}
    return canonical_json({"version": VERSION, "refusal": told})


def parse_response(body: bytes) -> Any:
    """The result. Raises CallRefused for a refusal, MalformedMessage for anything else."""
    row = parse_json(body)
    if isinstance(row, dict) and "refusal" in row:
        fields = exact_fields(row, frozenset({"version", "refusal"}))
        _check_version(fields)
        told = exact_fields(fields["refusal"], frozenset({"code", "detail", "message"}))
        if told["code"] not in list(RefusalCode):
            raise MalformedMessage("refusal code")
        code = RefusalCode(told["code"])
        raise CallRefused(code, text(told["detail"]), text(told["message"], maximum=4096))
    fields = exact_fields(row, frozenset({"version", "result"}))
    _check_version(fields)
    return fields["result"]


def _check_version(fields: Mapping[str, Any]) -> None:
    if integer(fields["version"]) != VERSION:
        raise MalformedMessage("version")
