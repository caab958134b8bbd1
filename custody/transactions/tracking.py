"""Step E: what became of signed transactions, looked at again with every new block.

What our own blocks show decides (`facts`). A node is asked only about those that no block of ours
has: whether it still holds them for the next one, so that what it lost is sent again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Final, TypeVar

from chains.adapter import ChainAdapter, TellsAuthorizations
from chains.answers import Answers, chunks
from chains.codec import TransactionCodec
from chains.costs import UNBOUNDED, Costs
from chains.errors import ChainError, PrivateNodesAway, TooManyInFlight
from chains.model import NetworkId
from chains.nodes.witnesses import Death, Witnesses
from chains.transaction import TxState, TxStatus
from custody.alarms.codes import AlarmCode
from custody.alarms.service import raise_alarm
from custody.db.leases import Lease, LeaseLost
from custody.db.session import Database, WriteSession
from custody.db.transfer_tables import TransactionRow, TransferRow
from custody.following import chain_repository
from custody.following.sightings import Consumption
from custody.journal.rebuilding import hold_late
from custody.ledger.service import Ledger
from custody.outbox import Work, enqueue
from custody.transactions import repository
from custody.transactions.apply import load
from custody.transactions.broadcasting import signed_of
from custody.transactions.charging import Bounds, exceeding
from custody.transactions.doubts import Doubt, Doubts
from custody.transactions.facts import Facts, death_of, next_event, taken_by
from custody.transactions.hastening import hasten, late
from custody.transactions.looking import unsigned_of
from custody.transactions.moving import Step, move
from custody.transactions.seeing import facts_of
from custody.transactions.state import Die, Event, Finalize, Include, Publish, Revert, State, can
from custody.transactions.stuck import Stuck
from custody.transfers import repository as transfers_repository

S = TypeVar("S")
T = TypeVar("T")
Locked = tuple[TransactionRow, list[TransferRow]]
"""A transaction and the transfers that it carries."""

TOGETHER: Final = 64
"""Transactions that are asked about at once."""
LOOKED_UP_TOGETHER: Final = 256
"""Transactions whose facts are read at once."""
MOVED_TOGETHER: Final = 32
"""Transactions that are moved in one transaction of the database: settling them takes a few
milliseconds each, in which nobody else writes to SQLite."""


@dataclass(slots=True)
class _Looked:
    """What our blocks say of transactions. `moving`: those that it moves on. `deaths`: the causes
    that witnesses were asked about."""

    facts: dict[str, Facts] = field(default_factory=dict)
    moving: list[str] = field(default_factory=list)
    deaths: dict[str, Consumption | str | None] = field(default_factory=dict)

    def add(self, more: _Looked) -> None:
        self.facts |= more.facts
        self.moving += more.moving
        self.deaths |= more.deaths


class Tracker:
    """One per process."""

    def __init__(
        self,
        *,
        database: Database,
        ledger: Ledger,
        adapters: Mapping[NetworkId, ChainAdapter],
        clock: Callable[[], datetime],
        witnesses: Mapping[NetworkId, Witnesses] | None = None,
        speed_up_after: Mapping[NetworkId, int] | None = None,
    ) -> None:
        """`witnesses`: by network, who has to show that a transaction is dead before it is.
        `speed_up_after`: blocks for which one waits before it is paid more for, where the operator
        wants that."""
        self._database = database
        self._ledger = ledger
        self._adapters = adapters
        self._clock = clock
        self._witnesses = witnesses or {}
        self._speed_up_after = speed_up_after or {}
        self._doubts = Doubts(database, clock)
        self._stuck = Stuck(database, adapters, clock)
        self._unsent = Doubts(database, clock, AlarmCode.PRIVATE_UNSENT)

    async def track(self, network: NetworkId, lease: Lease | None = None) -> None:
        """`sets`, one after the other at once."""
        async for _ in self.sets(network, lease):
            pass

    async def sets(self, network: NetworkId, lease: Lease | None = None) -> AsyncIterator[None]:
        """Bring every transaction on the network up to date with our chain. Raises NodeError; what
        was not reached is reached next time. `lease`: checked in each transaction of the database;
        raises LeaseLost. What waits for its first broadcast, was replaced, or was signed apart, so
        that no node holds it, is not asked about.

        Yields before each set, so that the caller may let others go first."""
        async with self._database.read() as session:
            fresh = await repository.untried(session, Work.BROADCAST, network)
            rows = [
                *await repository.on_chain(session, network),
                *await repository.dead_and_seen(session, network),
            ]
            signed_apart = await repository.apart_among(session, [row.id for row in rows])
        replaced = {row.replaces for row in rows if row.state != State.DEAD}
        doubts: list[Doubt] = []
        failures: list[Exception] = []
        unseen: list[TransactionRow] = []
        for part in chunks(rows, LOOKED_UP_TOGETHER):
            yield
            looked = _Looked()
            for more in await apart(partial(self._look_up, network, lease), part, failures):
                looked.add(more)
            facts = {each: looked.facts[each] for each in looked.facts.keys() - looked.moving}
            for few in chunks(looked.moving, MOVED_TOGETHER):
                yield
                moving = partial(self._move, network, lease, looked.deaths)
                for moved in await apart(moving, few, failures):
                    facts |= moved
            for row in part:
                known = facts.get(row.id)
                if known is None or known.sighting is not None or row.state == State.DEAD:
                    continue
                if known.doubt is not None:
                    doubts.append(Doubt(row.id, row.vault_id, known.doubt))
                if row.id not in fresh and row.id not in replaced and row.id not in signed_apart:
                    unseen.append(row)
        for part in chunks(unseen, TOGETHER):
            await self._ask(network, part, lease, failures)
        await self._hasten(network, unseen, lease)
        await self._stuck.look(network, unseen, lease)
        await self._unsent.note(network, await self._held_back(unseen), complete=True)
        await self._doubts.note(network, doubts, complete=not failures)
        for failure in failures:  # one transaction's trouble must not keep the others waiting
            raise failure

    async def _held(
        self, rows: Sequence[TransactionRow], lease: Lease | None
    ) -> list[TransactionRow]:
        """Those that may be judged: what was rebuilt from the signer's journal is not settled
        before its money is held. Nothing is held for the dead."""
        networks = {row.id: row.network for row in rows if row.state != State.DEAD}
        async with self._database.read() as session:
            waiting = await transfers_repository.unheld_of(session, [*networks])
        unheld = set()
        for transaction_id, transfer_id in waiting:
            network = self._adapters[NetworkId(networks[transaction_id])].codec.network
            async with self._database.write() as writing:
                if lease is not None:
                    await lease.check(writing)
                if not await hold_late(writing, self._ledger, network, transfer_id, self._clock()):
                    unheld.add(transaction_id)
        return [row for row in rows if row.id not in unheld]

    async def _held_back(self, unseen: Sequence[TransactionRow]) -> list[Doubt]:
        """What the private nodes alone may see, and have not taken."""
        signed = [row for row in unseen if row.state == State.SIGNED]
        if not signed:
            return []
        async with self._database.read() as session:
            ids = [row.id for row in signed]
            found = await repository.waiting_for(session, ids, PrivateNodesAway.code)
        words = "no private node takes it"
        return [Doubt(row.id, row.vault_id, words) for row in signed if row.id in found]

    async def _look_up(
        self, network: NetworkId, lease: Lease | None, rows: Sequence[TransactionRow]
    ) -> _Looked:
        codec = self._adapters[network].codec
        rows = await self._held(rows, lease)
        async with self._database.read() as session:
            found = _Looked(await facts_of(session, network, codec, rows))
            signed_apart = await repository.apart_among(session, [row.id for row in rows])
        for row in rows:
            event = _next(codec, row, found.facts[row.id])
            if isinstance(event, Die):
                found.deaths[row.id] = death_of(found.facts[row.id])
                cause, apart = found.deaths[row.id], row.id in signed_apart
                if apart and not isinstance(cause, Consumption):  # by no block of ours
                    doubt = await self._contract_against(network, row)
                else:
                    doubt = await self._witness_against(network, row, cause, named=not apart)
                if doubt is not None:
                    found.facts[row.id] = replace(found.facts[row.id], doubt=doubt)
                    continue
            if event is not None:
                found.moving.append(row.id)
        return found

    async def _move(
        self,
        network: NetworkId,
        lease: Lease | None,
        deaths: Mapping[str, Consumption | str | None],
        transaction_ids: Collection[str],
    ) -> dict[str, Facts]:
        """By what our blocks say now."""
        codec = self._adapters[network].codec
        async with self._database.write() as session:
            if lease is not None:
                await lease.check(session)
            locked = await repository.lock_all(session, transaction_ids)
            facts = await facts_of(session, network, codec, [row for row, _ in locked.values()])
            while locked:
                locked = await self._take_a_step(session, codec, locked, facts, deaths)
        return facts

    async def _take_a_step(
        self,
        session: WriteSession,
        codec: TransactionCodec,
        locked: Mapping[str, Locked],
        facts: Mapping[str, Facts],
        deaths: Mapping[str, Consumption | str | None],
    ) -> dict[str, Locked]:
        """Move each of the locked transactions on by one event. Those that moved."""
        events = {each: _next(codec, row, facts[each]) for each, (row, _) in locked.items()}
        ending = [each for each, found in events.items() if isinstance(found, Finalize | Revert)]
        unheld, bounds = set[str](), dict[str, dict[str, Costs]]()
        if ending:
            unheld = {each for each, _ in await transfers_repository.unheld_of(session, ending)}
            bounds = await transfers_repository.bounds_by_transaction(session, ending)
        steps = []
        for each, event in events.items():
            row, transfers = locked[each]
            if event is None:
                continue
            if isinstance(event, Die) and deaths.get(each) != death_of(facts[each]):
                continue  # nobody was asked about this one yet
            if each in unheld:
                continue  # not before all is held
            if each in bounds and not await self._can_settle(session, row, transfers, bounds[each]):
                continue
            steps.append(Step(row, transfers, event))
        await move(session, self._ledger, steps, self._clock())
        if codec.traits.numbered_keys and any(isinstance(step.event, Include) for step in steps):
            code = TooManyInFlight.code
            await repository.resume(session, codec.network.id, Work.SIGN, code, TOGETHER)
        return {step.row.id: locked[step.row.id] for step in steps}

    async def _witness_against(
        self,
        network: NetworkId,
        row: TransactionRow,
        cause: Consumption | str | None,
        *,
        named: bool,
    ) -> str | None:
        """Which witness does not show the same death, in words; None if all do, or there are
        none. `named`: a node knows it by its name."""
        witnesses = self._witnesses.get(network)
        if witnesses is None:
            return None
        txid = signed_of(row).txid
        if isinstance(cause, Consumption):
            asked = txid if named else None
            return await witnesses.doubt_of(Death(asked, cause.key, cause.txid, cause.height))
        return await witnesses.doubt_of(Death(txid))

    async def _contract_against(self, network: NetworkId, row: TransactionRow) -> str | None:
        """Why a payment that was signed apart may have been made all the same, in words: its
        contract says so at our newest final block, or does not answer, by our node or a
        witness."""
        adapter, witnesses = self._adapters[network], self._witnesses.get(network)
        async with self._database.read() as session:
            height = await chain_repository.newest_final_height(session, network)
            final = (
                None
                if height is None
                else await chain_repository.ref_at_or_below(session, network, height)
            )
        if final is None or not isinstance(adapter, TellsAuthorizations):
            return "nobody says whether its contract has seen it"
        try:
            used = await adapter.is_used(unsigned_of(row), final)
        except ChainError as error:
            return f"its contract did not say whether it has seen it: {error.code}"
        if used:
            return "no block shows it, and its contract says that it was made"
        if witnesses is None:
            return None
        return await witnesses.doubt_of(Death(None, apart=unsigned_of(row), at=final))

    async def _can_settle(
        self,
        session: WriteSession,
        row: TransactionRow,
        transfers: Sequence[TransferRow],
        bounds: Bounds,
    ) -> bool:
        """Not if more left than was reserved: the signer's limit on costs failed or the node lies.
        Settling would break the ledger and not settling keeps the money held, so that is what
        happens. Of a kind that nothing bounds more may leave: that is booked, and told."""
        above = exceeding(row, bounds)
        if not above:
            return True
        settles = above <= UNBOUNDED
        if not settles:
            for each in transfers:
                each.waiting = "fee_above_reservation"
        await raise_alarm(
            session,
            AlarmCode.FEE_ABOVE_RESERVATION,
            f"transaction {row.id} cost more than its transfers may, in {', '.join(sorted(above))}",
            self._clock(),
            network=NetworkId(row.network),
            vault=row.vault_id,
        )
        return settles

    async def _ask(
        self,
        network: NetworkId,
        rows: Sequence[TransactionRow],
        lease: Lease | None,
        failures: list[Exception],
    ) -> None:
        """Does a node hold them? What it does not know is sent again. That it shows one in a block
        means nothing yet: our follower reads that block."""
        asking = self._adapters[network].statuses([signed_of(row).txid for row in rows])
        answers = await answered(asking, len(rows))
        told: dict[str, TxStatus] = {}
        for row, answer in zip(rows, answers, strict=True):
            if isinstance(answer, ChainError):
                failures.append(answer)
            else:
                told[row.id] = answer
        async with self._database.write() as session:
            if lease is not None:
                await lease.check(session)
            now = self._clock()
            locked = await repository.lock_all(session, told)
            queued = await repository.queued(session, Work.BROADCAST, told)
            found = []
            for row, transfers in locked.values():
                lost = _is_lost(told[row.id])
                if not lost and can(load(row), Publish):
                    found.append(Step(row, transfers, Publish()))
                elif lost and row.state == State.BROADCAST and row.id not in queued:
                    await enqueue(session, Work.BROADCAST, row, now)
            await move(session, self._ledger, found, now)

    async def _hasten(
        self, network: NetworkId, rows: Sequence[TransactionRow], lease: Lease | None
    ) -> None:
        after = self._speed_up_after.get(network)
        if after is None or not rows or not self._adapters[network].codec.traits.binding_keys:
            return
        async with self._database.read() as reading:
            waiting = late(rows, await repository.newest_height(reading, network), after)
        for part in chunks(waiting, TOGETHER):
            async with self._database.write() as session:
                if lease is not None:
                    await lease.check(session)
                await hasten(session, part, self._clock())


async def apart(
    step: Callable[[Sequence[S]], Awaitable[T]], subjects: Sequence[S], failures: list[Exception]
) -> list[T]:
    """`step` for the whole set. If it fails, for each by itself, so that one's trouble stays its
    own: it is added to `failures`, and the others have their answers. Raises LeaseLost."""
    try:
        return [await step(subjects)]
    except LeaseLost:
        raise
    except Exception as error:  # noqa: BLE001 - told by whoever called `track`
        if len(subjects) == 1:
            failures.append(error)
            return []
    return [found for each in subjects for found in await apart(step, [each], failures)]


async def answered(asking: Awaitable[Answers[T]], count: int) -> Answers[T]:
    """The answers about a set of `count`; an error that is raised is each one's."""
    try:
        return await asking
    except ChainError as error:
        return [error] * count


def _next(codec: TransactionCodec, row: TransactionRow, known: Facts) -> Event | None:
    costs, held = taken_by(codec, unsigned_of(row), known.sighting)
    return next_event(load(row), known, costs, held)


def _is_lost(status: TxStatus) -> bool:
    """Whether the node does not know it, or shows it where it can't stay."""
    unexecuted = bool(status.reason) and status.state is TxState.PENDING
    return status.state is TxState.UNKNOWN or unexecuted
