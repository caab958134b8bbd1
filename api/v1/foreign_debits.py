"""Foreign debits: what left vaults without a transfer of theirs."""

from datetime import datetime
from typing import Annotated, Literal, cast

from fastapi import APIRouter, Query
from pydantic import Field

from api.auth import Reader
from api.context import ServicesDependency
from api.documentation import problems
from api.paging import ListQuery, Page, number_of, page_of
from api.schemas import Identifier, NetworkName, View, with_example
from api.v1.blocks import BLOCK_EXAMPLE, BlockView
from api.v1.networks import named_in_request
from chains.assets import Amount
from chains.catalogue import Catalogue
from custody.db.listing import open_list
from custody.db.tables import ForeignDebitRow
from custody.debits.repository import DebitFilter, page_of_debits
from custody.deposits.states import DebitState
from custody.vaults import repository as vaults

router = APIRouter(prefix="/foreign-debits", tags=["foreign debits"])

FoundAs = Literal["foreign", "allowed", "excess", "unlocked"]
"""Those of `custody.deposits.deciding.DEBITS`."""

DEBIT_EXAMPLE = {
    "id": "fdb_01k9zv6d4e5f6g7h8j9k0m1n2p",
    "client_id": "cli_01k9zv3m8q4x7h2c5d6e8f9g0a",
    "vault_id": "vlt_01k9zv4a2b3c4d5e6f7g8h9j0k",
    "network": "eip155:31337",
    "asset": "eip155:31337/slip44:60",
    "symbol": "ETH",
    "address": "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    "amount": "1.25",
    "amount_base_units": "1250000000000000000",
    "owed": "0",
    "owed_base_units": "0",
    "verdict": "foreign",
    "explained_by": None,
    "state": "booked",
    "txid": "0x9f0c1e2d3b4a59687768594a3b2c1d0e9f0c1e2d3b4a59687768594a3b2c1d0e",
    "place": "call:0",
    "block": BLOCK_EXAMPLE,
    "created_at": "2026-03-02T06:00:03Z",
    "decided_at": "2026-03-02T06:20:03Z",
}


class ForeignDebitView(View):
    """What left with one transaction, of one asset, from one place in it."""

    model_config = with_example(DEBIT_EXAMPLE)

    id: str
    client_id: str
    vault_id: str
    network: str
    asset: str
    symbol: str
    address: str = Field(description="ours, which it left from")
    amount: str
    amount_base_units: str
    owed: str = Field(description="of the amount, what was more than the vault had")
    owed_base_units: str
    verdict: FoundAs = Field(
        description="`foreign`: nothing explains it, and the vault is frozen; `allowed`: an "
        "allowance does; `excess`: a transaction of ours took more than was agreed to; `unlocked`: "
        "from what was locked"
    )
    explained_by: str | None = Field(description="the allowance, or the transaction of ours")
    state: DebitState = Field(
        description="`pending` until the block is final, then `booked`; `reversed` if the block is "
        "gone or a transaction of ours explains it after all"
    )
    txid: str
    place: str = Field(description="where in the transaction; the same after a reorg")
    block: BlockView
    created_at: datetime
    decided_at: datetime | None


class ForeignDebitQuery(ListQuery):
    vault_id: Identifier | None = None
    network: NetworkName | None = Field(None, description="CAIP-2 id or alias")
    state: list[DebitState] = Field([], description="may be repeated: one of these")


@router.get("", summary="List foreign debits", responses=problems(404))
async def list_foreign_debits(
    query: Annotated[ForeignDebitQuery, Query()], caller: Reader, services: ServicesDependency
) -> Page[ForeignDebitView]:
    """In the order in which they were seen. A vault and a network that are named must exist."""
    network = None if query.network is None else named_in_request(services, query.network).id
    async with open_list(services.custody.database, ForeignDebitRow) as (session, settled):
        if query.vault_id is not None:
            await vaults.vault(session, query.vault_id, only=caller.client_id)
        states = tuple(dict.fromkeys(query.state))
        wanted = DebitFilter(caller.client_id, query.vault_id, network, states)
        rows = await page_of_debits(session, wanted, query.window(settled))
    catalogue = services.custody.catalogue
    return page_of(rows, query.limit, number_of, lambda row: _view(row, catalogue))


def _view(row: ForeignDebitRow, catalogue: Catalogue) -> ForeignDebitView:
    asset = catalogue.find_asset(row.asset)
    return ForeignDebitView(
        id=row.id,
        client_id=row.client_id,
        vault_id=row.vault_id,
        network=row.network,
        asset=row.asset,
        symbol=asset.symbol,
        address=row.address,
        amount=Amount(asset, row.amount).decimal,
        amount_base_units=str(row.amount),
        owed=Amount(asset, row.owed).decimal,
        owed_base_units=str(row.owed),
        verdict=cast(FoundAs, row.verdict),
        explained_by=row.explained_by,
        state=DebitState(row.state),
        txid=row.txid,
        place=row.place,
        block=BlockView(height=row.block_height, hash=row.block_hash),
        created_at=row.created_at,
        decided_at=row.decided_at,
    )
