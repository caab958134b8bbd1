"""Frozen vaults: why one stands still, how it is stopped, and how it goes on."""

from collections.abc import Sequence
from datetime import datetime

from fastapi import APIRouter
from pydantic import Field

from api.auth import Administrator, Reader, check_of_the_house
from api.context import ServicesDependency
from api.documentation import problems
from api.schemas import Body, Identifier, Reason, View, body_example, with_example
from custody.db.tables import ReconciledRow, VaultFreezeRow
from custody.reconcile.report import Verdict
from custody.reconcile.repository import kept_lines
from custody.vaults import repository
from custody.vaults.freezes import freeze, freezes_of

router = APIRouter(prefix="/vaults/{vault_id}", tags=["vaults"])

FREEZE_EXAMPLE = {
    "id": "frz_01k9zv8a2b3c4d5e6f7g8h9j0k",
    "reason": "chain_below_ledger",
    "frozen_by": "custody",
    "created_at": "2026-03-02T06:00:01Z",
    "ended_at": None,
    "ended_by": None,
    "ended_reason": None,
    "difference": None,
}

COMPARISON_EXAMPLE = {
    "asset": "eip155:31337/slip44:60",
    "network": "eip155:31337",
    "verdict": "surplus",
    "ledger_base_units": "100000",
    "chain_base_units": "100007",
    "height": 812,
    "reason": None,
    "compared_at": "2026-03-02T06:00:01Z",
}


class FreezeView(View):
    """One reason for which nothing leaves the vault, and how it ended."""

    model_config = with_example(FREEZE_EXAMPLE)

    id: str
    reason: str
    frozen_by: str = Field(description="a key, a person, or custody itself")
    created_at: datetime
    ended_at: datetime | None
    ended_by: str | None
    ended_reason: str | None
    difference: str | None = Field(description="what still differed from the chain when it ended")


class FreezeList(View):
    model_config = with_example({"items": [FREEZE_EXAMPLE]})

    items: list[FreezeView]


class ComparisonView(View):
    """One asset of the vault, as ledger and chain were compared last. A `surplus` is not the
    vault's to spend and stops nothing; a `shortage` freezes it."""

    model_config = with_example(COMPARISON_EXAMPLE)

    asset: str
    network: str
    verdict: Verdict
    ledger_base_units: str | None
    chain_base_units: str | None
    height: int | None
    reason: str | None = Field(description="why it was inconclusive")
    compared_at: datetime


class ComparisonList(View):
    model_config = with_example({"items": [COMPARISON_EXAMPLE]})

    items: list[ComparisonView]


class Freezing(Body):
    model_config = body_example({"reason": "an approver's key was stolen"})

    reason: Reason


class Unfreezing(Body):
    model_config = body_example(
        {"reason": "compared with a second node", "despite_difference": False}
    )

    reason: Reason
    despite_difference: bool = Field(
        False, description="also if ledger and chain still differ; what differed is kept"
    )


@router.get("/freezes", summary="List a vault's freezes", responses=problems(404))
async def list_freezes(
    vault_id: Identifier, caller: Reader, services: ServicesDependency
) -> FreezeList:
    """The oldest first, those that ended included."""
    async with services.custody.database.read() as session:
        await repository.vault(session, vault_id, only=caller.client_id)
        return freeze_list(await freezes_of(session, vault_id))


@router.get("/reconciliation", summary="Compare a vault with the chain", responses=problems(404))
async def get_reconciliation(
    vault_id: Identifier, caller: Reader, services: ServicesDependency
) -> ComparisonList:
    """What the newest comparison of ledger and chain found, by asset."""
    async with services.custody.database.read() as session:
        await repository.vault(session, vault_id, only=caller.client_id)
        rows = await kept_lines(session, vault_id)
    return ComparisonList(items=[_comparison(row) for row in rows])


@router.post("/freeze", summary="Freeze a vault", responses=problems(404, writes=True))
async def freeze_vault(
    vault_id: Identifier, body: Freezing, caller: Administrator, services: ServicesDependency
) -> FreezeList:
    """From now on nothing leaves it; deposits still arrive. Transfers that are signed already go
    on: nobody can call back what a node may have."""
    async with services.custody.database.write() as session:
        await repository.vault(session, vault_id, only=caller.client_id)
        now = services.custody.clock()
        await freeze(session, [vault_id], body.reason, now, by=caller.initiator)
        return freeze_list(await freezes_of(session, vault_id))


@router.post("/unfreeze", summary="Unfreeze a vault", responses=problems(404, 409, writes=True))
async def unfreeze_vault(
    vault_id: Identifier, body: Unfreezing, caller: Administrator, services: ServicesDependency
) -> FreezeList:
    """Compares the vault with the chain first, which may take minutes. 409 with what differs,
    unless it shall go on in spite of that. Needs a key that is bound to no client."""
    check_of_the_house(caller)
    await services.unfreezing.unfreeze(
        vault_id, body.reason, by=caller.initiator, despite_difference=body.despite_difference
    )
    async with services.custody.database.read() as session:
        return freeze_list(await freezes_of(session, vault_id))


def freeze_list(rows: Sequence[VaultFreezeRow]) -> FreezeList:
    return FreezeList(
        items=[
            FreezeView(
                id=row.id,
                reason=row.reason,
                frozen_by=row.frozen_by,
                created_at=row.created_at,
                ended_at=row.ended_at,
                ended_by=row.ended_by,
                ended_reason=row.ended_reason,
                difference=row.difference,
            )
            for row in rows
        ]
    )


def _comparison(row: ReconciledRow) -> ComparisonView:
    return ComparisonView(
        asset=row.asset,
        network=row.network,
        verdict=Verdict(row.verdict),
        ledger_base_units=None if row.ledger is None else str(row.ledger),
        chain_base_units=None if row.chain is None else str(row.chain),
        height=row.height,
        reason=row.reason or None,
        compared_at=row.compared_at,
    )
