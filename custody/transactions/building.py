"""Steps A and B: from approved transfers to unsigned bytes in the database.

    A  claim     what the transaction will take is ours, by a unique key, before it is built
    B  build     the unsigned bytes are stored before the signer sees them

A crash after A is followed by B with the same claim; a crash after B by the same bytes. Which
transactions to build, and for which transfers, is for the planners to say.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Final

from chains.adapter import ChainAdapter
from chains.answers import Answers, attempt
from chains.codec import TransactionCodec
from chains.costs import above
from chains.effects import Effect
from chains.errors import BuildError, ChainError, ClaimUnusable, NodeMisbehaved
from chains.model import NetworkId, UnsignedTx
from chains.transaction import TransferIntent
from custody.db.session import Database, ReadSession, WriteSession
from custody.db.transfer_tables import TransactionRow
from custody.ledger.service import Ledger
from custody.transactions import repository
from custody.transactions.apply import load
from custody.transactions.change import ChangeAddresses
from custody.transactions.claiming import Claimed, Claimer
from custody.transactions.collecting import Windows, collected, due, left_out
from custody.transactions.feecaps import service as feecaps
from custody.transactions.looking import (
    Built,
    Look,
    LookNow,
    ToBuild,
    look,
    look_at_waiting,
    stored,
)
from custody.transactions.messages import Messages
from custody.transactions.moving import Step, move
from custody.transactions.outcomes import Later, Progress
from custody.transactions.planners import collecting, payment, replacement
from custody.transactions.planners.plan import NotYet, Plan, Planner, Waiting
from custody.transactions.state import REPLACEABLE, Build, State, can
from custody.transfers import repository as transfers
from custody.transfers.precheck import Precheck
from signer.agreement import Purpose

_ATTEMPTS: Final = 5
_ALONE_FROM: Final = 3
"""Then those that could not be built together go one by one."""
_JOINING_MAX: Final = 256
"""Transfers of a vault that are looked at at a time, when the first one's time has come."""


PLANNERS: Final[Sequence[Planner]] = (collecting.plan, payment.plan, replacement.plan)
"""Asked in order; a transfer is the first one's that plans it."""


