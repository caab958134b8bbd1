"""Refills: when a vault is refilled from another one, and what became of each."""

from collections.abc import Sequence
from datetime import datetime

from fastapi import APIRouter
from pydantic import Field

from api.auth import Reader, Spender
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
from api.v1.networks import named_in_request
from api.v1.transfer_bodies import AmountText
from chains.assets import Amount, Asset
from chains.catalogue import Catalogue
from custody.db.refill_tables import RefillRow, RefillRuleRow
from custody.errors import Invalid
from custody.refills import repository
from custody.refills.service import NewRule, set_rule
from custody.services import Services
from custody.transfers.begun import BegunState
from custody.vaults import repository as vaults

router = APIRouter(prefix="/vaults/{vault_id}", tags=["vaults"])
SHOWN = 100

RULE_EXAMPLE = {
    "network": "eip155:31337",
    "asset": "eip155:31337/slip44:60",
    "source_vault_id": "vlt_01k9zv4a2b3c4d5e6f7g8h9j0k",
    "low": {"amount": "2", "amount_base_units": "2000000000000000000"},
    "target": {"amount": "10", "amount_base_units": "10000000000000000000"},
    "key_id": "key_01k9zv4a2b3c4d5e6f7g8h9j0k",
    "reason": "what a day pays out",
    "set_by": "payroll",
    "set_at": "2026-03-02T06:00:01Z",
}
REFILL_EXAMPLE = {
    "network": "eip155:31337",
    "asset": "eip155:31337/slip44:60",
    "number": 3,
    "source_vault_id": "vlt_01k9zv4a2b3c4d5e6f7g8h9j0k",
    "amount": {"amount": "8.5", "amount_base_units": "8500000000000000000"},
    "destination": "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    "state": "open",
    "transfer_id": "tfr_01k9zv4a2b3c4d5e6f7g8h9j0k",
    "code": None,
    "created_at": "2026-03-02T06:00:01Z",
    "ended_at": None,
}


class RefillRuleView(View):
    """Below `low` the vault is brought to `target` from the source; null: it was taken away."""

    model_config = with_example(RULE_EXAMPLE)

    network: str
    asset: str
    source_vault_id: str | None
    low: Money | None
    target: Money | None
    key_id: str | None = Field(description="the API key that asks, in its initiator's name")
    reason: str
    set_by: str
    set_at: datetime


class RefillRuleList(View):
    model_config = with_example({"items": [RULE_EXAMPLE], "changes": [RULE_EXAMPLE]})

    items: list[RefillRuleView] = Field(description="what counts, one for each asset")
    changes: list[RefillRuleView] = Field(description="all that was ever set, the oldest first")


class RefillView(View):
    model_config = with_example(REFILL_EXAMPLE)

    network: str
    asset: str
    number: int
    source_vault_id: str
    amount: Money
    destination: str
    state: BegunState = Field(
        description="`open` until its deposit is credited (`done`) or nothing comes of it "
        "(`failed`, why in `code`): then another one is asked for, after a minute at first and at "
        "most an hour"
    )
    transfer_id: str | None
    code: str | None
    created_at: datetime
    ended_at: datetime | None


class RefillList(View):
    model_config = with_example({"items": [REFILL_EXAMPLE]})

    items: list[RefillView]


class NewSource(Body):
    """Where it is refilled from, and when."""

    source_vault_id: Identifier = Field(description="another vault of the same client")
    low: AmountText = Field(description="decimal, of the asset: below it")
    target: AmountText = Field(description="decimal, of the asset: to so much; not below `low`")


class NewRefillRule(Body):
    model_config = body_example(
        {
            "network": "ethereum-local",
            "asset": "eip155:31337/slip44:60",
            "refill": None,
            "reason": "the vault is closed next week",
        }
    )

    network: NetworkName = Field(description="CAIP-2 id or alias")
    asset: AssetName = Field(description="CAIP-19 id")
    refill: NewSource | None = Field(description="null: it is refilled no more")
    reason: Reason


@router.get("/refill-rules", summary="List what refills a vault", responses=problems(404))
async def list_refill_rules(
    vault_id: Identifier, caller: Reader, services: ServicesDependency
) -> RefillRuleList:
    """What counts now, and all that was ever set."""
    async with services.custody.database.read() as session:
        await vaults.vault(session, vault_id, only=caller.client_id)
        rules = await repository.newest_rules(session, vault_id)
        history = await repository.history_of(session, vault_id)
    catalogue = services.custody.catalogue
    return RefillRuleList(items=_rules(rules, catalogue), changes=_rules(history, catalogue))


@router.post(
    "/refill-rules", summary="Refill a vault from another", responses=problems(404, writes=True)
)
async def set_refill_rule(
    vault_id: Identifier, body: NewRefillRule, caller: Spender, services: ServicesDependency
) -> RefillRuleView:
    """When what is available is below `low`, a transfer to the vault's own first address is asked
    for with this API key, as if by hand: by the policy, with its approvals and limits. One at a
    time, and none while enough is coming. Where nothing brings it back, the alarm `low_water`
    stands. Counts at once; what is open goes on."""
    network = named_in_request(services, body.network)
    asset = _asset(services, body.asset, network.id)
    new = None
    if body.refill is not None:
        new = NewRule(
            source=body.refill.source_vault_id,
            low=Amount.parse(asset, body.refill.low).units,
            target=Amount.parse(asset, body.refill.target).units,
            key=caller.key_id,
        )
    now, by, only = services.custody.clock(), caller.initiator, caller.client_id
    async with services.custody.database.write() as session:
        row = await set_rule(
            session, vault_id, network.id, asset.id, new, body.reason, now, by=by, only=only
        )
    return _rules([row], services.custody.catalogue)[0]


@router.get("/refills", summary="List a vault's refills", responses=problems(404))
async def list_refills(
    vault_id: Identifier, caller: Reader, services: ServicesDependency
) -> RefillList:
    """The newest hundred, the newest first."""
    async with services.custody.database.read() as session:
        await vaults.vault(session, vault_id, only=caller.client_id)
        rows = await repository.newest(session, vault_id, None, SHOWN)
    return RefillList(items=[_refill(row, services.custody.catalogue) for row in rows])


def _asset(services: Services, name: str, network: str) -> Asset:
    try:
        found = services.custody.catalogue.find_asset(name)
    except KeyError:
        found = None
    if found is None or found.network != network:
        raise Invalid("asset_unknown", "there is no such asset on the network", field="asset")
    return found


def _rules(rows: Sequence[RefillRuleRow], catalogue: Catalogue) -> list[RefillRuleView]:
    found = []
    for row in rows:
        asset = catalogue.find_asset(row.asset)
        found.append(
            RefillRuleView(
                network=row.network,
                asset=row.asset,
                source_vault_id=row.source_id,
                low=None if row.low is None else money(row.low, asset),
                target=None if row.target is None else money(row.target, asset),
                key_id=row.key_id,
                reason=row.reason,
                set_by=row.set_by,
                set_at=row.set_at,
            )
        )
    return found


def _refill(row: RefillRow, catalogue: Catalogue) -> RefillView:
    return RefillView(
        network=row.network,
        asset=row.asset,
        number=row.number,
        source_vault_id=row.source_id,
        amount=money(row.amount, catalogue.find_asset(row.asset)),
        destination=row.destination,
        state=BegunState(row.state),
        transfer_id=row.transfer_id,
        code=row.code,
        created_at=row.created_at,
        ended_at=row.ended_at,
    )
