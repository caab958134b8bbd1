"""What is on record from blocks that are not on the node's chain, and what undoing it would change.

Data and pure decisions; the questions are asked in `service`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chains.model import BlockRef
from custody.db.tables import DepositRow, ForeignDebitRow
from custody.db.transfer_tables import ReservationRow, TransactionRow, TransferRow
from custody.debits.recording import accounts_of
from custody.deposits.states import HELD, DebitState, DepositState
from custody.ledger.model import (
    Account,
    AccountKey,
    Entry,
    Kind,
    Post,
    Reason,
    Void,
    chain_account,
)
from custody.ledger.shortfall import Draft
from custody.transfers.reservations import part_of, reserve_of


@dataclass(frozen=True, slots=True)
class Plan:
    """`position`: our newest block. `common`: the newest of our blocks that is on the node's chain,
    where the follower goes on; None: no block is, and it starts anew. `transactions`: settled ones,
    which are tracked again; what is not settled is moved back by the tracker itself. `transfers`:
    those that they decided. `helped`: the vaults that some of these brought coins for fees."""

    position: BlockRef | None
    common: BlockRef | None
    deposits: Sequence[DepositRow]
    debits: Sequence[ForeignDebitRow]
    transactions: Sequence[TransactionRow]
    transfers: Sequence[TransferRow]
    coins_made: int
    coins_spent: int
    blocks: int
    helped: frozenset[str] = frozenset()

    @property
    def moves_back(self) -> bool:
        return self.common != self.position

    @property
    def is_empty(self) -> bool:
        return not (self.moves_back or self.deposits or self.debits or self.transactions)

    @property
    def states(self) -> list[tuple[str, str, str | None]]:
        """What must still be so when the plan is carried out."""
        received = [(row.id, row.state, row.block_hash) for row in self.deposits]
        left = [(row.id, row.state, row.block_hash) for row in self.debits]
        ended = [(row.id, row.state, row.block_hash) for row in self.transactions]
        return [*received, *left, *ended]

    @property
    def touched(self) -> set[str]:
        """The vaults with anything in the plan."""
        came_or_left = {row.vault_id for row in self.deposits} | {r.vault_id for r in self.debits}
        return came_or_left | {row.vault_id for row in self.transactions} | self.helped

    @property
    def vaults(self) -> set[str]:
        """Those whose settled money changes."""
        credited = {row.vault_id for row in self.deposits if row.state == DepositState.CREDITED}
        booked = {row.vault_id for row in self.debits if row.state == DebitState.BOOKED}
        return credited | booked | {row.vault_id for row in self.transactions} | self.helped


@dataclass(frozen=True, slots=True)
class Settled:
    """A transfer that is decided again: everything that was booked for it, and what it held."""

    transfer: str
    vault: str
    kind: str
    entries: Sequence[Entry]
    reservations: Sequence[ReservationRow]


@dataclass(frozen=True, slots=True)
class Booking:
    """`draft`: all movements. `reserves`: for each transfer the places of its new reservations
    among them, in the order of the old ones."""

    draft: Draft
    reserves: Mapping[str, Sequence[int]]


def book(
    plan: Plan,
    settled: Sequence[Settled],
    accounts: Mapping[str, Account],
    keys: Mapping[str, AccountKey],
    credited: Mapping[str, str],
) -> Booking:
    """The ledger's side. `accounts`: of the plan's vaults, by id; `keys`: of all accounts that the
    entries name. `credited`: the id of the account that each deposit was credited to, by deposit.

    First everything comes back that was paid, then it is held again, then what was never received
    is taken away; what a vault lacks for that, it owes.
    """
    draft = Draft(accounts)
    for each in settled:
        _give_back(draft, each, keys)
    for debit in plan.debits:
        _bring_back(draft, debit)
    reserves = {
        each.transfer: [
            draft.add(reserve_of(each.transfer, each.vault, each.kind, part_of(row)))
            for row in each.reservations
        ]
        for each in settled
    }
    for deposit in plan.deposits:
        if deposit.state in HELD:
            draft.add(Void(deposit.reservation_id))
        else:
            account = accounts[credited[deposit.id]].key
            outside = chain_account(account.asset)
            draft.add(Post(account, outside, deposit.amount, deposit.id, Reason.REWIND))
    return Booking(draft, reserves)


def _bring_back(draft: Draft, debit: ForeignDebitRow) -> None:
    """The opposite of a foreign debit, or the end of what is held for it."""
    parts = (
        (debit.reservation_id, debit.amount - debit.owed),
        (debit.owed_reservation_id, debit.owed),
    )
    for key, (held, amount) in zip(accounts_of(debit), parts, strict=True):
        if held is None:
            continue
        if debit.state == DebitState.PENDING:
            draft.add(Void(held))
        else:
            draft.add(Post(chain_account(key.asset), key, amount, debit.id, Reason.REWIND))


def _give_back(draft: Draft, settled: Settled, keys: Mapping[str, AccountKey]) -> None:
    """The opposite of what its end moved, and of nothing that was given back before."""
    moved: dict[tuple[str, str], int] = {}
    for entry in settled.entries:
        if entry.kind not in (Kind.SETTLE, Kind.POST) or entry.reason == Reason.SHORTFALL:
            continue
        back = (entry.credit, entry.debit)
        if back in moved:
            moved[back] -= entry.amount
        else:
            moved[entry.debit, entry.credit] = moved.get((entry.debit, entry.credit), 0)
            moved[entry.debit, entry.credit] += entry.amount
    for (debit, credit), amount in moved.items():
        if amount:
            draft.add(Post(keys[credit], keys[debit], amount, settled.transfer, Reason.REWIND))
