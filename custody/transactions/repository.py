"""Queries on transactions, the transfers that they carry, and what they claim. Decides nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import BindParameter, ColumnElement, bindparam, delete, func, select, update
from sqlalchemy.orm import aliased

from chains.model import ConflictKey, Excludes, NetworkId
from custody.db.session import ReadSession, WriteSession
from custody.db.sighting_tables import SightingRow
from custody.db.tables import BlockRow, OutboxRow, VaultRow
from custody.db.transfer_tables import (
    ClaimHolderRow,
    ClaimRow,
    TransactionRow,
    TransactionTransferRow,
    TransferRow,
)
from custody.outbox import Work
from custody.pauses.repository import is_paused
from custody.transactions.state import ON_CHAIN, OPEN, State
from custody.transfers.kinds import Kind
from signer.agreement import Purpose

# What is asked for each set of payouts is a constant, built once.

_IDS: Final[BindParameter[Any]] = bindparam("ids", expanding=True)
_CARRIED: Final = (
    select(TransactionTransferRow)
    .where(TransactionTransferRow.transaction_id.in_(_IDS))
    .order_by(TransactionTransferRow.transaction_id, TransactionTransferRow.transfer_id)
)
_VAULTS: Final = select(VaultRow).where(VaultRow.id.in_(_IDS))
_TRANSFERS: Final = select(TransferRow).where(TransferRow.id.in_(_IDS)).order_by(TransferRow.id)
_TRANSACTIONS: Final = (
    select(TransactionRow).where(TransactionRow.id.in_(_IDS)).order_by(TransactionRow.id)
)
_LATER: Final = aliased(TransactionRow)
_TO_SEND: Final = (
    select(
        TransactionRow,
        select(_LATER.id)
        .where(_LATER.replaces == TransactionRow.id, _LATER.state.in_(ON_CHAIN))
        .exists(),
        is_paused(TransactionRow.network, TransactionRow.vault_id),
        select(TransferRow.id)
        .join(TransactionTransferRow, TransactionTransferRow.transfer_id == TransferRow.id)
        .where(
            TransactionTransferRow.transaction_id == TransactionRow.id,
            TransferRow.kind == Kind.CALL,
            TransactionRow.purpose == Purpose.PAY,
        )
        .exists(),
    )
    .where(TransactionRow.id.in_(_IDS))
    .order_by(TransactionRow.id)
)
_CONTESTS: Final = (
    select(TransactionTransferRow.transfer_id, TransactionRow)
    .join(TransactionRow, TransactionRow.id == TransactionTransferRow.transaction_id)
    .where(TransactionTransferRow.transfer_id.in_(_IDS))
    .order_by(TransactionRow.id)
)
_KEYS: Final = (
    select(ClaimHolderRow.transaction_id, ClaimHolderRow.key, ClaimHolderRow.excludes)
    .where(ClaimHolderRow.transaction_id.in_(_IDS))
    .order_by(ClaimHolderRow.transaction_id, ClaimHolderRow.key)
)


async def lock_named(
    session: WriteSession, transaction_id: str
) -> tuple[TransactionRow, Sequence[TransferRow]]:
    """A transaction and the transfers that it carries, as they are now, ours until the end: the
    transfers before it, as everywhere."""
    carried = select(TransactionTransferRow.transfer_id).where(
        TransactionTransferRow.transaction_id == transaction_id
    )
    transfers = await session.for_update(
        select(TransferRow).where(TransferRow.id.in_(carried)).order_by(TransferRow.id)
    )
    one = select(TransactionRow).where(TransactionRow.id == transaction_id)
    (row,) = await session.for_update(one.order_by(TransactionRow.id))
    return row, transfers


async def lock_all(
    session: WriteSession, transaction_ids: Collection[str]
) -> dict[str, tuple[TransactionRow, list[TransferRow]]]:
    """`lock_named` of each, in the order of their ids."""
    named = await carried(session, transaction_ids)
    transfers = await session.for_update(
        _TRANSFERS, {"ids": sorted({each.transfer_id for each in named})}
    )
    rows = await session.for_update(_TRANSACTIONS, {"ids": list(transaction_ids)})
    by_id = {each.id: each for each in transfers}
    found: dict[str, tuple[TransactionRow, list[TransferRow]]] = {row.id: (row, []) for row in rows}
    for each in named:
        found[each.transaction_id][1].append(by_id[each.transfer_id])
    return found


async def transactions(
    session: ReadSession, transaction_ids: Collection[str]
) -> dict[str, TransactionRow]:
    """Those of the ids that exist."""
    rows = await session.all(_TRANSACTIONS, {"ids": list(transaction_ids)})
    return {row.id: row for row in rows}


class ToSend(NamedTuple):
    """`superseded`: another one was sent in its place, so a node that has that one takes it no
    more. `paused`: nothing new may leave its vault by its network. `private`: it calls a contract,
    and who sees that first can act on it first."""

    row: TransactionRow
    superseded: bool
    paused: bool
    private: bool


async def to_send(session: ReadSession, transaction_ids: Collection[str]) -> list[ToSend]:
    """Those of the ids that exist."""
    rows = await session.rows(_TO_SEND, {"ids": list(transaction_ids)})
    return [ToSend(*each) for each in rows]


async def waiting_for(
    session: ReadSession, transaction_ids: Collection[str], code: str
) -> Collection[str]:
    """Those of the ids whose transfers wait for this."""
    part = TransactionTransferRow
    wanted = select(part.transaction_id).join(TransferRow, TransferRow.id == part.transfer_id)
    mine = part.transaction_id.in_(transaction_ids), TransferRow.waiting == code
    return set(await session.all(wanted.where(*mine).order_by(part.transaction_id)))


async def carried(
    session: ReadSession, transaction_ids: Collection[str]
) -> Sequence[TransactionTransferRow]:
    """Which transfers the transactions carry, under which version, in the order of ids."""
    if not transaction_ids:
        return []
    return await session.all(_CARRIED, {"ids": list(transaction_ids)})


async def sizes_by_transaction(
    session: ReadSession, transaction_ids: Collection[str]
) -> dict[str, dict[str, int]]:
    """What each transfer's outputs add to each transaction, where that was written down."""
    found: dict[str, dict[str, int]] = {each: {} for each in transaction_ids}
    for each in await carried(session, transaction_ids):
        if each.size is not None:
            found[each.transaction_id][each.transfer_id] = each.size
    return found


