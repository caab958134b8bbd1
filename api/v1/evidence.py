"""One payment as one file, for who proves it to somebody else."""

from fastapi import APIRouter
from fastapi.responses import Response

from api.auth import Auditor
from api.context import ServicesDependency
from api.documentation import problems
from api.schemas import Identifier
from custody.audit.bundle import MEDIA_TYPE

router = APIRouter(prefix="/transfers", tags=["audit"])

_FILE = {
    200: {
        "description": "The bundle",
        "content": {
            MEDIA_TYPE: {
                "schema": {"type": "string", "format": "binary"},
                "example": 'custody-evidence/v1\n{"format":1,"kind":"transfer",…}\n[]\n…',
            }
        },
    },
    **problems(404, 409, 503),
}


@router.get(
    "/{transfer_id}/evidence",
    summary="Get a transfer's evidence as one file",
    response_class=Response,
    responses=_FILE,
)
async def get_bundle(
    transfer_id: Identifier, caller: Auditor, services: ServicesDependency
) -> Response:
    """Of a final transfer: what was asked for, who agreed under which policy, the signer's records
    with proofs from its log, the bytes, the ledger's entries, and the proof that a block has the
    transaction. `custody-verify` checks it without a network. With a key of one client the
    policies are named and withheld. Nothing in it is secret to the client."""
    custody = services.custody
    found = await services.bundling.export(transfer_id, caller, custody.clock())
    disposition = f'attachment; filename="{transfer_id}.evidence"'
    headers = {"Content-Disposition": disposition}
    return Response(found, media_type=MEDIA_TYPE, headers=headers)
