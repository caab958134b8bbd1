"""What must not be in the books, as queries: each finds the ids of what is wrong. Decides nothing.

Each is one statement that the database answers from one snapshot; of what it finds, a few ids come.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select
from sqlalchemy.orm import aliased

from custody.db.feed_tables import SequencedEntryRow, SequencedEventRow, UnsequencedRow
from custody.db.gas_tables import GasCarrierRow
from custody.db.session import ReadSession
from custody.db.tables import (
    AddressRow,
    CoinRow,
    DepositRow,
    ForeignDebitRow,
    LedgerAccountRow,
    LedgerEntryRow,
    VaultRow,
)
from custody.db.transfer_tables import (
    ClaimHolderRow,
    ClaimRow,
    ReservationRow,
    TransactionRow,
    TransferRow,
)
from custody.deposits.states import HELD, DebitState, DepositState
from custody.ledger.model import AccountKind, Kind
from custody.transactions.state import OPEN
from custody.transfers.kinds import TOPPING_UP
from custody.transfers.kinds import Kind as TransferKind
from custody.transfers.reservations import EFFECT
from custody.transfers.state import State

Query = Callable[[], Select[Any]]

_ENTRY = LedgerEntryRow
_END = aliased(LedgerEntryRow)
_OPEN_TRANSFERS = (State.AWAITING_APPROVAL.value, State.APPROVED.value, State.IN_FLIGHT.value)
_UNPAID = (
    State.DENIED.value,
    State.REJECTED.value,
    State.EXPIRED.value,
    State.CANCELLED.value,
    State.FAILED.value,
)


async def ids(session: ReadSession, query: Query, limit: int) -> Sequence[str]:
    """Of what the query finds, in a stable order."""
    found = query()
    return [
        str(each)
        for each in await session.all(found.order_by(*found.selected_columns).limit(limit))
    ]


# Reservations


def held_for_nothing() -> Select[str]:
    """Reserves that nothing ended, and that no open transfer, pending deposit or debit has."""
    transfer = (
        exists()
        .where(ReservationRow.entry_id == _ENTRY.id, ReservationRow.spent.is_(None))
        .where(TransferRow.id == ReservationRow.transfer_id, TransferRow.state.in_(_OPEN_TRANSFERS))
    )
    deposit = exists().where(
        DepositRow.id == _ENTRY.subject,
        DepositRow.reservation_id == _ENTRY.id,
        DepositRow.state.in_(HELD),
    )
    debit = exists().where(
        ForeignDebitRow.id == _ENTRY.subject,
        ForeignDebitRow.state == DebitState.PENDING.value,
        or_(
            ForeignDebitRow.reservation_id == _ENTRY.id,
            ForeignDebitRow.owed_reservation_id == _ENTRY.id,
        ),
    )
    return select(_ENTRY.id).where(
        _ENTRY.kind == Kind.RESERVE.value, ~_ended(_ENTRY.id), ~transfer, ~deposit, ~debit
    )


def transfers_that_hold_otherwise() -> Select[str]:
    """Whose reservations say something else than the ledger: of what is held, and of what an end
    took."""
    row = ReservationRow
    held = exists().where(
        _ENTRY.id == row.entry_id, _ENTRY.kind == Kind.RESERVE.value, _ENTRY.amount == row.amount
    )
    taken = exists().where(
        _END.pending_id == row.entry_id,
        or_(
            and_(_END.kind == Kind.SETTLE.value, _END.amount == row.spent),
            and_(_END.kind == Kind.VOID.value, row.spent == 0),
        ),
    )
    wrong = or_(
        ~held,
        and_(row.spent.is_(None), _ended(row.entry_id)),
        and_(row.spent.is_not(None), ~taken),
    )
    return select(row.transfer_id).where(wrong).distinct()


def transfers_paid_otherwise() -> Select[str]:
    """Final without having paid their amount once, or ended otherwise and paid. A call may have no
    amount."""
    mine = exists().where(
        ReservationRow.transfer_id == TransferRow.id, ReservationRow.kind == EFFECT
    )
    paid = mine.where(ReservationRow.spent == TransferRow.amount)
    took = mine.where(ReservationRow.spent.is_not(None), ReservationRow.spent != 0)
    return select(TransferRow.id).where(
        or_(
            and_(TransferRow.state == State.FINAL.value, TransferRow.amount != 0, ~paid),
            and_(TransferRow.state.in_(_UNPAID), took),
        )
    )


# Deposits and foreign debits


def deposits_booked_otherwise() -> Select[str]:
    """Pending without a reserve, credited without a settle, reversed and credited still."""
    row = DepositRow
    held = exists().where(
        _ENTRY.id == row.reservation_id,
        _ENTRY.kind == Kind.RESERVE.value,
        _ENTRY.amount == row.amount,
        _ENTRY.subject == row.id,
    )
    settled = _ended_by(row.reservation_id, Kind.SETTLE).where(_END.amount == row.amount)
    undone = exists().where(
        _END.subject == row.id, _END.kind == Kind.POST.value, _END.amount == row.amount
    )
    reversed_ = or_(_ended_by(row.reservation_id, Kind.VOID), and_(settled, undone))
    return select(row.id).where(
        or_(
            ~held,
            and_(row.state.in_(HELD), _ended(row.reservation_id)),
            and_(row.state == DepositState.CREDITED.value, ~settled),
            and_(row.state == DepositState.REVERSED.value, ~reversed_),
        )
    )


def debits_booked_otherwise() -> Select[str]:
    """Pending and ended, or booked and not settled."""
    row = ForeignDebitRow
    wrong = [
        and_(
            held.is_not(None),
            or_(
                and_(row.state == DebitState.PENDING.value, _ended(held)),
                and_(row.state == DebitState.BOOKED.value, ~_ended_by(held, Kind.SETTLE)),
            ),
        )
        for held in (row.reservation_id, row.owed_reservation_id)
    ]
    return select(row.id).where(or_(*wrong))


# Claims


def claims_of_nothing() -> Select[str]:
    """Keys that are taken while none of their holders may still be in a block."""
    holder = exists().where(
        ClaimHolderRow.key == ClaimRow.key,
        TransactionRow.id == ClaimHolderRow.transaction_id,
        TransactionRow.state.in_([each.value for each in OPEN]),
    )
    return select(ClaimRow.key).where(~holder)


def transactions_without_claims() -> Select[str]:
    """They may still be in a block, and what they consume is free for others."""
    taken = exists().where(ClaimRow.key == ClaimHolderRow.key)
    return (
        select(TransactionRow.id)
        .join(ClaimHolderRow, ClaimHolderRow.transaction_id == TransactionRow.id)
        .where(TransactionRow.state.in_([each.value for each in OPEN]), ~taken)
        .distinct()
    )


# Segregation


def entries_between_clients() -> Select[str]:
    """With one client's money on one side and another's on the other. What one owes the other for
    gas is no money."""
    debit, credit = aliased(LedgerAccountRow), aliased(LedgerAccountRow)
    payer, payee = aliased(VaultRow), aliased(VaultRow)
    return (
        select(_ENTRY.id)
        .join(debit, debit.id == _ENTRY.debit_account)
        .join(credit, credit.id == _ENTRY.credit_account)
        .join(payer, payer.id == debit.vault_id)
        .join(payee, payee.id == credit.vault_id)
        .where(
            payer.client_id != payee.client_id,
            or_(debit.kind != AccountKind.GAS, credit.kind != AccountKind.GAS),
        )
    )


def entries_of_other_vaults() -> Select[str]:
    """Of a deposit, a foreign debit or a transfer of one vault, on an account of another; unless
    the transfer brought an address of that one coins for fees, or submitted its payment, for which
    that one owes and is paid nothing."""
    brought = exists().where(
        TransferRow.id == _ENTRY.subject,
        TransferRow.kind.in_([each.value for each in TOPPING_UP]),
        AddressRow.network == TransferRow.network,
        AddressRow.address == TransferRow.destination,
        AddressRow.vault_id == LedgerAccountRow.vault_id,
    )
    carried = exists().where(
        TransferRow.id == _ENTRY.subject,
        TransferRow.kind == TransferKind.CALL_CHARGED.value,
        GasCarrierRow.named == TransferRow.id,
        GasCarrierRow.vault_id == LedgerAccountRow.vault_id,
        LedgerAccountRow.kind == AccountKind.GAS.value,
    )
    owners = [
        exists().where(
            owner.id == _ENTRY.subject,
            LedgerAccountRow.vault_id.is_not(None),
            LedgerAccountRow.vault_id != owner.vault_id,
        )
        for owner in (DepositRow, ForeignDebitRow, TransferRow)
    ]
    on_either = or_(
        LedgerAccountRow.id == _ENTRY.debit_account, LedgerAccountRow.id == _ENTRY.credit_account
    )
    mine = select(_ENTRY.id).join(LedgerAccountRow, on_either)
    return mine.where(or_(*owners), ~brought, ~carried).distinct()


def rows_of_other_clients() -> tuple[Query, ...]:
    """Deposits, foreign debits and transfers that name another client than their vault does."""
    return tuple(
        lambda row=row: (
            select(row.id)
            .join(VaultRow, VaultRow.id == row.vault_id)
            .where(VaultRow.client_id != row.client_id)
        )
        for row in (DepositRow, ForeignDebitRow, TransferRow)
    )


def money_at_addresses_of_others() -> tuple[Query, ...]:
    """Deposits and coins of a vault at an address of another one."""

    def deposits() -> Select[str]:
        return (
            select(DepositRow.id)
            .join(AddressRow, AddressRow.id == DepositRow.address_id)
            .where(AddressRow.vault_id != DepositRow.vault_id)
        )

    def coins() -> Select[str]:
        return (
            select(CoinRow.txid)
            .join(AddressRow, AddressRow.id == CoinRow.address_id)
            .where(AddressRow.vault_id != CoinRow.vault_id)
        )

    return deposits, coins


# Numbers


def entries_without_a_number() -> Select[str]:
    """Neither numbered nor waiting for it."""
    numbered = exists().where(SequencedEntryRow.entry_id == _ENTRY.id)
    waiting = _ENTRY.id.in_(
        select(UnsequencedRow.entry_id).where(UnsequencedRow.entry_id.is_not(None))
    )
    return select(_ENTRY.id).where(~numbered, ~waiting)


def feeds_with_gaps() -> tuple[Query, ...]:
    """Whose numbers are not 1, 2, 3, …: a client; or everybody, then the name of the table."""

    def of(places: type[SequencedEntryRow] | type[SequencedEventRow]) -> tuple[Query, Query]:
        def everybodys() -> Select[str]:
            newest = func.coalesce(func.max(places.position), 0)
            counted = select(func.count().label("rows"), newest.label("newest"))
            found = counted.select_from(places).subquery()
            return select(func.lower(places.__tablename__)).where(found.c.rows != found.c.newest)

        def clients() -> Select[Any]:
            sequence: Any = places.sequence
            own = select(places.client_id).where(places.client_id.is_not(None))
            return own.group_by(places.client_id).having(func.count() != func.max(sequence))

        return everybodys, clients

    return *of(SequencedEntryRow), *of(SequencedEventRow)


def _ended(reserve: Any) -> ColumnElement[bool]:
    return exists().where(_END.pending_id == reserve)


def _ended_by(reserve: Any, kind: Kind) -> Any:
    return exists().where(_END.pending_id == reserve, _END.kind == kind.value)
