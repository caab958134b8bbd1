"""Drives the follower of one network: fetches blocks and has them applied, batch by batch.

Blocks are fetched some in advance and concurrently, applied in order, many in one transaction when
the follower is far behind. Whatever is in memory (the follower, the watch list, blocks fetched in
advance) can be lost at any time: the stored refs say where to go on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from chains.adapter import ChainAdapter
from chains.block import Block, Reading
from chains.errors import (
    BlockUnreadable,
    NodeError,
    NodeMisbehaved,
    NodeUnavailable,
    NodeUnfit,
)
from chains.follow import BlockFollower, Connected, Event
from chains.model import BlockRef, InternalCredits
from chains.networks import Environment, Network
from chains.nodes.witnesses import Witnesses
from custody.db.leases import Lease, LeaseLost
from custody.db.session import Database
from custody.following import chain_repository
from custody.following.beginning import first_height
from custody.following.blocks import OutOfStep
from custody.following.fetching import BlockSource
from custody.following.finality import Ceiling, newest_final
from custody.following.passing import may_pass
from custody.following.progress import FollowStatus
from custody.following.reporting import FollowReport
from custody.following.writer import Applied, BlockWriter
from custody.vaults.repository import oldest_address
from custody.vaults.watchlist import WatchList

BATCH_BLOCKS = 64
"""Most blocks in one transaction."""
BATCH_CREDITS = 50_000
"""A transaction ends with the block that brings this many credits together, ours or not."""
CHECK_INTERVAL = timedelta(minutes=5)
"""After which a healthy node is asked again whether it is what we need."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Step:
    """What one step did. `at_tip`: nothing more to fetch for now. `connected`: how many blocks were
    added; a step that adds none has to be followed by a pause, whatever it did."""

    at_tip: bool
    applied: Applied = field(default_factory=Applied)
    connected: int = 0


