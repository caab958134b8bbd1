"""Drives the follower of one network: fetches blocks and has them applied, batch by batch.

Blocks are fetched some in advance and concurrently, applied in order, many in one transaction when
the follower is far behind. Whatever is in memory (the follower, the watch list, blocks fetched in
advance) can be lost at any time: the stored refs say where to go on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from chains.adapter import ChainAdapter
from chains.errors import NodeUnavailable, WrongChain
from chains.follow import BlockFollower, Connected, Event, ReorgTooDeep
from chains.model import Block, BlockRef
from chains.networks import Network
from custody.alarms.codes import AlarmCode
from custody.alarms.service import clear_alarm, raise_alarm
from custody.db.leases import Lease
from custody.db.session import Database
from custody.deposits import repository
from custody.deposits.blocks import OutOfStep
from custody.deposits.service import Applied, Deposits
from custody.vaults.watchlist import WatchList

BATCH_BLOCKS = 64
"""Most blocks in one transaction."""
BATCH_CREDITS = 50_000
"""A transaction ends with the block that brings this many credits together, ours or not."""
AHEAD_BLOCKS = 8
"""Blocks fetched before they are wanted."""


@dataclass(frozen=True, slots=True)
class Step:
    """What one step did. `at_tip`: nothing more to fetch for now. `connected`: how many blocks were
    added; a step that adds none has to be followed by a pause, whatever it did."""

    at_tip: bool
    applied: Applied = field(default_factory=Applied)
    connected: int = 0


@dataclass(frozen=True, slots=True)
class FollowStatus:
    """For readiness and for saying how old an answer is. `node_unavailable_since`: None while the
    node answers. `checked_at`: when it last did."""

    position: BlockRef | None = None
    tip: BlockRef | None = None
    node_unavailable_since: datetime | None = None
    checked_at: datetime | None = None


class NetworkFollower:
    """One per network and process; only the process that leads calls `step`."""

    def __init__(
        self,
        database: Database,
        deposits: Deposits,
        network: Network,
        adapter: ChainAdapter,
        clock: Callable[[], datetime],
        *,
        start_height: int | None = None,
    ) -> None:
        """`start_height`: where to begin on an empty database, by default `follow_depth` below the
        tip."""
        self._database = database
        self._deposits = deposits
        self._network = network
        self._adapter = adapter
        self._clock = clock
        self._start_height = start_height
        self._watchlist = WatchList(network.id)
        self._follower: BlockFollower | None = None
        self._ahead: dict[int, asyncio.Task[Block | None]] = {}
        self._finalized: BlockRef | None = None
        self._checked = False
        self._alarmed = True
        self.status = FollowStatus()

    async def close(self) -> None:
        """Stop fetching in advance. The follower can go on afterwards."""
        tasks = list(self._ahead.values())
        self._ahead.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def step(self, lease: Lease | None = None) -> Step:
        """Fetch and apply the next batch of blocks, if there is one.

        A node that doesn't answer is noted in `status` and is nobody's error. Raises ReorgTooDeep
        and WrongChain (with an alarm), NodeMisbehaved and LeaseLost (`lease` is checked in the
        transaction that applies the blocks): nothing was applied then.
        """
        try:
            step = await self._step(lease)
        except NodeUnavailable:
            self._checked = False
            await self._forget()
            since = self.status.node_unavailable_since or self._clock()
            self._note(node_unavailable_since=since)
            return Step(at_tip=True)
        except OutOfStep:
            # Another process led in between: go on from where it stopped.
            await self._forget()
            return Step(at_tip=False)
        except (ReorgTooDeep, WrongChain) as error:
            await self._forget()
            await self._alarm(error)
            raise
        except BaseException:
            await self._forget()
            raise
        self._note(node_unavailable_since=None)
        await self._clear_alarms()
        return step

    async def _alarm(self, error: ReorgTooDeep | WrongChain) -> None:
        self._alarmed = True
        code, network = AlarmCode(error.code), self._network.id
        async with self._database.write() as session:
            await raise_alarm(session, code, str(error), self._clock(), network=network)

    async def _clear_alarms(self) -> None:
        """Following goes on: the node serves our chain. Looked at once after each trouble, and
        once at the start, because another process may have raised them."""
        if self._alarmed:
            async with self._database.write() as session:
                for code in (AlarmCode.REORG_TOO_DEEP, AlarmCode.NODE_WRONG_CHAIN):
                    await clear_alarm(session, code, self._clock(), network=self._network.id)
            self._alarmed = False

    async def _step(self, lease: Lease | None) -> Step:
        if not self._checked:
            await self._adapter.check()
            self._checked = True
        # In this order: what is final now lies on the chain of any later tip.
        finalized = await self._adapter.finalized() if self._network.finality.node else None
        tip = await self._adapter.tip()
        self._note(tip=tip, checked_at=self._clock())
        follower = await self._load(tip)
        events = await self._gather(follower, tip)
        if events or finalized != self._finalized:
            async with self._database.write() as session:
                if lease is not None:
                    await lease.check(session)
                applied = await self._deposits.apply(
                    session, self._network, events, self._watchlist, finalized
                )
            self._finalized = finalized
        else:
            applied = Applied(position=follower.position)
        self._note(position=applied.position)
        connected = sum(isinstance(event, Connected) for event in events)
        return Step(follower.wants(tip) is None, applied, connected)

    async def _load(self, tip: BlockRef) -> BlockFollower:
        """The follower in memory, else one made from the stored refs."""
        if self._follower is None:
            depth = self._network.follow_depth
            async with self._database.read() as session:
                refs = await repository.newest_refs(session, self._network.id, depth)
            start = self._start_height
            if start is None:
                start = max(0, tip.height - depth)
            self._follower = BlockFollower(start, depth, refs)
        return self._follower

    async def _gather(self, follower: BlockFollower, tip: BlockRef) -> list[Event]:
        """Fetch and feed one batch. It ends before a reorg begins, so that a batch first undoes
        and then connects."""
        events: list[Event] = []
        credits_ = 0
        while (height := follower.wants(tip)) is not None:
            if len(events) >= BATCH_BLOCKS or credits_ >= BATCH_CREDITS:
                break
            try:
                block = await self._fetch(follower, height, tip)
            except NodeUnavailable:
                if not events:
                    raise
                break  # what was fetched is not fetched again
            if block is None:
                try:
                    follower.skip(height)
                except NodeUnavailable:
                    if not events:
                        raise
                    break
            elif follower.undoes(block) and events and isinstance(events[-1], Connected):
                break
            else:
                events += follower.feed(block)
                credits_ += len(block.credits)
            if follower.wants(tip) == height:  # the node changed its mind between two answers
                break
        return events

    async def _fetch(self, follower: BlockFollower, height: int, tip: BlockRef) -> Block | None:
        """A block fetched in advance may belong to a chain that is gone by now: what would undo
        ours is asked for again, and everything else fetched in advance is forgotten."""
        in_advance = height in self._ahead
        for coming in range(height, min(height + AHEAD_BLOCKS, tip.height) + 1):
            if coming not in self._ahead:
                self._ahead[coming] = asyncio.create_task(self._adapter.block(coming))
        block = await self._ahead.pop(height)
        if block is not None and follower.undoes(block):
            await self.close()
            if in_advance:
                block = await self._adapter.block(height)
        return block

    async def _forget(self) -> None:
        """Go on from what is stored."""
        self._follower = None
        self._finalized = None
        await self.close()

    def _note(self, **changes: Any) -> None:
        self.status = replace(self.status, **changes)
