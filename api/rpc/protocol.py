"""JSON-RPC 2.0: what a body asks, and what it is answered. Pure.

A request without an id is one that nobody wants an answer to: nothing of it is done, because who
asks for money to move and does not want to know what became of it is in error.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from chains.evm.eip1193.faults import INVALID_REQUEST, LIMITED, RpcFault

BATCH_MAX: Final = 50
_METHOD_LENGTH_MAX: Final = 64
_ID_LENGTH_MAX: Final = 256
_NAMES: Final = frozenset({"jsonrpc", "id", "method", "params"})

Id = str | int | float | None


@dataclass(frozen=True, slots=True)
class Request:
    """`params`: a list, or an object where a method takes one."""

    id: Id
    method: str
    params: Any


@dataclass(frozen=True, slots=True)
class Malformed:
    """An entry that asks nothing, with the id to answer it under."""

    id: Id
    fault: RpcFault


Entry = Request | Malformed


def entries(document: object) -> tuple[Sequence[Entry], bool]:
    """What a document asks, and whether it is a batch. Raises RpcFault for one that has no entry,
    or too many."""
    if not isinstance(document, list):
        return _kept([document]), False
    if not document:
        raise RpcFault(INVALID_REQUEST, "a batch has at least one request")
    if len(document) > BATCH_MAX:
        raise RpcFault(LIMITED, f"a batch has at most {BATCH_MAX} requests")
    return _kept(document), True


def result(request_id: Id, value: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": request_id, "result": value}


def failure(request_id: Id, fault: RpcFault) -> dict[str, Any]:
    error: dict[str, Any] = {"code": fault.code, "message": fault.message}
    if fault.data is not None:
        error["data"] = fault.data
    return {"jsonrpc": "2.0", "id": request_id, "error": error}


def _kept(given: Sequence[object]) -> list[Entry]:
    return [each for each in map(_entry, given) if each is not None]


def _entry(given: object) -> Entry | None:
    """None for a request without an id."""
    if not isinstance(given, dict):
        return Malformed(None, RpcFault(INVALID_REQUEST, "a request is an object"))
    request_id = given.get("id")
    if not _is_id(request_id):
        return Malformed(None, RpcFault(INVALID_REQUEST, "an id is a string or a number"))
    method = given.get("method")
    if given.get("jsonrpc") != "2.0" or not isinstance(method, str) or not _fits(given, method):
        words = 'a request has "jsonrpc": "2.0", a method, params, an id, and nothing else'
        return Malformed(request_id, RpcFault(INVALID_REQUEST, words))
    if "id" not in given:
        return None
    params = given.get("params")
    return Request(request_id, method, [] if params is None else params)


def _fits(given: Mapping[str, Any], method: str) -> bool:
    known = given.keys() <= _NAMES and 0 < len(method) <= _METHOD_LENGTH_MAX
    return known and isinstance(given.get("params"), list | dict | None)


def _is_id(value: object) -> bool:
    if isinstance(value, bool):
        return False
    return value is None or isinstance(value, int | float) or _is_short(value)


def _is_short(value: object) -> bool:
    return isinstance(value, str) and len(value) <= _ID_LENGTH_MAX
