"""Makes a transition real: the row, its event, and its effects, in the caller's transaction.

The only place that writes a transfer's state. The caller holds the row's lock, so what `state`
decided about is what is in the database.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any, assert_never

from chains.model import AssetId, BlockRef, NetworkId, TxId
from chains.networks import all_networks
from custody.db.session import WriteSession
from custody.db.tables import OutboxRow, TransferEventRow, TransferRow
from custody.ledger.model import Movement, Post, Reason, Void, locked_account, vault_account
from custody.ledger.service import Ledger, settle_or_void
from custody.transfers import repository
from custody.transfers.state import (
    Disconnect,
    Effect,
    Enqueue,
    Event,
    Include,
    ReleaseClaims,
    Settle,
    SettleFee,
    Sign,
    State,
    Transfer,
    Work,
    advance,
)
from custody.transfers.state import Void as VoidEffect


async def load(session: WriteSession, row: TransferRow) -> Transfer:
    """The state machine's view of a locked row."""
    queued = row.state == State.QUEUED
    block = (
        BlockRef(row.block_height, row.block_hash)
        if row.block_height is not None and row.block_hash is not None
        else None
    )
    return Transfer(
        id=row.id,
        state=State(row.state),
        version=row.version,
        built=queued and await repository.is_built(session, row.id),
        txid=None if row.txid is None else TxId(row.txid),
        block=block,
        fee=row.fee,
        locked=row.locked,
        reason=row.reason,
    )


async def transition(
    session: WriteSession,
    ledger: Ledger,
    row: TransferRow,
    before: Transfer,
    event: Event,
    now: datetime,
) -> Transfer:
    """Apply `event` to the locked `row`, seen as `before`. Raises IllegalTransition."""
    after, effects = advance(before, event)
    row.state = after.state
    row.version = after.version
    row.waiting = None
    row.reason = after.reason
    row.txid = after.txid
    row.block_height = after.block.height if after.block else None
    row.block_hash = after.block.hash if after.block else None
    row.fee = after.fee
    row.locked = after.locked
    row.updated_at = now
    session.add(TransferEventRow(**event_fields(after, event, now)))
    await run_effects(session, ledger, row, effects, now)
    return after


def event_fields(after: Transfer, event: Event, now: datetime) -> dict[str, Any]:
    """The columns of the event's row."""
    return {
        "transfer_id": after.id,
        "event": event_name(event),
        "state": after.state,
        "detail": _detail(after, event),
        "created_at": now,
    }


def event_name(event: Event) -> str:
    """`AskApprovals` is `ask_approvals` in the feed."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", type(event).__name__).lower()


async def enqueue(
    session: WriteSession, work: Work, transfer_id: str, network: str, now: datetime
) -> None:
    """Have it done after commit, by whichever worker comes first."""
    await session.insert(
        OutboxRow,
        [
            {
                "kind": work,
                "subject": transfer_id,
                "network": network,
                "claim": None,
                "held_since": None,
                "held_until": None,
                "attempts": 0,
                "last_error": None,
                "created_at": now,
            }
        ],
    )


def _detail(after: Transfer, event: Event) -> str | None:
    match event:
        case Sign(txid):
            return txid
        case Include(block):
            return f"{block.height} {block.hash}" + (f": {after.reason}" if after.reason else "")
        case Disconnect():
            return None
        case _:
            return getattr(event, "reason", None)


async def run_effects(
    session: WriteSession,
    ledger: Ledger,
    row: TransferRow,
    effects: Iterable[Effect],
    now: datetime,
) -> None:
    for effect in effects:
        match effect:
            case Enqueue(work):
                await enqueue(session, work, row.id, row.network, now)
            case ReleaseClaims():
                await repository.release_claims(session, row.id)
            case VoidEffect() | Settle() | SettleFee():
                await ledger.apply(session, _movements(row, effect))
            case unexpected:
                assert_never(unexpected)


def _movements(row: TransferRow, effect: VoidEffect | Settle | SettleFee) -> list[Movement]:
    """What ends the reservations. One call to the ledger, so that its locks are taken in order."""
    held, fee_held = row.amount_reservation_id, row.fee_reservation_id
    assert held is not None and fee_held is not None, "only what was reserved can end"
    if isinstance(effect, VoidEffect):
        return [Void(held), Void(fee_held)]
    assert effect.fee + effect.locked <= row.costs_max, "more left than was reserved"
    amount = row.amount if isinstance(effect, Settle) else 0
    movements: list[Movement] = [
        settle_or_void(held, amount),
        settle_or_void(fee_held, effect.fee),
    ]
    if effect.locked:
        native = native_of(row.network)
        movements.append(
            Post(
                vault_account(row.vault_id, native),
                locked_account(row.vault_id, native),
                effect.locked,
                row.id,
                Reason.RENT,
            )
        )
    return movements


def native_of(network: str) -> AssetId:
    return all_networks()[NetworkId(network)].native.id
