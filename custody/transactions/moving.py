"""A transaction's step together with what it means for the transfers that it carries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from custody.db.session import WriteSession
from custody.db.transfer_tables import TransactionRow, TransferRow
from custody.ledger.service import Ledger
from custody.transactions import repository
from custody.transactions.apply import load, transition
from custody.transactions.charging import charge_of
from custody.transactions.state import (
    OPEN,
    Build,
    Event,
    Include,
    Sign,
    State,
    Transaction,
    Unsettle,
)
from custody.transfers import apply
from custody.transfers.settlement import outcome_of
from custody.transfers.state import Event as TransferEvent
from custody.transfers.state import State as TransferState
from custody.transfers.state import can

Ending = tuple[TransferEvent, str | None]
"""A transfer's event, and why."""


async def move(
    session: WriteSession,
    ledger: Ledger,
    row: TransactionRow,
    transfers: Sequence[TransferRow],
    event: Event,
    now: datetime,
    endings: Mapping[str, Ending] | None = None,
) -> Transaction:
    """Apply `event` to the locked `row`, then let each of its locked `transfers` follow.

    `endings`: by transfer, what becomes of it in place of `return`, where the signer said more
    than that these bytes were not signed. Raises IllegalTransition.
    """
    died_before = row.state == State.DEAD
    after = await transition(session, row, event, now)
    for transfer in transfers:
        transfer.waiting, transfer.updated_at = None, now
        if isinstance(event, Build | Sign) and transfer.state == TransferState.APPROVED:
            # Signed although it was refused once: on its way all the same.
            await apply.transition(session, ledger, transfer, TransferEvent.LAUNCH, now)
        elif isinstance(event, Include) and died_before:
            await _revive(session, ledger, transfer, now)
        elif after.state not in OPEN:  # while it may be included it decides nothing
            await _settle(session, ledger, transfer, (endings or {}).get(transfer.id), now)
    return after


async def _settle(
    session: WriteSession,
    ledger: Ledger,
    transfer: TransferRow,
    ending: Ending | None,
    now: datetime,
) -> None:
    """What the transactions that name the transfer mean for it, taken together."""
    await session.flush()
    contest = await repository.contest(session, transfer.id)
    outcome = outcome_of([load(each) for each in contest])
    if outcome is None:
        return
    event, reason = outcome
    if event is TransferEvent.RETURN and ending is not None:
        event, reason = ending
    if can(apply.load(transfer), event):
        charge = await charge_of(session, contest, transfer.id)
        await apply.transition(session, ledger, transfer, event, now, reason, charge)


async def _revive(
    session: WriteSession, ledger: Ledger, transfer: TransferRow, now: datetime
) -> None:
    """It was given up and is under way. Its money is held again before anything is settled; until
    then its vault is frozen."""
    if can(apply.load(transfer), TransferEvent.REVIVE):
        reason = "its transaction was proven dead and is in a block"
        await apply.transition(session, ledger, transfer, TransferEvent.REVIVE, now, reason)


async def unsettle(
    session: WriteSession, ledger: Ledger, transaction_id: str, now: datetime
) -> None:
    """Open again a transaction whose block turned out not to be on the chain, and the transfers
    that it decided. Their money is held again by the caller, and what it takes is claimed first:
    it must not be built into another transaction."""
    row, transfers = await repository.lock_named(session, transaction_id)
    await transition(session, row, Unsettle(), now)
    for transfer in transfers:
        if can(apply.load(transfer), TransferEvent.UNSETTLE):
            await apply.transition(session, ledger, transfer, TransferEvent.UNSETTLE, now)
