"""Queries on transfers, their mandates, approvals and reservations. Decides nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import BindParameter, Select, and_, bindparam, exists, func, select, union_all

from chains.costs import Costs
from chains.effects import Pay
from chains.model import Address, AssetId, NetworkId
from custody.db.feed_tables import EventRow
from custody.db.gas_tables import GasNeedRow
from custody.db.listing import Window, page
from custody.db.session import ReadSession, WriteSession
from custody.db.transfer_tables import (
    SEVERAL,
    ApprovalRow,
    MandateRow,
    ReservationRow,
    TransactionTransferRow,
    TransferOutputRow,
    TransferRow,
    TransferWarningRow,
)
from custody.pauses.repository import is_paused
from custody.transfers.consent import Consent, let_go
from custody.transfers.kinds import Kind
from custody.transfers.state import REPEATABLE, TERMINAL, WAITING, State

# What is asked for each set of payouts is a constant, built once.

_IDS: Final[BindParameter[Any]] = bindparam("ids", expanding=True)
_TRANSFERS: Final = select(TransferRow).where(TransferRow.id.in_(_IDS)).order_by(TransferRow.id)
_WITH_PAUSES: Final = (
    select(
        TransferRow,
        is_paused(TransferRow.network, TransferRow.vault_id),
        exists().where(GasNeedRow.transfer_id == TransferRow.id, GasNeedRow.state == "open"),
        exists().where(GasNeedRow.transfer_id == TransferRow.id, GasNeedRow.state == "apart"),
    )
    .where(TransferRow.id.in_(_IDS))
    .order_by(TransferRow.id)
)
_OUTPUTS: Final = (
    select(TransferOutputRow)
    .where(TransferOutputRow.transfer_id.in_(_IDS))
    .order_by(TransferOutputRow.transfer_id, TransferOutputRow.position)
)
_MANDATES: Final = (
    select(MandateRow)
    .where(MandateRow.transfer_id.in_(_IDS))
    .order_by(MandateRow.transfer_id, MandateRow.version)
)
_BOUNDS: Final = (
    select(TransactionTransferRow.transaction_id, MandateRow.transfer_id, MandateRow.costs_max)
    .join(
        TransactionTransferRow,
        (TransactionTransferRow.transfer_id == MandateRow.transfer_id)
        & (TransactionTransferRow.mandate_version == MandateRow.version),
    )
    .where(TransactionTransferRow.transaction_id.in_(_IDS))
    .order_by(MandateRow.transfer_id)
)
_VERDICTS: Final = (
    select(ApprovalRow)
    .where(ApprovalRow.mandate_digest.in_(bindparam("digests", expanding=True)))
    .order_by(ApprovalRow.created_at, ApprovalRow.id)
)
_RESERVATIONS: Final = (
    select(ReservationRow)
    .where(ReservationRow.transfer_id.in_(_IDS))
    .order_by(ReservationRow.mandate_version, ReservationRow.asset, ReservationRow.kind)
)
_UNHELD: Final = (
    select(TransactionTransferRow.transaction_id, TransferRow.id)
    .join(TransactionTransferRow, TransactionTransferRow.transfer_id == TransferRow.id)
    .where(
        TransactionTransferRow.transaction_id.in_(_IDS),
        TransferRow.state == State.IN_FLIGHT,
        ~exists().where(
            ReservationRow.transfer_id == TransferRow.id, ReservationRow.spent.is_(None)
        ),
    )
    .order_by(TransferRow.id)
)


_WARNINGS: Final = (
    select(TransferWarningRow)
    .where(TransferWarningRow.transfer_id.in_(_IDS))
    .order_by(TransferWarningRow.transfer_id, TransferWarningRow.code)
)
_PAYS_OR_MAY: Final = and_(*(TransferRow.state != state.value for state in sorted(REPEATABLE)))


def _newest_same(paid: type[TransferRow] | type[TransferOutputRow]) -> Select[str, datetime]:
    """By who is paid: the transfer itself says so, or an output of it."""
    found = select(TransferRow.id, TransferRow.requested_at).where(
        TransferRow.vault_id == bindparam("vault"),
        paid.destination == bindparam("destination"),
        paid.memo.is_not_distinct_from(bindparam("memo")),
        paid.amount == bindparam("amount"),
        TransferRow.asset == bindparam("asset"),
        _PAYS_OR_MAY,
    )
    if paid is TransferOutputRow:
        found = found.where(TransferOutputRow.transfer_id == TransferRow.id)
    return found.order_by(TransferRow.requested_at.desc()).limit(1)


_NEWEST_SAME: Final = select(
    union_all(
        *(select(_newest_same(paid).subquery()) for paid in (TransferRow, TransferOutputRow))
    ).subquery()
)


async def same_payments(
    session: ReadSession, vault: str, payment: Pay
) -> list[tuple[str, datetime]]:
    """The newest transfer from the vault that pays the same, or may yet, and when it was asked
    for: one that pays nothing else, and one with several outputs."""
    asked = {
        "vault": vault,
        "destination": payment.address,
        "memo": payment.memo,
        "amount": payment.amount,
        "asset": payment.asset,
    }
    return [(transfer, at) for transfer, at in await session.quick_rows(_NEWEST_SAME, asked)]


async def warnings_of(
    session: ReadSession, transfer_ids: Collection[str]
) -> dict[str, tuple[TransferWarningRow, ...]]:
    """By transfer; those that have any."""
    found: dict[str, tuple[TransferWarningRow, ...]] = {}
    for row in await session.all(_WARNINGS, {"ids": list(transfer_ids)}):
        found[row.transfer_id] = (*found.get(row.transfer_id, ()), row)
    return found


async def lock_transfer(session: WriteSession, transfer_id: str) -> TransferRow | None:
    """The row as it is now, ours until the transaction ends."""
    rows = await lock_transfers(session, [transfer_id])
    return rows[0] if rows else None


async def lock_transfers(
    session: WriteSession, transfer_ids: Collection[str]
) -> Sequence[TransferRow]:
    """The rows as they are now, in the order of their ids, ours until the transaction ends."""
    return await session.for_update(_TRANSFERS, {"ids": list(transfer_ids)})


async def transfers_by_id(
    session: ReadSession, transfer_ids: Collection[str]
) -> dict[str, TransferRow]:
    """Those of the ids that exist."""
    rows = await session.all(_TRANSFERS, {"ids": list(transfer_ids)})
    return {row.id: row for row in rows}


class Waits(NamedTuple):
    """`paused`: what is new for it is held back. `lacks`: its costs are not held yet. `apart`: they
    never are, for it is signed apart."""

    row: TransferRow
    paused: bool
    lacks: bool
    apart: bool


async def with_pauses(session: ReadSession, transfer_ids: Collection[str]) -> dict[str, Waits]:
    """Those of the ids that exist."""
    rows = await session.rows(_WITH_PAUSES, {"ids": list(transfer_ids)})
    return {row.id: Waits(row, *more) for row, *more in rows}


async def approved_of(
    session: ReadSession, network: NetworkId, vault_id: str, most: int
) -> Sequence[str]:
    """Ids of transfers that wait to be built, at most so many."""
    waiting = select(TransferRow.id).where(
        TransferRow.network == network,
        TransferRow.state == State.APPROVED,
        TransferRow.vault_id == vault_id,
    )
    return await session.all(waiting.order_by(TransferRow.id).limit(most))


async def payments_of(
    session: ReadSession, rows: Collection[TransferRow]
) -> dict[str, tuple[Pay, ...]]:
    """By transfer, in the order asked for; none of a call with which no coins go. Neither a
    transfer nor its outputs ever change."""
    found = {row.id: _own(row) for row in rows}
    several = {row.id: AssetId(row.asset) for row in rows if row.destination == SEVERAL}
    if several:
        for each in await session.all(_OUTPUTS, {"ids": list(several)}):
            payment = Pay(
                Address(each.destination), several[each.transfer_id], each.amount, each.memo
            )
            found[each.transfer_id] = (*found[each.transfer_id], payment)
    return found


def _own(row: TransferRow) -> tuple[Pay, ...]:
    if row.destination == SEVERAL or not row.amount:
        return ()
    return (Pay(Address(row.destination), AssetId(row.asset), row.amount, row.memo),)


async def find_transfer(
    session: ReadSession, transfer_id: str, client_id: str | None
) -> TransferRow | None:
    row = await session.get(TransferRow, transfer_id)
    return row if row is not None and client_id in (None, row.client_id) else None


_KNOWN = select(TransferRow.id).where(TransferRow.id == bindparam("id"))


async def is_known(session: WriteSession, transfer_id: str) -> bool:
    """Asked for each new transfer, so it is a constant that is prepared once."""
    return bool(await session.quick_rows(_KNOWN, {"id": transfer_id}))


async def holder_of(session: ReadSession, client: str, external_id: str) -> str | None:
    """The client's transfer that has this name."""
    return await session.first(
        select(TransferRow.id).where(
            TransferRow.external_id == external_id, TransferRow.client_id == client
        )
    )


