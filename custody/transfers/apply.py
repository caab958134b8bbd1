"""Makes a transfer's transition real: the row, its event, its mandate's consent and its effects, in
the caller's transaction.

The only place that writes a transfer's state. The caller holds the row's lock, so what `state`
decided about is what is in the database.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple, assert_never

from custody.db.session import WriteSession
from custody.db.transfer_tables import TransferRow
from custody.events import event_row
from custody.ledger.service import Ledger
from custody.outbox import Work, enqueue
from custody.transactions.apply import abandon_claimed
from custody.transfers import counting, repository, reservations
from custody.transfers.consent import Consent, Word, decide
from custody.transfers.priority import rank_of
from custody.transfers.reservations import Ending
from custody.transfers.settlement import Charge
from custody.transfers.state import TERMINAL, Effect, Event, State, Transfer, advance

WORDS: Final[Mapping[Event, Word]] = {
    Event.ACCEPT: Word.AGREE,
    Event.REJECT: Word.REJECT,
    Event.EXPIRE: Word.EXPIRE,
    Event.CANCEL: Word.VOID,
    Event.VOID: Word.VOID,
    Event.DENY: Word.VOID,
}
"""What becomes of the mandate that is on offer."""


def load(row: TransferRow) -> Transfer:
    """The state machine's view of a row."""
    return Transfer(id=row.id, state=State(row.state), version=row.version, reason=row.reason)


class Change(NamedTuple):
    """What happens to a locked transfer. `charge`: what a transaction took that decided it; without
    one all its transactions are dead, and everything comes back."""

    row: TransferRow
    event: Event
    reason: str | None = None
    charge: Charge | None = None


async def transition(
    session: WriteSession,
    ledger: Ledger,
    row: TransferRow,
    event: Event,
    now: datetime,
    reason: str | None = None,
) -> None:
    """Apply `event` to the locked `row`, which no transaction has decided. Raises
    IllegalTransition."""
    await transition_all(session, ledger, [Change(row, event, reason)], now)


async def transition_all(
    session: WriteSession, ledger: Ledger, changes: Sequence[Change], now: datetime
) -> None:
    """Make each change, with fewer questions to the database than one by one. Raises
    IllegalTransition."""
    effects = [_change(session, change, now) for change in changes]
    await _say(session, changes, now)
    await counting.follow(session, [(change.row, change.event) for change in changes])
    endings = []
    for change, following in zip(changes, effects, strict=True):
        endings += await run_effects(session, change, following, now)
    await reservations.end(session, ledger, endings)


def _change(session: WriteSession, change: Change, now: datetime) -> tuple[Effect, ...]:
    """The row and its event."""
    row = change.row
    after, effects = advance(load(row), change.event, change.reason)
    row.state = after.state
    row.version = after.version
    row.waiting = None
    row.reason = after.reason
    row.updated_at = now
    session.add(event_row(row, change.event, after.state, after.reason, now))
    return effects


async def _say(session: WriteSession, changes: Sequence[Change], now: datetime) -> None:
    """To what is on offer."""
    words = {}
    for row, event, *_ in changes:
        word = WORDS.get(event, Word.VOID if row.state in TERMINAL else None)
        if word is not None:
            words[row.id] = word
    mandates = await repository.mandates_by_transfer(session, words) if words else {}
    for transfer_id, versions in mandates.items():
        for mandate in versions:
            if mandate.state == Consent.OFFERED:
                mandate.state = decide(Consent.OFFERED, words[transfer_id])
                mandate.decided_at = now


async def run_effects(
    session: WriteSession, change: Change, effects: Iterable[Effect], now: datetime
) -> list[Ending]:
    """In order. What becomes of the money is returned, for the caller to do in one go."""
    row, endings = change.row, []
    for effect in effects:
        match effect:
            case Effect.SIGN:
                await enqueue(session, Work.SIGN, row, now, rank_of(row.priority))
            case Effect.ABANDON:
                await abandon_claimed(session, row.id, f"{row.id} is {row.state}", now)
            case Effect.VOID:
                endings.append(Ending(row, None, paid=False))
            case Effect.SETTLE | Effect.SETTLE_COSTS:
                paid = effect is Effect.SETTLE
                assert change.charge is not None or not paid, "paid by no transaction"
                endings.append(Ending(row, change.charge, paid))
            case unexpected:
                assert_never(unexpected)
    return endings
