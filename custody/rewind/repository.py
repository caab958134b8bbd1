"""Queries on what is on record from blocks. Decides nothing."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import delete, func, select, update

from chains.model import BlockRef, NetworkId
from custody.db.chunks import chunks
from custody.db.session import ReadSession, WriteSession
from custody.db.tables import (
    AddressRow,
    BlockRow,
    CoinRow,
    DepositRow,
    ForeignDebitRow,
    LedgerEntryRow,
)
from custody.db.transfer_tables import TransactionRow, TransferRow
from custody.deposits.states import HELD, DebitState, DepositState
from custody.transactions.state import State
from custody.transfers import gas_repository
from custody.transfers.kinds import Kind, tops_up

_STANDING = (*sorted(HELD), DepositState.CREDITED.value)
_LEFT = (DebitState.PENDING.value, DebitState.BOOKED.value)
_SETTLED = (State.FINAL.value, State.REVERTED.value)


async def all_refs(session: ReadSession, network: NetworkId) -> list[BlockRef]:
    """The remembered blocks, oldest first."""
    rows = select(BlockRow.height, BlockRow.hash).where(BlockRow.network == network)
    return [BlockRef(*row) for row in await session.rows(rows.order_by(BlockRow.height))]


async def standing_deposits(
    session: ReadSession, network: NetworkId, above: int
) -> Sequence[DepositRow]:
    """Pending and credited ones in blocks above a height."""
    return await session.all(
        select(DepositRow)
        .where(
            DepositRow.network == network,
            DepositRow.state.in_(_STANDING),
            DepositRow.block_height > above,
        )
        .order_by(DepositRow.id)
    )


async def settled_transactions(
    session: ReadSession, network: NetworkId, above: int
) -> Sequence[TransactionRow]:
    """Those whose end was in a block above a height."""
    return await session.all(
        select(TransactionRow)
        .where(
            TransactionRow.network == network,
            TransactionRow.state.in_(_SETTLED),
            TransactionRow.block_height > above,
        )
        .order_by(TransactionRow.id)
    )


async def helped_by(
    session: ReadSession, network: NetworkId, transfers: Collection[TransferRow]
) -> frozenset[str]:
    """The vaults whose addresses some of the transfers brought coins for fees, or whose payments
    they submitted."""
    addresses = {row.destination for row in transfers if tops_up(row.kind)}
    found: set[str] = set()
    for part in chunks(sorted(addresses)):
        mine = select(AddressRow.vault_id).where(
            AddressRow.network == network, AddressRow.address.in_(part)
        )
        found |= set(await session.all(mine))
    carried = [row.id for row in transfers if row.kind == Kind.CALL_CHARGED]
    return frozenset(found | set((await gas_repository.debtors(session, carried)).values()))


async def older_blocks(
    session: ReadSession, network: NetworkId, below: int | None, limit: int = 100
) -> list[BlockRef]:
    """Blocks that are not remembered any more but in which something of ours lies, newest first."""
    found: set[BlockRef] = set()
    kinds = ((DepositRow, _STANDING), (ForeignDebitRow, _LEFT), (TransactionRow, _SETTLED))
    for row, states in kinds:
        rows = select(row.block_height, row.block_hash).where(
            row.network == network, row.state.in_(states), row.block_height.is_not(None)
        )
        if below is not None:
            rows = rows.where(row.block_height < below)
        newest = rows.distinct().order_by(row.block_height.desc()).limit(limit)
        found |= {
            BlockRef(height, hash_)
            for height, hash_ in await session.rows(newest)
            if height is not None and hash_ is not None
        }
    return sorted(found, key=lambda ref: ref.height, reverse=True)[:limit]


async def coins_above(session: ReadSession, network: NetworkId, height: int) -> tuple[int, int]:
    """How many coins blocks above a height made, and how many they spent."""
    mine = select(func.count()).select_from(CoinRow).where(CoinRow.network == network)
    made = await session.one(mine.where(CoinRow.block_height > height))
    return made, await session.one(mine.where(CoinRow.spent_height > height))


async def forget_coins_above(session: WriteSession, network: NetworkId, height: int) -> None:
    mine = CoinRow.network == network
    spent = update(CoinRow).where(mine, CoinRow.spent_height > height)
    await session.execute(spent.values(spent_height=None))
    await session.execute(delete(CoinRow).where(mine, CoinRow.block_height > height))


async def forget_blocks_above(session: WriteSession, network: NetworkId, height: int) -> None:
    await session.execute(
        delete(BlockRow).where(BlockRow.network == network, BlockRow.height > height)
    )


async def credited_accounts(session: ReadSession, reservations: Collection[str]) -> dict[str, str]:
    """The account that each reservation credits, by the deposit it belongs to."""
    found: dict[str, str] = {}
    for chunk in chunks(reservations):
        rows = select(LedgerEntryRow.subject, LedgerEntryRow.credit_account).where(
            LedgerEntryRow.id.in_(chunk)
        )
        found.update(dict(await session.rows(rows)))
    return found
