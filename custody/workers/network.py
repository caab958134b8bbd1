"""The loops of one network: follow its chain, track transfers, run the outbox.

Any number of processes may run them. Following and tracking are done by one leader at a time, so
that work is not done twice in vain; the outbox is shared by all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress

import structlog

from chains.model import NetworkId
from custody.db.leases import Lease, LeaseLost, Leases
from custody.errors import Unavailable
from custody.following.follow import BATCH_BLOCKS, NetworkFollower, Step
from custody.journal.watch import JournalWatch
from custody.outbox import Work
from custody.transactions.broadcasting import Broadcaster
from custody.transactions.driver import Driver
from custody.transactions.outcomes import Done, Later, Progress
from custody.transactions.tracking import Tracker
from custody.workers.blocknews import BlockNews
from custody.workers.nodewatch import NodeWatch
from custody.workers.outbox import Item, Outbox
from custody.workers.turns import Turns
from signer.client import SignerError

_BATCH = 64
"""Effects claimed at once: as many transfers can be signed in one request."""
_FIRST_BATCH = 8
"""After a rest. It doubles while work waits, so that the first of many leave before all of them are
built, and the rest as cheaply as sets allow."""

OUTBOX_POLL_S = 0.5
"""How often the outbox is looked at, however seldom the chain is: workers of other processes, and
an API that has none beside it, can't wake us."""
BLOCKS_BESIDE = 8
"""Blocks in one step of the follower while payouts leave: a far longer batch keeps them waiting for
the database."""
_AGAIN_S = 0.02
"""After a claim that found nothing, because others claimed beside it."""
TAKE_OVER_S = 0.5
"""How often those who don't lead look whether somebody still does."""

log = structlog.get_logger()


class NetworkWorker:
    """One per network and process."""

    def __init__(
        self,
        *,
        network: NetworkId,
        leases: Leases,
        journal: JournalWatch,
        follower: NetworkFollower,
        tracker: Tracker,
        driver: Driver,
        broadcaster: Broadcaster,
        outbox: Outbox,
        poll_interval_s: float,
        watch: NodeWatch | None = None,
        news: BlockNews | None = None,
        turns: Turns | None = None,
    ) -> None:
        """`turns`: those of the process."""
        self.network = network
        self._leases = leases
        self._journal = journal
        self._follower = follower
        self._tracker = tracker
        self._driver = driver
        self._broadcaster = broadcaster
        self._outbox = outbox
        self._poll_interval_s = poll_interval_s
        self._watch = watch
        self._news = news or BlockNews(network)
        self._work = asyncio.Event()
        self._turns = turns or Turns()

    def wake(self) -> None:
        """There is something in the outbox."""
        self._work.set()

    async def follow(self) -> None:
        """Follow and track for as long as this process leads. Raises ChainError."""
        while True:
            async with self._leases.hold(f"follow:{self.network}") as lease:
                if lease is not None:
                    with suppress(LeaseLost):
                        async with self._news.listening():
                            await self._lead(lease)
            await asyncio.sleep(min(self._poll_interval_s, TAKE_OVER_S))

    async def _lead(self, lease: Lease) -> None:
        seen: object = None
        try:
            while lease.is_held:
                if not await self._is_open():
                    # Our own transactions and addresses in those blocks would be booked wrongly.
                    await asyncio.sleep(self._poll_interval_s)
                    continue
                self._news.look()
                step = await self._step(lease)
                if step.at_tip:
                    reached = (step.applied.position, step.applied.final_height)
                    if self._follower.status.node_unavailable_since is None and (
                        step.connected or reached != seen
                    ):
                        await self.track(lease)
                        seen = reached
                if step.at_tip or not step.connected:
                    await self._news.wait(self._poll_interval_s)
        finally:
            await self._follower.close()

    async def _is_open(self) -> bool:
        """Asks the signer, if it answers: the database may have become an older one a moment ago,
        and what it has forgotten of ours would be a stranger's."""
        try:
            await self._journal.check()
        except SignerError:
            return await self._journal.is_open()
        except Unavailable:
            return False
        return True

    async def track(self, lease: Lease) -> None:
        """Bring transactions up to date, and let the outbox go before each set of them."""
        async for _ in self._tracker.sets(self.network, lease):
            await self._turns.before_set()

    async def _step(self, lease: Lease) -> Step:
        """After payouts that wait to leave. Also when it fails, what is wrong with the nodes is
        told."""
        await self._turns.before_step()
        try:
            most = BLOCKS_BESIDE if self._turns.busy else BATCH_BLOCKS
            return await self._follower.step(lease, most)
        finally:
            if self._watch is not None and lease.is_held:
                await self._watch.look()

    async def run_outbox(self) -> None:
        """Run effects as they come due."""
        try:
            await self._run_outbox()
        finally:
            self._turns.rests(self.network)

    async def _run_outbox(self) -> None:
        batch = _FIRST_BATCH
        while True:
            self._work.clear()
            longest = min(self._poll_interval_s, OUTBOX_POLL_S)
            delay = await self._outbox.delay_s(self.network, longest)
            if delay > 0:
                batch = _FIRST_BATCH
                self._turns.rests(self.network)
                await _soon(self._work, delay)
            else:
                self._turns.sends(self.network)
                if not await self.run_due(batch):
                    await asyncio.sleep(_AGAIN_S)
                batch = min(2 * batch, _BATCH)

    async def run_due(self, most: int = _BATCH) -> int:
        """Claim what is due now, at most so many effects, and run them. Returns how many."""
        items = await self._outbox.claim(self.network, most)
        async with self._outbox.kept(items):
            results = await asyncio.gather(
                self._do(items, Work.BROADCAST, self._broadcaster.broadcast),
                self._do(items, Work.CANCEL, self._driver.cancel),
                self._do(items, Work.SPEED_UP, self._driver.speed_up),
                self._do(items, Work.SIGN, self._driver.sign),
            )
        progress = [pair for result in results for pair in result]
        await self._outbox.finish([item for item, step in progress if isinstance(step, Done)])
        await self._outbox.retry(
            [(item, step.code, step.at) for item, step in progress if isinstance(step, Later)]
        )
        return len(items)

    async def _do(
        self,
        claimed: Sequence[Item],
        work: Work,
        step: Callable[[Sequence[str]], Awaitable[Mapping[str, Progress]]],
    ) -> list[tuple[Item, Progress]]:
        """One kind of work as one set."""
        items = [item for item in claimed if item.work is work]
        if not items:
            return []
        progress = await step([item.subject for item in items])
        return [(item, progress[item.subject]) for item in items]


async def _soon(event: asyncio.Event, delay: float) -> None:
    """Until it is set, or so many seconds have passed."""
    with suppress(TimeoutError):
        async with asyncio.timeout(delay):
            await event.wait()
