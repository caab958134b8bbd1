"""Balances: by vault, by client, or of all that the key may see. Derived from the ledger alone."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from api.auth import Reader
from api.context import NodesDependency, ServicesDependency
from api.documentation import problems
from api.freshness import AS_OF_EXAMPLE, AsOf, as_of
from api.nodes import NodeMonitor, NodeView
from api.schemas import AssetName, Identifier, Money, View, money, with_example
from chains.assets import Asset
from custody.db.session import ReadSession
from custody.following.chain_repository import newest_blocks
from custody.ledger import repository as ledger
from custody.ledger.repository import Balance
from custody.services import Services
from custody.vaults import repository as vaults

router = APIRouter(tags=["balances"])

_ZERO = {"amount": "0", "amount_base_units": "0"}
BALANCE_EXAMPLE = {
    "asset": "bip122:0f9188f13cb7b2c71f2a335e3a4fc328/slip44:1",
    "network": "bip122:0f9188f13cb7b2c71f2a335e3a4fc328",
    "symbol": "BTC",
    "available": {"amount": "1.25", "amount_base_units": "125000000"},
    "reserved": {"amount": "0.0505", "amount_base_units": "5050000"},
    "pending": _ZERO,
    "unswept": _ZERO,
    "locked": _ZERO,
    "owed": _ZERO,
    "suspense": _ZERO,
    "as_of": AS_OF_EXAMPLE,
}


class BalanceView(View):
    """One asset. What the chain holds for us is available + reserved + pending + unswept + locked +
    suspense, less what is owed and what has left with transactions that are not final yet."""

    model_config = with_example(BALANCE_EXAMPLE)

    asset: str
    network: str
    symbol: str
    available: Money = Field(description="can be spent now")
    reserved: Money = Field(description="held for transfers under way")
    pending: Money = Field(description="deposits that are not final yet")
    unswept: Money = Field(description="on addresses from which the vault does not pay")
    locked: Money = Field(description="held by the chain for the vault, as Solana's rent is")
    owed: Money = Field(description="what the vault lacks for what left it beyond what it had")
    suspense: Money = Field(description="on its addresses, but nobody's deposit; can't be spent")
    as_of: AsOf


class BalanceList(View):
    model_config = with_example({"items": [BALANCE_EXAMPLE]})

    items: list[BalanceView]


class BalanceQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    asset: AssetName | None = Field(None, description="only this asset (CAIP-19)")


Asked = Annotated[BalanceQuery, Query()]


@router.get("/balances", summary="Get all balances", responses=problems())
async def get_balances(
    query: Asked, caller: Reader, services: ServicesDependency, nodes: NodesDependency
) -> BalanceList:
    """By asset, over everything that the key may see."""
    async with services.custody.database.read() as session:
        if caller.client_id is None:
            found = await ledger.balances_of_everyone(session)
        else:
            found = await ledger.balances_of_client(session, caller.client_id)
        return await _render(services, nodes, session, found, query)


@router.get(
    "/clients/{client_id}/balances", summary="Get a client's balances", responses=problems(404)
)
async def get_client_balances(
    client_id: Identifier,
    query: Asked,
    caller: Reader,
    services: ServicesDependency,
    nodes: NodesDependency,
) -> BalanceList:
    """By asset, over all vaults of the client."""
    async with services.custody.database.read() as session:
        await vaults.client(session, client_id, only=caller.client_id)
        found = await ledger.balances_of_client(session, client_id)
        return await _render(services, nodes, session, found, query)


@router.get(
    "/vaults/{vault_id}/balances", summary="Get a vault's balances", responses=problems(404)
)
async def get_vault_balances(
    vault_id: Identifier,
    query: Asked,
    caller: Reader,
    services: ServicesDependency,
    nodes: NodesDependency,
) -> BalanceList:
    """By asset, of one vault."""
    async with services.custody.database.read() as session:
        await vaults.vault(session, vault_id, only=caller.client_id)
        found = await ledger.balances_of_vault(session, vault_id)
        return await _render(services, nodes, session, found, query)


async def _render(
    services: Services,
    nodes: NodeMonitor,
    session: ReadSession,
    found: Sequence[Balance],
    query: BalanceQuery,
) -> BalanceList:
    """Balances and the blocks they are true for come from one snapshot. Assets that are served but
    were never held are shown as zero."""
    blocks = await newest_blocks(session)
    held = {balance.asset: balance for balance in found}
    catalogue = services.custody.catalogue
    for network in services.custody.networks:
        for asset in catalogue.assets_of(network):
            held.setdefault(asset.id, Balance(asset.id))
    views = await nodes.views()
    now = services.custody.clock()
    items = []
    for asset_id, balance in sorted(held.items()):
        if query.asset in (None, asset_id):
            asset = catalogue.find_asset(asset_id)
            node = views.get(asset.network, NodeView())
            items.append(_view(balance, asset, as_of(blocks.get(asset.network), node, now)))
    return BalanceList(items=items)


def _view(balance: Balance, asset: Asset, answered: AsOf) -> BalanceView:
    return BalanceView(
        asset=asset.id,
        network=asset.network,
        symbol=asset.symbol,
        available=money(balance.available, asset),
        reserved=money(balance.reserved, asset),
        pending=money(balance.pending, asset),
        unswept=money(balance.unswept, asset),
        locked=money(balance.locked, asset),
        owed=money(balance.owed, asset),
        suspense=money(balance.suspense, asset),
        as_of=answered,
    )
