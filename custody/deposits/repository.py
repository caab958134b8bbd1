"""Queries on deposits and on whom a credit belongs to. Decides nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from sqlalchemy import select

from chains.costs import CostKind
from chains.effects import Effect, Told
from chains.families import traits_of
from chains.model import Address, AssetId, NetworkId
from chains.networks import Network
from custody.db.chunks import all_in, chunks
from custody.db.session import ReadSession, WriteSession
from custody.db.tables import (
    AddressRow,
    CoinRow,
    DepositRow,
    VaultRow,
)
from custody.db.transfer_tables import (
    MandateRow,
    TransactionRow,
    TransactionTransferRow,
    TransferRow,
)
from custody.deposits.deciding import Holding, OwnCoin, Owner, OwnTransaction
from custody.deposits.states import CREDITABLE, HELD, DepositState
from custody.errors import NotFound
from custody.transfers.kinds import Kind, stays, tops_up
from custody.transfers.mandates import told_of
from custody.transfers.repository import mandates_by_transfer, payments_of
from custody.vaults.watchlist import parse_outpoint
from signer.wire import Purpose


async def deposit(session: ReadSession, deposit_id: str, *, only: str | None = None) -> DepositRow:
    """Raises NotFound(deposit_not_found), also if it belongs to another client than `only`."""
    found = await session.get(DepositRow, deposit_id)
    if found is None or only not in (None, found.client_id):
        raise NotFound("deposit_not_found", "There is no such deposit.")
    return found


async def lock_deposit(session: WriteSession, deposit_id: str) -> DepositRow:
    """One that exists, as it is now and stays until the transaction ends."""
    mine = select(DepositRow).where(DepositRow.id == deposit_id).order_by(DepositRow.id)
    return (await session.for_update(mine))[0]


async def owners(
    session: ReadSession, network: Network, addresses: Iterable[str]
) -> dict[str, Owner]:
    """Those of the addresses that are ours."""
    found: dict[str, Owner] = {}
    for chunk in chunks(addresses):
        rows = (
            select(AddressRow, VaultRow.client_id)
            .join(VaultRow, VaultRow.id == AddressRow.vault_id)
            .where(AddressRow.network == network.id, AddressRow.address.in_(chunk))
        )
        for row, client in await session.rows(rows):
            found[row.address] = owner(network, row, client)
    return found


def owner(network: Network, row: AddressRow, client: str) -> Owner:
    """On account chains a vault pays from its first address only; what lies elsewhere is shown but
    can't be spent before it is swept."""
    spendable = traits_of(network).coins or row.position == 0
    holding = Holding.SPENDABLE if spendable else Holding.UNSWEPT
    return Owner(row.vault_id, client, row.id, holding)


async def owner_of(session: ReadSession, network: Network, deposit_row: DepositRow) -> Owner:
    """Whose address it came to."""
    mine = select(AddressRow).where(AddressRow.id == deposit_row.address_id)
    return owner(network, await session.one(mine), deposit_row.client_id)


async def own_coins(
    session: ReadSession, network: Network, keys: Iterable[str]
) -> dict[str, OwnCoin]:
    """Those of the coins that are ours, spent or not, by the text of their conflict key."""
    wanted = {parse_outpoint(key): key for key in keys}
    found = {}
    for chunk in chunks(txid for txid, _ in wanted):
        rows = (
            select(CoinRow, AddressRow, VaultRow.client_id)
            .join(AddressRow, AddressRow.id == CoinRow.address_id)
            .join(VaultRow, VaultRow.id == CoinRow.vault_id)
            .where(CoinRow.network == network.id, CoinRow.txid.in_(chunk))
        )
        for coin, address, client in await session.rows(rows):
            key = wanted.get((coin.txid, coin.position))
            if key is not None:
                mine = owner(network, address, client)
                found[key] = OwnCoin(mine, Address(address.address), coin.amount)
    return found


