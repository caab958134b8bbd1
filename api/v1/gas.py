"""Coins for fees: what brings them to a vault's addresses, and each time that it did."""

from datetime import datetime

from fastapi import APIRouter
from pydantic import Field

from api.auth import Reader
from api.context import ServicesDependency
from api.documentation import problems
from api.schemas import Identifier, Money, View, money, with_example
from chains.assets import Asset
from chains.catalogue import Catalogue
from chains.model import NetworkId
from custody.db.gas_tables import GasCarrierRow, GasNeedRow, GasRuleRow, GasTopUpRow
from custody.gas import repository
from custody.gas.model import Bearer
from custody.transfers import gas_repository
from custody.transfers.begun import BegunState
from custody.vaults import repository as vaults

router = APIRouter(prefix="/vaults/{vault_id}", tags=["vaults"])
SHOWN = 100

COIN = {"amount": "0.002", "amount_base_units": "2000000000000000"}
RULE_EXAMPLE = {
    "network": "eip155:31337",
    "payer_vault_id": "vlt_01k9zv4a2b3c4d5e6f7g8h9j0k",
    "most_each": COIN,
    "most_day": {"amount": "0.1", "amount_base_units": "100000000000000000"},
    "bears": "house",
    "carries": True,
    "key_id": "key_01k9zv4a2b3c4d5e6f7g8h9j0k",
    "reason": "customers pay in tokens",
    "set_by": "olivia",
    "set_at": "2026-03-02T06:00:01Z",
}
TOP_UP_EXAMPLE = {
    "network": "eip155:31337",
    "address": "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    "number": 3,
    "payer_vault_id": "vlt_01k9zv4a2b3c4d5e6f7g8h9j0k",
    "bears": "house",
    "amount": COIN,
    "state": "open",
    "transfer_id": "tfr_01k9zv4a2b3c4d5e6f7g8h9j0k",
    "code": None,
    "created_at": "2026-03-02T06:00:01Z",
    "ended_at": None,
}
CARRIER_EXAMPLE = {
    "network": "eip155:31337",
    "transaction_id": "txn_01k9zv4a2b3c4d5e6f7g8h9j0k",
    "number": 1,
    "payer_vault_id": "vlt_01k9zv4a2b3c4d5e6f7g8h9j0k",
    "bears": "house",
    "cost_max": COIN,
    "state": "open",
    "transfer_id": "tfr_01k9zv4a2b3c4d5e6f7g8h9j0k",
    "code": None,
    "created_at": "2026-03-02T06:00:01Z",
    "ended_at": None,
}
WAITING_EXAMPLE = {
    "transfer_id": "tfr_01k9zv4a2b3c4d5e6f7g8h9j0k",
    "network": "eip155:31337",
    "address": "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    "needs": COIN,
    "since": "2026-03-02T06:00:01Z",
}


class GasRuleView(View):
    """What brings coins to the vault's addresses on a network."""

    model_config = with_example(RULE_EXAMPLE)

    network: str
    payer_vault_id: str
    most_each: Money
    most_day: Money = Field(description="in 24 hours, of all that the payer brings there")
    bears: Bearer
    carries: bool = Field(
        description="where the token can (`eip-3009`, Solana), nothing is brought: the address "
        "signs its payment, and the payer submits it"
    )
    key_id: str = Field(description="the API key that asks, in its initiator's name")
    reason: str
    set_by: str
    set_at: datetime


class GasTopUpView(View):
    model_config = with_example(TOP_UP_EXAMPLE)

    network: str
    address: str
    number: int
    payer_vault_id: str
    bears: Bearer
    amount: Money
    state: BegunState = Field(
        description="`open` until its transfer is final (`done`) or nothing comes of it (`failed`, "
        "why in `code`): then another one is asked for, after a minute at first and at most an hour"
    )
    transfer_id: str | None
    code: str | None
    created_at: datetime
    ended_at: datetime | None


class GasCarrierView(View):
    """One time that the payer was asked to submit a payment which the vault signed."""

    model_config = with_example(CARRIER_EXAMPLE)

    network: str
    transaction_id: str = Field(description="of the payment, among its transfer's `transactions`")
    number: int
    payer_vault_id: str
    bears: Bearer
    cost_max: Money
    state: BegunState = Field(
        description="`open` until its transfer is final (`done`) or nothing comes of it (`failed`, "
        "why in `code`): then another one is asked for, as long as the payment is good"
    )
    transfer_id: str | None
    code: str | None
    created_at: datetime
    ended_at: datetime | None


