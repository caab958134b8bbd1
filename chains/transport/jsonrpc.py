"""JSON-RPC over one connection: version 2.0, and what older servers make of it. Knows no method.

Servers differ in how they say "no error" (absent, or null) and "no result" (absent, or null beside
an error), in the HTTP status of errors, and in what stands before them. What is read here is the
least that must hold: an answer carries our question's id, and either a result or an error.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, Final

from pydantic_core import from_json

from chains.answers import chunks
from chains.errors import NodeError, NodeMisbehaved, NodeUnavailable
from chains.transport.connection import Connection, Reply
from chains.transport.meaning import Meaning, of_error
from chains.transport.offload import LARGE_BYTES, Offload, Reader, Unreadable, read_answer

Call = tuple[str, Sequence[object]]
"""Method and positional arguments."""

BATCH_MAX: Final = 100
"""Questions in one request. Nodes allow a thousand (geth), some of those before them a hundred."""
_REASON_LENGTH_MAX: Final = 200
_OK: Final = 200
_NONE: Final[frozenset[int]] = frozenset()


@dataclass(frozen=True, slots=True)
class Fault:
    """The node's own error. `message` is shortened and free of our secrets."""

    code: int
    message: str
    data: Any = None


class JsonRpc:
    """`decode` turns a body into values and raises ValueError. `limits`: error codes with which
    this kind of node says that it wants to be asked less."""

    def __init__(
        self,
        connection: Connection,
        *,
        decode: Callable[[bytes], Any] = from_json,
        limits: frozenset[int] = _NONE,
    ) -> None:
        self._connection = connection
        self._decode = decode
        self._limits = limits
        self._ids = count(1)
        self._offload = Offload()

    async def ask(
        self,
        method: str,
        params: object,
        *,
        timeout_s: float | None = None,
        reader: Reader | None = None,
    ) -> Any:
        """The result of one call, which may be None, or a Fault. `reader`: what is kept of the
        result, for answers that may be large. Raises NodeUnavailable or NodeMisbehaved."""
        number = next(self._ids)
        reply = await self._post(_request(number, method, params), timeout_s, reader)
        return self._read(reply, number)

    async def ask_all(self, calls: Sequence[Call], *, timeout_s: float | None = None) -> list[Any]:
        """Of several calls in one request, in order, from one node, for each its result, a Fault,
        or the NodeError that is its answer's. More than BATCH_MAX are several requests."""
        parts = chunks(calls, BATCH_MAX)
        return [each for part in parts for each in await self._ask_part(part, timeout_s)]

    async def _ask_part(self, calls: Sequence[Call], timeout_s: float | None) -> list[Any]:
        if len(calls) == 1:
            return [await self.ask(*calls[0], timeout_s=timeout_s)]
        numbers = [next(self._ids) for _ in calls]
        requests = [_request(number, *call) for number, call in zip(numbers, calls, strict=True)]
        replies = await self._post(requests, timeout_s)
        if not isinstance(replies, list):
            raise self._refused_batch(replies)
        by_id = {each.get("id"): each for each in replies if isinstance(each, dict)}
        if (
            len(replies) == len(by_id) == 1 and "error" in replies[0]
        ):  # geth and erigon: as if the first's own
            raise self._refused_batch(replies[0])
        if len(replies) != len(calls) or by_id.keys() != set(numbers):
            raise NodeMisbehaved(f"{self._connection.name}: answers to other questions")
        return [self._read_part(by_id[number], number) for number in numbers]

    async def close(self) -> None:
        await self._offload.close()
        await self._connection.close()

    async def _post(
        self, request: object, timeout_s: float | None, reader: Reader | None = None
    ) -> Any:
        body = json.dumps(request, separators=(",", ":")).encode()
        reply = await self._connection.post(body, timeout_s=timeout_s)
        try:
            value = await self._value(reply.body, reader)
        except Unreadable as error:
            name = self._connection.name
            raise NodeMisbehaved(f"{name}: an answer that can't be read ({error})") from None
        except (ValueError, RecursionError):
            raise self._no_answer(reply) from None
        if reply.status != _OK and not _is_answer(value):
            raise self._no_answer(reply)
        return value

    async def _value(self, body: bytes, reader: Reader | None) -> Any:
        if reader is None:
            return self._decode(body)
        if len(body) < LARGE_BYTES:
            return read_answer(body, self._decode, reader)
        return await self._offload.read(body, reader)

    def _read_part(self, reply: Any, number: int) -> Any:
        """What went wrong with one of several answers hides none of the others."""
        try:
            return self._read(reply, number)
        except NodeError as error:
            return error

    def _read(self, reply: Any, number: int) -> Any:
        name = self._connection.name
        if not isinstance(reply, dict):
            raise NodeMisbehaved(f"{name}: an answer that is not JSON-RPC")
        error = reply.get("error")
        if error is None and "result" in reply:
            if reply.get("id") != number:
                raise NodeMisbehaved(f"{name}: an answer to another question")
            self._connection.answered()
            return reply["result"]
        if error is None and not _words(reply):
            raise NodeMisbehaved(f"{name}: an answer with neither result nor error")
        # A server that could not even read the question has no id to answer with.
        if reply.get("id") not in (number, None):
            raise NodeMisbehaved(f"{name}: an error about another question")
        return self._fault(
            reply if error is None else error, is_own="jsonrpc" in reply or "id" in reply
        )

    def _fault(self, error: Any, *, is_own: bool) -> Fault:
        """Raises where the error is about us or the way, not about the question."""
        connection = self._connection
        fields = error if isinstance(error, dict) else {"message": error}
        code = fields.get("code")
        code = code if isinstance(code, int) and not isinstance(code, bool) else 0
        text = " ".join(connection.redact(str(_words(fields) or "")).split())[:_REASON_LENGTH_MAX]
        meaning = of_error(code, text, self._limits)
        if meaning is Meaning.LIMITED:
            raise connection.limited(f"{text} ({code})")
        if meaning is Meaning.DENIED:
            raise connection.denied(f"{text} ({code})")
        if not is_own:
            raise NodeUnavailable(
                f"{connection.name}: not the node but something else says: {text}"
            )
        connection.answered()
        return Fault(code, text, fields.get("data"))

    def _refused_batch(self, reply: Any) -> Exception:
        """One error in place of a list: the batch was not looked at."""
        if not isinstance(reply, dict) or ("result" in reply and reply.get("error") is None):
            return NodeMisbehaved(f"{self._connection.name}: one answer to several questions")
        fault = self._fault(reply.get("error") or reply, is_own=True)
        return NodeUnavailable(
            f"{self._connection.name} takes no batches: {fault.message} ({fault.code})",
            advice="the node, or what stands before it, must allow JSON-RPC batches",
        )

    def _no_answer(self, reply: Reply) -> NodeUnavailable:
        what = "a web page" if reply.body.lstrip()[:1] == b"<" else "something that is not JSON"
        return NodeUnavailable(
            f"{self._connection.name} answered HTTP {reply.status} with {what}",
            advice="check the path in the node's URL" if reply.status in (404, 405) else "",
        )


def _request(number: int, method: str, params: object) -> dict[str, object]:
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": params}


def _is_answer(value: Any) -> bool:
    """Whether a body with an error's status is what the node itself says."""
    replies = value if isinstance(value, list) else [value]
    return bool(replies) and all(
        isinstance(each, dict) and ("error" in each or "result" in each) for each in replies
    )


def _words(fields: dict[str, Any]) -> Any:
    """What an error says, however it spells the field."""
    return fields.get("message") or fields.get("Message") or fields.get("Error")