async def transfers_of(
    session: ReadSession, transaction_ids: Collection[str]
) -> Sequence[TransferRow]:
    """The transfers that one of the transactions carries, in the order of their ids."""
    named = select(TransactionTransferRow.transfer_id).where(
        TransactionTransferRow.transaction_id.in_(transaction_ids)
    )
    return await session.all(
        select(TransferRow).where(TransferRow.id.in_(named)).order_by(TransferRow.id)
    )


async def contest(session: ReadSession, transfer_id: str) -> Sequence[TransactionRow]:
    """Every transaction that names the transfer, oldest first."""
    return (await contests(session, [transfer_id]))[transfer_id]


async def vaults_of(session: ReadSession, transfers: Iterable[TransferRow]) -> dict[str, VaultRow]:
    """The vaults that pay for them, by id."""
    ids = {row.vault_id for row in transfers}
    return {row.id: row for row in await session.all(_VAULTS, {"ids": sorted(ids)})}


async def contests(
    session: ReadSession, transfer_ids: Collection[str]
) -> dict[str, list[TransactionRow]]:
    """`contest` of each of the transfers."""
    rows = await session.rows(_CONTESTS, {"ids": list(transfer_ids)})
    found: dict[str, list[TransactionRow]] = {each: [] for each in transfer_ids}
    for transfer, row in rows:
        found[transfer].append(row)
    return found


