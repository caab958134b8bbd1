"""JSON-RPC over HTTP: one request or a batch, with an API key in a header or a token in the URL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.background import BackgroundTask
from starlette.responses import JSONResponse, Response

from api.context import ServicesDependency
from api.documentation import problems
from api.idempotency import OptionalKey
from api.queries import check_query
from api.rpc.bounds import Bounds
from api.rpc.doors import KeyDoor, TokenDoor
from api.rpc.methods import answers
from api.rpc.wallet import Wallet
from custody.provider.model import Door
from custody.services import Services
from signer.wire import read_strict_json

router = APIRouter(tags=["apps"])

_MEMBERS: Final = {"jsonrpc": {"const": "2.0"}, "id": {"type": ["string", "number", "null"]}}
_ANSWER: Final = {
    "type": "object",
    "required": ["jsonrpc", "id"],
    "properties": {**_MEMBERS, "result": {}, "error": {"type": "object"}},
}
_ANSWERS: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "What became of each request, in order; errors are JSON-RPC's. 204 if no "
        "request had an id",
        "content": {
            "application/json": {
                "schema": {"oneOf": [_ANSWER, {"type": "array", "items": _ANSWER}]},
                "example": {
                    "jsonrpc": "2.0",
                    "id": 1,
                    "result": ["0x52908400098527886E0F7030069857D2E4169EE7"],
                },
            }
        },
    },
}

PREFLIGHT_S: Final = 600
_REQUEST: Final = {
    "type": "object",
    "required": ["jsonrpc", "id", "method"],
    "properties": {
        **_MEMBERS,
        "method": {"type": "string", "maxLength": 64},
        "params": {"type": ["array", "object", "null"]},
    },
}
_BODY: Final = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "oneOf": [_REQUEST, {"type": "array", "items": _REQUEST, "maxItems": 50}],
                    "examples": [
                        {"jsonrpc": "2.0", "id": 1, "method": "eth_accounts", "params": []}
                    ],
                }
            }
        },
    }
}


@router.post(
    "/vaults/{vault_id}/rpc/{network}",
    summary="Ask a vault as a wallet",
    response_model=None,
    responses=_ANSWERS | problems(404, writes=True),
    openapi_extra=_BODY | {"security": [{"api-key": []}]},
)
async def ask_vault(
    door: KeyDoor,
    request: Request,
    services: ServicesDependency,
    idempotency_key: OptionalKey = None,
) -> Response:
    """JSON-RPC 2.0 in the words of EIP-1193: what `docs/defi.md` lists. A request for money is
    answered within 8 seconds: with the transaction's hash, or with -32002, the reason and who has
    to approve. The same request again finds the one that waits; an `Idempotency-Key` makes it one
    of its own."""
    return await _answered(door, request, services, idempotency_key)


@router.post(
    "/rpc/{token}",
    summary="Ask a vault as a wallet, with a token in the URL",
    response_model=None,
    responses=_ANSWERS | problems(writes=True),
    openapi_extra=_BODY | {"security": []},
)
async def ask_with_token(
    door: TokenDoor,
    request: Request,
    services: ServicesDependency,
    idempotency_key: OptionalKey = None,
) -> Response:
    """The same for wallets that can send no header. A token can only ask, for one vault on one
    network; pages that may use it stand in its list of origins."""
    found = await _answered(door, request, services, idempotency_key)
    found.headers.update(shared_with(request.headers.get("origin")))
    return found


@router.options("/rpc/{token}", include_in_schema=False)
async def may_ask_with_token(door: TokenDoor, request: Request) -> Response:
    """What browsers ask before a page of another origin may (Fetch, "CORS-preflight fetch")."""
    headers = {
        "Access-Control-Allow-Methods": "POST",
        "Access-Control-Allow-Headers": "Content-Type, Idempotency-Key",
        "Access-Control-Max-Age": str(PREFLIGHT_S),
    }
    return Response(None, 204, {**headers, **shared_with(request.headers.get("origin"))})


def shared_with(origin: str | None) -> Mapping[str, str]:
    """Headers that let a page read the answer; the door has let its origin in."""
    if origin is None:
        return {}
    return {"Access-Control-Allow-Origin": origin, "Vary": "Origin"}


async def _answered(door: Door, request: Request, services: Services, key: str | None) -> Response:
    check_query(request)
    bounds: Bounds = request.app.state.bounds
    wallet = Wallet(services, door, bounds, bounds.patience_until(), key)
    found = await answers(wallet, read_strict_json(await request.body() or b"null"))
    if found is None:
        return Response(None, 204)
    if wallet.ended and await request.is_disconnected():
        return Response(None, 204)  # to nobody: the same request finds it again
    return JSONResponse(found, background=BackgroundTask(wallet.note))