class NetworkFollower:
    """One per network and process; only the process that leads calls `step`."""

    def __init__(
        self,
        database: Database,
        writer: BlockWriter,
        network: Network,
        adapter: ChainAdapter,
        clock: Callable[[], datetime],
        *,
        start_height: int | None = None,
        accept_without_internal: bool = False,
        witnesses: Witnesses | None = None,
    ) -> None:
        """`start_height`: where to begin on an empty database, by default as `beginning` says.
        `accept_without_internal`: the operator's word that a node of a main network need not show
        what contracts pay. `witnesses`: who has to agree before a block is final."""
        self._database = database
        self._writer = writer
        self._network = network
        self._adapter = adapter
        self._clock = clock
        self._start_height = start_height
        self._must_see = network.environment is Environment.MAIN and not accept_without_internal
        self._witnesses = witnesses
        self._watchlist = WatchList(network.id)
        self._source = BlockSource(adapter)
        self._follower: BlockFollower | None = None
        self._finalized: BlockRef | None = None
        self._checked_at: datetime | None = None
        self.report = FollowReport(
            database, network, clock, accept_without_internal=accept_without_internal
        )

    @property
    def status(self) -> FollowStatus:
        return self.report.status

    async def close(self) -> None:
        """Stop fetching in advance. The follower can go on afterwards."""
        await self._source.forget()

    async def step(self, lease: Lease | None = None, most: int | None = None) -> Step:
        """Fetch and apply the next batch of at most `most` blocks, if there is one.

        A node that doesn't answer is noted in `status` and is nobody's error. Raises ReorgTooDeep
        and WrongChain (with an alarm), NodeUnfit, NodeMisbehaved and LeaseLost (`lease` is checked
        in the transaction that applies the blocks): nothing was applied then.
        """
        await self.report.recall()
        try:
            step = await self._step(lease, most)
        except LeaseLost:
            await self._forget()
            raise
        except OutOfStep:
            # Another process led in between: go on from where it stopped.
            await self._forget()
            return Step(at_tip=False)
        except Exception as error:
            self._checked_at = None
            await self._forget()
            await self.report.failed(error)
            if isinstance(error, NodeUnavailable):
                return Step(at_tip=True)
            raise
        except BaseException:
            await self._forget()
            raise
        await self.report.stands(step.applied.position)
        return step

    async def _step(self, lease: Lease | None, most: int | None) -> Step:
        await self._check()
        # In this order: what is final now lies on the chain of any later tip.
        finalized = await self._adapter.finalized() if self._network.finality.node else None
        tip = await self._adapter.tip()
        self.report.saw(tip)
        follower = await self._load(tip)
        events = await self._gather(follower, tip, BATCH_BLOCKS if most is None else most)
        if events or finalized != self._finalized:
            applied = await self._apply(events, finalized, lease)
            self._finalized = finalized
        else:
            applied = Applied(position=follower.position)
        if await self._witnesses_agree_further(applied.position, finalized):
            applied.add(await self._apply([], finalized, lease))
        connected = sum(isinstance(event, Connected) for event in events)
        return Step(follower.wants(tip) is None, applied, connected)

    async def _apply(
        self, events: list[Event], finalized: BlockRef | None, lease: Lease | None
    ) -> Applied:
        ceiling = None if self._witnesses is None else Ceiling(self._witnesses.agreed)
        async with self._database.write() as session:
            if lease is not None:
                await lease.check(session)
            applied = await self._writer.apply(
                session, self._network, events, self._watchlist, finalized, ceiling
            )
            await self.report.gaps(session, events)
        return applied

    async def _witnesses_agree_further(
        self, position: BlockRef | None, finalized: BlockRef | None
    ) -> bool:
        """Ask the witnesses about the block that would be our newest final one without them."""
        if self._witnesses is None:
            return False

        async def ours(height: int) -> BlockRef | None:
            async with self._database.read() as session:
                return await chain_repository.ref_at_or_below(session, self._network.id, height)

        asked = set() if finalized is None else {finalized.height}
        async with self._database.read() as session:
            hashes = await chain_repository.hashes_at(session, self._network.id, asked)
        final = newest_final(self._network, position, finalized, hashes)
        block = None if final is None else await ours(final.height)
        if block is None:
            return False
        before = self._witnesses.agreed
        return await self._witnesses.agree(block, ours) != before

    async def _check(self) -> None:
        """Is it the right chain, and does the node show all of it? Asked at the start, after each
        failure, and again in between.

        Raises NodeUnfit for a node of a main network that shows no internal credits, unless the
        configuration accepts that in words.
        """
        now = self._clock()
        if self._checked_at is None or now - self._checked_at >= CHECK_INTERVAL:
            await self._adapter.check()
            self._checked_at = now
        seen = self._adapter.capabilities.internal_credits
        self.report.internal_credits(seen)
        if seen is InternalCredits.UNSEEN and self._must_see:
            raise NodeUnfit(
                f"the node does not show what contracts pay on {self._network.name}",
                advice="use a node that does, or name the network in"
                " CUSTODY_ACCEPT_WITHOUT_INTERNAL",
            )

    async def _load(self, tip: BlockRef) -> BlockFollower:
        """The follower in memory, else one made from the stored refs."""
        if self._follower is None:
            depth = self._network.follow_depth
            async with self._database.read() as session:
                refs = await chain_repository.newest_refs(session, self._network.id, depth)
                oldest = await oldest_address(session, self._network.id)
            start = self._start_height or 0
            if self._start_height is None and not refs:
                start = await first_height(self._adapter, self._network, tip, oldest)
            self._follower = BlockFollower(start, depth, refs)
        return self._follower

    async def _gather(self, follower: BlockFollower, tip: BlockRef, most: int) -> list[Event]:
        """Fetch and feed one batch. It ends before a reorg begins, so that a batch first undoes
        and then connects."""
        events: list[Event] = []
        credits_ = 0
        while (height := follower.wants(tip)) is not None:
            if len(events) >= most or credits_ >= BATCH_CREDITS:
                break
            try:
                block = await self._read(follower, height, tip)
            except (NodeUnavailable, NodeMisbehaved):
                if not events:
                    raise
                break  # what was fetched is not fetched again
            if block is not None:
                if follower.undoes(block) and events and isinstance(events[-1], Connected):
                    break
                events += follower.feed(block)
                credits_ += len(block.movements)
            if follower.wants(tip) == height:  # the node changed its mind between two answers
                break
        return events

    async def _read(self, follower: BlockFollower, height: int, tip: BlockRef) -> Block | None:
        """The block, or None where the follower has been told that there may be none."""
        try:
            block = await self._source.get(follower, height, tip.height)
            if block is None:
                follower.skip(height)
            return block
        except (NodeUnavailable, NodeMisbehaved) as error:
            passed = await self._pass(follower, height, error)
            if passed is None:
                raise BlockUnreadable.of(error, height) from error
            return passed

    async def _pass(self, follower: BlockFollower, height: int, error: NodeError) -> Block | None:
        """What stands for a block that an operator decided to pass: its header, or where the node
        has not even that, what a later block says of it."""
        async with self._database.read() as session:
            if not await may_pass(session, self._network.id, height):
                return None
        try:
            block: Block | None = await self._adapter.salvage(height)
        except (NodeUnavailable, NodeMisbehaved):
            block = _bridge(follower, height, error)
        if block is not None:
            log.warning(
                "block_passed", network=self._network.alias, height=height, failure=error.code
            )
        return block

    async def _forget(self) -> None:
        """Go on from what is stored."""
        self._follower = None
        self._finalized = None
        await self._source.forget()


def _bridge(follower: BlockFollower, height: int, error: NodeError) -> Block | None:
    """A block of which only its child told: nobody knows its parent, and we put it on our tip."""
    position = follower.position
    if not isinstance(error, BlockUnreadable) or error.hash is None or position is None:
        return None
    return Block(
        ref=BlockRef(height, error.hash),
        parent_hash=position.hash,
        parent_height=position.height,
        timestamp=0,
        movements=(),
        reading=Reading.PASSED,
    )
