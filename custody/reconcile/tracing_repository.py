"""Queries of tracing: what the books have of a vault's asset in a range of blocks. Decides
nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import or_, select

from chains.model import AssetId, NetworkId
from custody.db.chunks import all_in, chunks
from custody.db.session import ReadSession
from custody.db.tables import CoinRow, DepositRow, ForeignDebitRow, LedgerAccountRow, LedgerEntryRow
from custody.db.transfer_tables import TransactionRow, TransactionTransferRow
from custody.deposits.states import DebitState, DepositState
from custody.ledger.model import Kind, Reason
from custody.reconcile.repository import ON_CHAIN_KINDS
from custody.vaults.watchlist import outpoint_key


@dataclass(frozen=True, slots=True)
class Booked:
    """A transaction that the books know. `came`: what its deposits brought, by place. `height`:
    None while it is in no block."""

    height: int | None
    came: Mapping[str, int]


async def booked(
    session: ReadSession, network: NetworkId, vault: str, asset: AssetId, since: int
) -> dict[str, Booked]:
    """By transaction: deposits and foreign debits of the vault's asset, and the vault's own
    transactions, in blocks from `since` on or in none."""
    found: dict[str, Booked] = {}
    own = await session.rows(
        select(TransactionRow.txid, TransactionRow.block_height).where(
            TransactionRow.network == network,
            TransactionRow.vault_id == vault,
            TransactionRow.txid.is_not(None),
            or_(TransactionRow.block_height.is_(None), TransactionRow.block_height >= since),
        )
    )
    left = await session.rows(
        select(ForeignDebitRow.txid, ForeignDebitRow.block_height).where(
            ForeignDebitRow.network == network,
            ForeignDebitRow.vault_id == vault,
            ForeignDebitRow.block_height >= since,
            ForeignDebitRow.state != DebitState.REVERSED.value,
        )
    )
    for txid, height in (*own, *left):
        if txid is not None:
            found[txid] = Booked(height, {})
    came = await session.all(
        select(DepositRow).where(
            DepositRow.network == network,
            DepositRow.vault_id == vault,
            DepositRow.asset == asset,
            DepositRow.block_height >= since,
            DepositRow.state != DepositState.REVERSED.value,
        )
    )
    for row in came:
        before = found.get(row.txid, Booked(row.block_height, {}))
        found[row.txid] = Booked(before.height, {**before.came, row.place: row.amount})
    return found


async def coins_of(session: ReadSession, network: NetworkId, vault: str) -> dict[str, int]:
    """What each coin of the vault is or was worth, by the text of its conflict key."""
    rows = await session.rows(
        select(CoinRow.txid, CoinRow.position, CoinRow.amount).where(
            CoinRow.network == network, CoinRow.vault_id == vault
        )
    )
    return {outpoint_key(network, txid, at): amount for txid, at, amount in rows}


async def entries_since(
    session: ReadSession, vault: str, asset: AssetId, since: datetime | None
) -> list[tuple[LedgerEntryRow, int]]:
    """Those that changed what must be on the chain: between one of the accounts and any other, with
    what they added. What only holds for a transfer changes nothing, and of what is in suspense, or
    owed, is known that nothing stands for it. The oldest first."""
    mine = await session.all(
        select(LedgerAccountRow.id).where(
            LedgerAccountRow.vault_id == vault,
            LedgerAccountRow.asset == asset,
            LedgerAccountRow.kind.in_(ON_CHAIN_KINDS),
        )
    )
    wanted = select(LedgerEntryRow).where(
        or_(LedgerEntryRow.debit_account.in_(mine), LedgerEntryRow.credit_account.in_(mine)),
        LedgerEntryRow.reason.not_in([Reason.SUSPENSE.value, Reason.SHORTFALL.value]),
    )
    if since is not None:
        wanted = wanted.where(LedgerEntryRow.created_at >= since)
    found = []
    for row in await session.all(wanted.order_by(LedgerEntryRow.id)):
        came, left = row.credit_account in mine, row.debit_account in mine
        sign = _SIGNS[Kind(row.kind)][0 if came else 1]
        if came is not left and sign:
            found.append((row, sign * row.amount))
    return found


_SIGNS = {Kind.POST: (1, -1), Kind.RESERVE: (1, 0), Kind.VOID: (-1, 0), Kind.SETTLE: (0, -1)}
"""What an entry of one of the accounts adds to posted and pending credits: if it is credited, and
if it is debited."""


async def transactions_of(
    session: ReadSession, subjects: Collection[str]
) -> dict[str, list[tuple[str, int | None]]]:
    """With which transactions, and in which blocks, what the entries are of happened: for deposits,
    foreign debits and transfers. Others are not in it."""
    found: dict[str, list[tuple[str, int | None]]] = {}
    ids = list(subjects)
    for came in await all_in(
        session, ids, lambda part: select(DepositRow).where(DepositRow.id.in_(part))
    ):
        found.setdefault(came.id, []).append((came.txid, came.block_height))
    for left in await all_in(
        session, ids, lambda part: select(ForeignDebitRow).where(ForeignDebitRow.id.in_(part))
    ):
        found.setdefault(left.id, []).append((left.txid, left.block_height))
    for part in chunks(ids):
        carried = await session.rows(
            select(
                TransactionTransferRow.transfer_id, TransactionRow.txid, TransactionRow.block_height
            )
            .join(TransactionRow, TransactionRow.id == TransactionTransferRow.transaction_id)
            .where(TransactionTransferRow.transfer_id.in_(part), TransactionRow.txid.is_not(None))
        )
        for transfer, txid, height in carried:
            if txid is not None:
                found.setdefault(transfer, []).append((txid, height))
    return found
