"""What came and is no money: assets that nobody listed, and payments of nothing."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from api.auth import Reader
from api.context import ServicesDependency
from api.documentation import problems
from api.schemas import Identifier, NetworkName, View, with_example
from api.v1.blocks import BLOCK_EXAMPLE, BlockView
from api.v1.networks import named_in_request
from custody.db.tables import UnlistedRow
from custody.following import sighting_repository
from custody.following.unlisted import Mark
from custody.vaults import repository as vaults

router = APIRouter(prefix="/unlisted", tags=["unlisted"])

UNLISTED_EXAMPLE = {
    "client_id": "cli_01k9zv3m8q4x7h2c5d6e8f9g0a",
    "vault_id": "vlt_01k9zv4a2b3c4d5e6f7g8h9j0k",
    "network": "eip155:31337",
    "asset": "eip155:31337/erc20:0x52908400098527886E0F7030069857D2E4169EE7",
    "address": "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    "said_to_be_from": "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
    "amount_base_units": "5000000",
    "mark": None,
    "txid": "0x9f0c1e2d3b4a59687768594a3b2c1d0e9f0c1e2d3b4a59687768594a3b2c1d0e",
    "place": "transfer:0",
    "block": BLOCK_EXAMPLE,
    "seen_at": "2026-03-02T06:00:03Z",
}
BEYOND_EXAMPLE = {
    "vault_id": "vlt_01k9zv4a2b3c4d5e6f7g8h9j0k",
    "network": "eip155:31337",
    "address": "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    "count": 12,
    "first_height": 120,
}


class UnlistedView(View):
    """A contract's word. Pay nobody whom it names, and open nothing that it says."""

    model_config = with_example(UNLISTED_EXAMPLE)

    client_id: str
    vault_id: str
    network: str
    asset: str = Field(description="by its contract; how it calls itself proves nothing")
    address: str = Field(description="ours")
    said_to_be_from: str | None = Field(
        description="at the other end, by the contract's word; null if nobody is"
    )
    amount_base_units: str
    mark: Mark | None = Field(
        description="`zero`: nothing was paid; `look_alike`: the other end has the first 6 and the "
        "last 4 letters of one of the vault's newest payees, or of the address itself"
    )
    txid: str
    place: str
    block: BlockView
    seen_at: datetime


class BeyondView(View):
    """More came to the address than is kept. Nothing is lost: once an asset is listed, a rescan
    from `first_height` on credits it."""

    model_config = with_example(BEYOND_EXAMPLE)

    vault_id: str
    network: str
    address: str
    count: int = Field(description="how many times; in undone blocks too")
    first_height: int


class UnlistedList(View):
    model_config = with_example({"items": [UNLISTED_EXAMPLE], "beyond": [BEYOND_EXAMPLE]})

    items: list[UnlistedView]
    beyond: list[BeyondView]


class UnlistedQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    vault_id: Identifier | None = None
    network: NetworkName | None = Field(None, description="CAIP-2 id or alias")
    mark: list[Mark] = Field([], description="may be repeated: also what is marked so")
    limit: int = Field(100, ge=1, le=1000)


@router.get("", summary="List what is no money", responses=problems(404))
async def list_unlisted(
    query: Annotated[UnlistedQuery, Query()], caller: Reader, services: ServicesDependency
) -> UnlistedList:
    """The newest first. It is in no balance and no deposit. What is marked is left out unless its
    mark is asked for. A row goes with its block, and when its asset is listed and the block is
    read again."""
    network = None if query.network is None else named_in_request(services, query.network).id
    async with services.custody.database.read() as session:
        if query.vault_id is not None:
            await vaults.vault(session, query.vault_id, only=caller.client_id)
        mine = {"client": caller.client_id, "vault": query.vault_id}
        marks = [each.value for each in query.mark]
        rows = await sighting_repository.unlisted(
            session, network, marks=marks, limit=query.limit, **mine
        )
        beyond = await sighting_repository.beyond(session, network, **mine)
    return UnlistedList(
        items=[_view(row) for row in rows],
        beyond=[
            BeyondView(
                vault_id=row.vault_id,
                network=row.network,
                address=row.address,
                count=row.count,
                first_height=row.first_height,
            )
            for row in beyond
        ],
    )


def _view(row: UnlistedRow) -> UnlistedView:
    return UnlistedView(
        client_id=row.client_id,
        vault_id=row.vault_id,
        network=row.network,
        asset=row.asset,
        address=row.address,
        said_to_be_from=row.sender,
        amount_base_units=str(row.amount),
        mark=None if row.mark is None else Mark(row.mark),
        txid=row.txid,
        place=row.place,
        block=BlockView(height=row.block_height, hash=row.block_hash),
        seen_at=row.seen_at,
    )
