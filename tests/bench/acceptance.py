"""Transfers accepted in this process, on a database whose vaults are rich: `Transfers.create`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import count, cycle
from random import Random

from chains.catalogue import built_in
from chains.evm.address import checksum
from chains.evm.codec import EvmCodec
from chains.families import CODECS
from chains.model import AddressType
from custody.apikeys.model import Caller, Scope
from custody.db.ids import new_id
from custody.db.migrate import upgrade
from custody.db.session import Database
from custody.db.tables import AddressRow, ClientRow, VaultRow
from custody.errors import Unprocessable
from custody.ledger.model import Post, Reason, chain_account, vault_account
from custody.ledger.service import Ledger
from custody.policies.source import PolicySource
from custody.transfers.duplicates import Duplicates
from custody.transfers.request import Answer, Idempotency, Output, Shown, TransferRequest
from custody.transfers.service import Transfers
from signer.policy import SignedPolicy
from tests.bench.requests import EVM, standing_policy

CALLERS = 8

_WEALTH = 10**30
_FEE_MAX = 10**15
_CALLER = Caller("key_01k9bench", "robot", None, frozenset(Scope))


class Accepting:
    """Many callers at the service. `newest`: a transfer that was accepted, asked for with
    `newest_key`."""

    def __init__(self, transfers: Transfers, vaults: Sequence[str], number: int) -> None:
        self.newest = ""
        self.newest_key = ""
        self._transfers = transfers
        self._vaults = cycle(vaults)
        self.number = number
        self._random = Random(7)
        self._requests: list[TransferRequest] = []

    async def prepare(self) -> None:
        self._requests = [self._request() for _ in range(self.number)]

    async def work(self) -> int:
        if not self._requests:
            await self.prepare()
        await asyncio.gather(*(self._caller() for _ in range(CALLERS)))
        return self.number

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
            outputs=(
                Output(
                    checksum(self._random.randbytes(20)), self._random.randrange(10**15, 10**17)
                ),
            ),
            fee_max=_FEE_MAX,
            note="payout of a customer",
        )


class Rendered:
    """Answers as the API gives them, roughly."""

    def created(self, made: Shown) -> Answer:
        fields = {name: str(value) for name, value in vars(made.row).items() if name[0] != "_"}
        return Answer(201, json.dumps(fields).encode())

    def denied(self, made: Shown) -> Answer:
        return Answer(422, f"denied: {made.row.reason}".encode())

    def refused(self, error: Unprocessable) -> Answer:
        return Answer(422, error.code.encode())


class Policies:
    """The signer's client, as far as creating a transfer needs it."""

    async def policy(self) -> SignedPolicy:
        return standing_policy()


class Service:
    """What accepts, and vaults for it."""

    def __init__(self, database: Database, ledger: Ledger, transfers: Transfers) -> None:
        self._database = database
        self._ledger = ledger
        self._transfers = transfers
        self._accounts = count()

    async def accepting(self, number: int, vaults: int) -> Accepting:
        """So many transfers at a time, spread over so many new vaults."""
        made = [
            await rich_vault(self._database, self._ledger, next(self._accounts))
            for _ in range(vaults)
        ]
        return Accepting(self._transfers, made, number)


@asynccontextmanager
async def open_service(url: str) -> AsyncIterator[Service]:
    """On a fresh database."""
    await upgrade(url)
    database = Database(url)
    ledger = Ledger(utc_now)
    try:
        transfers = Transfers(
            database=database,
            ledger=ledger,
            policies=PolicySource(Policies()),
            adapters={},
            codecs={EVM.id: EvmCodec(EVM)},
            catalogue=built_in(),
            families=CODECS,
            clock=utc_now,
            lifetime=timedelta(hours=1),
            duplicates=Duplicates(timedelta(hours=24)),
        )
        yield Service(database, ledger, transfers)
    finally:
        await database.close()


async def rich_vault(database: Database, ledger: Ledger, account: int) -> str:
    """One that can pay for everything, of a client of its own."""
    client, vault, now = new_id("cli"), new_id("vlt"), utc_now()
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


def utc_now() -> datetime:
    return datetime.now(UTC)
