"""Asking that what was sent for a transfer be replaced, while it is in no block: by a transaction
that pays more for itself, or by one that pays nobody. A worker builds it; whether it comes in time
is the chain's to say."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from chains.codec import TransactionCodec
from chains.model import TxId
from chains.transaction import binding
from custody.db.session import WriteSession
from custody.db.transfer_tables import TransactionRow, TransferRow
from custody.errors import Conflict
from custody.events import event_row
from custody.outbox import Work, enqueue
from custody.transactions import beside_repository, repository
from custody.transactions.state import ON_CHAIN, REPLACEABLE
from custody.transfers.state import State
from signer.agreement import Purpose


async def ask_for_speed(
    session: WriteSession,
    codec: TransactionCodec | None,
    row: TransferRow,
    txid: TxId,
    by: str,
    now: datetime,
) -> None:
    """Of the locked transfer; `codec`: of its network, if that is served. `txid`: of the
    transaction to outbid; if another one of the transfer has taken its place, nothing more is
    asked. Raises Conflict transfer_not_replaceable."""
    waiting = await _waiting(session, codec, row)
    if not isinstance(waiting, str) and txid not in [each.txid for each in waiting]:
        waiting = f"{txid} is no transaction of it that waits"
    if not isinstance(waiting, str) and await beside_repository.fixed(session, [waiting[-1].id]):
        waiting = "it submits what another vault signed, with what that costs"
    if isinstance(waiting, str):
        raise Conflict("transfer_not_replaceable", waiting)
    if waiting[-1].txid == txid:
        await ask(session, row, Work.SPEED_UP, by, now)


async def ask_for_cancel(
    session: WriteSession,
    codec: TransactionCodec | None,
    row: TransferRow,
    by: str,
    now: datetime,
    *,
    together: bool = False,
) -> None:
    """Of the locked transfer. What takes the place of its transaction pays nobody, so whoever
    shares that is called off with it: only `together`. Raises Conflict transfer_not_cancellable,
    transaction_shared."""
    waiting = await _waiting(session, codec, row)
    if isinstance(waiting, str):
        raise Conflict("transfer_not_cancellable", waiting)
    if waiting[-1].purpose == Purpose.CANCEL:
        return
    carried = await repository.carried(session, [waiting[-1].id])
    others = [each.transfer_id for each in carried if each.transfer_id != row.id]
    if others and not together:
        words = f"its transaction pays for {', '.join(others)} too"
        raise Conflict("transaction_shared", words)
    await ask(session, row, Work.CANCEL, by, now)


async def _waiting(
    session: WriteSession, codec: TransactionCodec | None, row: TransferRow
) -> Sequence[TransactionRow] | str:
    """What was signed for it and may still be replaced, the newest last; or why there is nothing,
    in words."""
    if row.state != State.IN_FLIGHT:
        return f"it is {row.state}"
    signed = [each for each in await repository.contest(session, row.id) if each.state in ON_CHAIN]
    if not signed:
        return "the signer may have signed it already; ask again when it was sent"
    if codec is None:
        return f"{row.network} is not served here any more"
    if not codec.traits.binding_keys:
        # A second transaction could be in a block beside the first (ADR 0010).
        return "on this network nothing that was sent can be replaced"
    if any(each.state not in REPLACEABLE for each in signed):
        return "it is in a block"
    if not binding(await repository.keys_of(session, signed[-1].id)):
        # As where a nonce account is made on Solana (ADR 0062).
        return "it takes nothing that keeps it and another transaction out of one block"
    if await repository.apart_among(session, [signed[-1].id]):
        return "it is signed for another vault to submit: that transfer can be called off"
    return signed


async def ask(session: WriteSession, row: TransferRow, work: Work, by: str, now: datetime) -> None:
    """Have a worker do it for the locked transfer, unless one is asked for it already."""
    if await repository.queued(session, work, [row.id]):
        return
    await enqueue(session, work, row, now)
    session.add(event_row(row, f"ask_{work}", row.state, f"by {by}", now))
    row.updated_at = now
