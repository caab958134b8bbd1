"""One process of ours: the real services and workers, wired as `custody.bootstrap` does, on a
machine that may die. What a process does in loops is one call here each, and each is asked for by
the game: so the seed says when, and what comes in between."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, TypeVar

from pydantic import SecretStr

from chains.families import CODECS
from chains.networks import Network
from custody.apikeys.model import Caller, Scope
from custody.apikeys.service import NewKey, authenticate, create_key, revoke_key
from custody.bootstrap import Custody, _newest_in
from custody.clock import SteadyClock
from custody.config import Settings
from custody.db.session import Database, WriteSession
from custody.journal.recovery import Recovery
from custody.services import Services, make_services
from custody.workers.reconciling import ReconcileWorker
from custody.workers.workers import PRESENCE, Workers, look_at_journal
from tests.sim.assets import catalogue
from tests.sim.machine import Machine
from tests.sim.signer import Wire
from tests.sim.sqlite import share_translations
from tests.support.fakes import FakeCodec
from tests.support.networks import all_networks

T = TypeVar("T")

LIFETIME: Final = timedelta(hours=1)
_STEPS_MOST: Final = 40


@dataclass(frozen=True)
class World:
    """What all processes share. `wall`: the wall clock; `seconds`: since some moment. `collects`:
    for how many seconds transfers wait for others, by network."""

    url: str
    network: Network
    wire: Wire
    wall: Callable[[], datetime]
    seconds: Callable[[], float]
    collects: dict[str, int] = field(default_factory=dict)


class Process:
    """Made on its machine."""

    def __init__(self, world: World, machine: Machine) -> None:
        self.machine = machine
        adapter = machine.adapter
        self.network = network = world.network
        self.database = Database(world.url)
        if self.database.is_sqlite:
            share_translations(self.database._engines)
        self.clock = SteadyClock(world.wall, world.seconds)
        settings = Settings(
            database_url=SecretStr(world.url),
            nodes={},
            poll_interval_s=0.5,
            transfer_lifetime=LIFETIME,
            collect_for=world.collects,
            _env_file=None,  # type: ignore[call-arg]
        )
        self.custody = Custody(
            settings=settings,
            database=self.database,
            signer=world.wire.client(_newest_in(self.database)),
            catalogue=catalogue(),
            networks={network.id: network},
            codecs={network.id: adapter.codec},
            adapters={network.id: adapter},
            clock=self.clock,
        )
        families = dict.fromkeys(CODECS, FakeCodec)
        self.services: Services = make_services(self.custody, families=families)
        self.workers = Workers(self.services)
        self.worker = self.workers.networks[network.id]

    async def begin(self) -> None:
        await look_at_journal(self.services)

    async def send(self, most: int) -> int:
        """Run effects that are due, if any are."""
        worker = self.worker
        if await worker._outbox.delay_s(self.network.id, 1.0) > 0:
            return 0
        return await worker.run_due(most)

    async def follow(self) -> bool:
        """Follow the chain to its tip and track, if this process leads."""
        worker = self.worker
        async with worker._leases.hold(f"follow:{self.network.id}") as lease:
            if lease is None or not await worker._journal.is_open():
                return False
            try:
                for _ in range(_STEPS_MOST):
                    step = await worker._step(lease)
                    if step.at_tip:
                        await worker.track(lease)
                        return True
                    if not step.connected:
                        return False
            finally:
                await worker._follower.close()
        return False

    async def expire(self) -> None:
        """End what has expired, and look at what a new policy changes, if this process leads."""
        async with self.workers._leases.hold(PRESENCE) as lease:
            if lease is not None:
                await self.workers._expire_once(lease)

    async def pay_files(self) -> None:
        """A step of the payouts in files, if this process leads in it."""
        async with self.workers._leases.hold("payouts") as lease:
            if lease is not None:
                await self.workers._payouts._paying.step()

    async def refill(self) -> None:
        """Look at each vault that is to be refilled, if this process leads in it."""
        async with self.workers._leases.hold("refills") as lease:
            if lease is not None:
                await self.workers._refills._refilling.step()

    async def bring_gas(self) -> None:
        """Look at each address that waits for coins, if this process leads in it."""
        async with self.workers._leases.hold("gas") as lease:
            if lease is not None:
                await self.workers._gas._station.step()

    async def sweep(self) -> None:
        """Look at each sweep and each of its rules, if this process leads in it."""
        async with self.workers._leases.hold("sweeps") as lease:
            if lease is not None:
                await self.workers._sweeps._sweeping.step()

    async def ask_restraints(self) -> None:
        """Ask again what issuers let nobody move, if this process leads in it."""
        async with self.workers._leases.hold(f"restraints:{self.network.id}") as lease:
            if lease is not None:
                await self.workers.restraints[self.network.id].step()

    async def write(self, work: Callable[[WriteSession], Awaitable[T]]) -> T:
        """As a route of the API does it, or a command."""
        async with self.database.write() as session:
            return await work(session)

    async def watch(self) -> None:
        await self.services.journal.check()

    async def reconcile(self) -> None:
        async with self.workers._leases.hold(f"reconcile:{self.network.id}") as lease:
            if lease is not None:
                await self.services.reconciliation.check_network(self.network)

    async def make_report(self) -> None:
        """The oldest one that somebody asked for."""
        await ReconcileWorker(
            self.database, self.workers._leases, self.services.reconciliation, self.network, 300.0
        ).make_asked()

    async def new_key(self) -> NewKey:
        """As `custody apikey create` makes it, for the machine that the policy names."""
        async with self.database.write() as session:
            return await create_key(
                session,
                name="game",
                initiator="robot",
                scopes=tuple(Scope),
                client_id=None,
                now=self.clock(),
            )

    async def revoke(self, key: NewKey) -> None:
        async with self.database.write() as session:
            await revoke_key(session, key.id, self.clock())

    async def caller(self, key: NewKey) -> Caller | None:
        async with self.database.read() as session:
            return await authenticate(session, key.secret)

    def recovery(self) -> Recovery:
        """As `custody recover` makes it."""
        return Recovery(
            database=self.database,
            ledger=self.services.ledger,
            signer=self.custody.signer,
            vaults=self.services.vaults,
            codecs={each.id: FakeCodec(each) for each in all_networks().values()},
            served=[self.network.id],
            clock=self.clock,
            adapters=self.custody.adapters,
        )

    async def close(self) -> None:
        with suppress(Exception):
            await self.database.close()
