"""How routes tell the documentation what can go wrong."""

from __future__ import annotations

from typing import Any

from api.errors import PROBLEM_JSON, document

_MEANINGS: dict[int, tuple[str, str, str]] = {
    400: ("The body is not JSON", "body_not_json", "the body is not one JSON document"),
    401: ("No valid API key", "unauthenticated", "this API key is not valid"),
    403: (
        "The key may not do this",
        "scope_missing",
        "this needs an API key with the scope transfer",
    ),
    404: ("No such thing, or not for this key", "vault_not_found", "There is no such vault."),
    409: (
        "It contradicts what already happened",
        "idempotency_key_reused",
        "this idempotency key was used for another request",
    ),
    413: ("The body is too large", "body_too_large", "a body has at most 65536 bytes"),
    415: ("The body is not JSON", "media_type_unsupported", "send application/json in UTF-8"),
    422: ("The request can't be done", "amount_zero", "the amount is zero"),
    429: ("Too many requests wait", "too_many_waiting", "this API key has 4 requests waiting"),
    503: (
        "A part of the system is away; nothing happened, repeat the request",
        "signer_unavailable",
        "the signer gives no answer",
    ),
}
_READING = (401, 403, 422)
_WRITING = (400, 401, 403, 413, 415, 422)


def problems(*statuses: int, writes: bool = False) -> dict[int | str, dict[str, Any]]:
    """The problem responses of a route: those every one has, and `statuses`."""
    every = _WRITING if writes else _READING
    return {status: _response(status) for status in sorted({*every, *statuses})}


def _response(status: int) -> dict[str, Any]:
    description, code, detail = _MEANINGS[status]
    return {
        "description": description,
        "content": {
            PROBLEM_JSON: {
                "schema": {"$ref": "#/components/schemas/Problem"},
                "example": document(status, code, detail),
            }
        },
    }
