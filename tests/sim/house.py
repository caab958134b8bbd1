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
from chains.model import Address, AssetId, TxId
from chains.networks import Network
from custody.apikeys.model import Caller
from custody.apikeys.service import NewKey
from custody.db.leases import LeaseLost
from custody.db.tables import VaultRow
from custody.errors import CustodyError
from custody.payouts.service import Sent
from custody.transfers.request import Answer, Idempotency, Output, TransferRequest, transfer_id_of
from signer.canonical import canonical_json
from signer.client import SignerError
from signer.policy import Policy, SignedPolicy
from signer.wire import Verdict
from tests.sim.assets import catalogue, token_of
from tests.sim.chain import Adapter, Trouble
from tests.sim.machine import Died, Machine
from tests.sim.postgres import PostgresReader
from tests.sim.process import Process, World
from tests.sim.reading import Books, Reader
from tests.sim.signer import SignerHost, Wire
from tests.support.fake_chain import FakeNode
from tests.support.fake_codec import FakeTx
from tests.support.fake_tokens import Contract
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
    """A transfer that a client asks for until it is told what became of it. Its payees have nothing
    else to expect. `amounts`: what each gets; None: all that there is. `stays`: it makes so many
    coins of one, or (below zero) one of so many. `most`: the most that a client ever let it cost.
    `file`: of payouts, in which it stands. `asset`: None: the native one.
    `child_of`: what waits, for which it pays too."""

    key: str
    vault: VaultRow
    payees: tuple[str, ...]
    amounts: tuple[int | None, ...]
    fee_max: int | None
    stays: int = 0
    file: str | None = None
    asset: AssetId | None = None
    child_of: TxId | None = None
    is_answered: bool = False
    refused: str | None = None
    most: int = 0

    def __post_init__(self) -> None:
        self.most = self.fee_max or 0

    @property
    def id(self) -> str:
        return transfer_id_of(self.vault.client_id, self.key)

    @property
    def total(self) -> int | None:
        """None: the books say how much it is."""
        return None if None in self.amounts else sum(each or 0 for each in self.amounts)

    def request(self, network: Network) -> TransferRequest:
        payments = zip(self.payees, self.amounts, strict=True)
        return TransferRequest(
            vault_id=self.vault.id,
            network=network.id,
            asset=self.asset or network.native.id,
            outputs=tuple(Output(payee, amount) for payee, amount in payments),
            fee_max=self.fee_max,
            split=self.stays if self.stays > 0 and self.child_of is None else None,
            consolidate=-self.stays if self.stays < 0 and self.child_of is None else None,
            child_of=self.child_of,
        )


@dataclass
class PayoutFile:
    """Payments that a client sends in one file, until it is told that it is stored."""

    sent: Sent
    lines: list[Wanted]
    is_answered: bool = False


@dataclass(frozen=True)
class Signature:
    """Of somebody who approves of a mandate, or does not, and may not have said so yet."""

    transfer: str
    version: int
    digest: bytes
    person: str
    verdict: Verdict
    bytes: bytes


@dataclass(frozen=True)
class Backup:
    """`database`: a file. `signer`: a folder. Both of one moment."""

    database: Path
    signer: Path


