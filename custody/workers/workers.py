"""All loops of one process: for each network its chain and its outbox; expiry; reconciliation.

A loop that fails is started again after a pause; none takes another one with it. Cancelling is
always safe: whatever was not committed is found again, and whatever was, is not repeated.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from functools import partial

import structlog

from chains.errors import ChainError
from chains.networks import Network
from custody.audit.capturing import Capturing
from custody.coins.arranging import Arranging
from custody.db.leases import Lease, LeaseLost, Leases
from custody.errors import CustodyError, Unavailable, Unprocessable
from custody.feeds.sequencer import Sequencer
from custody.following.follow import NetworkFollower
from custody.following.writer import BlockWriter
from custody.gas.station import GasStation
from custody.journal.checkpoints import CheckpointWatch
from custody.ledger.heads import extend
from custody.moves.moving import Moving
from custody.outcomes.checking import Checking
from custody.outcomes.comparing import Comparing
from custody.payouts.paying import PayingFiles
from custody.refills.refilling import Refilling
from custody.restraints.service import AskAgain
from custody.services import Services
from custody.sweeps.sweeping import Sweeping
from custody.transactions.broadcasting import Broadcaster
from custody.transactions.building import Builder
from custody.transactions.change import ChangeAddresses
from custody.transactions.claiming import Claimer
from custody.transactions.driver import Driver
from custody.transactions.outcomes import where
from custody.transactions.queueing import Queueing
from custody.transactions.signing import Signing
from custody.transactions.tracking import Tracker
from custody.transfers.precheck import Precheck
from custody.workers.blocknews import BlockNews
from custody.workers.cataloguewatch import CatalogueWatch
from custody.workers.clocks import ClockWatch
from custody.workers.coins import CoinWorker
from custody.workers.feeds import FeedWorker
from custody.workers.gas import GasWorker
from custody.workers.moves import MoveWorker
from custody.workers.network import NetworkWorker
from custody.workers.nodewatch import NodeWatch
from custody.workers.outbox import Outbox
from custody.workers.outcomes import OutcomeWorker
from custody.workers.payouts import PayoutWorker
from custody.workers.proofs import ProofWorker
from custody.workers.reconciling import ReconcileWorker
from custody.workers.refills import RefillWorker
from custody.workers.signerwatch import SignerWatch
from custody.workers.sweeps import SweepWorker
from custody.workers.transparency import TransparencyWorker
from custody.workers.turns import Turns
from signer.client import SignerError

PAUSE_FIRST_S = 1.0
PAUSE_MAX_S = 30.0
EXPIRY_INTERVAL_S = 1.0
SIGNER_INTERVAL_S = 30.0
RESTRAINTS_INTERVAL_S = 15.0
PRESENCE = "expiry"
"""A lease that one process of workers holds whenever there is any: who asks whether there are
workers looks at it."""

log = structlog.get_logger()


class Workers:
    """One per process."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._custody = services.custody
        driver, broadcaster, tracker = _movers(services)
        self._leases = Leases(self._custody.database)
        self._clocks = ClockWatch(self._custody.database, self._custody.clock)
        outbox, self._turns = Outbox(self._custody.database), Turns()
        self.networks = {
            network.id: NetworkWorker(
                network=network.id,
                leases=self._leases,
                journal=services.journal,
                follower=_follower(services, network),
                tracker=tracker,
                driver=driver,
                broadcaster=broadcaster,
                outbox=outbox,
                poll_interval_s=self._custody.settings.poll_interval_s,
                watch=NodeWatch(
                    self._custody.database,
                    network.id,
                    self._custody.nodes.get(network.id),
                    self._custody.clock,
                ),
                news=BlockNews(network.id, self._custody.announcements.get(network.id)),
                turns=self._turns,
            )
            for network in self._custody.networks.values()
        }
        self.restraints = _restraints(services)
        self._feeds = FeedWorker(
            self._leases,
            Sequencer(self._custody.database),
            self._custody.settings.poll_interval_s,
            self._turns,
        )
        self._payouts = PayoutWorker(
            self._leases,
            PayingFiles(self._custody.database, services.transfers, self._custody.clock),
        )
        self._refills = RefillWorker(
            self._leases,
            Refilling(self._custody.database, services.transfers, self._custody.clock),
        )
        self._gas = GasWorker(
            self._leases,
            GasStation(
                self._custody.database,
                services.ledger,
                services.transfers,
                self._custody.adapters,
                self._custody.clock,
            ),
        )
        self._sweeps = SweepWorker(
            self._leases,
            Sweeping(
                self._custody.database,
                services.transfers,
                self._custody.adapters,
                self._custody.catalogue,
                self._custody.clock,
            ),
        )
        self._coins = CoinWorker(self._leases, _arranging(services))
        self._moves = MoveWorker(self._leases, _moving(services))
        self._reconciliation = services.reconciliation
        self._stopping = asyncio.Event()

    def wake(self) -> None:
        """A transfer was created or approved: handle it at once."""
        for network in self.networks.values():
            network.wake()
        self._feeds.wake()
        self._payouts.wake()

    def stop(self) -> None:
        """Make `run` return."""
        self._stopping.set()

    async def run(self) -> None:
        """Until `stop`, or until cancelled."""
        loops: dict[str, Callable[[], Awaitable[None]]] = {
            "expiry": self._expire,
            "feeds": self._feeds.run,
            "payouts": self._payouts.run,
            "refills": self._refills.run,
            "gas": self._gas.run,
            "sweeps": self._sweeps.run,
            "coins": self._coins.run,
            "moves": self._moves.run,
            "journal": self._watch,
            "books": self._check_books,
            "signer": self._watch_signer,
        }
        for network in self.networks.values():
            loops[f"follow {network.network}"] = network.follow
            loops[f"outbox {network.network}"] = network.run_outbox
        for served in self._custody.networks.values():
            loops[f"reconcile {served.id}"] = ReconcileWorker(
                self._custody.database,
                self._leases,
                self._reconciliation,
                served,
                self._custody.settings.reconcile_interval_s,
            ).run
            loops[f"restraints {served.id}"] = partial(self._ask_again, served)
            loops[f"outcomes {served.id}"] = OutcomeWorker(
                self._leases, served.id, _comparing(self._services, served)
            ).run
        transparency = TransparencyWorker(
            self._custody.database, self._leases, self._custody.settings, self._custody.clock
        )
        if transparency.has_log:
            loops["transparency"] = transparency.run
        for capturing, served in self._capturing():
            worker = ProofWorker(self._leases, served.id, capturing, self._turns)
            loops[f"proofs {served.id}"] = worker.run
        await look_at_journal(self._services)  # before a block is followed
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(supervise(name, loop)) for name, loop in loops.items()]
            await self._stopping.wait()
            for task in tasks:
                task.cancel()

    def _capturing(self) -> Iterator[tuple[Capturing, Network]]:
        """Of the networks whose nodes are real."""
        custody = self._custody
        for network in custody.networks.values():
            nodes = custody.nodes.get(network.id)
            if nodes is not None:
                yield Capturing(custody.database, network, nodes, custody.clock), network

    async def _watch(self) -> None:
        while True:
            await look_at_journal(self._services)
            await asyncio.sleep(self._custody.settings.poll_interval_s)

    async def _expire(self) -> None:
        while True:
            async with self._leases.hold(PRESENCE) as lease:
                while lease is not None and lease.is_held:
                    await self._expire_once(lease)
                    await asyncio.sleep(EXPIRY_INTERVAL_S)
            await self._clocks.look()
            await asyncio.sleep(EXPIRY_INTERVAL_S)

    async def _expire_once(self, lease: Lease) -> None:
        """An end can't be taken back, so it needs clocks that agree."""
        look = await self._clocks.look()
        await self._clocks.tell(look)
        if not look.astray:
            await self._services.transfers.expire(look.earliest, lease)
            await self._services.versions.expire(look.earliest, lease)
        with suppress(SignerError, CustodyError):  # what a new policy says can wait for the signer
            await self._services.renewal.renew(lease)

    async def _watch_signer(self) -> None:
        custody = self._custody
        while True:
            async with self._leases.hold("signer") as lease:
                watch = SignerWatch(custody.database, custody.signer, custody.clock)
                checkpoints = CheckpointWatch(custody.database, custody.signer, custody.clock)
                networks = CatalogueWatch(
                    custody.database, self._services.policies, custody.catalogue, custody.clock
                )
                while lease is not None and lease.is_held:
                    with suppress(
                        SignerError, Unprocessable
                    ):  # away: /ready says so, and what is signed waits
                        await checkpoints.look(await watch.look())
                        await networks.look()
                    await asyncio.sleep(SIGNER_INTERVAL_S)
            await asyncio.sleep(SIGNER_INTERVAL_S)

    async def _check_books(self) -> None:
        while True:
            await asyncio.sleep(self._custody.settings.reconcile_interval_s)
            async with self._leases.hold("books") as lease:
                if lease is not None:
                    faults, entries = await self._reconciliation.check_books()
                    log.info("books_added_up", entries=entries, faults=len(faults))
                    head = await extend(self._custody.database, lease, self._custody.clock)
                    log.info("ledger_head", head=str(head))

    async def _ask_again(self, network: Network) -> None:
        while True:
            await asyncio.sleep(RESTRAINTS_INTERVAL_S)
            async with self._leases.hold(f"restraints:{network.id}") as lease:
                if lease is not None:
                    await self.restraints[network.id].step()


