"""Holds the signer to its word: each checkpoint of its log must continue every one before it.

A signer that was set back and went on, or a second one with the same seed, signs something that
does not. Then a person is called, and both checkpoints are kept, signed, as the proof. It closes
nothing: what a signer has forgotten is kept from harm elsewhere (`watch`, the receipt that it is
told on every connection).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from custody.alarms.codes import AlarmCode
from custody.alarms.service import raise_alarm
from custody.db.session import Database
from custody.journal import repository
from signer.checkpoint import Checkpoint, open_checkpoint
from signer.tree import ProofInvalid, check_consistency
from signer.wire import MalformedMessage, Receipt, Status, parse_json


class LogProver(Protocol):
    """The part of the signer's client that proves what it says of its log."""

    async def prove_consistency(
        self, origin: str, old: int, new: int
    ) -> tuple[bytes, ...] | None: ...


class CheckpointWatch:
    """Of one process, which leads."""

    def __init__(
        self, database: Database, signer: LogProver, clock: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._signer = signer
        self._clock = clock

    async def look(self, status: Status) -> None:
        """Compare what the signer's status says, and its newest receipt, with what is kept, and
        keep what is later. Raises SignerError."""
        if not status.checkpoint:  # locked, or nothing recorded yet
            return
        newest = await self._opened(status.checkpoint, status.log_key)
        if newest is None:
            return
        await self._look(status.checkpoint, newest, newest, status.log_key)
        async with self._database.read() as session:
            receipt = await repository.newest_receipt(session)
        if receipt is not None:
            note = Receipt.parse(parse_json(receipt)).checkpoint
            told = await self._opened(note, status.log_key)
            if told is not None:
                await self._look(note, told, newest, status.log_key)

    async def _opened(self, note: str, log_key: bytes) -> Checkpoint | None:
        """What is signed; None, and an alarm, if it is not by the key that we know."""
        async with self._database.read() as session:
            known = {row.log_key for row in await repository.checkpoint_rows(session)}
        if known and log_key not in known:
            await self._contradicted(None, note, "another key signs it")
            return None
        try:
            return open_checkpoint(note, log_key)
        except (MalformedMessage, ProofInvalid) as error:
            await self._contradicted(None, note, f"a checkpoint is not signed as it says: {error}")
            return None

    async def _look(self, note: str, told: Checkpoint, newest: Checkpoint, log_key: bytes) -> None:
        """`newest`: how far the signer says that its log goes now."""
        async with self._database.read() as session:
            rows = await repository.checkpoint_rows(session)
        row = next((row for row in rows if row.origin == told.origin), None)
        try:
            kept = None if row is None else open_checkpoint(row.note, row.log_key)
            is_later = kept is None or await self._compared(kept, told, newest)
        except ProofInvalid as error:
            await self._contradicted(told.origin, note, str(error))
            return
        if is_later:
            async with self._database.write() as session:
                now = self._clock()
                await repository.keep_checkpoint(session, told.origin, log_key, note, now)

    async def _compared(self, kept: Checkpoint, told: Checkpoint, newest: Checkpoint) -> bool:
        """Whether `told` continues `kept`, rather than the other way round. Raises ProofInvalid if
        it is neither, SignerError."""
        old, new = sorted((kept, told), key=lambda each: each.size)
        path: tuple[bytes, ...] | None = ()
        if old.size != new.size:
            if new.origin != newest.origin or new.size > newest.size:
                return False  # it has forgotten some: `watch` says so, and it signs nothing
            path = await self._signer.prove_consistency(old.origin, old.size, new.size)
        if path is None:
            raise ProofInvalid("it can't show that its log continues what it signed before")
        check_consistency(old.size, new.size, old.root, new.root, path)
        return told.size > kept.size

    async def _contradicted(self, origin: str | None, note: str, why: str) -> None:
        async with self._database.write() as session:
            if origin is not None:
                await repository.keep_contradiction(session, origin, note)
            words = f"the signer's log {origin or ''} is contradicted: {why}"
            await raise_alarm(session, AlarmCode.LOG_CONTRADICTED, words, self._clock())
