"""Balances: by vault, by client, or of all that the key may see; now, or as of a moment or a block.

Derived from the ledger alone.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from api.auth import Reader
from api.context import NodesDependency, ServicesDependency
from api.documentation import problems
from api.freshness import AS_OF_EXAMPLE, AsOf, as_of
from api.nodes import NodeMonitor, NodeView
from api.schemas import AssetName, Identifier, Money, NetworkName, View, money, with_example
from api.v1.networks import named_in_request
from chains.assets import Asset
from chains.model import AssetId, NetworkId
from custody.db.session import ReadSession
from custody.errors import Conflict, Invalid
from custody.following.chain_repository import newest_blocks, newest_final_height
from custody.ledger import past_repository as past
from custody.ledger import repository as ledger
from custody.ledger.repository import Balance, Whose, of_client, of_everyone, of_vault
from custody.restraints import repository as restraints
from custody.services import Services
from custody.vaults import repository as vaults

router = APIRouter(tags=["balances"])

_HEIGHT_MAX = 2**63 - 1
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
    "quarantined": _ZERO,
    "frozen": None,
    "as_of": AS_OF_EXAMPLE,
}


class BalanceView(View):
    """One asset. What the chain holds for us is available + reserved + pending + unswept + locked +
    suspense + quarantined, less what is owed and what has left with transactions that are not
    final yet.

    Of a moment in the past it is what had been booked by then. Of a block it is what the chain had
    done by then, by all that is known now; what was booked without a block (suspense, and what
    became of it) is in none. `as_of` says how far the ledger reaches now."""

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
    quarantined: Money = Field(description="deposits that are held before they are credited")
    frozen: Money | None = Field(
        description="of all that, what the token's issuer lets nobody move (frozen, blacklisted or "
        "paused), as the node said last: it can't be promised. Null of the past, and where no "
        "issuer can"
    )
    as_of: AsOf


class BalanceList(View):
    model_config = with_example({"items": [BALANCE_EXAMPLE]})

    items: list[BalanceView]


class BalanceQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    asset: AssetName | None = Field(None, description="only this asset (CAIP-19)")
    network: NetworkName | None = Field(None, description="only of this network; CAIP-2 or alias")
    at: AwareDatetime | None = Field(
        None, description="as the books stood at this moment, which must be past; RFC 3339"
    )
    block: int | None = Field(
        None, ge=0, le=_HEIGHT_MAX, description="what the chain had done up to this block of "
        "`network`, which must be final"
    )  # fmt: skip


Asked = Annotated[BalanceQuery, Query()]


@router.get("/balances", summary="Get all balances", responses=problems(409))
async def get_balances(
    query: Asked, caller: Reader, services: ServicesDependency, nodes: NodesDependency
) -> BalanceList:
    """By asset, over everything that the key may see."""
    async with services.custody.database.read() as session:
        mine = caller.client_id
        whose = of_everyone() if mine is None else of_client(mine)
        return await _answer(services, nodes, session, whose, query)


@router.get(
    "/clients/{client_id}/balances", summary="Get a client's balances", responses=problems(404, 409)
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
        return await _answer(services, nodes, session, of_client(client_id), query)


@router.get(
    "/vaults/{vault_id}/balances", summary="Get a vault's balances", responses=problems(404, 409)
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
        return await _answer(services, nodes, session, of_vault(vault_id), query)


async def _answer(
    services: Services,
    nodes: NodeMonitor,
    session: ReadSession,
    whose: Whose,
    query: BalanceQuery,
) -> BalanceList:
    """Raises Invalid moment_ambiguous, moment_not_past or network_unknown, and Conflict
    block_not_final."""
    network = None
    if query.network is not None:
        network = named_in_request(services, query.network).id
    found = await _balances(services, session, whose, query, network)
    is_past = query.at is not None or query.block is not None
    frozen = None if is_past else await restraints.sums(session, whose)
    return await _render(services, nodes, session, found, frozen, query.asset, network)


async def _balances(
    services: Services,
    session: ReadSession,
    whose: Whose,
    query: BalanceQuery,
    network: NetworkId | None,
) -> Sequence[Balance]:
    if query.block is not None:
        if network is None or query.at is not None:
            raise Invalid("moment_ambiguous", "give `at`, or `block` with `network`", field="block")
        final = await newest_final_height(session, network)
        if final is None or query.block > final:
            raise Conflict("block_not_final", "this block is not final yet, or was not read yet")
        return await past.balances_at_block(session, whose, network, query.block)
    if query.at is None:
        return await ledger.balances(session, whose)
    if query.at > services.custody.clock():
        raise Invalid("moment_not_past", "nobody knows yet", field="at")
    return await past.balances_at(session, whose, query.at)


async def _render(
    services: Services,
    nodes: NodeMonitor,
    session: ReadSession,
    found: Sequence[Balance],
    frozen: Mapping[AssetId, int] | None,
    only: str | None,
    network: NetworkId | None,
) -> BalanceList:
    """Balances and the blocks they are true for come from one snapshot. Assets that are served but
    were never held are shown as zero."""
    blocks = await newest_blocks(session)
    held = {balance.asset: balance for balance in found}
    catalogue = services.custody.catalogue
    for served in services.custody.networks.values():
        for asset in catalogue.assets_of(served.id):
            held.setdefault(asset.id, Balance(asset.id))
    views = await nodes.views()
    now = services.custody.clock()
    items = []
    for asset_id, balance in sorted(held.items()):
        asset = catalogue.find_asset(asset_id)
        if only in (None, asset_id) and network in (None, asset.network):
            node = views.get(asset.network, NodeView())
            stopped = None if frozen is None or not asset.traits else frozen.get(asset_id, 0)
            answered = as_of(blocks.get(asset.network), node, now)
            items.append(_view(balance, asset, stopped, answered))
    return BalanceList(items=items)


def _view(balance: Balance, asset: Asset, frozen: int | None, answered: AsOf) -> BalanceView:
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
        quarantined=money(balance.quarantined, asset),
        frozen=None if frozen is None else money(frozen, asset),
        as_of=answered,
    )
