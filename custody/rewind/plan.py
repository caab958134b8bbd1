"""What is on record from blocks that are not on the node's chain, and what undoing it would change.

Data and pure decisions; the questions are asked in `service`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chains.model import AssetId, BlockRef
from chains.networks import Network
from custody.db.tables import DepositRow, TransferRow
from custody.deposits.matching import DepositState
from custody.ledger.model import (
    Account,
    Post,
    Reason,
    Reserve,
    Void,
    chain_account,
    fees_account,
    locked_account,
    vault_account,
)
from custody.ledger.shortfall import Draft
from custody.transfers.state import State


@dataclass(frozen=True, slots=True)
class Plan:
    """`position`: our newest block. `common`: the newest of our blocks that is on the node's chain,
    where the follower goes on; None: no block is, and it starts anew. `transfers`: settled ones,
    which are tracked again; what is not settled is moved back by the tracker itself."""

    position: BlockRef | None
    common: BlockRef | None
    deposits: Sequence[DepositRow]
    transfers: Sequence[TransferRow]
    coins_made: int
    coins_spent: int
    blocks: int

    @property
    def moves_back(self) -> bool:
        return self.common != self.position

    @property
    def is_empty(self) -> bool:
        return not (self.moves_back or self.deposits or self.transfers)

    @property
    def states(self) -> list[tuple[str, str, str | None]]:
        """What must still be so when the plan is carried out."""
        received = [(row.id, row.state, row.block_hash) for row in self.deposits]
        return [*received, *((row.id, row.state, row.block_hash) for row in self.transfers)]

    @property
    def touched(self) -> set[str]:
        """The vaults with anything in the plan."""
        return {row.vault_id for row in self.deposits} | {row.vault_id for row in self.transfers}

    @property
    def vaults(self) -> set[str]:
        """Those whose settled money changes."""
        credited = {row.vault_id for row in self.deposits if row.state == DepositState.CREDITED}
        return credited | {row.vault_id for row in self.transfers}


@dataclass(frozen=True, slots=True)
class Booking:
    """`draft`: all movements. `reserves`: for each transfer the places of its new reservations,
    amount and fee, among them."""

    draft: Draft
    reserves: Mapping[str, tuple[int, int]]


def book(
    network: Network, plan: Plan, accounts: Mapping[str, Account], credited: Mapping[str, str]
) -> Booking:
    """The ledger's side. `accounts`: of the plan's vaults, by id. `credited`: the id of the account
    that each deposit was credited to, by deposit.

    First everything comes back that was paid, then it is held again, then what was never received
    is taken away; what a vault lacks for that, it owes.
    """
    draft = Draft(accounts)
    for transfer in plan.transfers:
        _give_back(draft, network, transfer)
    reserves = {transfer.id: _hold(draft, network, transfer) for transfer in plan.transfers}
    for deposit in plan.deposits:
        if deposit.state == DepositState.PENDING:
            draft.add(Void(deposit.reservation_id))
        else:
            account = accounts[credited[deposit.id]].key
            outside = chain_account(account.asset)
            draft.add(Post(account, outside, deposit.amount, deposit.id, Reason.REWIND))
    return Booking(draft, reserves)


def _give_back(draft: Draft, network: Network, row: TransferRow) -> None:
    """The opposite of what its end settled."""
    native, vault = network.native.id, row.vault_id
    account = vault_account(vault, native)
    if row.state == State.FINAL:
        paid = vault_account(vault, AssetId(row.asset))
        draft.add(Post(chain_account(paid.asset), paid, row.amount, row.id, Reason.REWIND))
    if row.fee:
        draft.add(Post(fees_account(native), account, row.fee, row.id, Reason.REWIND))
    if row.locked:
        locked = locked_account(vault, native)
        draft.add(Post(locked, account, row.locked, row.id, Reason.REWIND))


def _hold(draft: Draft, network: Network, row: TransferRow) -> tuple[int, int]:
    paying = vault_account(row.vault_id, AssetId(row.asset))
    native = vault_account(row.vault_id, network.native.id)
    amount = Reserve(paying, chain_account(paying.asset), row.amount, row.id, Reason.TRANSFER)
    fee = Reserve(native, fees_account(native.asset), row.costs_max, row.id, Reason.FEE)
    return draft.add(amount), draft.add(fee)
