"""Makes a transfer's transition real: the row, its event, its mandate's consent and its effects, in
the caller's transaction.

The only place that writes a transfer's state. The caller holds the row's lock, so what `state`
decided about is what is in the database.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final, assert_never

from custody.db.session import WriteSession
from custody.db.transfer_tables import TransferRow
from custody.events import event_row
from custody.ledger.service import Ledger
from custody.outbox import Work, enqueue
from custody.transactions.apply import abandon_claimed
from custody.transfers import counting, repository, reservations
from custody.transfers.consent import Consent, Word, decide
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


async def transition(
    session: WriteSession,
    ledger: Ledger,
    row: TransferRow,
    event: Event,
    now: datetime,
    reason: str | None = None,
    charge: Charge | None = None,
) -> Transfer:
    """Apply `event` to the locked `row`. `charge`: what a transaction took that decided it. Raises
    IllegalTransition."""
    after, effects = advance(load(row), event, reason)
    row.state = after.state
    row.version = after.version
    row.waiting = None
    row.reason = after.reason
    row.updated_at = now
    session.add(event_row(row, event, after.state, after.reason, now))
    word = WORDS.get(event, Word.VOID if after.state in TERMINAL else None)
    if word is not None:
        for mandate in await repository.mandates_of(session, row.id):
            if mandate.state == Consent.OFFERED:
                mandate.state, mandate.decided_at = decide(Consent.OFFERED, word), now
    await counting.follow(session, row, event)
    await run_effects(session, ledger, row, effects, now, charge)
    return after


async def run_effects(
    session: WriteSession,
    ledger: Ledger,
    row: TransferRow,
    effects: Iterable[Effect],
    now: datetime,
    charge: Charge | None = None,
) -> None:
    """In order. Without a `charge` all its transactions are dead, and everything comes back."""
    for effect in effects:
        match effect:
            case Effect.SIGN:
                await enqueue(session, Work.SIGN, row.id, row.network, now)
            case Effect.ABANDON:
                await abandon_claimed(session, row.id, f"{row.id} is {row.state}", now)
            case Effect.VOID:
                await reservations.release(session, ledger, row)
            case Effect.SETTLE | Effect.SETTLE_COSTS:
                paid = effect is Effect.SETTLE
                assert charge is not None or not paid, "paid by no transaction"
                await reservations.settle(session, ledger, row, charge, paid=paid)
            case unexpected:
                assert_never(unexpected)
