"""Proofs from the transparency log, with what was logged, for auditors."""

from typing import Annotated

from fastapi import APIRouter, Path
from fastapi.responses import Response

from api.auth import Auditor
from api.context import ServicesDependency
from api.documentation import problems
from custody.log.leaf import Kind

router = APIRouter(prefix="/log", tags=["audit"])

Digest = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$", description="As custody-verify shows it")]
_PROOF = {
    200: {
        "description": "A C2SP tlog-proof with the leaf's bytes",
        "content": {
            "text/plain": {
                "schema": {"type": "string"},
                "example": "c2sp.org/tlog-proof@v1\nextra …\nindex 7\n…",
            }
        },
    },
    **problems(404),
}


@router.get(
    "/bundles/{digest}",
    summary="Get the proof that a bundle of evidence was logged",
    response_class=Response,
    responses=_PROOF,
)
async def get_proof(digest: Digest, caller: Auditor, services: ServicesDependency) -> Response:
    """By the digest of the bundle's manifest. With the checkpoint that most witnesses signed, so a
    later proof may be worth more than the one in the bundle; `custody-verify --logged` takes it."""
    text = await services.log.proof(Kind.EVIDENCE, digest)
    return Response(text, media_type="text/plain; charset=utf-8")
