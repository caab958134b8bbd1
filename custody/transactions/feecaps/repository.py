"""Queries on caps on fees and on what counts against them. Decides nothing."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import func, select

from custody.db.fee_tables import FeeCapRow, FeeUseRow
from custody.db.session import ReadSession, WriteSession
from custody.db.transfer_tables import TransactionRow


async def caps_of(
    session: ReadSession, vaults: Collection[str], network: str | None = None
) -> Sequence[FeeCapRow]:
    """Those that count, of the vaults; of one network, or of all. None: it was taken away."""
    newest = (
        select(FeeCapRow.vault_id, FeeCapRow.network, func.max(FeeCapRow.number).label("number"))
        .where(FeeCapRow.vault_id.in_(vaults))
        .group_by(FeeCapRow.vault_id, FeeCapRow.network)
        .subquery()
    )
    counting = select(FeeCapRow).join(
        newest,
        (FeeCapRow.vault_id == newest.c.vault_id)
        & (FeeCapRow.network == newest.c.network)
        & (FeeCapRow.number == newest.c.number),
    )
    if network is not None:
        counting = counting.where(FeeCapRow.network == network)
    return await session.all(counting.order_by(FeeCapRow.vault_id, FeeCapRow.network))


async def history_of(session: ReadSession, vault: str) -> Sequence[FeeCapRow]:
    """All that was ever set, network by network, the oldest first."""
    mine = select(FeeCapRow).where(FeeCapRow.vault_id == vault)
    return await session.all(mine.order_by(FeeCapRow.network, FeeCapRow.number))


async def add_cap(
    session: WriteSession,
    vault: str,
    network: str,
    amount: int | None,
    reason: str,
    by: str,
    now: datetime,
) -> None:
    """The vault is locked by the caller, so that one at a time does this."""
    newest = select(func.max(FeeCapRow.number)).where(
        FeeCapRow.vault_id == vault, FeeCapRow.network == network
    )
    number = (await session.one(newest) or 0) + 1
    row = {
        "vault_id": vault,
        "network": network,
        "number": number,
        "amount": amount,
        "reason": reason,
        "set_by": by,
        "set_at": now,
    }
    await session.insert(FeeCapRow, [row])


async def uses_since(
    session: ReadSession, vault: str, network: str, since: datetime
) -> Sequence[tuple[TransactionRow, int]]:
    """Transactions that were built after `since`, with the most that each can take."""
    return await session.rows(
        select(TransactionRow, FeeUseRow.most)
        .join(FeeUseRow, FeeUseRow.transaction_id == TransactionRow.id)
        .where(
            FeeUseRow.vault_id == vault, FeeUseRow.network == network, FeeUseRow.built_at > since
        )
        .order_by(FeeUseRow.transaction_id)
    )


async def add_uses(
    session: WriteSession, built: Sequence[tuple[TransactionRow, int]], at: datetime
) -> None:
    """What was built now."""
    await session.insert(
        FeeUseRow,
        [
            {
                "transaction_id": row.id,
                "vault_id": row.vault_id,
                "network": row.network,
                "most": most,
                "built_at": at,
            }
            for row, most in built
        ],
    )
