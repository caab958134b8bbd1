"""Step D: hands stored bytes to a node, byte for byte, until one has taken them.

A node's no is noted and proves nothing: another node may hold the transaction, or have it in a
block. So nothing is ever released here; only tracking, from final blocks, ends a transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import structlog

from chains.adapter import ChainAdapter
from chains.answers import Answers
from chains.errors import BroadcastRejected, ChainError
from chains.model import Broadcast, NetworkId, SignedTx, TxId
from custody.db.session import Database
from custody.db.transfer_tables import TransactionRow
from custody.ledger.service import Ledger
from custody.transactions import repository
from custody.transactions.apply import load
from custody.transactions.moving import Step, move
from custody.transactions.outcomes import Done, Later, Progress, together
from custody.transactions.state import REPLACEABLE, Publish, State, can
from custody.transfers.state import State as TransferState
from signer.agreement import Purpose

log = structlog.get_logger()


class Broadcaster:
    """One per process."""

    def __init__(
        self,
        *,
        database: Database,
        ledger: Ledger,
        adapters: Mapping[NetworkId, ChainAdapter],
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._adapters = adapters
        self._clock = clock

    async def broadcast(self, transaction_ids: Sequence[str]) -> dict[str, Progress]:
        """Send the signed bytes of those that are signed or were broadcast before and that nothing
        has replaced, all of one network. What pays and no node has yet waits while it is paused.
        What was signed apart is no transaction: `custody.gas.carrying` has it submitted. Never
        raises for one transaction's trouble."""
        return await together(list(dict.fromkeys(transaction_ids)), self._broadcast)

    async def _broadcast(self, transaction_ids: Sequence[str]) -> dict[str, Progress]:
        async with self._database.read() as session:
            apart = await repository.apart_among(session, transaction_ids)
            mine = [each for each in transaction_ids if each not in apart]
            found = await repository.to_send(session, mine)
        leaving = [each for each in found if each.row.state in REPLACEABLE and not each.superseded]
        waits = [each.row.id for each in leaving if each.paused and _is_first(each.row)]
        sending = {
            each.row.id: replace(signed_of(each.row), private=each.private)
            for each in leaving
            if each.row.id not in waits
        }
        steps: dict[str, Progress] = dict.fromkeys(transaction_ids, Done())
        steps |= dict.fromkeys(waits, Later("paused"))
        answers = dict(zip(sending, await self._send(list(sending.values())), strict=True))
        refused: dict[str, ChainError] = {}
        for each, answer in answers.items():
            if isinstance(answer, ChainError):
                refused[each], steps[each] = answer, Later(answer.code)
            else:
                txid = sending[each].txid
                log.info("broadcast", transaction=each, txid=txid, answer=answer)
        await self._published([each for each in answers if each not in refused])
        await self._note(refused)
        return steps

    async def _send(self, signed: Sequence[SignedTx]) -> Answers[Broadcast]:
        if not signed:
            return []
        try:
            return await self._adapters[signed[0].network].broadcast(signed)
        except ChainError as error:
            return [error] * len(signed)

    async def _published(self, transaction_ids: Sequence[str]) -> None:
        if not transaction_ids:
            return
        async with self._database.write() as session:
            now = self._clock()
            locked = await repository.lock_all(session, transaction_ids)
            moving = []
            for row, transfers in locked.values():
                row.broadcast_at = row.broadcast_at or now
                if can(load(row), Publish):
                    moving.append(Step(row, transfers, Publish()))
            await move(session, self._ledger, moving, now)
            for row, transfers in locked.values():
                for each in transfers:
                    if row.state == State.BROADCAST:
                        each.waiting = None

    async def _note(self, refused: Mapping[str, ChainError]) -> None:
        """Show what the transfers wait for."""
        if not refused:
            return
        async with self._database.write() as session:
            waiting: dict[str, list[str]] = {}
            for each in await repository.carried(session, refused):
                code = refused[each.transaction_id].code
                waiting.setdefault(code, []).append(each.transfer_id)
            for code, ids in waiting.items():
                await repository.note_waiting(session, ids, [TransferState.IN_FLIGHT], code)
        for transaction_id, error in refused.items():
            log.warning(
                "broadcast_failed",
                transaction=transaction_id,
                code=error.code,
                reason=error.reason if isinstance(error, BroadcastRejected) else None,
            )


def _is_first(row: TransactionRow) -> bool:
    """Whether it pays and no node has it from us yet."""
    return row.broadcast_at is None and row.purpose != Purpose.CANCEL


def signed_of(row: TransactionRow) -> SignedTx:
    """The stored bytes, exactly."""
    assert row.raw is not None and row.txid is not None
    return SignedTx(NetworkId(row.network), TxId(row.txid), row.raw)
