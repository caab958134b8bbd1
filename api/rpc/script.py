"""`/v1/provider.js`: the vault as a wallet of web pages, without a build step. Nothing of the house
is in it; what it may ask is for the token in its URL to say."""

from __future__ import annotations

from importlib import resources
from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

router = APIRouter()

_SCRIPT: Final = resources.files(__package__ or "api.rpc").joinpath("provider.js").read_bytes()
_HEADERS: Final = {"Cross-Origin-Resource-Policy": "cross-origin"}
"""Pages of every origin may load it."""


@router.get("/provider.js", include_in_schema=False)
async def provider_script() -> Response:
    return Response(_SCRIPT, headers=_HEADERS, media_type="text/javascript; charset=utf-8")