async def events_of(session: ReadSession, transfer_id: str) -> Sequence[EventRow]:
    mine = select(EventRow).where(EventRow.subject == transfer_id)
    return await session.all(mine.order_by(EventRow.seq))


async def ids_expired(session: ReadSession, now: datetime) -> Sequence[str]:
    """Transfers whose mandate has run out while they wait for people or for us."""
    return await session.all(
        select(TransferRow.id)
        .join(MandateRow, MandateRow.transfer_id == TransferRow.id)
        .where(
            TransferRow.state.in_(WAITING),
            MandateRow.state.in_(_LIVE),
            MandateRow.expires_at <= now,
        )
        .distinct()
        .order_by(TransferRow.id)
    )


async def ids_in_states(session: ReadSession, states: Collection[State]) -> Sequence[str]:
    """The transfers that are in one of the states, in the order of their ids."""
    return await session.all(
        select(TransferRow.id).where(TransferRow.state.in_(states)).order_by(TransferRow.id)
    )


async def ids_that_wait_for(
    session: ReadSession, state: State, codes: Collection[str]
) -> Sequence[str]:
    """The transfers in a state that wait for one of `codes`, in the order of their ids."""
    named = select(TransferRow.id).where(TransferRow.state == state, TransferRow.waiting.in_(codes))
    return await session.all(named.order_by(TransferRow.id))