async def lock_claimed(session: WriteSession, transfer_id: str) -> Sequence[TransactionRow]:
    """Those that name the transfer and have no bytes yet, locked."""
    named = select(TransactionTransferRow.transaction_id).where(
        TransactionTransferRow.transfer_id == transfer_id
    )
    claimed = select(TransactionRow).where(
        TransactionRow.id.in_(named), TransactionRow.state == State.CLAIMED
    )
    return await session.for_update(claimed.order_by(TransactionRow.id))


async def newest_height(session: ReadSession, network: NetworkId) -> int | None:
    """Where our chain stands: no block up to there can have what is made now."""
    return await session.first(select(func.max(BlockRow.height)).where(BlockRow.network == network))


async def on_chain(session: ReadSession, network: NetworkId) -> Sequence[TransactionRow]:
    """Those that may be in a block, oldest first."""
    return await session.all(
        select(TransactionRow)
        .where(TransactionRow.network == network, TransactionRow.state.in_(ON_CHAIN))
        .order_by(TransactionRow.id)
    )


async def superseded(session: ReadSession, transaction_ids: Collection[str]) -> set[str]:
    """Those in whose place another one was sent: a node that has that one takes them no more."""
    replaced = select(TransactionRow.replaces).where(
        TransactionRow.replaces.in_(transaction_ids), TransactionRow.state.in_(ON_CHAIN)
    )
    return {each for each in await session.all(replaced.order_by(TransactionRow.id)) if each}


async def dead_and_seen(session: ReadSession, network: NetworkId) -> Sequence[TransactionRow]:
    """Those that were dead and are in a block of our chain after all."""
    return await session.all(
        select(TransactionRow)
        .join(
            SightingRow,
            (SightingRow.network == TransactionRow.network)
            & (SightingRow.txid == TransactionRow.txid),
        )
        .where(TransactionRow.network == network, TransactionRow.state == State.DEAD)
        .order_by(TransactionRow.id)
    )


async def forget_made(session: WriteSession, network: NetworkId) -> None:
    """Our chain begins anew: it says nothing of the blocks since open transactions were made."""
    await session.execute(
        update(TransactionRow)
        .where(TransactionRow.network == network, TransactionRow.state.in_(OPEN))
        .values(made_height=None)
    )


async def note_made_above(session: WriteSession, network: NetworkId, height: int) -> None:
    """An operator read all blocks above `height` again for those whose time is not known."""
    await session.execute(
        update(TransactionRow)
        .where(
            TransactionRow.network == network,
            TransactionRow.state.in_(OPEN),
            TransactionRow.made_height.is_(None),
        )
        .values(made_height=height)
    )


async def note_waiting(
    session: WriteSession, transfer_ids: Collection[str], states: Collection[str], code: str | None
) -> None:
    """Show what transfers in one of the states wait for."""
    await session.execute(
        update(TransferRow)
        .where(
            TransferRow.id.in_(transfer_ids),
            TransferRow.state.in_(states),
            TransferRow.waiting.is_distinct_from(code),
        )
        .values(waiting=code)
    )


async def queued(session: ReadSession, work: Work, subjects: Collection[str]) -> set[str]:
    """Those for which it is waiting to be done already."""
    waiting = select(OutboxRow.subject).where(
        OutboxRow.subject.in_(subjects), OutboxRow.kind == work
    )
    return set(await session.all(waiting.order_by(OutboxRow.seq)))


async def untried(session: ReadSession, work: Work, network: NetworkId) -> set[str]:
    """Subjects of a network for which it was not tried yet, or is being tried for the first
    time."""
    fresh = (OutboxRow.attempts <= 1) & OutboxRow.last_error.is_(None)
    waiting = select(OutboxRow.subject).where(
        OutboxRow.network == network, OutboxRow.kind == work, fresh
    )
    return set(await session.all(waiting.order_by(OutboxRow.seq)))


