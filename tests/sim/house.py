"""All that a game plays with: a chain, a signer, a database and two processes of ours.

Time is the loop's. Three clocks show it: the wall clock of our hosts and the database's can be set;
the count of seconds never is.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Final, TypeVar

from chains.costs import CostKind
from chains.errors import ChainError
from chains.model import Address
from chains.networks import Network
from custody.apikeys.model import Caller
from custody.apikeys.service import NewKey
from custody.db.leases import LeaseLost
from custody.db.tables import VaultRow
from custody.errors import CustodyError
from custody.transfers.request import Answer, Idempotency, Output, TransferRequest, transfer_id_of
from signer.canonical import canonical_json
from signer.client import SignerError
from signer.policy import SignedPolicy
from tests.sim.chain import Adapter, Trouble
from tests.sim.machine import Died, Machine
from tests.sim.postgres import PostgresReader
from tests.sim.process import Process, World
from tests.sim.reading import Books, Reader
from tests.sim.signer import SignerHost, Wire
from tests.support.fake_chain import FakeNode
from tests.support.networks import find_network
from tests.unit.custody.transfers.desk import Plain

T = TypeVar("T")

BEGINNING: Final = datetime(2026, 1, 1, tzinfo=UTC)
FUNDS: Final = 400_000
PROCESSES: Final = 2
REFUSALS: Final = (CustodyError, SignerError, ChainError, LeaseLost)
"""What a call may come to while everything goes wrong. Anything else is a bug."""


class Found(AssertionError):
    """Something that must never be."""


@dataclass
class Wanted:
    """A transfer that a client asks for until it is told what became of it. Its payee has nothing
    else to expect."""

    key: str
    vault: VaultRow
    payee: str
    amount: int
    fee_max: int
    is_answered: bool = False
    refused: str | None = None

    @property
    def id(self) -> str:
        return transfer_id_of(self.vault.client_id, self.key)


@dataclass(frozen=True)
class Backup:
    """`database`: a file. `signer`: a folder. Both of one moment."""

    database: Path
    signer: Path


@dataclass
class House:
    """`url`: of a PostgreSQL, where it is not SQLite."""

    seed: str
    alias: str
    folder: Path
    url: str | None = None
    counts: Counter[str] = field(default_factory=Counter)
    asked: list[Wanted] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    digest: str = ""

    def __post_init__(self) -> None:
        self.network: Network = find_network(self.alias)
        self.dice = Random(f"house {self.seed}")
        self.loop = asyncio.get_running_loop()
        self.wall_ahead = self.database_ahead = timedelta()
        self._hash = sha256()
        self.node = FakeNode(self.network, self.dice.getrandbits(32))
        self.trouble = Trouble(Random(f"node {self.seed}"), self.loop.time)
        self.host = SignerHost(
            self.folder / "signer", self.alias, self.wall, self.loop.time, self.told
        )
        self.wire = Wire(self.host, Random(f"wire {self.seed}"))
        self.file = self.folder / "sim.sqlite3"
        """Of the database, where that is SQLite."""
        url = self.url or f"sqlite+aiosqlite:///{self.file}"
        self.world = World(url, self.network, self.wire, self.wall, self.loop.time)
        self.dead: list[Process] = []
        self.processes: list[Process] = []
        self.working: dict[tuple[str, str], asyncio.Future[object]] = {}
        self.books: Books = Reader(self.file) if self.url is None else PostgresReader(self.url)
        self.key: NewKey | None = None
        """With which clients ask."""
        self.policies: list[SignedPolicy] = []
        self.backups: list[Backup] = []
        self.has_lost = False
        """Whether the signer was recovered without its log."""
        self.is_whole = True
        """False from a restore until all is followed again."""
        self.looked_at = 0
        """Up to which record of the signer's journal was looked at what it signed."""
        self.vaults: list[VaultRow] = []

    # Clocks

    def now(self) -> datetime:
        return BEGINNING + timedelta(seconds=self.loop.time())

    def wall(self) -> datetime:
        return self.now() + self.wall_ahead

    def database_clock(self) -> datetime:
        return self.now() + self.database_ahead

    # What happened, as a digest: two games of one seed are the same to the last statement

    def told(self, what: str, values: object) -> None:
        self.counts["statements"] += 1
        self._hash.update(f"{self.loop.time()} {what} {_plain(values)!r}\n".encode())

    def say(self, words: str) -> None:
        self.log.append(f"{self.loop.time():9.3f}  {words}")
        self.told("said", words)

    def digested(self) -> str:
        return self._hash.hexdigest()

    # Processes

    async def open(self) -> None:
        for number in range(PROCESSES):
            self.processes.append(await self.new_process(f"p{number}"))

    async def publish(self, policy: SignedPolicy) -> None:
        """The next version, which the administrators keep."""
        process = self.processes[0]
        signer = process.custody.signer
        told = self.tried("publish", lambda: signer.publish_policy(policy))
        with suppress(Died):
            await process.machine.start(told)
        in_force = self.host.session.guard.in_force.signed  # also where the answer was lost
        if in_force is not None and in_force.document == policy.document:
            self.policies.append(policy)

    async def new_process(self, name: str) -> Process:
        dice = Random(f"{name} {self.seed} {len(self.dead)}")
        adapter = Adapter(self.node, self.trouble)
        machine = Machine(name, dice, self.told, self.wall, adapter)

        async def begin() -> Process:
            process = Process(self.world, machine)
            await process.begin()
            return process

        return await machine.start(begin())

    async def mourn(self) -> None:
        """Start again what has died."""
        for at, process in enumerate(self.processes):
            if process.machine.is_frozen:
                self.counts["crashes"] += 1
                self.say(f"{process.machine.name} died and starts again")
                self.dead.append(process)
                self.processes[at] = await self.new_process(process.machine.name)

    def kill(self) -> None:
        for process in self.processes:
            process.machine.die()

    def any_process(self, dice: Random) -> Process:
        return dice.choice(self.processes)

    def begin(self, process: Process, what: str, work: Callable[[], Awaitable[object]]) -> None:
        """One of each kind at a time in a process, as its loops do it."""
        place = (process.machine.name, what)
        running = self.working.get(place)
        if running is not None and not running.done():
            return

        async def run() -> object:
            return await self.tried(what, work)

        self.working[place] = process.machine.start(run())

    async def tried(self, what: str, work: Callable[[], Awaitable[T]]) -> T | None:
        """A refusal, and trouble with nodes, the signer or a lease, are part of the game."""
        try:
            return await work()
        except REFUSALS as error:
            self.say(f"  {what}: {type(error).__name__}: {error}")
            return None

    async def settle_down(self) -> None:
        """Until all that was begun has ended."""
        for place, ended in list(self.working.items()):
            with suppress(Died):
                await ended
            del self.working[place]
        await self.mourn()

    # Clients

    async def fund(self, *vaults: VaultRow) -> None:
        activation = (self.network.native.id, CostKind.ACTIVATION)
        each = FUNDS + 5 * self.network.costs_max.get(activation, 0)
        process = self.processes[0]
        for vault in vaults:
            made = await process.machine.start(
                process.services.vaults.create_addresses(vault.id, self.network.id)
            )
            for _ in range(3):
                await self.node.fund(Address(made[0].address), each)
        await self.node.mine()
        await self.node.finalize()
        await process.machine.start(process.follow())

    async def new_vault(self) -> VaultRow:
        process = self.processes[0]

        async def make() -> VaultRow:
            client = await process.services.vaults.create_client("Client")
            return await process.services.vaults.create_vault(client.id, "Vault")

        return await process.machine.start(make())

    async def caller(self, process: Process) -> Caller:
        """Whoever has the key in force; a new one is made where a restored database knows none."""
        known = None if self.key is None else await process.caller(self.key)
        if known is None:
            self.key = await process.new_key()
            known = await process.caller(self.key)
        assert known is not None
        return known

    async def request(self, process: Process, one: Wanted) -> Answer | None:
        """Over the API of one process. None: nobody knows what became of it."""
        request = TransferRequest(
            vault_id=one.vault.id,
            network=self.network.id,
            asset=self.network.native.id,
            outputs=(Output(one.payee, one.amount),),
            fee_max=one.fee_max,
        )
        terms = {"to": one.payee, "amount": str(one.amount), "fee": str(one.fee_max)}
        key = Idempotency("test", one.key, canonical_json(terms))
        transfers = process.services.transfers

        async def ask() -> Answer:
            return await transfers.create(request, await self.caller(process), key, Plain())

        told = self.tried("ask", ask)
        try:
            answer = await process.machine.start(told)
        except Died:
            return None
        if answer is not None:
            one.is_answered = True
            one.refused = None if answer.status == 201 else answer.body.decode()
        return answer

    def close(self) -> None:
        """All processes die; the game has seen enough."""
        self.counts["signer deaths"] = self.host.deaths
        self.kill()
        self.books.close()

    def bury(self) -> None:
        """Once the loop stands."""
        self.host.bury()
        for process in (*self.dead, *self.processes):
            process.machine.bury()


def _plain(values: object) -> object:
    """As it looks the same in every process."""
    if isinstance(values, (list, tuple)):
        return [_plain(each) for each in values]
    return values.hex() if isinstance(values, memoryview) else values
