"""Rules of quarantine: which deposits are held before they are credited."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from api.auth import Compliance, Reader
from api.context import ServicesDependency
from api.documentation import problems
from api.schemas import (
    AssetName,
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
from api.v1.filters import AddressText
from api.v1.networks import named_in_request
from api.v1.transfer_bodies import AmountText
from chains.assets import Amount, Asset
from custody.db.quarantine_tables import QuarantineRuleRow
from custody.errors import Invalid
from custody.quarantine import repository
from custody.quarantine.service import SENDERS_MAX, NewRule, end_rule, set_rule
from custody.services import Services

router = APIRouter(prefix="/quarantine-rules", tags=["deposits"])

RULE_EXAMPLE = {
    "id": "qrl_01k9zv8a2b3c4d5e6f7g8h9j0k",
    "client_id": None,
    "vault_id": None,
    "network": "eip155:31337",
    "asset": "eip155:31337/slip44:60",
    "amount_from": {"amount": "10", "amount_base_units": "10000000000000000000"},
    "senders": None,
    "reason": "large amounts are looked at first",
    "set_by": "olivia",
    "created_at": "2026-03-02T06:00:01Z",
    "ended_at": None,
    "ended_by": None,
    "ended_reason": None,
}


class QuarantineRuleView(View):
    """Held is a deposit that all of it fits; what is null fits every deposit."""

    model_config = with_example(RULE_EXAMPLE)

    id: str
    client_id: str | None
    vault_id: str | None
    network: str | None
    asset: str | None
    amount_from: Money | None = Field(description="of so much or more")
    senders: list[str] | None = Field(description="from one of these")
    reason: str
    set_by: str
    created_at: datetime
    ended_at: datetime | None
    ended_by: str | None
    ended_reason: str | None


class QuarantineRuleList(View):
    model_config = with_example({"items": [RULE_EXAMPLE]})

    items: list[QuarantineRuleView]


class NewQuarantineRule(Body):
    """What is left out fits every deposit; a rule that names nothing holds everything."""

    model_config = body_example(
        {
            "network": "ethereum-local",
            "asset": "eip155:31337/slip44:60",
            "amount_from": "10",
            "reason": "large amounts are looked at first",
        }
    )

    client_id: Identifier | None = Field(None, description="of this client; not with a vault")
    vault_id: Identifier | None = Field(None, description="to this vault")
    network: NetworkName | None = Field(None, description="CAIP-2 id or alias")
    asset: AssetName | None = Field(None, description="CAIP-19 id; with its network")
    amount_from: AmountText | None = Field(
        None, description="of so much or more, decimal, of the asset"
    )
    senders: list[AddressText] | None = Field(
        None,
        min_length=1,
        max_length=SENDERS_MAX,
        description="from one of these addresses of the network: whoever the transaction took "
        "anything from, or who paid for it. Not where coins are spent: their blocks don't say it",
    )
    reason: Reason


class RuleEnd(Body):
    model_config = body_example({"reason": "the house trusts its payers now"})

    reason: Reason


class RuleQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    include_ended: bool = False


@router.get("", summary="List rules of quarantine", responses=problems())
async def list_quarantine_rules(
    query: Annotated[RuleQuery, Query()], caller: Reader, services: ServicesDependency
) -> QuarantineRuleList:
    """The oldest first; those that stand, unless all are asked for. A key of one client sees those
    for everybody's deposits and those for its own."""
    async with services.custody.database.read() as session:
        rows = await repository.rules(
            session, only=caller.client_id, open_only=not query.include_ended
        )
        senders = await repository.senders_of(session, [row.id for row in rows])
    return QuarantineRuleList(items=[_view(row, senders.get(row.id), services) for row in rows])


@router.post("", status_code=201, summary="Set a rule", responses=problems(404, writes=True))
async def set_quarantine_rule(
    body: NewQuarantineRule, caller: Compliance, services: ServicesDependency
) -> QuarantineRuleView:
    """Deposits that are seen from now on and fit are held, in all processes. What was seen before
    is held one by one. Kept with who asked and why. A key of one client names it or its vault."""
    network = None if body.network is None else named_in_request(services, body.network)
    asset = None if body.asset is None else _asset(services, body.asset)
    new = NewRule(
        client=body.client_id,
        vault=body.vault_id,
        network=network,
        asset=None if asset is None else asset.id,
        amount_from=_units(asset, body.amount_from),
        senders=None if body.senders is None else tuple(body.senders),
    )
    now, by = services.custody.clock(), caller.initiator
    async with services.custody.database.write() as session:
        row = await set_rule(session, new, body.reason, now, by=by, only=caller.client_id)
        senders = await repository.senders_of(session, [row.id])
    return _view(row, senders.get(row.id), services)


@router.post("/{rule_id}/end", summary="End a rule", responses=problems(404, 409, writes=True))
async def end_quarantine_rule(
    rule_id: Identifier, body: RuleEnd, caller: Compliance, services: ServicesDependency
) -> QuarantineRuleView:
    """It holds nothing more. What it held stays held until it is released."""
    now, by = services.custody.clock(), caller.initiator
    async with services.custody.database.write() as session:
        row = await end_rule(session, rule_id, body.reason, now, by=by, only=caller.client_id)
        await session.flush()
        senders = await repository.senders_of(session, [row.id])
        view = _view(row, senders.get(row.id), services)
    return view


def _asset(services: Services, name: str) -> Asset:
    try:
        return services.custody.catalogue.find_asset(name)
    except KeyError:
        raise Invalid("asset_unknown", "there is no such asset", field="asset") from None


def _units(asset: Asset | None, amount: str | None) -> int | None:
    """Base units. Raises Invalid quarantine_rule_invalid, InvalidAmount."""
    if amount is None:
        return None
    if asset is None:
        words = "An amount is one of an asset, and more than nothing."
        raise Invalid("quarantine_rule_invalid", words, field="amount_from")
    return Amount.parse(asset, amount).units


def _view(
    row: QuarantineRuleRow, senders: Sequence[str] | None, services: Services
) -> QuarantineRuleView:
    amount = None
    if row.amount_from is not None and row.asset is not None:
        amount = money(row.amount_from, services.custody.catalogue.find_asset(row.asset))
    return QuarantineRuleView(
        id=row.id,
        client_id=row.client_id,
        vault_id=row.vault_id,
        network=row.network,
        asset=row.asset,
        amount_from=amount,
        senders=None if senders is None else list(senders),
        reason=row.reason,
        set_by=row.set_by,
        created_at=row.created_at,
        ended_at=row.ended_at,
        ended_by=row.ended_by,
        ended_reason=row.ended_reason,
    )
