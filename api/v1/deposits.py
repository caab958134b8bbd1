"""Deposits: money that arrived. Pending until its block is final, then credited."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from api.auth import Compliance, Reader
from api.context import ServicesDependency
from api.documentation import problems
from api.paging import Page, number_of, page_of
from api.schemas import Body, Identifier, Reason, View, body_example, with_example
from api.v1.blocks import BLOCK_EXAMPLE, BlockView
from api.v1.filters import AddressText, MoneyQuery, spellings
from chains.assets import Amount
from chains.catalogue import Catalogue
from chains.model import NetworkId
from custody.apikeys.model import Caller
from custody.db.listing import open_list
from custody.db.quarantine_tables import QuarantineRow
from custody.db.session import ReadSession
from custody.db.tables import DepositRow
from custody.deposits import repository
from custody.deposits.filters import DepositFilter
from custody.deposits.list_repository import page_of_deposits
from custody.deposits.states import DepositState
from custody.errors import Invalid
from custody.quarantine.repository import key_of, newest_of
from custody.quarantine.service import hold, release
from custody.services import Services
from custody.vaults import repository as vaults

router = APIRouter(prefix="/deposits", tags=["deposits"])

DEPOSIT_EXAMPLE = {
    "id": "dep_01k9zv6d4e5f6g7h8j9k0m1n2p",
    "client_id": "cli_01k9zv3m8q4x7h2c5d6e8f9g0a",
    "vault_id": "vlt_01k9zv4a2b3c4d5e6f7g8h9j0k",
    "network": "bip122:0f9188f13cb7b2c71f2a335e3a4fc328",
    "asset": "bip122:0f9188f13cb7b2c71f2a335e3a4fc328/slip44:1",
    "symbol": "BTC",
    "address_id": "adr_01k9zv5c3d4e5f6g7h8j9k0m1n",
    "address": "bcrt1qcr8te4kr609gcawutmrza0j4xv80jy8zeqchgx",
    "amount": "1.25",
    "amount_base_units": "125000000",
    "state": "credited",
    "txid": "9f0c1e2d3b4a59687768594a3b2c1d0e9f0c1e2d3b4a59687768594a3b2c1d0e",
    "place": "output:1",
    "block": BLOCK_EXAMPLE,
    "quarantine": None,
    "transfer_id": None,
    "created_at": "2026-03-02T06:00:03Z",
    "decided_at": "2026-03-02T06:20:03Z",
    "updated_at": "2026-03-02T06:20:03Z",
}


QUARANTINE_EXAMPLE = {
    "reason": "large amounts are looked at first",
    "held_by": "olivia",
    "held_at": "2026-03-02T06:00:03Z",
    "rule_id": "qrl_01k9zv8a2b3c4d5e6f7g8h9j0k",
    "released_at": None,
    "released_by": None,
    "released_reason": None,
}


class QuarantineView(View):
    """That a deposit is held, or was."""

    model_config = with_example(QUARANTINE_EXAMPLE)

    reason: str
    held_by: str = Field(description="who held it, or who set the rule that did")
    held_at: datetime
    rule_id: str | None = Field(description="null: a person held this one")
    released_at: datetime | None
    released_by: str | None
    released_reason: str | None


class DepositView(View):
    """A transaction that comes back in another block after a reorg is another deposit."""

    model_config = with_example(DEPOSIT_EXAMPLE)

    id: str
    client_id: str
    vault_id: str
    network: str
    asset: str
    symbol: str
    address_id: str
    address: str
    amount: str
    amount_base_units: str
    state: DepositState = Field(
        description="`pending` until the block is final, then `credited`; `below_minimum` if it is "
        "final and, with what else waits at its address, less than the operator credits at a time: "
        "it is credited with what comes after it; `quarantined` while it is held, by a rule or a "
        "person, until it is released; `reversed` if a reorg removed the block before "
        "it was credited"
    )
    txid: str
    place: str = Field(
        description="where in the transaction: an output, a call, a log; the same after a reorg"
    )
    block: BlockView
    quarantine: QuarantineView | None = Field(description="null: it was never held")
    transfer_id: str | None = Field(
        description="the vault's own call that brought it, as a swap does; null: somebody paid"
    )
    created_at: datetime
    decided_at: datetime | None
    updated_at: datetime = Field(description="when its state changed last")


class Holding(Body):
    model_config = body_example({"reason": "the payer is asked where it is from"})

    reason: Reason


class Release(Body):
    model_config = body_example({"reason": "the payer has shown where it is from"})

    reason: Reason


class DepositQuery(MoneyQuery):
    state: list[DepositState] = Field([], description="may be repeated: one of these")
    address: AddressText | None = Field(None, description="one of ours, which was paid")
    transfer_id: Identifier | None = Field(None, description="what this call brought")


@router.get("", summary="List deposits", responses=problems(404))
async def list_deposits(
    query: Annotated[DepositQuery, Query()], caller: Reader, services: ServicesDependency
) -> Page[DepositView]:
    """In order of arrival. What is named must exist, except for a transaction: of it there may be
    no deposit yet."""
    network, asset = query.network_in(services), query.asset_in(services)
    async with open_list(services.custody.database, DepositRow) as (session, settled):
        if query.vault_id is not None:
            await vaults.vault(session, query.vault_id, only=caller.client_id)
        wanted = DepositFilter(
            client_id=caller.client_id,
            vault_id=query.vault_id,
            network=network,
            asset=asset,
            states=tuple(dict.fromkeys(query.state)),
            txid=query.txid,
            addresses=await _addresses(session, services, query, network, caller),
            transfer_id=query.transfer_id,
            created=query.created,
            updated=query.updated,
        )
        rows = await page_of_deposits(session, wanted, query.window(settled))
        texts = await vaults.addresses_by_id(session, {row.address_id for row in rows})
        held = await newest_of(session, rows)
    return page_of(
        rows,
        query.limit,
        number_of,
        lambda row: _view(row, texts[row.address_id], held, services.custody.catalogue),
    )


async def _addresses(
    session: ReadSession,
    services: Services,
    query: DepositQuery,
    network: NetworkId | None,
    caller: Caller,
) -> tuple[str, ...] | None:
    """The ids. Raises Invalid (address_malformed, address_unknown)."""
    if query.address is None:
        return None
    texts = spellings(services, query.address, network)
    found = await vaults.address_ids(session, texts, only=caller.client_id)
    if not found:
        raise Invalid("address_unknown", "this is no address of ours", field="address")
    return found


@router.get("/{deposit_id}", summary="Get a deposit", responses=problems(404))
async def get_deposit(
    deposit_id: Identifier, caller: Reader, services: ServicesDependency
) -> DepositView:
    """One deposit by id."""
    async with services.custody.database.read() as session:
        row = await repository.deposit(session, deposit_id, only=caller.client_id)
        return await _shown(session, row, services)


@router.post(
    "/{deposit_id}/quarantine",
    summary="Hold a deposit",
    responses=problems(404, 409, writes=True),
)
async def hold_deposit(
    deposit_id: Identifier, body: Holding, caller: Compliance, services: ServicesDependency
) -> DepositView:
    """One that is not credited yet: it is not before somebody releases it, whatever its block does.
    Of what is credited the vault can be frozen."""
    now, by = services.custody.clock(), caller.initiator
    async with services.custody.database.write() as session:
        row = await hold(
            session, services.held, deposit_id, body.reason, now, by=by, only=caller.client_id
        )
        return await _shown(session, row, services)


@router.post(
    "/{deposit_id}/release",
    summary="Release a held deposit",
    responses=problems(404, 409, writes=True),
)
async def release_deposit(
    deposit_id: Identifier, body: Release, caller: Compliance, services: ServicesDependency
) -> DepositView:
    """It goes on as any deposit, and is credited at once if its block is final. Where four eyes are
    asked for, not by the person who held it or set the rule that did."""
    now, by = services.custody.clock(), caller.initiator
    async with services.custody.database.write() as session:
        row = await release(
            session, services.held, deposit_id, body.reason, now, by=by, only=caller.client_id
        )
        return await _shown(session, row, services)


async def _shown(session: ReadSession, row: DepositRow, services: Services) -> DepositView:
    texts = await vaults.addresses_by_id(session, [row.address_id])
    held = await newest_of(session, [row])
    return _view(row, texts[row.address_id], held, services.custody.catalogue)


def _view(
    row: DepositRow, address: str, held: Mapping[str, QuarantineRow], catalogue: Catalogue
) -> DepositView:
    asset = catalogue.find_asset(row.asset)
    quarantine = held.get(key_of(row.network, row.txid, row.place))
    return DepositView(
        id=row.id,
        client_id=row.client_id,
        vault_id=row.vault_id,
        network=row.network,
        asset=row.asset,
        symbol=asset.symbol,
        address_id=row.address_id,
        address=address,
        amount=Amount(asset, row.amount).decimal,
        amount_base_units=str(row.amount),
        state=DepositState(row.state),
        txid=row.txid,
        place=row.place,
        block=BlockView(height=row.block_height, hash=row.block_hash),
        quarantine=None if quarantine is None else _quarantine_view(quarantine),
        transfer_id=row.transfer_id,
        created_at=row.created_at,
        decided_at=row.decided_at,
        updated_at=row.updated_at or row.decided_at or row.created_at,
    )


def _quarantine_view(row: QuarantineRow) -> QuarantineView:
    return QuarantineView(
        reason=row.reason,
        held_by=row.held_by,
        held_at=row.created_at,
        rule_id=row.rule_id,
        released_at=row.released_at,
        released_by=row.released_by,
        released_reason=row.released_reason,
    )