async def look_at_journal(services: Services) -> None:
    """Close the house if the signer has signed what the database does not know. While the signer
    does not answer, nothing can be said, and nothing can be signed either."""
    with suppress(SignerError, Unavailable):
        await services.journal.check()


async def supervise(name: str, loop: Callable[[], Awaitable[None]]) -> None:
    """Run `loop` for ever. After a failure it pauses, longer each time it fails at once again."""
    clock = asyncio.get_running_loop()
    pause = PAUSE_FIRST_S
    log.info("loop_started", loop=name)
    while True:
        started = clock.time()
        try:
            await loop()
        except asyncio.CancelledError:
            log.info("loop_stopped", loop=name)
            raise
        except LeaseLost:
            log.info("loop_left_to_another", loop=name)
        except ChainError as error:
            log.warning("loop_failed", loop=name, error=error.code)
        except Exception as error:  # noqa: BLE001
            log.error("loop_failed", loop=name, error=where(error))
        if clock.time() - started > PAUSE_MAX_S:
            pause = PAUSE_FIRST_S
        await asyncio.sleep(pause)
        pause = min(2 * pause, PAUSE_MAX_S)


def _restraints(services: Services) -> dict[str, AskAgain]:
    custody = services.custody
    return {
        network.id: AskAgain(custody.database, network, custody.adapters[network.id], custody.clock)
        for network in custody.networks.values()
    }


