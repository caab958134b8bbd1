"""Queries on transfers, their transactions and claims. Decides nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, bindparam, delete, exists, select

from chains.model import ConflictKey, Excludes, NetworkId
from custody.db.session import ReadSession, WriteSession
from custody.db.tables import (
    ApprovalRow,
    ClaimRow,
    TransactionRow,
    TransferEventRow,
    TransferRow,
)
from custody.transfers.state import ON_CHAIN, State

WAITING_FOR_US = (State.AWAITING_APPROVAL, State.QUEUED)


@dataclass(frozen=True, slots=True)
class TransferFilter:
    """`client_id`: what the caller may see. None does not filter."""

    client_id: str | None = None
    vault_id: str | None = None
    network: NetworkId | None = None
    state: State | None = None


async def lock_transfer(session: WriteSession, transfer_id: str) -> TransferRow | None:
    """The row as it is now, ours until the transaction ends."""
    statement = select(TransferRow).where(TransferRow.id == transfer_id).order_by(TransferRow.id)
    rows = await session.for_update(statement)
    return rows[0] if rows else None


async def find_transfer(
    session: ReadSession, transfer_id: str, client_id: str | None
) -> TransferRow | None:
    row = await session.get(TransferRow, transfer_id)
    return row if row is not None and client_id in (None, row.client_id) else None


_KNOWN = select(TransferRow.id).where(TransferRow.id == bindparam("id"))


async def is_known(session: WriteSession, transfer_id: str) -> bool:
    """Asked for each new transfer, so it is a constant that is prepared once."""
    return bool(await session.quick_rows(_KNOWN, {"id": transfer_id}))


async def page_of_transfers(
    session: ReadSession, wanted: TransferFilter, after: str, limit: int
) -> Sequence[TransferRow]:
    """One page in order of creation; `after` is the last ordinal of the page before."""
    statement = select(TransferRow).where(TransferRow.ordinal > after)
    if wanted.client_id is not None:
        statement = statement.where(TransferRow.client_id == wanted.client_id)
    if wanted.vault_id is not None:
        statement = statement.where(TransferRow.vault_id == wanted.vault_id)
    if wanted.network is not None:
        statement = statement.where(TransferRow.network == wanted.network)
    if wanted.state is not None:
        statement = statement.where(TransferRow.state == wanted.state)
    return await session.all(statement.order_by(TransferRow.ordinal).limit(limit))


async def events_of(session: ReadSession, transfer_id: str) -> Sequence[TransferEventRow]:
    return await session.all(
        select(TransferEventRow)
        .where(TransferEventRow.transfer_id == transfer_id)
        .order_by(TransferEventRow.seq)
    )


async def ids_in_state(
    session: ReadSession, network: NetworkId, states: Iterable[State] = ON_CHAIN
) -> Sequence[str]:
    """Oldest first."""
    return await session.all(
        select(TransferRow.id)
        .where(TransferRow.network == network, TransferRow.state.in_(list(states)))
        .order_by(TransferRow.ordinal)
    )


async def ids_expired(session: ReadSession, now: datetime) -> Sequence[str]:
    """Transfers whose mandate has run out while they wait for people or for us."""
    return await session.all(
        select(TransferRow.id)
        .where(TransferRow.state.in_(WAITING_FOR_US), TransferRow.expires_at <= now)
        .order_by(TransferRow.ordinal)
    )


# Transactions


def open_transactions(transfer_id: str) -> Select[str]:
    """Ids of transactions that the signer may see or have seen without telling us."""
    return select(TransactionRow.id).where(
        TransactionRow.transfer_id == transfer_id,
        TransactionRow.refusal.is_(None),
    )


async def is_built(session: ReadSession, transfer_id: str) -> bool:
    return await session.first(open_transactions(transfer_id)) is not None


async def transactions_of(session: ReadSession, transfer_id: str) -> Sequence[TransactionRow]:
    """Newest first."""
    return await session.all(
        select(TransactionRow)
        .where(TransactionRow.transfer_id == transfer_id)
        .order_by(TransactionRow.id.desc())
    )


async def signed_transaction(session: ReadSession, transfer_id: str) -> TransactionRow | None:
    """The one that was signed; there is at most one."""
    return await session.one_or_none(
        select(TransactionRow).where(
            TransactionRow.transfer_id == transfer_id, TransactionRow.raw.is_not(None)
        )
    )


# Claims


async def claims_of(session: ReadSession, transfer_id: str) -> tuple[ConflictKey, ...]:
    rows = await session.rows(
        select(ClaimRow.key, ClaimRow.excludes)
        .where(ClaimRow.transfer_id == transfer_id)
        .order_by(ClaimRow.key)
    )
    return tuple(ConflictKey(key, Excludes(excludes)) for key, excludes in rows)


async def claims_of_others(
    session: ReadSession, network: NetworkId, transfer_id: str
) -> frozenset[ConflictKey]:
    rows = await session.rows(
        select(ClaimRow.key, ClaimRow.excludes)
        .where(ClaimRow.network == network, ClaimRow.transfer_id != transfer_id)
        .order_by(ClaimRow.key)
    )
    return frozenset(ConflictKey(key, Excludes(excludes)) for key, excludes in rows)


async def insert_claims(
    session: WriteSession,
    transfer_id: str,
    network: str,
    keys: Iterable[ConflictKey],
    now: datetime,
) -> None:
    """IntegrityError, now or at the end, if another transfer holds one of them."""
    await session.insert(ClaimRow, _claim_rows(transfer_id, network, keys, now))


async def claim_missing(
    session: WriteSession,
    transfer_id: str,
    network: str,
    keys: Iterable[ConflictKey],
    now: datetime,
) -> None:
    """Those of the keys that nobody holds."""
    await session.insert_missing(ClaimRow, _claim_rows(transfer_id, network, keys, now))


def _claim_rows(
    transfer_id: str, network: str, keys: Iterable[ConflictKey], now: datetime
) -> list[dict[str, Any]]:
    return [
        {
            "key": key.text,
            "excludes": key.excludes.value,
            "network": network,
            "transfer_id": transfer_id,
            "created_at": now,
        }
        for key in sorted(keys)
    ]


async def release_claims(session: WriteSession, transfer_id: str) -> None:
    await session.execute(delete(ClaimRow).where(ClaimRow.transfer_id == transfer_id))


async def has_claims(session: ReadSession, transfer_id: str) -> bool:
    return bool(await session.one(select(exists().where(ClaimRow.transfer_id == transfer_id))))


# Approvals


async def verdicts_on(session: ReadSession, transfer_id: str) -> Sequence[ApprovalRow]:
    """In the order in which they were given."""
    return await session.all(
        select(ApprovalRow)
        .where(ApprovalRow.transfer_id == transfer_id)
        .order_by(ApprovalRow.created_at, ApprovalRow.id)
    )
