"""Caps on fees: the most that the fees of a vault on a network may come to in a day."""

from collections.abc import Sequence
from datetime import datetime

from fastapi import APIRouter
from pydantic import Field

from api.auth import Administrator, Reader, check_of_the_house
from api.context import ServicesDependency
from api.documentation import problems
from api.schemas import (
    Body,
    Identifier,
    Money,
    NetworkName,
    Reason,
    View,
    body_example,
    money,
    with_example,
)
from api.v1.networks import named_in_request
from api.v1.transfer_bodies import AmountText
from chains.assets import Amount
from chains.catalogue import Catalogue
from custody.db.fee_tables import FeeCapRow
from custody.transactions.feecaps import repository
from custody.transactions.feecaps.service import Standing, set_cap, standings
from custody.vaults import repository as vaults

router = APIRouter(prefix="/vaults/{vault_id}/fee-caps", tags=["vaults"])

CHANGE_EXAMPLE = {
    "cap": {"amount": "0.25", "amount_base_units": "250000000000000000"},
    "reason": "what a usual day costs, twice",
    "set_by": "olivia",
    "set_at": "2026-03-02T06:00:01Z",
}
CAP_EXAMPLE = {
    "network": "eip155:31337",
    "cap": {"amount": "0.25", "amount_base_units": "250000000000000000"},
    "used": {"amount": "0.031", "amount_base_units": "31000000000000000"},
    "changes": [CHANGE_EXAMPLE],
}


class ChangeView(View):
    """What an operator has set, in the network's native asset; null: no cap."""

    model_config = with_example(CHANGE_EXAMPLE)

    cap: Money | None
    reason: str
    set_by: str
    set_at: datetime


class FeeCapView(View):
    """`used`: what was built in the last 24 hours has cost, or can still cost. What would exceed
    the cap waits (`fee_cap_reached`); it goes on as the day passes. Cancels never wait for it."""

    model_config = with_example(CAP_EXAMPLE)

    network: str
    cap: Money | None = Field(description="null: it was taken away")
    used: Money
    changes: list[ChangeView] = Field(description="all of them, the oldest first")


class FeeCapList(View):
    model_config = with_example({"items": [CAP_EXAMPLE]})

    items: list[FeeCapView]


class NewFeeCap(Body):
    model_config = body_example(
        {"network": "ethereum-local", "amount": "0.25", "reason": "what a usual day costs, twice"}
    )

    network: NetworkName = Field(description="CAIP-2 id or alias")
    amount: AmountText | None = Field(
        description="decimal, of the network's native asset; null: no cap"
    )
    reason: Reason


@router.get("", summary="List a vault's caps on fees", responses=problems(404))
async def list_fee_caps(
    vault_id: Identifier, caller: Reader, services: ServicesDependency
) -> FeeCapList:
    """With what is used of each. A network without one was never given any."""
    async with services.custody.database.read() as session:
        await vaults.vault(session, vault_id, only=caller.client_id)
        found = await standings(session, vault_id)
        history = await repository.history_of(session, vault_id)
    catalogue = services.custody.catalogue
    return FeeCapList(items=[_view(each, history, catalogue) for each in found])


@router.post("", summary="Cap the fees of a vault", responses=problems(404, writes=True))
async def set_fee_cap(
    vault_id: Identifier, body: NewFeeCap, caller: Administrator, services: ServicesDependency
) -> FeeCapView:
    """From now on, in all processes. What waits for it is looked at again. Kept with who asked and
    why. Needs a key that is bound to no client."""
    check_of_the_house(caller)
    network = named_in_request(services, body.network)
    amount = None if body.amount is None else Amount.parse(network.native, body.amount).units
    now = services.custody.clock()
    async with services.custody.database.write() as session:
        await vaults.vault(session, vault_id, only=caller.client_id)
        standing = await set_cap(
            session, vault_id, network.id, amount, body.reason, now, by=caller.initiator
        )
        history = await repository.history_of(session, vault_id)
    return _view(standing, history, services.custody.catalogue)


def _view(standing: Standing, history: Sequence[FeeCapRow], catalogue: Catalogue) -> FeeCapView:
    native = catalogue.networks[standing.network].native
    return FeeCapView(
        network=standing.network,
        cap=None if standing.cap.amount is None else money(standing.cap.amount, native),
        used=money(standing.used, native),
        changes=[
            ChangeView(
                cap=None if row.amount is None else money(row.amount, native),
                reason=row.reason,
                set_by=row.set_by,
                set_at=row.set_at,
            )
            for row in history
            if row.network == standing.network
        ],
    )