async def resume(
    session: WriteSession, network: NetworkId, work: Work, code: str, most: int
) -> None:
    """What waits to be tried again because of `code` is due now: the oldest, at most so many."""
    waiting = (
        select(OutboxRow.seq)
        .where(
            OutboxRow.network == network,
            OutboxRow.kind == work,
            OutboxRow.last_error == code,
            OutboxRow.claim.is_(None),
        )
        .order_by(OutboxRow.seq)
        .limit(most)
    )
    await session.execute(
        update(OutboxRow)
        .where(OutboxRow.seq.in_(waiting), OutboxRow.claim.is_(None))
        .values(held_since=None, held_until=None)
    )


# Claims. Who takes a key stays on record; the claim itself is there while one of them may still be
# included.


async def keys_by_transaction(
    session: ReadSession, transaction_ids: Collection[str]
) -> dict[str, tuple[ConflictKey, ...]]:
    """`keys_of` each of the transactions."""
    if not transaction_ids:
        return {}
    rows = await session.rows(_KEYS, {"ids": list(transaction_ids)})
    found: dict[str, tuple[ConflictKey, ...]] = dict.fromkeys(transaction_ids, ())
    for transaction_id, key, excludes in rows:
        found[transaction_id] += (ConflictKey(key, Excludes(excludes)),)
    return found


async def apart_among(session: ReadSession, transaction_ids: Collection[str]) -> set[str]:
    """Those that are payments which were signed for others to submit."""
    if not transaction_ids:
        return set()
    rows = await session.rows(_KEYS, {"ids": list(transaction_ids)})
    return {each for each, _, excludes in rows if excludes == Excludes.EFFECT}


async def keys_of(session: ReadSession, transaction_id: str) -> tuple[ConflictKey, ...]:
    """What the transaction takes for itself, now or once."""
    rows = await session.rows(
        select(ClaimHolderRow.key, ClaimHolderRow.excludes)
        .where(ClaimHolderRow.transaction_id == transaction_id)
        .order_by(ClaimHolderRow.key)
    )
    return tuple(ConflictKey(key, Excludes(excludes)) for key, excludes in rows)


async def taken(
    session: ReadSession, network: NetworkId, besides: Collection[str] = ()
) -> frozenset[ConflictKey]:
    """Keys that unfinished transactions claim, other than those `besides`."""
    rows = await session.rows(
        select(ClaimHolderRow.key, ClaimHolderRow.excludes)
        .join(ClaimRow, ClaimRow.key == ClaimHolderRow.key)
        .where(ClaimRow.network == network, ClaimHolderRow.transaction_id.not_in(besides))
        .order_by(ClaimHolderRow.key)
    )
    return frozenset(ConflictKey(key, Excludes(excludes)) for key, excludes in rows)


async def claim(
    session: WriteSession,
    wanted: Sequence[tuple[TransactionRow, Collection[ConflictKey]]],
    now: datetime,
) -> None:
    """For each transaction its keys. IntegrityError, now or at the end, if another transaction
    holds one of them."""
    ordered = sorted(((key, row) for row, keys in wanted for key in keys), key=lambda each: each[0])
    await session.insert(ClaimRow, [_claim(row, key.text, now) for key, row in ordered])
    await session.insert(ClaimHolderRow, [_holder(row, key) for key, row in ordered])


async def claim_beside(
    session: WriteSession, row: TransactionRow, keys: Iterable[ConflictKey], now: datetime
) -> None:
    """Also where others hold them: a replacement, or what the signer is known to have signed."""
    ordered = sorted(keys)
    await session.insert_missing(ClaimRow, [_claim(row, key.text, now) for key in ordered])
    await session.insert_missing(ClaimHolderRow, [_holder(row, key) for key in ordered])


async def claim_again(session: WriteSession, row: TransactionRow, now: datetime) -> None:
    """What the transaction took before and has released."""
    await claim_beside(session, row, await keys_of(session, row.id), now)