class Builder:
    """One per process."""

    def __init__(
        self,
        *,
        database: Database,
        ledger: Ledger,
        adapters: Mapping[NetworkId, ChainAdapter],
        claimer: Claimer,
        change: ChangeAddresses,
        precheck: Precheck,
        clock: Callable[[], datetime],
        windows: Windows,
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._adapters = adapters
        self._claimer = claimer
        self._change = change
        self._precheck = precheck
        self._clock = clock
        self._windows = windows
        self._messages = Messages(database=database, ledger=ledger, clock=clock)

    async def build(
        self, transfer_ids: Sequence[str], policy: int | None = None
    ) -> dict[str, Built | Progress | ChainError]:
        """For each transfer the stored bytes for the signer, or why there are none. Those that one
        transaction carries share it. All are of one network. `policy`: the version of which the
        signer has just said that it is in force. Raises SignerError, CustodyError."""
        wait_for = partial(self._precheck.wait_for, policy)
        said = await self._messages.build(transfer_ids, wait_for)
        rest = [each for each in transfer_ids if each not in said]
        return {**said, **await self._bytes(rest, look, policy)}

    async def speed_up(
        self, transfer_ids: Sequence[str], policy: int | None = None
    ) -> dict[str, Built | Progress | ChainError]:
        """The same for what takes the place of a transaction that waits, and does what it does."""
        return await self._bytes(transfer_ids, look_at_waiting, policy)

    async def cancel(
        self, transfer_ids: Sequence[str], policy: int | None = None
    ) -> dict[str, Built | Progress | ChainError]:
        """The same for what takes the place of a transaction that waits, and pays nobody."""
        return await self._bytes(transfer_ids, partial(look_at_waiting, cancel=True), policy)

    async def release(self, transfer_ids: Sequence[str], reason: str) -> None:
        """What was claimed for them and not built: others would wait behind it."""
        if not transfer_ids:
            return
        async with self._database.read() as session:
            contests = await repository.contests(session, transfer_ids)
        rows = [row for contest in contests.values() for row in contest]
        await self._claimer.abandon({row.id: reason for row in rows if row.state == State.CLAIMED})

    async def _bytes(
        self, transfer_ids: Sequence[str], look_at: Look, policy: int | None
    ) -> dict[str, Built | Progress | ChainError]:
        look_now = partial(
            look_at,
            wait_for=partial(self._precheck.wait_for, policy),
            size_of=self._size_of,
            clock=self._clock,
        )
        steps: dict[str, Built | Progress | ChainError] = {}
        waiting = list(transfer_ids)
        apart: set[str] = set()
        try:
            for tries in range(_ATTEMPTS):
                if not waiting:
                    break
                if tries == _ALONE_FROM:
                    apart |= set(waiting)
                steps |= await self._try(waiting, look_now, apart)
                waiting = [each for each in waiting if each not in steps]
            return steps | dict.fromkeys(waiting, Later(ClaimUnusable.code))
        finally:
            for each in {*transfer_ids, *steps}:
                self._change.release(each)

    async def _try(
        self, transfer_ids: Sequence[str], look_now: LookNow, apart: set[str]
    ) -> dict[str, Built | Progress | ChainError]:
        """Who is missing in the answer is to be looked at again: things are not what they were, or
        it is `apart` now from those that it was planned with."""
        async with self._database.read() as session:
            found = await self._found(session, transfer_ids, look_now, apart)
            to_build = [each for each in found.values() if isinstance(each, ToBuild)]
            claims = await _claims(session, to_build)
        steps: dict[str, Built | Progress | ChainError] = {
            each: step for each, step in found.items() if not isinstance(step, ToBuild)
        }
        plans, not_yet = plan_all([each.waiting for each in to_build], self._clock())
        steps |= {each.transfer: each.later for each in not_yet}
        known = [claims.get(plan.carries) for plan in plans]
        # What waits must not keep its number: others would wait behind it.
        kept = {each.id for each in known if each is not None}
        codes = {each.transfer: each.later.code for each in not_yet}
        await self._claimer.abandon(
            {
                row.id: next((codes[each] for each, _ in carries if each in codes), "planned anew")
                for carries, row in claims.items()
                if row.id not in kept
            }
        )
        jobs, failed = await self._claimed(plans, known)
        built, unbuilt = await self._built(jobs)
        steps |= self._together_no_more([*failed, *unbuilt], apart)
        return steps | await self._store(built)

    async def _found(
        self, session: ReadSession, transfer_ids: Sequence[str], look_now: LookNow, apart: set[str]
    ) -> dict[str, Progress | Built | ToBuild]:
        """What there is to do, also for those that share a transaction with them, or could."""

        async def seen(ids: Sequence[str]) -> dict[str, Progress | Built | ToBuild]:
            found = await look_now(session, ids)
            return {
                each: replace(step, waiting=collected(step.waiting, self._windows, apart))
                if isinstance(step, ToBuild)
                else step
                for each, step in found.items()
            }

        found = await seen(transfer_ids)
        to_build = [each.waiting for each in found.values() if isinstance(each, ToBuild)]
        for network, vault in sorted(due(to_build, self._clock())):
            others = await transfers.approved_of(session, network, vault, _JOINING_MAX)
            more = await seen([each for each in others if each not in found])
            found |= {each: step for each, step in more.items() if isinstance(step, ToBuild)}
        return found

    def _together_no_more(
        self, failed: Sequence[tuple[Plan, ChainError]], apart: set[str]
    ) -> dict[str, Built | Progress | ChainError]:
        """The trouble of each that is not tried again at once, otherwise than with the others."""
        steps: dict[str, Built | Progress | ChainError] = {}
        for plan, error in failed:
            native = self._adapters[plan.first.network].codec.network.native.id
            alone = left_out(plan, error, native)
            apart |= alone
            if not alone:
                steps |= dict.fromkeys((each for each, _ in plan.carries), error)
        return steps

    def _size_of(self, network: NetworkId, effects: Sequence[Effect]) -> int:
        return self._adapters[network].codec.size_of(effects)

    async def _claimed(
        self, plans: Sequence[Plan], known: Sequence[TransactionRow | None]
    ) -> tuple[list[_Job], list[tuple[Plan, ChainError]]]:
        """Each plan with a transaction that has claimed for it. What came in between is in neither
        part of the answer."""
        ids = [None if row is None else row.id for row in known]
        intents = await self._claimer.intents(plans, ids)
        jobs: list[_Job] = []
        fresh: list[tuple[Plan, TransferIntent]] = []
        for plan, row, intent in zip(plans, known, intents, strict=True):
            if row is None:
                fresh.append((plan, intent))
            else:
                jobs.append(_Job(plan, row.id, row.version, intent))
        failed: list[tuple[Plan, ChainError]] = []
        for (plan, intent), claim in zip(fresh, await self._claim(fresh), strict=True):
            if isinstance(claim, ChainError):
                failed.append((plan, claim))
            elif claim is not None:
                taken = replace(intent, claim=claim.keys)
                jobs.append(_Job(plan, claim.transaction_id, claim.version, taken))
        return jobs, failed

    async def _claim(
        self, fresh: Sequence[tuple[Plan, TransferIntent]]
    ) -> Sequence[Claimed | ChainError | None]:
        try:
            return await self._claimer.claim(
                [plan for plan, _ in fresh], [intent for _, intent in fresh]
            )
        except ChainError as error:
            return [error] * len(fresh)

    async def _built(
        self, jobs: Sequence[_Job]
    ) -> tuple[list[tuple[_Job, UnsignedTx]], list[tuple[Plan, ChainError]]]:
        """The bytes of each job, not stored yet. Claims that nothing can be built with are let
        go."""
        built: list[tuple[_Job, UnsignedTx]] = []
        failed: list[tuple[Plan, ChainError]] = []
        unusable: dict[str, str] = {}
        for job, tx in zip(jobs, await self._prepared(jobs), strict=True):
            if not isinstance(tx, ChainError):
                built.append((job, tx))
                continue
            if isinstance(tx, BuildError):
                unusable[job.transaction_id] = tx.code
            if not isinstance(tx, ClaimUnusable):
                failed.append((job.plan, tx))
        await self._claimer.abandon(unusable)
        return built, failed

    async def _prepared(self, jobs: Sequence[_Job]) -> Answers[UnsignedTx]:
        if not jobs:
            return []
        adapter = self._adapters[jobs[0].intent.network]
        try:
            txs = await adapter.prepare([job.intent for job in jobs])
        except ChainError as error:
            return [error] * len(jobs)
        return [
            tx if isinstance(tx, ChainError) else attempt(partial(_checked, adapter.codec, job, tx))
            for job, tx in zip(jobs, txs, strict=True)
        ]

    async def _store(
        self, built: Sequence[tuple[_Job, UnsignedTx]]
    ) -> dict[str, Built | Progress | ChainError]:
        """Before the signer sees them."""
        if not built:
            return {}
        steps: dict[str, Built | Progress | ChainError] = {}
        moving: list[Step] = []
        launched: set[str] = set()
        """One of two transactions of this set for one transfer is built, whichever comes first."""
        async with self._database.write() as session:
            stands = await repository.newest_height(session, built[0][1].network)
            locked = await repository.lock_all(session, [job.transaction_id for job, _ in built])
            replaced = await repository.transactions(
                session, [job.plan.replaces.transaction for job, _ in built if job.plan.replaces]
            )
            usable = []
            for job, tx in built:
                row, transfers = locked[job.transaction_id]
                still = all(
                    each.state == job.plan.state and each.id not in launched for each in transfers
                )
                if row.replaces is not None:
                    still = still and replaced[row.replaces].state in REPLACEABLE
                # Let go and claimed anew meanwhile, it takes other keys than these bytes.
                still = still and row.version == job.version
                if not can(load(row), Build) or not still:
                    steps |= dict.fromkeys((each.id for each in transfers), Later("busy"))
                    continue
                usable.append((job, tx))
                launched |= {each.id for each in transfers}
            stopped = await self._stopped(
                session, [(locked[j.transaction_id][0], j, tx) for j, tx in usable]
            )
            for job, tx in usable:
                row, transfers = locked[job.transaction_id]
                if row.id in stopped:
                    steps |= dict.fromkeys((each.id for each in transfers), feecaps.REACHED)
                    continue
                row.payload, row.sender = tx.payload, tx.sender
                row.made_height = stands
                moving.append(Step(row, transfers, Build()))
            await move(session, self._ledger, moving, self._clock())
            await session.flush()
            answers = await stored(session, [step.row for step in moving])
        await self._claimer.abandon(dict.fromkeys(stopped, feecaps.REACHED.code))
        for each in answers:
            steps |= dict.fromkeys(each.transfers, each)
            for transfer in each.transfers:
                self._change.forget(transfer)
        return steps

    async def _stopped(
        self, session: WriteSession, wanted: Sequence[tuple[TransactionRow, _Job, UnsignedTx]]
    ) -> set[str]:
        """Transactions that would exceed a cap on fees. Never a cancel."""
        paying = [
            (row, self._adapters[tx.network].codec.summarize(tx).costs.most)
            for row, job, tx in wanted
            if job.plan.purpose is not Purpose.CANCEL
        ]
        if not paying:
            return set()
        network = NetworkId(paying[0][0].network)
        admitted = await feecaps.admit(session, network, paying, self._clock())
        return {row.id for row, _ in paying} - admitted


@dataclass(frozen=True, slots=True)
class _Job:
    """A plan whose transaction has claimed what `intent` takes, and was at `version` then."""

    plan: Plan
    transaction_id: str
    version: int
    intent: TransferIntent


async def _claims(
    session: ReadSession, to_build: Sequence[ToBuild]
) -> dict[tuple[tuple[str, int], ...], TransactionRow]:
    """What earlier attempts claimed, by the transfers, and versions of terms, that each is for."""
    rows = {each.claimed.id: each.claimed for each in to_build if each.claimed is not None}
    if not rows:
        return {}
    carries: dict[str, list[tuple[str, int]]] = {}
    for each in await repository.carried(session, rows):
        carries.setdefault(each.transaction_id, []).append((each.transfer_id, each.mandate_version))
    return {tuple(sorted(each)): rows[id_] for id_, each in carries.items()}


def _checked(codec: TransactionCodec, job: _Job, tx: UnsignedTx) -> UnsignedTx:
    summary = codec.summarize(tx)
    agreed = (
        Counter(summary.effects) == Counter(job.plan.effects)
        and above(summary.costs.most, job.plan.costs_max) is None
        and summary.conflict_keys == frozenset(job.intent.claim)
        and not summary.unexplained
    )
    if not agreed:
        raise NodeMisbehaved("the transaction built is not the one asked for")
    return tx


def plan_all(waiting: Sequence[Waiting], now: datetime) -> tuple[list[Plan], list[NotYet]]:
    """The first planner's word about each that plans it, else why it is not yet time."""
    plans: list[Plan] = []
    not_yet: dict[str, NotYet] = {}
    rest = list(waiting)
    for planner in PLANNERS:
        for each in planner(rest, now):
            if isinstance(each, Plan):
                plans.append(each)
            else:
                not_yet.setdefault(each.transfer, each)
        planned = {transfer.transfer for plan in plans for transfer in plan.transfers}
        rest = [each for each in rest if each.transfer not in planned]
    return plans, [not_yet[each.transfer] for each in rest]
