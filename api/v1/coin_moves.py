"""Coins moved by rule: when a vault's coins are consolidated and split, and what became of each."""

from datetime import datetime
from typing import Literal

from fastapi import APIRouter
from pydantic import Field

from api.auth import Reader
from api.context import ServicesDependency
from api.documentation import problems
from api.schemas import Identifier, Money, View, money, with_example
from chains.catalogue import Catalogue
from chains.model import NetworkId
from custody.coins import repository
from custody.db.coin_rule_tables import CoinMoveRow, CoinRuleRow
from custody.transfers.begun import BegunState
from custody.vaults import repository as vaults

router = APIRouter(prefix="/vaults/{vault_id}", tags=["vaults"])
SHOWN = 100

RULE_EXAMPLE = {
    "network": "bip122:0f9188f13cb7b2c71f2a335e3a4fc328",
    "coins_min": 500,
    "coins_most": 400,
    "rate_max": 3000,
    "keep": 20,
    "keep_size": {"amount": "0.05", "amount_base_units": "5000000"},
    "keep_rate_max": 30000,
    "key_id": "key_01k9zv4a2b3c4d5e6f7g8h9j0k",
    "reason": "payouts all day",
    "set_by": "olivia",
    "set_at": "2026-03-02T06:00:01Z",
}
MOVE_EXAMPLE = {
    "network": "bip122:0f9188f13cb7b2c71f2a335e3a4fc328",
    "number": 2,
    "kind": "consolidation",
    "coins": 400,
    "amount": {"amount": "4.1", "amount_base_units": "410000000"},
    "rate": 1200,
    "cost": {"amount": "0.00032736", "amount_base_units": "32736"},
    "state": "done",
    "transfer_id": "tfr_01k9zv4a2b3c4d5e6f7g8h9j0k",
    "code": None,
    "created_at": "2026-03-02T06:00:01Z",
    "ended_at": "2026-03-02T06:45:09Z",
}


class CoinRuleView(View):
    """Coins are consolidated and split; what is null is not done, or was taken away."""

    model_config = with_example(RULE_EXAMPLE)

    network: str
    coins_min: int | None = Field(description="consolidated from so many on")
    coins_most: int | None = Field(description="so many at a time, the smallest, at most")
    rate_max: int | None = Field(
        description="while `normal` of `GET /v1/networks/{network}/fees` is at most this"
    )
    keep: int | None = Field(description="the largest is split while there are fewer coins")
    keep_size: Money | None = Field(description="of at least so much each")
    keep_rate_max: int | None = Field(description="as `rate_max`, for splitting")
    key_id: str | None = Field(description="the API key that asks, in its initiator's name")
    reason: str
    set_by: str
    set_at: datetime


class CoinMoveView(View):
    model_config = with_example(MOVE_EXAMPLE)

    network: str
    number: int
    kind: Literal["consolidation", "splitting"]
    coins: int = Field(description="how many become one, or how many one becomes")
    amount: Money = Field(description="what they are worth")
    rate: int = Field(description="what the network asked for")
    cost: Money | None = Field(description="estimated before: the most that it would cost")
    state: BegunState = Field(
        description="`open` until its transfer is final (`done`) or nothing comes of it (`failed`, "
        "why in `code`; `fee_above_maximum`: the rate rose, `too_many_coins`: half as many are "
        "tried next): then another one begins, after a minute at first and at most an hour"
    )
    transfer_id: str | None
    code: str | None
    created_at: datetime
    ended_at: datetime | None


class CoinMovesView(View):
    model_config = with_example({"rules": [RULE_EXAMPLE], "items": [MOVE_EXAMPLE]})

    rules: list[CoinRuleView] = Field(description="all that was ever set, the oldest first")
    items: list[CoinMoveView] = Field(description="the newest hundred, the newest first")


@router.get("/coin-moves", summary="List a vault's coins moved by rule", responses=problems(404))
async def list_coin_moves(
    vault_id: Identifier, caller: Reader, services: ServicesDependency
) -> CoinMovesView:
    """By rules that an operator sets. Each is a transfer of kind `consolidation` or `splitting`, as
    if asked for by hand."""
    catalogue = services.custody.catalogue
    async with services.custody.database.read() as session:
        await vaults.vault(session, vault_id, only=caller.client_id)
        rules = await repository.history_of(session, vault_id)
        rows = await repository.newest_of(session, vault_id, None, SHOWN)
    return CoinMovesView(
        rules=[_rule(row, catalogue) for row in rules],
        items=[_move(row, catalogue) for row in rows],
    )


def _rule(row: CoinRuleRow, catalogue: Catalogue) -> CoinRuleView:
    native = catalogue.networks[NetworkId(row.network)].native
    return CoinRuleView(
        network=row.network,
        coins_min=row.coins_min,
        coins_most=row.coins_most,
        rate_max=row.rate_max,
        keep=row.keep,
        keep_size=None if row.keep_size is None else money(row.keep_size, native),
        keep_rate_max=row.keep_rate_max,
        key_id=row.key_id,
        reason=row.reason,
        set_by=row.set_by,
        set_at=row.set_at,
    )


def _move(row: CoinMoveRow, catalogue: Catalogue) -> CoinMoveView:
    native = catalogue.networks[NetworkId(row.network)].native
    return CoinMoveView(
        network=row.network,
        number=row.number,
        kind="consolidation" if row.kind == "consolidation" else "splitting",
        coins=row.coins,
        amount=money(row.amount, native),
        rate=row.rate,
        cost=None if row.cost is None else money(row.cost, native),
        state=BegunState(row.state),
        transfer_id=row.transfer_id,
        code=row.code,
        created_at=row.created_at,
        ended_at=row.ended_at,
    )