async def release(session: WriteSession, rows: Sequence[TransactionRow]) -> None:
    """Their keys that no other transaction holds which may still be included. After the changes of
    state that let them go. Without bytes one has taken nothing, so its keys are forgotten."""
    await session.flush()
    ended = [row.id for row in rows]
    mine = select(ClaimHolderRow.key).where(ClaimHolderRow.transaction_id.in_(ended))
    still_held = (
        select(ClaimHolderRow.key)
        .join(TransactionRow, TransactionRow.id == ClaimHolderRow.transaction_id)
        .where(ClaimHolderRow.key.in_(mine), TransactionRow.state.in_(OPEN))
    )
    await session.execute(
        delete(ClaimRow).where(ClaimRow.key.in_(mine), ClaimRow.key.not_in(still_held))
    )
    unbuilt = [row.id for row in rows if row.payload is None]
    if unbuilt:
        await session.execute(
            delete(ClaimHolderRow).where(ClaimHolderRow.transaction_id.in_(unbuilt))
        )


async def open_keys(
    session: ReadSession, network: NetworkId, sources: Collection[str]
) -> Sequence[tuple[str, str]]:
    """The binding keys of what is under way from the addresses and in no block that we know of,
    each with the state of who takes it."""
    if not sources:
        return []
    waiting = [state for state in OPEN if state is not State.INCLUDED]
    rows = await session.rows(
        select(ClaimHolderRow.key, TransactionRow.state)
        .join(TransactionRow, TransactionRow.id == ClaimHolderRow.transaction_id)
        .where(
            TransactionRow.network == network,
            TransactionRow.state.in_(waiting),
            TransactionRow.source.in_(sources),
            ClaimHolderRow.excludes == Excludes.INCLUSION.value,
        )
        .order_by(ClaimHolderRow.key)
    )
    return [(key, state) for key, state in rows]


async def unsigned(session: ReadSession, keys: Sequence[str], most: int) -> Sequence[str]:
    """Transfers whose transactions take one of the first `most` of the keys and wait for the
    signer."""
    rows = (
        select(TransactionTransferRow.transfer_id)
        .join(TransactionRow, TransactionRow.id == TransactionTransferRow.transaction_id)
        .join(ClaimHolderRow, ClaimHolderRow.transaction_id == TransactionRow.id)
        .where(
            ClaimHolderRow.key.in_(keys[:most]),
            TransactionRow.state.in_((State.CLAIMED, State.BUILT)),
        )
        .distinct()
        .order_by(TransactionTransferRow.transfer_id)
    )
    return await session.all(rows)


async def spent_keys(session: ReadSession, keys: Collection[str]) -> set[str]:
    """Those that a block has used up, by a transaction of ours or in the place of one."""
    spent = (State.INCLUDED, State.FINAL, State.REVERTED, State.DEAD)
    return set(
        await session.all(
            select(ClaimHolderRow.key)
            .join(TransactionRow, TransactionRow.id == ClaimHolderRow.transaction_id)
            .where(ClaimHolderRow.key.in_(keys), TransactionRow.state.in_(spent))
            .order_by(ClaimHolderRow.key)
        )
    )


async def holders(session: ReadSession, keys: Iterable[ConflictKey]) -> Sequence[str]:
    """Open transactions that hold one of the keys, by id."""
    named: ColumnElement[bool] = ClaimHolderRow.key.in_([key.text for key in keys])
    return await session.all(
        select(ClaimHolderRow.transaction_id)
        .join(TransactionRow, TransactionRow.id == ClaimHolderRow.transaction_id)
        .where(named, TransactionRow.state.in_(OPEN))
        .distinct()
        .order_by(ClaimHolderRow.transaction_id)
    )


def _claim(row: TransactionRow, key: str, now: datetime) -> dict[str, object]:
    return {"key": key, "network": row.network, "created_at": now}


def _holder(row: TransactionRow, key: ConflictKey) -> dict[str, object]:
    return {"key": key.text, "transaction_id": row.id, "excludes": key.excludes.value}