class GasWaitingView(View):
    """A payment that waits for the coins that it costs."""

    model_config = with_example(WAITING_EXAMPLE)

    transfer_id: str
    network: str
    address: str
    needs: Money
    since: datetime


class GasView(View):
    model_config = with_example(
        {
            "rules": [RULE_EXAMPLE],
            "waiting": [WAITING_EXAMPLE],
            "items": [TOP_UP_EXAMPLE],
            "carriers": [CARRIER_EXAMPLE],
            "owed": {"eip155:31337/slip44:60": "-2000000000000000"},
        }
    )

    rules: list[GasRuleView] = Field(description="what counts for this vault, by network")
    waiting: list[GasWaitingView]
    items: list[GasTopUpView] = Field(description="the newest hundred, the newest first")
    carriers: list[GasCarrierView] = Field(
        description="what submits payments of the vault's; the newest hundred, the newest first"
    )
    owed: dict[str, str] = Field(
        description="base units by asset: what other vaults owe this one for coins that it brought "
        "them, and for payments of theirs that it submitted; below zero what it owes"
    )


@router.get("/gas", summary="Show what brings a vault coins for fees", responses=problems(404))
async def show_gas(vault_id: Identifier, caller: Reader, services: ServicesDependency) -> GasView:
    """Where a rule brings them, a payment of tokens is accepted from a vault that has too few coins
    for what it costs, and waits (`waiting_for_gas`) until exactly what lacks is there."""
    catalogue, networks = services.custody.catalogue, services.custody.networks
    async with services.custody.database.read() as session:
        vault = await vaults.vault(session, vault_id, only=caller.client_id)
        found = [
            await gas_repository.rule_for(session, network, vault.client_id, vault.id)
            for network in sorted(networks)
        ]
        needs = await gas_repository.open_needs(session)
        rows = await repository.newest(session, [vault.id], SHOWN)
        carriers = await repository.carriers_of(session, [vault.id], SHOWN)
        owed = await repository.claims(session)
    return GasView(
        rules=[_rule(row, catalogue) for row in found if row is not None],
        waiting=[_waiting(need, catalogue) for need, _ in needs if need.vault_id == vault.id],
        items=[_top_up(row, catalogue) for row in rows],
        carriers=[_carrier(row, catalogue) for row in carriers],
        owed={asset: str(units) for whose, asset, units in owed if whose == vault.id},
    )


def _native(network: str, catalogue: Catalogue) -> Asset:
    return catalogue.networks[NetworkId(network)].native


def _rule(row: GasRuleRow, catalogue: Catalogue) -> GasRuleView:
    assert row.payer_id is not None and row.key_id is not None and row.bears is not None
    assert row.most_each is not None and row.most_day is not None
    native = _native(row.network, catalogue)
    return GasRuleView(
        network=row.network,
        payer_vault_id=row.payer_id,
        most_each=money(row.most_each, native),
        most_day=money(row.most_day, native),
        bears=Bearer(row.bears),
        carries=row.carries,
        key_id=row.key_id,
        reason=row.reason,
        set_by=row.set_by,
        set_at=row.set_at,
    )


def _top_up(row: GasTopUpRow, catalogue: Catalogue) -> GasTopUpView:
    return GasTopUpView(
        network=row.network,
        address=row.address,
        number=row.number,
        payer_vault_id=row.payer_id,
        bears=Bearer(row.bears),
        amount=money(row.amount, _native(row.network, catalogue)),
        state=BegunState(row.state),
        transfer_id=row.transfer_id,
        code=row.code,
        created_at=row.created_at,
        ended_at=row.ended_at,
    )


def _carrier(row: GasCarrierRow, catalogue: Catalogue) -> GasCarrierView:
    return GasCarrierView(
        network=row.network,
        transaction_id=row.transaction_id,
        number=row.number,
        payer_vault_id=row.payer_id,
        bears=Bearer(row.bears),
        cost_max=money(row.amount, _native(row.network, catalogue)),
        state=BegunState(row.state),
        transfer_id=row.transfer_id,
        code=row.code,
        created_at=row.created_at,
        ended_at=row.ended_at,
    )


def _waiting(row: GasNeedRow, catalogue: Catalogue) -> GasWaitingView:
    needs = money(sum(row.costs.values()), _native(row.network, catalogue))
    return GasWaitingView(
        transfer_id=row.transfer_id,
        network=row.network,
        address=row.address,
        needs=needs,
        since=row.created_at,
    )
