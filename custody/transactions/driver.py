"""Moves approved transfers to signed bytes. Nothing else in custody asks for a signature.

    A  claim     what the transaction will take is ours, by a unique key, before it is built
    B  build     the unsigned bytes are stored before the signer sees them
    C  sign      the signature and the txid are stored before any node sees them; where keys are
                 numbers, in their order (`ordering`)

Each step commits before the next begins, and each begins by looking at what is committed; so a
crash anywhere is followed by the same step again, with the same claim or the same bytes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

import structlog

from chains.errors import BuildError, ChainError, InvalidInput
from custody.db.session import Database
from custody.errors import CustodyError
from custody.journal.watch import JournalWatch
from custody.ledger.service import Ledger
from custody.outcomes.checking import Checking
from custody.transactions import repository
from custody.transactions.building import Builder
from custody.transactions.looking import Built
from custody.transactions.outcomes import (
    UNFORESEEN,
    Done,
    Later,
    Progress,
    signer_code,
    together,
    trouble,
)
from custody.transactions.queueing import WAITS, Order, Queueing
from custody.transactions.signing import Signing
from custody.transfers import repository as transfers
from custody.transfers.apply import load, transition
from custody.transfers.state import Event, State, can
from signer.client import SignerError
from signer.wire import RefusalCode

log = structlog.get_logger()

SOON: Final = timedelta(seconds=1)
"""When what waits for the number before it is looked at again. Another worker signs that one in a
moment, so the wait does not grow with the attempts as others do."""
_PASSES: Final = 3
"""How often what was let go is built again at once, or what comes first is taken along: it waits
for its own turn with a long delay, as after a signer that was away, and all behind it with it. What
is left then has its next turn."""

Steps = Mapping[str, Built | Progress | ChainError]
Build = Callable[[Sequence[str], int], Awaitable[Steps]]
"""For transfers, under the version of the policy that is in force."""


class Driver:
    """One per process."""

    def __init__(
        self,
        *,
        database: Database,
        ledger: Ledger,
        builder: Builder,
        queueing: Queueing,
        checking: Checking,
        signing: Signing,
        journal: JournalWatch,
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._builder = builder
        self._queueing = queueing
        self._checking = checking
        self._signing = signing
        self._journal = journal
        self._clock = clock

    async def sign(self, transfer_ids: Sequence[str]) -> Mapping[str, Progress]:
        """Take each of the transfers as far as it goes now; those that get there are signed in one
        request. Never raises for one transfer's trouble."""
        return await self._go(transfer_ids, self._builder.build)

    async def speed_up(self, transfer_ids: Sequence[str]) -> Mapping[str, Progress]:
        """Have what was sent for each and waits replaced by what pays more for itself."""
        return await self._go(transfer_ids, self._builder.speed_up)

    async def cancel(self, transfer_ids: Sequence[str]) -> Mapping[str, Progress]:
        """Have what was sent for each and waits replaced by what pays nobody."""
        return await self._go(transfer_ids, self._builder.cancel, while_stopped=True)

    async def _go(
        self, transfer_ids: Sequence[str], build: Build, *, while_stopped: bool = False
    ) -> Mapping[str, Progress]:
        wanted = list(dict.fromkeys(transfer_ids))
        policy = await self._policy(while_stopped)
        if isinstance(policy, Later):  # then nothing is built that would grow stale
            progress: dict[str, Progress] = dict.fromkeys(wanted, policy)
        else:
            progress = dict(await self._sign(wanted, build, policy))
        waiting: dict[str, list[str]] = {}
        for transfer_id, step in progress.items():
            if isinstance(step, Later):
                waiting.setdefault(step.code, []).append(transfer_id)
        for code, ids in waiting.items():
            async with self._database.write() as session:
                states = [State.APPROVED, State.IN_FLIGHT]
                await repository.note_waiting(session, ids, states, code)
        soon = Later(WAITS.code, self._clock() + SOON)
        return {each: soon if progress[each] == WAITS else progress[each] for each in wanted}

    async def _sign(
        self, transfer_ids: Sequence[str], build: Build, policy: int
    ) -> Mapping[str, Progress]:
        progress: dict[str, Progress] = {}
        pending = list(transfer_ids)
        met = set(pending)
        for _ in range(_PASSES):
            built = await self._build(pending, lambda ids: build(ids, policy), progress)
            try:
                order = await self._queueing.order(built)
                progress |= order.waiting
                progress |= await self._signing.ask(order.queues)
                let_go = order.let_go or await self._left_out_of_order(order, progress)
            except ChainError as error:
                for each in built:
                    progress |= dict.fromkeys(each.transfers, trouble(error, "order"))
                break
            ahead = [each for each in order.ahead if each not in met]
            assert not ahead or build == self._builder.build, "nothing keeps a replacement waiting"
            if not let_go and not ahead:
                break
            met.update(ahead)
            pending = [*ahead, *(each for each in pending if progress[each] == WAITS)]
        return progress

    async def _build(
        self,
        transfer_ids: Sequence[str],
        build: Callable[[Sequence[str]], Awaitable[Steps]],
        progress: dict[str, Progress],
    ) -> list[Built]:
        """What there is to sign. Why there is nothing for a transfer goes into `progress`."""
        built: dict[str, Built] = {}
        for transfer_id, step in (await together(transfer_ids, build)).items():
            if isinstance(step, Built):
                built[step.transaction_id] = step
            elif isinstance(step, ChainError):
                progress[transfer_id] = await self._not_built(transfer_id, step)
            else:
                progress[transfer_id] = step
        broken = [each for each in transfer_ids if progress.get(each) == UNFORESEEN]
        await self._builder.release(broken, UNFORESEEN.code)
        if called := [each for each in built.values() if each.calls]:
            for transaction_id, later in (await self._checking.look(called)).items():
                progress |= dict.fromkeys(built.pop(transaction_id).transfers, later)
        return list(built.values())

    async def _left_out_of_order(self, order: Order, progress: Mapping[str, Progress]) -> bool:
        """Whether a refusal has left anything out of order, which is let go then."""
        behind = [
            each
            for queue in order.queues
            for each in queue[1:]
            if progress[each.transfers[0]] == WAITS
        ]
        return (await self._queueing.order(behind)).let_go

    async def _policy(self, while_stopped: bool) -> int | Later:
        """The version of the policy in force. Or what is waited for: a signer that is away or
        locked, or that has signed what is not known here; or that was stopped, unless what is
        wanted passes then."""
        try:
            status = await self._journal.check()
        except (SignerError, CustodyError) as error:
            return trouble(error, "signer")
        if status.locked:
            return Later(signer_code(RefusalCode.LOCKED))
        if status.is_stopped and not while_stopped:
            return Later(signer_code(RefusalCode.STOPPED))
        return status.policy_version

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
