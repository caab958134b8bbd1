"""Sweeps by rule: when a vault's later addresses are swept, and what became of each."""

from datetime import datetime

from fastapi import APIRouter
from pydantic import Field

from api.auth import Reader
from api.context import ServicesDependency
from api.documentation import problems
from api.schemas import Identifier, Money, View, money, with_example
from chains.catalogue import Catalogue
from chains.model import NetworkId
from custody.db.sweep_tables import SweepRow, SweepRuleRow
from custody.sweeps import repository
from custody.transfers.begun import BegunState
from custody.vaults import repository as vaults

router = APIRouter(prefix="/vaults/{vault_id}", tags=["vaults"])
SHOWN = 100

RULE_EXAMPLE = {
    "network": "eip155:31337",
    "asset": "eip155:31337/slip44:60",
    "threshold": {"amount": "0.5", "amount_base_units": "500000000000000000"},
    "every_s": 3600,
    "cost_max": None,
    "percent": 1,
    "price": None,
    "close_accounts": False,
    "key_id": "key_01k9zv4a2b3c4d5e6f7g8h9j0k",
    "reason": "customers' addresses",
    "set_by": "olivia",
    "set_at": "2026-03-02T06:00:01Z",
}
SWEEP_EXAMPLE = {
    "network": "eip155:31337",
    "asset": "eip155:31337/slip44:60",
    "address": "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    "number": 2,
    "amount": {"amount": "0.75", "amount_base_units": "750000000000000000"},
    "cost": {"amount": "0.00042", "amount_base_units": "420000000000000"},
    "returns": None,
    "state": "done",
    "transfer_id": "tfr_01k9zv4a2b3c4d5e6f7g8h9j0k",
    "code": None,
    "created_at": "2026-03-02T06:00:01Z",
    "ended_at": "2026-03-02T06:15:09Z",
}


class SweepRuleView(View):
    """Addresses with at least `threshold` are swept; null: the rule was taken away."""

    model_config = with_example(RULE_EXAMPLE)

    network: str
    asset: str
    threshold: Money | None
    every_s: int | None = Field(description="rounds of so many seconds; null: at once")
    cost_max: Money | None = Field(description="what one may cost, in the network's coin")
    percent: int | None = Field(description="what one may cost, of what it brings")
    price: Money | None = Field(
        description="of a whole token in the network's coin, as said at `set_at`"
    )
    close_accounts: bool = Field(
        description="token accounts that a sweep leaves empty are closed with it"
    )
    key_id: str | None = Field(description="the API key that asks, in its initiator's name")
    reason: str
    set_by: str
    set_at: datetime


class SweepView(View):
    model_config = with_example(SWEEP_EXAMPLE)

    network: str
    asset: str
    address: str
    number: int
    amount: Money = Field(description="what lay there")
    cost: Money = Field(description="estimated before: the most that it would cost")
    returns: Money | None = Field(
        description="estimated before: what would come back out of token accounts that it closes; "
        "null: it closes none"
    )
    state: BegunState = Field(
        description="`open` until its transfer is final (`done`) or nothing comes of it (`failed`, "
        "why in `code`; `sweep_too_dear`: the rule left it): then another one begins, after a "
        "minute at first and at most an hour"
    )
    transfer_id: str | None
    code: str | None
    created_at: datetime
    ended_at: datetime | None


class SweepsView(View):
    model_config = with_example({"rules": [RULE_EXAMPLE], "items": [SWEEP_EXAMPLE]})

    rules: list[SweepRuleView] = Field(description="all that was ever set, the oldest first")
    items: list[SweepView] = Field(description="the newest hundred, the newest first")


@router.get("/sweeps", summary="List a vault's sweeps by rule", responses=problems(404))
async def list_sweeps(
    vault_id: Identifier, caller: Reader, services: ServicesDependency
) -> SweepsView:
    """By rules that an operator sets. Each is a transfer of kind `sweep`, as if asked for by
    hand."""
    catalogue = services.custody.catalogue
    async with services.custody.database.read() as session:
        await vaults.vault(session, vault_id, only=caller.client_id)
        rules = await repository.history_of(session, vault_id)
        rows = await repository.newest(session, vault_id, SHOWN)
    return SweepsView(
        rules=[_rule(row, catalogue) for row in rules],
        items=[_sweep(row, catalogue) for row in rows],
    )


def _rule(row: SweepRuleRow, catalogue: Catalogue) -> SweepRuleView:
    native = catalogue.networks[NetworkId(row.network)].native
    asset = catalogue.find_asset(row.asset)
    return SweepRuleView(
        network=row.network,
        asset=row.asset,
        threshold=None if row.threshold is None else money(row.threshold, asset),
        every_s=row.every_s,
        cost_max=None if row.cost_max is None else money(row.cost_max, native),
        percent=row.percent,
        price=None if row.price is None else money(row.price, native),
        close_accounts=row.closes,
        key_id=row.key_id,
        reason=row.reason,
        set_by=row.set_by,
        set_at=row.set_at,
    )


def _sweep(row: SweepRow, catalogue: Catalogue) -> SweepView:
    native = catalogue.networks[NetworkId(row.network)].native
    return SweepView(
        network=row.network,
        asset=row.asset,
        address=row.address,
        number=row.number,
        amount=money(row.amount, catalogue.find_asset(row.asset)),
        cost=money(row.cost, native),
        returns=None if row.returns is None else money(row.returns, native),
        state=BegunState(row.state),
        transfer_id=row.transfer_id,
        code=row.code,
        created_at=row.created_at,
        ended_at=row.ended_at,
    )