def _comparing(services: Services, network: Network) -> Comparing:
    custody = services.custody
    adapter = custody.adapters[network.id]
    return Comparing(custody.database, network.id, adapter, custody.clock)


def _arranging(services: Services) -> Arranging:
    custody = services.custody
    return Arranging(
        custody.database, services.ledger, services.transfers, custody.adapters, custody.clock
    )


def _moving(services: Services) -> Moving:
    custody = services.custody
    return Moving(
        custody.database,
        services.transfers,
        services.vaults,
        custody.adapters,
        custody.catalogue,
        custody.clock,
    )


def _follower(services: Services, network: Network) -> NetworkFollower:
    custody = services.custody
    nodes = custody.nodes.get(network.id)
    return NetworkFollower(
        custody.database,
        BlockWriter(services.ledger, custody.clock, custody.minimums),
        network,
        custody.adapters[network.id],
        custody.clock,
        accept_without_internal=network.alias in custody.settings.accept_without_internal,
        witnesses=None if nodes is None else nodes.witnesses,
    )


def _movers(services: Services) -> tuple[Driver, Broadcaster, Tracker]:
    custody = services.custody
    database, ledger, clock = custody.database, services.ledger, custody.clock
    change = ChangeAddresses(services.vaults)
    builder = Builder(
        database=database,
        ledger=ledger,
        adapters=custody.adapters,
        claimer=Claimer(
            database=database,
            adapters=custody.adapters,
            change=change,
            clock=clock,
            in_flight_max=custody.settings.in_flight_max,
        ),
        change=change,
        precheck=Precheck(services.policies, clock),
        clock=clock,
        windows={
            network.id: timedelta(seconds=seconds)
            for network in custody.networks.values()
            for name, seconds in custody.settings.collect_for.items()
            if name in (network.alias, network.id)
        },
    )
    driver = Driver(
        database=database,
        ledger=ledger,
        builder=builder,
        queueing=Queueing(database=database, ledger=ledger, adapters=custody.adapters, clock=clock),
        checking=Checking(database=database, ledger=ledger, adapters=custody.adapters, clock=clock),
        signing=Signing(
            database=database,
            ledger=ledger,
            signer=custody.signer,
            codecs=custody.codecs,
            clock=clock,
        ),
        journal=services.journal,
        clock=clock,
    )
    adapters = custody.adapters
    return (
        driver,
        Broadcaster(database=database, ledger=ledger, adapters=adapters, clock=clock),
        Tracker(
            database=database,
            ledger=ledger,
            adapters=adapters,
            clock=clock,
            witnesses={
                network: nodes.witnesses
                for network, nodes in custody.nodes.items()
                if nodes.witnesses is not None
            },
            speed_up_after={
                network.id: blocks
                for network in custody.networks.values()
                for name, blocks in custody.settings.speed_up_after_blocks.items()
                if name in (network.alias, network.id)
            },
        ),
    )
