"""Queries on proofs that blocks have our transactions, and on those that are still wanted."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import bindparam, delete, exists, func, select

from chains.model import BlockRef, Excludes, NetworkId, TxId
from custody.db.look import Quick
from custody.db.proof_tables import ChainProofRow, ProofWantRow, want
from custody.db.session import ReadSession, WriteSession
from custody.db.transfer_tables import ClaimHolderRow, TransactionRow
from custody.transactions.state import State
from signer.agreement import Purpose


class Wanted(NamedTuple):
    """`block`: None if the transaction is not final any more."""

    id: str
    txid: TxId
    block: BlockRef | None
    since: datetime
    attempts: int


async def want_forgotten(session: WriteSession, network: NetworkId, now: datetime) -> int:
    """Whatever is final without a proof and not wanted: from before there were proofs, or ended by
    an older program. Returns how many."""
    row, kept, known = TransactionRow, ChainProofRow, ProofWantRow
    found = await session.all(
        select(row)
        .where(
            row.network == network,
            row.state == State.FINAL,
            row.purpose == Purpose.PAY,
            ~exists().where(kept.transaction_id == row.id, kept.block_hash == row.block_hash),
            ~exists().where(known.transaction_id == row.id),
            # What was signed apart has no name in a block.
            ~exists().where(
                ClaimHolderRow.transaction_id == row.id,
                ClaimHolderRow.excludes == Excludes.EFFECT.value,
            ),
        )
        .order_by(row.id)
    )
    if found:
        await session.insert_missing(known, [want(each, now) for each in found])
    return len(found)


_DUE: Final = (
    select(ProofWantRow.since, ProofWantRow.attempts, TransactionRow)
    .join(TransactionRow, TransactionRow.id == ProofWantRow.transaction_id)
    .where(
        ProofWantRow.network == bindparam("network"),
        ProofWantRow.due_at <= bindparam("now"),
    )
    .order_by(ProofWantRow.due_at, ProofWantRow.transaction_id)
)
_ANY_DUE: Final = select(_DUE.exists().label("any_due"))


async def due(
    session: ReadSession, network: NetworkId, now: datetime, most: int
) -> Sequence[Wanted]:
    """Those that were wanted longest."""
    found = await session.rows(_DUE.limit(most), {"network": network, "now": now})
    return [_wanted(*each) for each in found]


async def is_any_due(session: Quick, network: NetworkId, now: datetime) -> bool:
    """Whether `due` has any."""
    ((found,),) = await session.quick_rows(_ANY_DUE, {"network": network, "now": now})
    return bool(found)


def _wanted(since: datetime, attempts: int, tx: TransactionRow) -> Wanted:
    block = None
    if tx.state == State.FINAL and tx.block_height is not None and tx.block_hash is not None:
        block = BlockRef(tx.block_height, tx.block_hash)
    return Wanted(tx.id, TxId(tx.txid or ""), block, since, attempts)


async def oldest(session: ReadSession) -> Mapping[str, tuple[int, datetime]]:
    """By network how many are wanted, and since when the first of them."""
    row = ProofWantRow
    found = await session.rows(
        select(row.network, func.count(), func.min(row.since)).group_by(row.network)
    )
    return {network: (count, since) for network, count, since in found}


async def kept(session: ReadSession, transactions: Collection[str]) -> Sequence[ChainProofRow]:
    """All of them, the oldest first."""
    row = ChainProofRow
    mine = select(row).where(row.transaction_id.in_(transactions))
    return await session.all(mine.order_by(row.transaction_id, row.block_hash, row.number))


async def kept_of(
    session: ReadSession, transactions: Collection[str], block: BlockRef
) -> Mapping[str, int]:
    """How many are kept of each transaction in this block."""
    row = ChainProofRow
    mine = row.transaction_id.in_(transactions), row.block_hash == block.hash
    found = await session.rows(
        select(row.transaction_id, func.count()).where(*mine).group_by(row.transaction_id)
    )
    return dict.fromkeys(transactions, 0) | {each[0]: each[1] for each in found}


async def keep(session: WriteSession, rows: Sequence[dict[str, Any]]) -> None:
    await session.insert_missing(ChainProofRow, rows)


async def done(session: WriteSession, transactions: Collection[str]) -> None:
    if transactions:
        mine = ProofWantRow.transaction_id.in_(transactions)
        await session.execute(delete(ProofWantRow).where(mine))


async def put_off(session: WriteSession, rows: Sequence[dict[str, Any]]) -> None:
    await session.update_each(ProofWantRow, ["transaction_id"], rows)
