"""Makes a transaction's transition real: the row, its event and its effects, in the caller's
database transaction.

The only place that writes a transaction's state. The caller holds the lock of the row and, where
the transfers that it carries may be moved by it, theirs: `moving` does both.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any, assert_never

from chains.model import BlockRef, NetworkId, TxId
from custody.alarms.codes import AlarmCode
from custody.alarms.service import raise_alarm
from custody.db.proof_tables import ProofWantRow, want
from custody.db.session import WriteSession
from custody.db.transfer_tables import TransactionRow
from custody.events import event_row
from custody.outbox import Work, work_row
from custody.transactions import repository
from custody.transactions.state import (
    Abandon,
    Effect,
    Event,
    Include,
    Sign,
    State,
    Transaction,
    advance,
)
from custody.vaults import freezes
from signer.agreement import Purpose


def load(row: TransactionRow) -> Transaction:
    """The state machine's view of a row."""
    block = (
        BlockRef(row.block_height, row.block_hash)
        if row.block_height is not None and row.block_hash is not None
        else None
    )
    return Transaction(
        id=row.id,
        purpose=Purpose(row.purpose),
        state=State(row.state),
        version=row.version,
        built=row.payload is not None,
        txid=None if row.txid is None else TxId(row.txid),
        block=block,
        costs=row.costs,
        held=row.held,
        returned=row.returned,
        reason=row.reason,
    )


async def transition(
    session: WriteSession, row: TransactionRow, event: Event, now: datetime
) -> Transaction:
    """Apply `event` to the locked `row`. Raises IllegalTransition."""
    (after,) = await transition_all(session, [(row, event)], now)
    return after


async def transition_all(
    session: WriteSession, changes: Sequence[tuple[TransactionRow, Event]], now: datetime
) -> list[Transaction]:
    """`transition` of each of the locked rows, with fewer questions to the database."""
    changed, ended, final = [], [], []
    for row, event in changes:
        after, effects = _change(session, row, event, now)
        changed.append(after)
        if after.state is State.FINAL and after.purpose is Purpose.PAY:
            final.append(want(row, now))
        for effect in effects:
            match effect:
                case Effect.BROADCAST:
                    session.add(work_row(Work.BROADCAST, row, now))
                case Effect.CLAIM:
                    await repository.claim_again(session, row, now)
                case Effect.RELEASE:
                    ended.append(row)
                case Effect.ALARM:
                    await _included_after_all(session, row, now)
                case unexpected:
                    assert_never(unexpected)
    if final:
        await _want_proofs(session, final)
    if ended:
        await repository.release(session, ended)
    return changed


async def _want_proofs(session: WriteSession, wanted: Sequence[dict[str, Any]]) -> None:
    """Of what a block has under its own name; of what was signed apart, whoever submitted it has
    one."""
    apart = await repository.apart_among(session, [each["transaction_id"] for each in wanted])
    rows = [each for each in wanted if each["transaction_id"] not in apart]
    if rows:
        await session.insert_missing(ProofWantRow, rows)


def _change(
    session: WriteSession, row: TransactionRow, event: Event, now: datetime
) -> tuple[Transaction, tuple[Effect, ...]]:
    """The row and its event."""
    after, effects = advance(load(row), event)
    row.state = after.state
    row.version = after.version
    row.reason = after.reason
    row.txid = after.txid
    row.block_height = after.block.height if after.block else None
    row.block_hash = after.block.hash if after.block else None
    row.costs, row.held, row.returned = after.costs, after.held, after.returned
    row.updated_at = now
    # What was only claimed leaves no trace: it is tried again every few seconds, for as long as
    # the money or the fee level is not there.
    if after.built:
        session.add(event_row(row, event_name(event), after.state, _detail(event), now))
    return after, effects


async def abandon_claimed(
    session: WriteSession, transfer_id: str, reason: str, now: datetime
) -> None:
    """Give up what was only claimed for a transfer. Others that the same transaction was claimed
    for are `approved` and have work waiting, so they get another."""
    for row in await repository.lock_claimed(session, transfer_id):
        await transition(session, row, Abandon(reason), now)


def event_name(event: Event) -> str:
    """`Include` is `include` in the feed."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", type(event).__name__).lower()


def _detail(event: Event) -> str | None:
    match event:
        case Sign(txid):
            return txid
        case Include(block, _, _, failure, _):
            return f"{block.height} {block.hash}" + (f": {failure}" if failure else "")
        case _:
            return getattr(event, "reason", None)


async def _included_after_all(session: WriteSession, row: TransactionRow, now: datetime) -> None:
    """Its money was given back and may be spent again: nothing more leaves until a person has
    looked."""
    words = f"transaction {row.id} was proven dead and is in a block"
    code, network = AlarmCode.DEAD_INCLUDED, NetworkId(row.network)
    await raise_alarm(session, code, words, now, network=network, vault=row.vault_id)
    await freezes.freeze(session, [row.vault_id], code, now)