@dataclass
class Journal:
    """What was seen in the signer's records. `looked_at`: up to which one. `in_force`: the policy
    that they told last. `transfers`: for which something was signed. `digests`: mandates that
    something was signed for. `handed_in`: mandates, each with a person who was heard to approve of
    it. `alone`: what was signed without anybody's approval, by vault and asset: when, for which
    transfer, how much."""

    looked_at: int = 0
    in_force: Policy | None = None
    transfers: set[str] = field(default_factory=set)
    digests: set[bytes] = field(default_factory=set)
    handed_in: set[tuple[bytes, str]] = field(default_factory=set)
    alone: dict[tuple[str, str], list[tuple[datetime, str, int]]] = field(default_factory=dict)


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
        self.network: Network = catalogue().find_network(self.alias)
        self.token = token_of(self.network)
        self.dice = Random(f"house {self.seed}")
        self.loop = asyncio.get_running_loop()
        self.wall_ahead = self.database_ahead = timedelta()
        self._hash = sha256()
        self.node = FakeNode(self.network, self.dice.getrandbits(32))
        if self.token is not None:
            self.node.tokens[self.token] = Contract()
        self.trouble = Trouble(Random(f"node {self.seed}"), self.loop.time)
        self.host = SignerHost(
            self.folder / "signer", self.alias, self.wall, self.loop.time, self.told
        )
        self.wire = Wire(self.host, Random(f"wire {self.seed}"))
        self.file = self.folder / "sim.sqlite3"
        """Of the database, where that is SQLite."""
        url = self.url or f"sqlite+aiosqlite:///{self.file}"
        collects = {self.alias: self.dice.choice((3, 30))} if self.collects() else {}
        self.world = World(url, self.network, self.wire, self.wall, self.loop.time, collects)
        self.dead: list[Process] = []
        self.processes: list[Process] = []
        self.working: dict[tuple[str, str], asyncio.Future[object]] = {}
        self.books: Books = Reader(self.file) if self.url is None else PostgresReader(self.url)
        self.key: NewKey | None = None
        """With which clients ask."""
        self.policies: list[SignedPolicy] = []
        self.backups: list[Backup] = []
        self.forgotten: dict[TxId, FakeTx] = {}
        """By a node."""
        self.has_lost = False
        """Whether the signer was recovered without its log."""
        self.is_whole = True
        """False from a restore until all is followed again."""
        self.vaults: list[VaultRow] = []
        """The first two are funded; the last one is the first one's client's, and is refilled."""
        self.files: list[PayoutFile] = []
        self.signatures: list[Signature] = []
        """That nobody has handed in yet."""
        self.paused: dict[str, tuple[str | None, set[str]]] = {}
        """By pause: the vault, None for all; and what had a transaction when it had begun."""
        self.paused_at: dict[str, float] = {}
        """By pause: when it had begun."""
        self.frozen: dict[str, set[str]] = {}
        """By vault: what had a transaction when it had been frozen."""
        self.checked_at = 0.0
        """When all rules were looked at last."""
        self.journal = Journal()
        self.latest = BEGINNING
        """That the database's clock ever showed after a step."""

    def collects(self) -> bool:
        """Whether transfers wait for others, in two games of three where coins are spent."""
        return self.network.family == "bitcoin" and self.dice.random() < 0.67

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
        """The first one with as much as a transfer may cost that says nothing of its costs."""
        process = self.processes[0]
        for vault in vaults:
            default = sum(self.network.costs_max.values()) if vault is vaults[0] else 0
            each = FUNDS + 5 * other_costs(self.network) + default
            made = await process.machine.start(
                process.services.vaults.create_addresses(vault.id, self.network.id)
            )
            for _ in range(3):
                await self.node.fund(Address(made[0].address), each)
        await self.node.mine()
        await self.node.finalize()
        await process.machine.start(process.follow())

    async def add_hot_vault(self) -> None:
        """Of the first one's client, with an address and nothing in it."""
        hot, process = await self.new_vault(self.vaults[0].client_id), self.processes[0]
        await process.machine.start(
            process.services.vaults.create_addresses(hot.id, self.network.id)
        )
        self.vaults.append(hot)

    async def new_vault(self, client_id: str | None = None) -> VaultRow:
        process = self.processes[0]

        async def make() -> VaultRow:
            vaults = process.services.vaults
            client = client_id or (await vaults.create_client("Client")).id
            return await vaults.create_vault(client, "Vault")

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
        request = one.request(self.network)
        pays = [[payee, str(amount)] for payee, amount in zip(one.payees, one.amounts, strict=True)]
        terms = {"pays": pays, "fee": str(one.fee_max), "stays": one.stays, "asset": request.asset}
        terms |= {"child": one.child_of or ""}
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


def other_costs(network: Network) -> int:
    """The most of what a transfer costs beside its fee, where nobody says otherwise."""
    return sum(most for (_, kind), most in network.costs_max.items() if kind is not CostKind.FEE)


def _plain(values: object) -> object:
    """As it looks the same in every process."""
    if isinstance(values, (list, tuple)):
        return [_plain(each) for each in values]
    return values.hex() if isinstance(values, memoryview) else values
