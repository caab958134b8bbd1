"""The transparency log as C2SP tlog-tiles has it, for anybody: no key needed, hashes only.

Entries are not published: what was logged is for whom a proof shows it.
"""

from typing import Final

from fastapi import APIRouter
from fastapi.responses import Response

from api.context import ServicesDependency
from api.documentation import problems

router = APIRouter(prefix="/log", tags=["log"])

_CHANGES: Final = {"Cache-Control": "public, max-age=2"}
_STAYS: Final = {"Cache-Control": "public, max-age=31536000, immutable"}
_HASHES = {
    200: {
        "description": "Hashes of 32 bytes, one after the other",
        "content": {
            "application/octet-stream": {
                "schema": {"type": "string", "format": "binary"},
                "example": "…",
            }
        },
    },
    **problems(404),
}
_NOTE = {
    200: {
        "description": "A signed note",
        "content": {
            "text/plain": {
                "schema": {"type": "string"},
                "example": "custody.example/log/1\n3\nCsUYapGGPo4dkMgIAUqom…\n\n— …\n",
            }
        },
    },
    **problems(404),
}


@router.get(
    "/checkpoint",
    summary="Get the newest checkpoint of the transparency log",
    response_class=Response,
    responses=_NOTE,
)
async def get_checkpoint(services: ServicesDependency) -> Response:
    """Origin, size and root, signed by the log's key and by the witnesses that have signed it (C2SP
    tlog-checkpoint, tlog-cosignature)."""
    note = await services.log.checkpoint()
    return Response(note, media_type="text/plain; charset=utf-8", headers=_CHANGES)


@router.get(
    "/tile/{path:path}",
    summary="Get a tile of the transparency log",
    response_class=Response,
    responses=_HASHES,
)
async def get_tile(path: str, services: ServicesDependency) -> Response:
    """Up to 256 hashes of one level (C2SP tlog-tiles): `L/N`, or `L/N.p/W` for the first W of a
    tile that is not full. A tile never changes. Entries are not published."""
    data = await services.log.tile(path)
    return Response(data, media_type="application/octet-stream", headers=_STAYS)
