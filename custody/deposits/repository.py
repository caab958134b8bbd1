"""Queries on deposits, coins and the followers' blocks. Decides nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TypeVar

from sqlalchemy import func, select

from chains.model import BlockRef, NetworkId
from custody.db.session import ReadSession
from custody.db.tables import (
    AddressRow,
    BlockRow,
    CoinRow,
    DepositRow,
    FollowerRow,
    TransactionRow,
    TransferRow,
    VaultRow,
)
from custody.deposits.matching import DepositState, Owner, OwnTransfer
from custody.errors import NotFound

T = TypeVar("T")

PAGE_MAX = 100
_CHUNK = 500
"""Values per query, far below what either database accepts."""


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


async def position(session: ReadSession, network: NetworkId) -> BlockRef | None:
    """The newest block that was applied."""
    refs = await newest_refs(session, network, 1)
    return refs[-1] if refs else None


async def newest_final_height(session: ReadSession, network: NetworkId) -> int | None:
    """The height up to which blocks are final, None before anything is."""
    follower = await session.get(FollowerRow, network)
    return None if follower is None else follower.final_height


async def newest_refs(session: ReadSession, network: NetworkId, count: int) -> list[BlockRef]:
    """The newest applied blocks, oldest first."""
    newest = (
        select(BlockRow.height, BlockRow.hash)
        .where(BlockRow.network == network)
        .order_by(BlockRow.height.desc())
        .limit(count)
    )
    return [BlockRef(height, hash_) for height, hash_ in reversed(await session.rows(newest))]


async def hashes_at(
    session: ReadSession, network: NetworkId, heights: Collection[int]
) -> dict[int, str]:
    """Our chain's block hashes at those of the heights that are remembered."""
    rows = select(BlockRow.height, BlockRow.hash).where(
        BlockRow.network == network, BlockRow.height.in_(heights)
    )
    return dict(await session.rows(rows)) if heights else {}


async def ref_at_or_below(session: ReadSession, network: NetworkId, height: int) -> BlockRef | None:
    """Our chain's newest remembered block that is not above `height`."""
    newest = (
        select(BlockRow.height, BlockRow.hash)
        .where(BlockRow.network == network, BlockRow.height <= height)
        .order_by(BlockRow.height.desc())
        .limit(1)
    )
    rows = await session.rows(newest)
    return BlockRef(*rows[0]) if rows else None


async def oldest_height(session: ReadSession, network: NetworkId) -> int:
    """The oldest remembered block's height, 0 if there is none."""
    oldest = select(func.min(BlockRow.height)).where(BlockRow.network == network)
    return await session.one(oldest) or 0


async def owners(
    session: ReadSession, network: NetworkId, addresses: Iterable[str]
) -> dict[str, Owner]:
    """Those of the addresses that are ours."""
    found = {}
    for chunk in _chunks(addresses):
        rows = (
            select(AddressRow, VaultRow.client_id)
            .join(VaultRow, VaultRow.id == AddressRow.vault_id)
            .where(AddressRow.network == network, AddressRow.address.in_(chunk))
        )
        found.update({row.address: Owner(row, client) for row, client in await session.rows(rows)})
    return found


async def own_transfers(
    session: ReadSession, network: NetworkId, txids: Iterable[str]
) -> dict[str, OwnTransfer]:
    """Those of the transactions that our vaults made."""
    found = {}
    for chunk in _chunks(txids):
        rows = (
            select(TransactionRow.txid, TransferRow.vault_id, TransferRow.destination)
            .join(TransferRow, TransferRow.id == TransactionRow.transfer_id)
            .where(TransactionRow.network == network, TransactionRow.txid.in_(chunk))
        )
        found.update(
            {txid: OwnTransfer(vault, to) for txid, vault, to in await session.rows(rows) if txid}
        )
    return found


async def deposits_of(
    session: ReadSession, network: NetworkId, txids: Iterable[str]
) -> list[DepositRow]:
    return [
        row
        for chunk in _chunks(txids)
        for row in await session.all(
            select(DepositRow).where(DepositRow.network == network, DepositRow.txid.in_(chunk))
        )
    ]


async def deposits_in(
    session: ReadSession, network: NetworkId, block_hashes: Iterable[str]
) -> list[DepositRow]:
    return [
        row
        for chunk in _chunks(block_hashes)
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


async def coin_places(
    session: ReadSession, network: NetworkId, txids: Iterable[str]
) -> set[tuple[str, int]]:
    """The (txid, position) of each stored coin that one of the transactions made."""
    return {
        (txid, position)
        for chunk in _chunks(txids)
        for txid, position in await session.rows(
            select(CoinRow.txid, CoinRow.position).where(
                CoinRow.network == network, CoinRow.txid.in_(chunk)
            )
        )
    }


async def coins_spent_at(
    session: ReadSession, network: NetworkId, heights: Collection[int]
) -> Sequence[CoinRow]:
    return await session.all(
        select(CoinRow).where(CoinRow.network == network, CoinRow.spent_height.in_(heights))
    )


async def vaults_paid_from(
    session: ReadSession, network: NetworkId, block_hashes: Collection[str], states: Sequence[str]
) -> set[str]:
    """The vaults whose transfers in one of the states lie in the blocks."""
    return set(
        await session.all(
            select(TransferRow.vault_id).where(
                TransferRow.network == network,
                TransferRow.state.in_(states),
                TransferRow.block_hash.in_(block_hashes),
            )
        )
    )


def _chunks(values: Iterable[T]) -> Iterator[list[T]]:
    distinct = list(set(values))
    for start in range(0, len(distinct), _CHUNK):
        yield distinct[start : start + _CHUNK]
