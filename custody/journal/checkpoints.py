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
from signer.wire import MalformedMessage, Status


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
        """Compare what the signer's status says with what is kept, and keep it if it is later.
        Raises SignerError."""
        if not status.checkpoint:  # locked, or nothing recorded yet
            return
        async with self._database.read() as session:
            kept = await repository.checkpoint_rows(session)
        try:
            told = open_checkpoint(status.checkpoint, status.log_key)
        except (MalformedMessage, ProofInvalid) as error:
            await self._contradicted(
                None, status, f"its checkpoint is not signed as it says: {error}"
            )
            return
        if kept and status.log_key not in {row.log_key for row in kept}:
            await self._contradicted(None, status, "another key signs it")
            return
        row = next((row for row in kept if row.origin == told.origin), None)
        if row is None:
            await self._keep(told, status)
            return
        try:
            is_later = await self._compared(open_checkpoint(row.note, row.log_key), told)
        except ProofInvalid as error:
            await self._contradicted(row.origin, status, str(error))
            return
        if is_later:
            await self._keep(told, status)

    async def _compared(self, kept: Checkpoint, told: Checkpoint) -> bool:
        """Whether `told` continues `kept`, rather than the other way round. Raises ProofInvalid if
        it is neither, SignerError."""
        old, new = sorted((kept, told), key=lambda each: each.size)
        path: tuple[bytes, ...] | None = ()
        if old.size != new.size:
            path = await self._signer.prove_consistency(old.origin, old.size, new.size)
        if path is None and told.size < kept.size:
            return False  # it has forgotten some: `watch` says so, and it signs nothing
        if path is None:
            raise ProofInvalid("it can't show that its log continues what it signed before")
        check_consistency(old.size, new.size, old.root, new.root, path)
        return told.size > kept.size

    async def _keep(self, told: Checkpoint, status: Status) -> None:
        async with self._database.write() as session:
            await repository.keep_checkpoint(
                session, told.origin, status.log_key, status.checkpoint, self._clock()
            )

    async def _contradicted(self, origin: str | None, status: Status, why: str) -> None:
        async with self._database.write() as session:
            if origin is not None:
                await repository.keep_contradiction(session, origin, status.checkpoint)
            words = f"the signer's log {origin or ''} is contradicted: {why}"
            await raise_alarm(session, AlarmCode.LOG_CONTRADICTED, words, self._clock())
