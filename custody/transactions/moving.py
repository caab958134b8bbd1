"""A transaction's step together with what it means for the transfers that it carries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Final, NamedTuple

from custody.db.session import WriteSession
from custody.db.transfer_tables import TransactionRow, TransferRow
from custody.ledger.service import Ledger
from custody.transactions import repository
from custody.transactions.apply import load, transition, transition_all
from custody.transactions.charging import charge_of, decisive_of
from custody.transactions.state import (
    OPEN,
    Abandon,
    Build,
    Event,
    Include,
    Refuse,
    Sign,
    State,
    Transaction,
    Unsettle,
)
from custody.transfers import apply
from custody.transfers.apply import Change
from custody.transfers.repository import bounds_by_transaction
from custody.transfers.settlement import outcome_of
from custody.transfers.state import Event as TransferEvent
from custody.transfers.state import State as TransferState
from custody.transfers.state import can

_UNSIGNED: Final = (State.CLAIMED, State.BUILT)
"""Nobody will ever need their bytes once another of the contest is final: they share its key."""

Ending = tuple[TransferEvent, str | None]
"""A transfer's event, and why."""


class Step(NamedTuple):
    """What happens to a locked transaction, and the locked transfers that it carries.

    `endings`: by transfer, what becomes of it in place of `return`, where the signer said more
    than that these bytes were not signed."""

    row: TransactionRow
    transfers: Sequence[TransferRow]
    event: Event
    endings: Mapping[str, Ending] = MappingProxyType({})


async def move(
    session: WriteSession, ledger: Ledger, steps: Sequence[Step], now: datetime
) -> list[Transaction]:
    """Take each step, then let the transfers follow. Raises IllegalTransition."""
    died_before = [step.row.state == State.DEAD for step in steps]
    moved = await transition_all(session, [(step.row, step.event) for step in steps], now)
    following: dict[str, Change] = {}
    ended: dict[str, tuple[TransferRow, Ending | None]] = {}
    for step, died, after in zip(steps, died_before, moved, strict=True):
        for transfer in step.transfers:
            transfer.waiting, transfer.updated_at = None, now
            change = _follow(transfer, step.event, died=died)
            if change is not None:
                following[transfer.id] = change
            if after.state not in OPEN:  # while it may be included it decides nothing
                ended[transfer.id] = transfer, step.endings.get(transfer.id)
    await apply.transition_all(session, ledger, list(following.values()), now)
    await _settle(session, ledger, ended, now)
    return moved


def _follow(transfer: TransferRow, event: Event, *, died: bool) -> Change | None:
    """What it means for a transfer that a transaction of it goes on."""
    if isinstance(event, Build | Sign) and transfer.state == TransferState.APPROVED:
        # Signed although it was refused once: on its way all the same.
        return Change(transfer, TransferEvent.LAUNCH)
    if isinstance(event, Include) and died and can(apply.load(transfer), TransferEvent.REVIVE):
        # Given up, and under way. Its money is held again before anything is settled; until then
        # its vault is frozen.
        reason = "its transaction was proven dead and is in a block"
        return Change(transfer, TransferEvent.REVIVE, reason)
    return None


async def _settle(
    session: WriteSession,
    ledger: Ledger,
    ended: Mapping[str, tuple[TransferRow, Ending | None]],
    now: datetime,
) -> None:
    """What the transactions that name the transfers mean for them, taken together."""
    if not ended:
        return
    await session.flush()
    contests = await repository.contests(session, ended)
    decisive = {each: decisive_of(contest) for each, contest in contests.items()}
    deciding = {row.id for row in decisive.values() if row is not None}
    bounds = await bounds_by_transaction(session, deciding)
    sizes = await repository.sizes_by_transaction(session, deciding)
    changes = []
    beaten: dict[str, TransactionRow] = {}
    for each, (transfer, ending) in ended.items():
        if decisive[each] is not None:
            beaten |= {row.id: row for row in contests[each] if row.state in _UNSIGNED}
        outcome = outcome_of([load(row) for row in contests[each]])
        if outcome is None:
            continue
        event, reason = outcome
        if event is TransferEvent.RETURN and ending is not None:
            event, reason = ending
        if can(apply.load(transfer), event):
            row = decisive[each]
            charge = None if row is None else charge_of(row, bounds[row.id], sizes[row.id], each)
            changes.append(Change(transfer, event, reason, charge))
    await apply.transition_all(session, ledger, changes, now)
    for row in beaten.values():
        reason = "another transaction was final first"
        lost = Abandon(reason) if row.state == State.CLAIMED else Refuse(reason)
        await transition(session, row, lost, now)


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
