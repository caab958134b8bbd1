"""A server that answers as a table says: a result, an error, or bytes that no node should send."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

DIALECTS = ("2.0", "legacy", "http")
"""How an answer is wrapped. "2.0": either `result` or `error`, always HTTP 200. "legacy": bitcoind
before 28, both members always, errors with HTTP 500 or 404. "http": java-tron, the bare value."""

_MISSING: Any = object()


@dataclass(frozen=True, slots=True)
class Answer:
    """See the package's docstring."""

    result: Any = _MISSING
    error: Any = _MISSING
    json: Any = _MISSING
    body: str | bytes = b""
    raw_batch: Any = _MISSING
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    times: int = 1
    cut: int = 0
    slow: bool = False
    drop: bool = False

    @classmethod
    def of(cls, value: Any) -> Answer:
        """A table's object whose keys are ours; anything else is a result."""
        names = {each.name for each in fields(cls)}
        if isinstance(value, Answer):
            return value
        if isinstance(value, dict) and value and value.keys() <= names:
            return cls(**value)
        return cls(result=value)


Script = Mapping[str, Any]
"""JSON-RPC method or HTTP path -> answer, or a function of the call's parameters that gives it."""


class NodeServer:
    """Listens on a free port of 127.0.0.1. `asked`: every call with its parameters; `heads`: every
    request's head, as sent; `connections`: how many were ever opened."""

    def __init__(self, script: Script | None = None, dialect: str = "2.0") -> None:
        assert dialect in DIALECTS
        self.script: dict[str, Any] = dict(script or {})
        self.dialect = dialect
        self.asked: list[tuple[str, Any]] = []
        self.heads: list[str] = []
        self.port = 0
        self.connections = 0
        self._sessions: set[asyncio.Task[Any]] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def __aenter__(self) -> NodeServer:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for session in self._sessions:
            session.cancel()
        await asyncio.gather(*self._sessions, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._sessions.add(task)
        self.connections += 1
        try:
            while await self._one(reader, writer):
                pass
        except (OSError, EOFError, asyncio.CancelledError):
            pass
        finally:
            self._sessions.discard(task)
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = int(head.lower().partition("content-length:")[2].split()[0])
        body = await reader.readexactly(length)
        self.heads.append(head)
        status, headers, data, answer = self._answer(head.split()[1], json.loads(body))
        if answer.drop:
            return False
        lines = [f"HTTP/1.1 {status} X", f"content-length: {len(data) + answer.cut}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if answer.slow:
            data = data[: len(data) // 2]
        writer.write("\r\n".join([*lines, "", ""]).encode() + data)
        await writer.drain()
        if answer.slow:
            await asyncio.Event().wait()
        return not answer.cut

    def _answer(self, path: str, request: Any) -> tuple[int, Mapping[str, str], bytes, Answer]:
        """Status, headers and body; and the answer they come from, the first one of a batch."""
        calls = request if isinstance(request, list) else [request]
        answers = [self._find(path, each) for each in calls]
        first = answers[0]
        own = first.raw_batch if isinstance(request, list) else _MISSING
        if own is not _MISSING:
            return first.status, first.headers, json.dumps(own).encode(), first
        if first.json is not _MISSING or (first.result is _MISSING and first.error is _MISSING):
            body = first.body if first.json is _MISSING else json.dumps(first.json)
            data = body if isinstance(body, bytes) else body.encode()
            return first.status, first.headers, data * first.times, first
        wrapped = [self._wrap(each, one) for each, one in zip(calls, answers, strict=True)]
        value = wrapped if isinstance(request, list) else wrapped[0]
        failed = self.dialect == "legacy" and first.error is not _MISSING
        status = 500 if failed and not isinstance(request, list) else first.status
        return status, first.headers, json.dumps(value).encode(), first

    def _find(self, path: str, call: dict[str, Any]) -> Answer:
        name = path if self.dialect == "http" else call["method"]
        params = call if self.dialect == "http" else call["params"]
        self.asked.append((name, params))
        found = self.script[name] if name in self.script else self.script["*"]
        if callable(found):
            found = found(params) if self.dialect == "http" else found(*params)
        return Answer.of(found)

    def _wrap(self, call: dict[str, Any], answer: Answer) -> Any:
        failed = answer.error is not _MISSING
        if self.dialect == "http":
            return answer.result
        if self.dialect == "legacy":
            error = answer.error if failed else None
            return {"result": None if failed else answer.result, "error": error, "id": call["id"]}
        member = {"error": answer.error} if failed else {"result": answer.result}
        return {"jsonrpc": "2.0", "id": call["id"], **member}