async def own_transactions(
    session: ReadSession, network: Network, txids: Iterable[str]
) -> dict[str, OwnTransaction]:
    """Those of the transactions that our vaults made, in whichever state, and what they were
    agreed to do. A cancellation names transfers too, and pays none of them."""
    found: dict[str, OwnTransaction] = {}
    rent = (network.native.id, CostKind.RENT)
    for chunk in chunks(txids):
        rows = (
            select(TransactionRow, TransferRow, MandateRow.costs_max)
            .join(
                TransactionTransferRow, TransactionTransferRow.transaction_id == TransactionRow.id
            )
            .join(TransferRow, TransferRow.id == TransactionTransferRow.transfer_id)
            .join(
                MandateRow,
                (MandateRow.transfer_id == TransactionTransferRow.transfer_id)
                & (MandateRow.version == TransactionTransferRow.mandate_version),
            )
            .where(TransactionRow.network == network.id, TransactionRow.txid.in_(chunk))
        )
        carried = await session.rows(rows)
        payments = await payments_of(session, [transfer for _, transfer, _ in carried])
        calls = await _calls(session, [transfer for _, transfer, _ in carried])
        for row, transfer, costs_max in carried:
            if row.txid is None:
                continue
            none = OwnTransaction(row.id, row.vault_id, row.source)
            before = found.get(row.txid, none)
            pays: tuple[Effect, ...] = payments[transfer.id]
            pays = (calls[transfer.id],) if transfer.id in calls else pays
            is_paid = row.purpose == Purpose.PAY
            found[row.txid] = replace(
                before,
                effects=before.effects + (pays if is_paid else ()),
                rent=before.rent + costs_max.get(rent, 0),
                stays=stays(transfer.kind),
                tops_up=tops_up(transfer.kind),
                calls=transfer.id if is_paid and transfer.kind == Kind.CALL else None,
            )
    return found


async def _calls(session: ReadSession, rows: Iterable[TransferRow]) -> dict[str, Told]:
    """What those that call were agreed to do, by transfer, as far as that can be read."""
    calling = {row.id: row for row in rows if row.kind == Kind.CALL}
    terms = await mandates_by_transfer(session, calling) if calling else {}
    told = {each: told_of(row, terms[each]) for each, row in calling.items()}
    return {each: call for each, call in told.items() if call is not None}


async def address_of(session: ReadSession, deposit_row: DepositRow) -> str:
    """The address that was paid."""
    mine = select(AddressRow.address).where(AddressRow.id == deposit_row.address_id)
    return await session.one(mine)


async def deposits_of(
    session: ReadSession, network: NetworkId, txids: Iterable[str]
) -> list[DepositRow]:
    mine = select(DepositRow).where(DepositRow.network == network)
    return await all_in(session, txids, lambda part: mine.where(DepositRow.txid.in_(part)))


async def received_by(
    session: ReadSession, transfers: Collection[str]
) -> dict[str, list[DepositRow]]:
    """What the transfers' own calls brought, by transfer, unless its block is gone."""
    found: dict[str, list[DepositRow]] = {each: [] for each in transfers}
    standing = select(DepositRow).where(DepositRow.state != DepositState.REVERSED.value)
    for row in await all_in(
        session, transfers, lambda part: standing.where(DepositRow.transfer_id.in_(part))
    ):
        if row.transfer_id is not None:
            found[row.transfer_id].append(row)
    return found


async def deposits_in(
    session: ReadSession, network: NetworkId, block_hashes: Iterable[str]
) -> list[DepositRow]:
    mine = select(DepositRow).where(DepositRow.network == network)
    return await all_in(
        session, block_hashes, lambda part: mine.where(DepositRow.block_hash.in_(part))
    )


async def creditable(session: ReadSession, network: NetworkId, height: int) -> Sequence[DepositRow]:
    """Deposits that are final at `height` and not credited, those that wait for more included, and
    those that are quarantined not."""
    return await session.all(
        select(DepositRow)
        .where(
            DepositRow.network == network,
            DepositRow.state.in_(CREDITABLE),
            DepositRow.final_height <= height,
        )
        .order_by(DepositRow.id)
    )


async def pending_at(session: ReadSession, asset: AssetId, address: Address) -> int:
    """What lies there of deposits of the asset that are not credited, in its base units."""
    amounts = await session.all(
        select(DepositRow.amount)
        .join(AddressRow, AddressRow.id == DepositRow.address_id)
        .where(
            DepositRow.asset == asset,
            AddressRow.network == DepositRow.network,
            AddressRow.address == address,
            DepositRow.state.in_(HELD),
        )
    )
    return sum(amounts)


async def vaults_paid_from(
    session: ReadSession, network: NetworkId, block_hashes: Collection[str], states: Sequence[str]
) -> set[str]:
    """The vaults whose transactions in one of the states lie in the blocks."""
    return set(
        await session.all(
            select(TransactionRow.vault_id).where(
                TransactionRow.network == network,
                TransactionRow.state.in_(states),
                TransactionRow.block_hash.in_(block_hashes),
            )
        )
    )