async def offers_expired(session: ReadSession, now: datetime) -> Sequence[tuple[str, int]]:
    """Later versions on offer that have run out, beside terms that were agreed."""
    return await session.rows(
        select(MandateRow.transfer_id, MandateRow.version)
        .join(TransferRow, TransferRow.id == MandateRow.transfer_id)
        .where(
            MandateRow.state == Consent.OFFERED,
            MandateRow.expires_at <= now,
            TransferRow.state.in_([State.APPROVED, State.IN_FLIGHT]),
        )
        .order_by(MandateRow.transfer_id)
    )


# Mandates

_LIVE = (Consent.OFFERED, Consent.AGREED)


async def mandates_of(session: ReadSession, transfer_id: str) -> Sequence[MandateRow]:
    """All versions, the first one first."""
    return (await mandates_by_transfer(session, [transfer_id]))[transfer_id]


async def mandates_by_transfer(
    session: ReadSession, transfer_ids: Collection[str]
) -> dict[str, list[MandateRow]]:
    """`mandates_of` each of the transfers."""
    rows = await session.all(_MANDATES, {"ids": list(transfer_ids)})
    found: dict[str, list[MandateRow]] = {each: [] for each in transfer_ids}
    for row in rows:
        found[row.transfer_id].append(row)
    return found


def offered(mandates: Sequence[MandateRow]) -> MandateRow | None:
    """The version that people are asked about."""
    return next((each for each in mandates if each.state == Consent.OFFERED), None)


def agreed(mandates: Sequence[MandateRow]) -> MandateRow | None:
    """The newest version under which it may be signed."""
    return next((each for each in reversed(mandates) if each.state == Consent.AGREED), None)


def current(mandates: Sequence[MandateRow]) -> MandateRow:
    """What counts now: what is on offer, else what was agreed, else the last word."""
    return offered(mandates) or agreed(mandates) or mandates[-1]


async def bounds_by_transaction(
    session: ReadSession, transaction_ids: Collection[str]
) -> dict[str, dict[str, Costs]]:
    """The most that each transfer of each transaction lets it cost, by the version it is under."""
    rows = await session.rows(_BOUNDS, {"ids": list(transaction_ids)})
    found: dict[str, dict[str, Costs]] = {each: {} for each in transaction_ids}
    for transaction_id, transfer_id, most in rows:
        found[transaction_id][transfer_id] = most
    return found


# Approvals


async def verdicts_on(session: ReadSession, mandate: MandateRow) -> Sequence[ApprovalRow]:
    """In the order in which they were given."""
    return await session.all(
        select(ApprovalRow)
        .where(ApprovalRow.mandate_digest == mandate.digest)
        .order_by(ApprovalRow.created_at, ApprovalRow.id)
    )


