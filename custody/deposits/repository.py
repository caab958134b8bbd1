"""Queries on deposits and on whom a credit belongs to. Decides nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import select

from chains.model import NetworkId
from custody.db.chunks import chunks
from custody.db.session import ReadSession
from custody.db.tables import (
    AddressRow,
    DepositRow,
    VaultRow,
)
from custody.db.transfer_tables import TransactionRow, TransactionTransferRow, TransferRow
from custody.deposits.matching import DepositState, Owner, OwnTransaction
from custody.errors import NotFound

PAGE_MAX = 100


async def deposit(session: ReadSession, deposit_id: str, *, only: str | None = None) -> DepositRow:
    """Raises NotFound(deposit_not_found), also if it belongs to another client than `only`."""
    found = await session.get(DepositRow, deposit_id)
    if found is None or only not in (None, found.client_id):
        raise NotFound("deposit_not_found", "There is no such deposit.")
    return found


async def deposits(
    session: ReadSession,
    *,
    only: str | None = None,
    vault: str | None = None,
    network: NetworkId | None = None,
    state: DepositState | None = None,
    after: str = "",
    limit: int = PAGE_MAX,
) -> Sequence[DepositRow]:
    """One page in order of arrival; `after` is the last id of the page before."""
    page = select(DepositRow).where(DepositRow.id > after)
    if only is not None:
        page = page.where(DepositRow.client_id == only)
    if vault is not None:
        page = page.where(DepositRow.vault_id == vault)
    if network is not None:
        page = page.where(DepositRow.network == network)
    if state is not None:
        page = page.where(DepositRow.state == state.value)
    return await session.all(page.order_by(DepositRow.id).limit(limit))


async def owners(
    session: ReadSession, network: NetworkId, addresses: Iterable[str]
) -> dict[str, Owner]:
    """Those of the addresses that are ours."""
    found = {}
    for chunk in chunks(addresses):
        rows = (
            select(AddressRow, VaultRow.client_id)
            .join(VaultRow, VaultRow.id == AddressRow.vault_id)
            .where(AddressRow.network == network, AddressRow.address.in_(chunk))
        )
        found.update({row.address: Owner(row, client) for row, client in await session.rows(rows)})
    return found


async def own_transactions(
    session: ReadSession, network: NetworkId, txids: Iterable[str]
) -> dict[str, OwnTransaction]:
    """Those of the transactions that our vaults made, and whom they pay."""
    found: dict[str, OwnTransaction] = {}
    for chunk in chunks(txids):
        rows = (
            select(TransactionRow.txid, TransferRow.vault_id, TransferRow.destination)
            .join(
                TransactionTransferRow, TransactionTransferRow.transaction_id == TransactionRow.id
            )
            .join(TransferRow, TransferRow.id == TransactionTransferRow.transfer_id)
            .where(TransactionRow.network == network, TransactionRow.txid.in_(chunk))
        )
        for txid, vault, to in await session.rows(rows):
            if txid is not None:
                before = found.get(txid, OwnTransaction(vault, frozenset()))
                found[txid] = OwnTransaction(vault, before.destinations | {to})
    return found


async def deposits_of(
    session: ReadSession, network: NetworkId, txids: Iterable[str]
) -> list[DepositRow]:
    return [
        row
        for chunk in chunks(txids)
        for row in await session.all(
            select(DepositRow).where(DepositRow.network == network, DepositRow.txid.in_(chunk))
        )
    ]


async def deposits_in(
    session: ReadSession, network: NetworkId, block_hashes: Iterable[str]
) -> list[DepositRow]:
    return [
        row
        for chunk in chunks(block_hashes)
        for row in await session.all(
            select(DepositRow).where(
                DepositRow.network == network, DepositRow.block_hash.in_(chunk)
            )
        )
    ]


async def creditable(session: ReadSession, network: NetworkId, height: int) -> Sequence[DepositRow]:
    """Pending deposits that are final at `height`."""
    return await session.all(
        select(DepositRow)
        .where(
            DepositRow.network == network,
            DepositRow.state == DepositState.PENDING.value,
            DepositRow.final_height <= height,
        )
        .order_by(DepositRow.id)
    )


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
