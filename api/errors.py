"""Every failure as RFC 9457 `application/problem+json`, by one table.

`code` is for programs and never changes; `detail` is for people; `errors` points at the culprits in
the request (RFC 6901 for the body). Nothing of the inside is shown: an unexpected exception becomes
`internal_error` with the request id under which the log has the rest.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, cast

import structlog
from fastapi import FastAPI, Request, WebSocket
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, Response
from starlette.routing import compile_path

from api.headers import SECURITY_HEADERS
from chains import errors as chain
from custody import errors as custody
from custody.db import trouble
from custody.transactions.outcomes import signer_code, where
from signer.client import SignerRefused, SignerUnavailable

PROBLEM_JSON = "application/problem+json"
RETRY_AFTER_S = 5
_POLICY_VIOLATION = 1008  # RFC 6455 section 7.4.1

Handler = Callable[[Request, Exception], Awaitable[Response]]
"""What the framework's types say of those that it gives WebSockets to as well."""

log = structlog.get_logger()


class Unauthenticated(Exception):
    """No key, or one that is not valid: the two look the same."""

    code = "unauthenticated"


class TooManyWaiting(Exception):
    """A key has as many requests that wait as it may."""

    code = "too_many_waiting"


# First match wins, so a class stands above its parents.
STATUS: Sequence[tuple[type[Exception], int]] = (
    (custody.Invalid, 422),
    (custody.NotFound, 404),
    (custody.Forbidden, 403),
    (custody.Conflict, 409),
    (custody.Unprocessable, 422),
    (custody.Unavailable, 503),
    (chain.InvalidInput, 422),
    (chain.BuildError, 422),
    (chain.NodeUnavailable, 503),
    (chain.NodeError, 502),
    (SignerUnavailable, 503),
    (SignerRefused, 503),
    (Unauthenticated, 401),
    (TooManyWaiting, 429),
)

_FIELDS: Sequence[tuple[type[Exception], str]] = (
    (chain.InvalidAddress, "destination"),
    (chain.InvalidAmount, "amount"),
)
"""Where in a request the culprit of an error is that doesn't know of requests."""

_TITLES = {413: "Content Too Large", 422: "Unprocessable Content"}
"""RFC 9110 section 15; the standard library's names for these change with its version."""

_CODES = {
    400: "request_malformed",
    404: "route_not_found",
    405: "method_not_allowed",
    413: "body_too_large",
    415: "media_type_unsupported",
    500: "internal_error",
}


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    errors: Sequence[Mapping[str, str]] = (),
    headers: Mapping[str, str] | None = None,
    **extra: Any,
) -> JSONResponse:
    """One problem document. `extra` are further members (RFC 9457 section 3.2)."""
    body = document(status, code, detail, errors=errors, **extra)
    return JSONResponse(
        body, status, headers={**_headers(status), **(headers or {})}, media_type=PROBLEM_JSON
    )


def _headers(status: int) -> dict[str, str]:
    if status in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS):
        return {"Retry-After": str(RETRY_AFTER_S)}
    return {"WWW-Authenticate": "Bearer"} if status == HTTPStatus.UNAUTHORIZED else {}


def document(
    status: int, code: str, detail: str, *, errors: Sequence[Mapping[str, str]] = (), **extra: Any
) -> dict[str, Any]:
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": _TITLES.get(status, HTTPStatus(status).phrase),
        "status": status,
        "code": code,
        "detail": detail,
    }
    if errors:
        body["errors"] = list(errors)
    return body | extra


def describe(error: Exception) -> tuple[int, dict[str, Any]]:
    """Status and problem document of an error of ours. Raises KeyError for anything else."""
    for kind, status in STATUS:
        if isinstance(error, kind):
            code, field = _code_of(error), _field_of(error)
            at = [{"pointer": f"/{field}", "code": code, "detail": str(error)}] if field else []
            more = error.named if isinstance(error, custody.CustodyError) else {}
            return status, document(status, code, str(error), errors=at, **more)
    raise KeyError(type(error).__name__)


def _code_of(error: Exception) -> str:
    if isinstance(error, SignerRefused):
        return signer_code(error.code)
    if isinstance(error, SignerUnavailable):
        return "signer_unavailable"
    return str(getattr(error, "code", "internal_error"))


def _field_of(error: Exception) -> str | None:
    if isinstance(error, custody.CustodyError):
        return error.field
    return next((field for kind, field in _FIELDS if isinstance(error, kind)), None)


