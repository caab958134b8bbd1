"""Moves approved transfers to signed bytes. Nothing else in custody asks for a signature.

    A  claim     what the transaction will take is ours, by a unique key, before it is built
    B  build     the unsigned bytes are stored before the signer sees them
    C  sign      the signature and the txid are stored before any node sees them

Each step commits before the next begins, and each begins by looking at what is committed; so a
crash anywhere is followed by the same step again, with the same claim or the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import structlog

from chains.errors import BuildError, ChainError, InvalidInput
from custody.db.session import Database
from custody.errors import CustodyError
from custody.journal.watch import JournalWatch
from custody.ledger.service import Ledger
from custody.transactions import repository
from custody.transactions.building import Builder
from custody.transactions.looking import Built
from custody.transactions.outcomes import Done, Later, Progress, signer_code, together, trouble
from custody.transactions.signing import Signing
from custody.transfers import repository as transfers
from custody.transfers.apply import load, transition
from custody.transfers.state import Event, State, can
from signer.client import SignerError
from signer.wire import RefusalCode

log = structlog.get_logger()


class Driver:
    """One per process."""

    def __init__(
        self,
        *,
        database: Database,
        ledger: Ledger,
        builder: Builder,
        signing: Signing,
        journal: JournalWatch,
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._builder = builder
        self._signing = signing
        self._journal = journal
        self._clock = clock

    async def sign(self, transfer_ids: Sequence[str]) -> Mapping[str, Progress]:
        """Take each of the transfers as far as it goes now; those that get there are signed in one
        request. Never raises for one transfer's trouble."""
        wanted = list(dict.fromkeys(transfer_ids))
        progress = dict(await self._sign(wanted))
        waiting: dict[str, list[str]] = {}
        for transfer_id, step in progress.items():
            if isinstance(step, Later):
                waiting.setdefault(step.code, []).append(transfer_id)
        for code, ids in waiting.items():
            async with self._database.write() as session:
                states = [State.APPROVED, State.IN_FLIGHT]
                await repository.note_waiting(session, ids, states, code)
        return {each: progress[each] for each in wanted}

    async def _sign(self, transfer_ids: Sequence[str]) -> Mapping[str, Progress]:
        trouble = await self._trouble()
        if trouble is not None:  # then nothing is built that would grow stale
            return dict.fromkeys(transfer_ids, trouble)
        progress: dict[str, Progress] = {}
        built: dict[str, Built] = {}
        for transfer_id, step in (await together(transfer_ids, self._builder.build)).items():
            if isinstance(step, Built):
                built[step.transaction_id] = step
            elif isinstance(step, ChainError):
                progress[transfer_id] = await self._not_built(transfer_id, step)
            else:
                progress[transfer_id] = step
        return progress | await self._signing.ask(list(built.values()))

    async def _trouble(self) -> Later | None:
        """A signer that is away or locked, or that has signed what is not known here."""
        try:
            status = await self._journal.check()
        except (SignerError, CustodyError) as error:
            return trouble(error, "signer")
        return Later(signer_code(RefusalCode.LOCKED)) if status.locked else None

    async def _not_built(self, transfer_id: str, error: ChainError) -> Progress:
        if isinstance(error, InvalidInput):
            # Found only now, because only a node knows it: it will not get better.
            await self._give_up(transfer_id, f"{error.code}: {error}")
            return Done()
        level = log.info if isinstance(error, BuildError) else log.warning
        level("build_waits", transfer=transfer_id, error=type(error).__name__)
        return trouble(error, transfer_id)

    async def _give_up(self, transfer_id: str, reason: str) -> None:
        async with self._database.write() as session:
            row = await transfers.lock_transfer(session, transfer_id)
            assert row is not None
            if can(load(row), Event.GIVE_UP):
                now = self._clock()
                await transition(session, self._ledger, row, Event.GIVE_UP, now, reason)
