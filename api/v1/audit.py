"""What an auditor may see, and nobody else needs: evidence, policies, keys, alarms.

A key that is bound to a client sees that client's. The policy is the house's and speaks about every
client, so its document is not for such a key.
"""

import re
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import Field

from api.auth import Auditor, check_of_the_house
from api.context import ServicesDependency
from api.documentation import problems
from api.paging import ListQuery, Page, PageQuery, number_of, page_of
from api.schemas import Identifier, with_example
from api.v1.alarms import AlarmQuery, AlarmView, alarm_page
from api.v1.audit_views import (
    POLICY_EXAMPLE,
    ApiKeyView,
    EvidenceView,
    PolicyVersionView,
    api_key_view,
    evidence_view,
    policy_version_view,
    signatures_of,
)
from custody.audit import repository
from custody.audit.evidence import gather
from custody.db.listing import open_list
from custody.db.tables import ApiKeyRow, PolicyVersionRow
from custody.errors import Invalid, NotFound

router = APIRouter(prefix="/audit", tags=["audit"])

_CURSOR_DIGITS = 26
"""A page of policies goes on after the first hex digits of a digest, which fit a cursor."""
_PLACE = re.compile(rf"pol_[0-9a-f]{{{_CURSOR_DIGITS}}}", re.ASCII)


class SignedPolicyView(PolicyVersionView):
    """A policy whole, as its administrators signed it."""

    model_config = with_example(
        POLICY_EXAMPLE | {"document": '{"administrators":…}', "signatures": {"admin-1": "5f" * 64}}
    )

    document: str = Field(description="canonical JSON (RFC 8785), byte for byte what is signed")
    signatures: dict[str, str] = Field(description="Ed25519 by administrator, in hex")


@router.get(
    "/transfers/{transfer_id}", summary="Get a transfer's evidence", responses=problems(404)
)
async def get_evidence(
    transfer_id: Identifier, caller: Auditor, services: ServicesDependency
) -> EvidenceView:
    """The request, what was agreed to and by whom, every transaction's bytes with the signer's
    receipts, what was booked, and the policies, alarms and freezes of that time. All of it is from
    one moment."""
    custody = services.custody
    async with custody.database.read() as session:
        evidence = await gather(session, transfer_id, caller, custody.clock())
    return evidence_view(evidence, custody.catalogue)


@router.get("/policies", summary="List the policies that were in force", responses=problems())
async def list_policies(
    query: Annotated[PageQuery, Query()], caller: Auditor, services: ServicesDependency
) -> Page[PolicyVersionView]:
    """By version. Needs a key that is bound to no client."""
    check_of_the_house(caller)
    start = _start(query.after)
    async with services.custody.database.read() as session:
        rows = await repository.policies_after(session, start, query.limit + 1)
    return page_of(rows, query.limit, _place, policy_version_view)


@router.get("/policies/{digest}", summary="Get a policy whole", responses=problems(404))
async def get_policy(
    digest: Annotated[str, Path(pattern="^[0-9a-f]{64}$")],
    caller: Auditor,
    services: ServicesDependency,
) -> SignedPolicyView:
    """By the digest that records and evidence name. Needs a key that is bound to no client."""
    check_of_the_house(caller)
    async with services.custody.database.read() as session:
        row = await repository.policy(session, bytes.fromhex(digest))
    if row is None:
        raise NotFound("policy_not_found", "There is no such policy.")
    whole: dict[str, Any] = {
        "document": row.document.decode(),
        "signatures": signatures_of(row),
    }
    return SignedPolicyView(**policy_version_view(row).model_dump(), **whole)


@router.get("/keys", summary="List API keys", responses=problems())
async def list_keys(
    query: Annotated[ListQuery, Query()], caller: Auditor, services: ServicesDependency
) -> Page[ApiKeyView]:
    """In the order in which they were made, revoked ones included. A key of one client sees those
    that are bound to it."""
    async with open_list(services.custody.database, ApiKeyRow) as (session, settled):
        rows = await repository.keys_of(session, caller.client_id, query.window(settled))
    return page_of(rows, query.limit, number_of, api_key_view)


@router.get("/alarms", summary="List alarms, for auditors", responses=problems())
async def list_alarms_for_auditors(
    query: Annotated[AlarmQuery, Query()], caller: Auditor, services: ServicesDependency
) -> Page[AlarmView]:
    """As `GET /v1/alarms`."""
    return await alarm_page(query, caller, services)


def _place(row: PolicyVersionRow) -> str:
    return f"pol_{row.digest.hex()[:_CURSOR_DIGITS]}"


def _start(after: str) -> str | None:
    """Raises Invalid cursor_invalid for the cursor of another list."""
    if not after:
        return None
    if _PLACE.fullmatch(after) is None:
        raise Invalid("cursor_invalid", "take the cursor from next_cursor", field="cursor")
    return after.removeprefix("pol_")