def install(app: FastAPI) -> None:
    """Make every failure of `app` a problem document."""
    for kind, _ in STATUS:
        app.add_exception_handler(kind, cast(Handler, _on_known))
    for kind in trouble.TROUBLE:
        app.add_exception_handler(kind, cast(Handler, _on_database))
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(Exception, _on_unexpected)


async def _on_known(connection: HTTPConnection, error: Exception) -> Response | None:
    """A WebSocket that is not accepted has no problem document: it is answered 403."""
    if isinstance(connection, WebSocket):
        await connection.close(_POLICY_VIOLATION)
        return None
    status, body = describe(error)
    return JSONResponse(body, status, headers=_headers(status), media_type=PROBLEM_JSON)


async def _on_database(connection: HTTPConnection, error: Exception) -> Response | None:
    """Nothing was stored, or nobody can know: repeating it with the same retry key is safe."""
    code = trouble.code_of(error)
    log.error("database_trouble", code=code, error=type(error).__name__)
    if isinstance(connection, WebSocket):
        await connection.close(_POLICY_VIOLATION)
        return None
    return problem(503, code, _DATABASE_TROUBLE[code])


_DATABASE_TROUBLE = {
    trouble.STORAGE_FULL: "the database has no space left; nothing was stored",
    trouble.UNAVAILABLE: "the database does not answer; send the request again with the same key",
}


async def _on_http(request: Request, error: Exception) -> Response:
    """Raised by the framework: no such route, no such method, an unreadable request."""
    assert isinstance(error, HTTPException)
    status = error.status_code
    code = _CODES.get(status, "http_error")
    headers = dict(error.headers or {})
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(sorted(_methods_at(request)))
    return problem(status, code, HTTPStatus(status).description, headers=headers)


def _methods_at(request: Request) -> set[str]:
    """Of every route at this path (RFC 9110 section 15.5.6): the framework names the first one's
    alone."""
    path = request.scope["path"]
    return {
        method
        for route in iter_route_contexts(request.app.routes)
        if route.path is not None and compile_path(route.path)[0].fullmatch(path)
        for method in route.methods or ()
    }


async def _on_unexpected(request: Request, error: Exception) -> Response:
    """The log gets the error's class and place: messages of strangers may carry anything."""
    request_id = request.scope.get("state", {}).get("request_id", "")
    log.error("request_failed", request_id=request_id, error=where(error))
    return problem(
        500,
        "internal_error",
        "something broke on our side",
        headers=SECURITY_HEADERS,  # this answer is made outside the middleware that adds them
        request_id=request_id,
    )


async def _on_invalid(_request: Request, error: Exception) -> Response:
    """A body, query, header or path that does not have the documented form."""
    assert isinstance(error, RequestValidationError)
    found = error.errors()
    if any(item["type"] == "json_invalid" for item in found):
        return problem(400, "body_not_json", "the body is not one JSON document")
    for item in found:
        if item["loc"][0] == "path":  # an id that can't exist is an id that does not exist
            noun = str(item["loc"][1]).removesuffix("_id")
            return problem(404, f"{noun}_not_found", f"There is no such {noun}.")
    errors = [pointed(item) for item in found]
    return problem(422, errors[0]["code"], errors[0]["detail"], errors=errors)


OWN_CODES = frozenset(
    {
        "cursor_invalid",
        "amount_ambiguous",
        "text_unprintable",
        "parameter_repeated",
        "range_empty",
        "outputs_ambiguous",
        "message_ambiguous",
        "call_ambiguous",
    }
)
"""Codes that our own validators give; everything else is translated."""

_VALIDATION_CODES = {
    "missing": "field_missing",
    "extra_forbidden": "field_unknown",
    "string_type": "field_wrong_type",
    "int_type": "field_wrong_type",
    "bool_type": "field_wrong_type",
    "model_attributes_type": "body_not_an_object",
    "model_type": "body_not_an_object",
}


def pointed(item: Mapping[str, Any]) -> dict[str, str]:
    """One complaint of the validator, without the value it complains about."""
    where, *path = item["loc"]
    kind = item["type"]
    code = kind if kind in OWN_CODES else _VALIDATION_CODES.get(kind, "field_invalid")
    if where == "header" and code == "field_missing":
        code = f"{re.sub('[^a-z]+', '_', str(path[-1]).lower())}_missing"
    pointer = "".join(f"/{_escaped(str(part))}" for part in path)
    entry = {"code": code, "detail": str(item["msg"])}
    return (
        {"pointer": pointer, **entry}
        if where == "body"
        else {where: "/".join(map(str, path)), **entry}
    )


def _escaped(part: str) -> str:
    """RFC 6901 section 3."""
    return part.replace("~", "~0").replace("/", "~1")