async def verdicts_by_mandate(
    session: ReadSession, mandates: Collection[MandateRow]
) -> dict[bytes, list[ApprovalRow]]:
    """`verdicts_on` each of the mandates, by its digest."""
    found: dict[bytes, list[ApprovalRow]] = {each.digest: [] for each in mandates}
    rows = await session.all(_VERDICTS, {"digests": list(found)})
    for row in rows:
        found[row.mandate_digest].append(row)
    return found


async def awaiting_approval(
    session: ReadSession, client_id: str | None, window: Window
) -> Sequence[tuple[TransferRow, MandateRow]]:
    """Mandates on offer with their transfers, a page of these."""
    statement = (
        select(TransferRow, MandateRow)
        .join(MandateRow, MandateRow.transfer_id == TransferRow.id)
        .where(MandateRow.state == Consent.OFFERED)
    )
    if client_id is not None:
        statement = statement.where(TransferRow.client_id == client_id)
    return await session.rows(page(statement, TransferRow, window))


# Reservations


async def reservations_of(session: ReadSession, transfer_id: str) -> Sequence[ReservationRow]:
    """Held and ended, older versions first."""
    return (await reservations_by_transfer(session, [transfer_id]))[transfer_id]


async def reservations_by_transfer(
    session: ReadSession, transfer_ids: Collection[str]
) -> dict[str, list[ReservationRow]]:
    """`reservations_of` each of the transfers."""
    rows = await session.all(_RESERVATIONS, {"ids": list(transfer_ids)})
    found: dict[str, list[ReservationRow]] = {each: [] for each in transfer_ids}
    for row in rows:
        found[row.transfer_id].append(row)
    return found


async def standing_reservations(session: ReadSession, transfer_id: str) -> Sequence[ReservationRow]:
    """`reservations_of` without those of later versions that were let go."""
    mandates = await mandates_of(session, transfer_id)
    rows = await reservations_of(session, transfer_id)
    gone = let_go(
        [(each.version, Consent(each.state), each.costs_max) for each in mandates],
        [(row.mandate_version, (AssetId(row.asset), row.kind), row.amount) for row in rows],
    )
    return [each for each in rows if each.mandate_version not in gone]


async def is_held(session: ReadSession, transfer_id: str) -> bool:
    """Whether money is held for the transfer."""
    held = exists().where(ReservationRow.transfer_id == transfer_id, ReservationRow.spent.is_(None))
    return bool(await session.one(select(held)))


async def unheld(session: ReadSession) -> Sequence[tuple[str, str]]:
    """Transfers on their way that hold nothing, with their vaults. A message has nothing to
    hold."""
    held = exists().where(
        ReservationRow.transfer_id == TransferRow.id, ReservationRow.spent.is_(None)
    )
    states = (State.APPROVED, State.IN_FLIGHT)
    return await session.rows(
        select(TransferRow.id, TransferRow.vault_id)
        .where(TransferRow.state.in_(states), ~held, TransferRow.kind != Kind.MESSAGE.value)
        .order_by(TransferRow.id)
    )


async def unheld_of(
    session: ReadSession, transaction_ids: Collection[str]
) -> Sequence[tuple[str, str]]:
    """The transfers under way that the transactions carry and for which nothing is held, each with
    the transaction's id before it."""
    return await session.rows(_UNHELD, {"ids": list(transaction_ids)})


async def open_by_state(
    session: ReadSession,
) -> Mapping[tuple[str, str], tuple[int, datetime]]:
    """Of each network and state that is not an end: how many transfers, and when the oldest of them
    was asked for."""
    rows = await session.rows(
        select(
            TransferRow.network,
            TransferRow.state,
            func.count(),
            func.min(TransferRow.requested_at),
        )
        .where(TransferRow.state.in_([state for state in State if state not in TERMINAL]))
        .group_by(TransferRow.network, TransferRow.state)
    )
    return {(network, state): (number, oldest) for network, state, number, oldest in rows}


async def sweeps_under_way(
    session: ReadSession, vault: str, network: NetworkId
) -> Sequence[MandateRow]:
    """The terms of the vault's sweeps that have not ended."""
    return await session.all(
        select(MandateRow)
        .join(TransferRow, TransferRow.id == MandateRow.transfer_id)
        .where(
            TransferRow.vault_id == vault,
            TransferRow.network == network,
            TransferRow.kind == Kind.SWEEP,
            TransferRow.state.not_in(TERMINAL),
        )
    )
