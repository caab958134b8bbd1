"""Transfers accepted: the whole of `Transfers.create`, beside bare inserts of the same rows.

Ours checks the request, the policy, its windows and the balance, reserves, and writes all rows in
one transaction that is on the disk before the answer goes out. The limit writes the same rows into
the same tables with the raw driver: it decides nothing, reads nothing and updates no balance.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import cycle
from pathlib import Path
from random import Random

from chains.evm.address import checksum
from chains.evm.codec import EvmCodec
from chains.model import AddressType
from custody.apikeys.model import Caller, Scope
from custody.db.ids import new_id
from custody.db.migrate import upgrade
from custody.db.session import Database
from custody.db.tables import AddressRow, ClientRow, TransferRow, VaultRow
from custody.errors import Unprocessable
from custody.ledger.model import Post, Reason, chain_account, vault_account
from custody.ledger.service import Ledger
from custody.services import CODECS
from custody.transfers.policies import PolicySource
from custody.transfers.request import Answer, Idempotency, TransferRequest
from custody.transfers.service import Transfers
from signer.policy import SignedPolicy
from tests.bench.inserting import BareInserts, BarePostgres, BareSqlite
from tests.bench.measure import Contestant, Rate, race
from tests.bench.requests import EVM, standing_policy
from tests.bench.scale import Scale
from tests.bench.table import Figure, Row, share_aim
from tests.support.database import Unavailable, run_postgres

SECTION = "Transfers accepted"

_SHARE_AIM = 0.3
_VAULTS = 64
_CALLERS = 8
_WEALTH = 10**30
_FEE_MAX = 10**15
_CALLER = Caller("key_01k9bench", None, frozenset(Scope))
_DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}

Say = Callable[[str], None]


async def measure(folder: Path, scale: Scale, say: Say) -> list[Row]:
    """All rows of the section; without PostgreSQL's binaries only that of SQLite."""
    path = folder / "accepting.sqlite3"
    url = f"sqlite+aiosqlite:///{path}"
    rows = [await _compare("SQLite", url, lambda: BareSqlite(path), scale)]
    try:
        with run_postgres(**_DURABLE) as server:
            server.run("CREATE DATABASE bench")
            url = server.url("bench")
            rows.append(
                await _compare("PostgreSQL", url, lambda: BarePostgres(url, _CALLERS), scale)
            )
    except Unavailable as reason:
        say(f"no row for PostgreSQL: {reason}")
    return rows


async def _compare(name: str, url: str, open_bare: Callable[[], BareInserts], scale: Scale) -> Row:
    async with AsyncExitStack() as stack:
        ours = await stack.enter_async_context(_accepting(url, scale.transfers))
        await ours.work()
        bare = open_bare()
        stack.push_async_callback(bare.close)
        await bare.learn(ours.newest, ours.newest_key)
        rates = await race(
            scale.rounds,
            [
                Contestant("custody", ours.work, ours.prepare),
                Contestant("limit", lambda: bare.insert(scale.transfers)),
            ],
        )
    return _row(name, rates)


def _row(name: str, rates: list[Rate]) -> Row:
    ours, bare = rates
    return Row(
        SECTION,
        f"into {name}, {_CALLERS} callers, {_VAULTS} vaults",
        "1/s",
        Figure("custody", ours.wall, ours.core),
        Figure("bare inserts", bare.wall, bare.core),
        aims=(share_aim(_SHARE_AIM, ours.wall, bare.wall),),
    )


class Accepting:
    """Many callers at the service. `newest`: a transfer that was accepted, asked for with
    `newest_key`."""

    def __init__(self, transfers: Transfers, vaults: list[str], number: int) -> None:
        self.newest = ""
        self.newest_key = ""
        self._transfers = transfers
        self._vaults = cycle(vaults)
        self._number = number
        self._random = Random(7)
        self._requests: list[TransferRequest] = []

    async def prepare(self) -> None:
        self._requests = [self._request() for _ in range(self._number)]

    async def work(self) -> int:
        if not self._requests:
            await self.prepare()
        await asyncio.gather(*(self._caller() for _ in range(_CALLERS)))
        return self._number

    async def _caller(self) -> None:
        while self._requests:
            request, key = self._requests.pop(), new_id("key")
            asked = Idempotency("bench", key, sha256(repr(request).encode()).digest())
            answer = await self._transfers.create(request, _CALLER, asked, Rendered())
            assert answer.status == 201, answer
            self.newest, self.newest_key = json.loads(answer.body)["id"], key

    def _request(self) -> TransferRequest:
        return TransferRequest(
            vault_id=next(self._vaults),
            network=EVM.id,
            asset=EVM.native.id,
            destination=checksum(self._random.randbytes(20)),
            amount=self._random.randrange(10**15, 10**17),
            fee_max=_FEE_MAX,
            note="payout of a customer",
        )


class Rendered:
    """Answers as the API gives them, roughly."""

    def created(self, row: TransferRow) -> Answer:
        fields = {name: str(value) for name, value in vars(row).items() if name[0] != "_"}
        fields.pop("mandate")
        return Answer(201, json.dumps(fields).encode())

    def denied(self, row: TransferRow) -> Answer:
        return Answer(422, f"denied: {row.reason}".encode())

    def refused(self, error: Unprocessable) -> Answer:
        return Answer(422, error.code.encode())


class Policies:
    """The signer's client, as far as creating a transfer needs it."""

    async def policy(self) -> SignedPolicy:
        return standing_policy()


@asynccontextmanager
async def _accepting(url: str, number: int) -> AsyncIterator[Accepting]:
    """The service on a fresh database with rich vaults."""
    await upgrade(url)
    database = Database(url)
    ledger = Ledger(_utc_now)
    try:
        vaults = [await _rich_vault(database, ledger, account) for account in range(_VAULTS)]
        transfers = Transfers(
            database=database,
            ledger=ledger,
            policies=PolicySource(Policies()),
            codecs={EVM.id: EvmCodec(EVM)},
            families=CODECS,
            clock=_utc_now,
            lifetime=timedelta(hours=1),
        )
        yield Accepting(transfers, vaults, number)
    finally:
        await database.close()


async def _rich_vault(database: Database, ledger: Ledger, account: int) -> str:
    client, vault, now = new_id("cli"), new_id("vlt"), _utc_now()
    async with database.write() as session:
        session.add(ClientRow(id=client, name="Client", created_at=now))
        await session.flush()
        row = VaultRow(
            id=vault,
            client_id=client,
            name="Vault",
            account=account,
            frozen_reason=None,
            created_at=now,
        )
        session.add(row)
        await session.flush()
        session.add(_first_address(vault, account, now))
        funds = Post(
            chain_account(EVM.native.id),
            vault_account(vault, EVM.native.id),
            _WEALTH,
            new_id("dep"),
            Reason.DEPOSIT,
        )
        await ledger.post(session, funds)
    return vault


def _first_address(vault: str, account: int, now: datetime) -> AddressRow:
    return AddressRow(
        id=new_id("adr"),
        vault_id=vault,
        network=EVM.id,
        address=checksum(sha256(vault.encode()).digest()[:20]),
        address_type=AddressType.EVM.value,
        change=False,
        position=0,
        path=f"m/44'/60'/{account}'/0/0",
        public_key=bytes(33),
        label=None,
        created_at=now,
    )


def _utc_now() -> datetime:
    return datetime.now(UTC)
