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
from typing import Final, Protocol

from chains.adapter import ChainAdapter
from chains.answers import Answers, attempt
from chains.codec import TransactionCodec
from chains.costs import above
from chains.errors import BuildError, ChainError, ClaimUnusable, NodeMisbehaved
from chains.model import NetworkId, UnsignedTx
from chains.transaction import TransferIntent
from custody.db.session import Database
from custody.ledger.service import Ledger
from custody.transactions import repository
from custody.transactions.apply import load
from custody.transactions.change import ChangeAddresses
from custody.transactions.claiming import Claimed, Claimer
from custody.transactions.looking import Built, ToBuild, look, stored
from custody.transactions.moving import Step, move
from custody.transactions.outcomes import Later, Progress
from custody.transactions.planners import payment
from custody.transactions.planners.payment import NotYet, Plan, Waiting
from custody.transactions.state import Build, can
from custody.transfers.precheck import Precheck
from custody.transfers.state import State as TransferState

_ATTEMPTS: Final = 5


class Planner(Protocol):
    """What to build for transfers that wait, or why not yet. Pure."""

    def __call__(self, waiting: Sequence[Waiting], now: datetime) -> Sequence[Plan | NotYet]: ...


PLANNERS: Final[Sequence[Planner]] = (payment.plan,)
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
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._adapters = adapters
        self._claimer = claimer
        self._change = change
        self._precheck = precheck
        self._clock = clock

    async def build(self, transfer_ids: Sequence[str]) -> dict[str, Built | Progress | ChainError]:
        """For each transfer the stored bytes for the signer, or why there are none. Those that one
        transaction carries share it. All are of one network. Raises SignerError, CustodyError."""
        steps: dict[str, Built | Progress | ChainError] = {}
        waiting = list(transfer_ids)
        try:
            for _ in range(_ATTEMPTS):
                if not waiting:
                    break
                steps |= await self._try(waiting)
                waiting = [each for each in waiting if each not in steps]
            return steps | dict.fromkeys(waiting, Later(ClaimUnusable.code))
        finally:
            for each in transfer_ids:
                self._change.release(each)

    async def _try(self, transfer_ids: Sequence[str]) -> dict[str, Built | Progress | ChainError]:
        """Who is missing in the answer is to be looked at again: things are not what they were."""
        async with self._database.read() as session:
            found = await look(session, transfer_ids, self._precheck, self._clock)
        steps: dict[str, Built | Progress | ChainError] = {
            each: step for each, step in found.items() if not isinstance(step, ToBuild)
        }
        to_build = [each for each in found.values() if isinstance(each, ToBuild)]
        plans, not_yet = plan_all([each.waiting for each in to_build], self._clock())
        steps |= {each.transfer: each.later for each in not_yet}
        claimed = {
            each.waiting.transfer: each.claimed.id for each in to_build if each.claimed is not None
        }
        jobs, failed = await self._claimed(plans, claimed)
        steps |= failed
        built, failed = await self._built(jobs)
        return steps | failed | await self._store(built)

    async def _claimed(
        self, plans: Sequence[Plan], claimed: Mapping[str, str]
    ) -> tuple[list[_Job], dict[str, ChainError]]:
        """Each plan with a transaction that has claimed for it. What came in between is in neither
        part of the answer."""
        known = [claimed.get(plan.first.transfer) for plan in plans]
        intents = await self._claimer.intents(plans, known)
        jobs = [
            _Job(plan, transaction_id, intent)
            for plan, transaction_id, intent in zip(plans, known, intents, strict=True)
            if transaction_id is not None
        ]
        fresh = [
            (plan, intent)
            for plan, transaction_id, intent in zip(plans, known, intents, strict=True)
            if transaction_id is None
        ]
        failed: dict[str, ChainError] = {}
        for (plan, intent), claim in zip(fresh, await self._claim(fresh), strict=True):
            if isinstance(claim, ChainError):
                failed |= _for_all(plan, claim)
            elif claim is not None:
                jobs.append(_Job(plan, claim.transaction_id, replace(intent, claim=claim.keys)))
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
    ) -> tuple[list[tuple[_Job, UnsignedTx]], dict[str, ChainError]]:
        """The bytes of each job, not stored yet. Claims that nothing can be built with are let
        go."""
        built: list[tuple[_Job, UnsignedTx]] = []
        failed: dict[str, ChainError] = {}
        unusable: dict[str, str] = {}
        for job, tx in zip(jobs, await self._prepared(jobs), strict=True):
            if not isinstance(tx, ChainError):
                built.append((job, tx))
                continue
            if isinstance(tx, BuildError):
                unusable[job.transaction_id] = tx.code
            if not isinstance(tx, ClaimUnusable):
                failed |= _for_all(job.plan, tx)
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
            for job, tx in built:
                row, transfers = locked[job.transaction_id]
                waiting = all(
                    each.state == TransferState.APPROVED and each.id not in launched
                    for each in transfers
                )
                if not can(load(row), Build) or not waiting:
                    steps |= dict.fromkeys((each.id for each in transfers), Later("busy"))
                    continue
                row.payload, row.sender = tx.payload, tx.sender
                row.made_height = stands
                moving.append(Step(row, transfers, Build()))
                launched |= {each.id for each in transfers}
            await move(session, self._ledger, moving, self._clock())
            await session.flush()
            answers = await stored(session, [step.row for step in moving])
        for each in answers:
            steps |= dict.fromkeys(each.transfers, each)
            for transfer in each.transfers:
                self._change.forget(transfer)
        return steps


@dataclass(frozen=True, slots=True)
class _Job:
    """A plan whose transaction has claimed what `intent` takes."""

    plan: Plan
    transaction_id: str
    intent: TransferIntent


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


def _for_all(plan: Plan, error: ChainError) -> dict[str, ChainError]:
    return {each.transfer: error for each in plan.transfers}
