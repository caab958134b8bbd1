"""The API as a client sees it: real codecs of all five local networks, a fake signer, nodes that
tell a height and nothing else. Requests go through the whole application, without a socket."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any, cast

import httpx2
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy import select

from api.app import attach, create_app
from chains.catalogue import built_in
from chains.families import CODECS
from chains.model import Address, NetworkId
from custody.apikeys.model import Scope
from custody.apikeys.service import create_key
from custody.bootstrap import Custody
from custody.config import Settings
from custody.db.ids import new_id
from custody.db.session import Database
from custody.db.tables import AddressRow, DepositRow, Row
from custody.ledger.model import Post, Reason, Reserve, chain_account, vault_account
from custody.services import make_services
from signer.client import SignerClient
from signer.wire import Attestation
from tests.support.custody import Clock
from tests.support.fakes import FakeAdapter, FakeNode, FakeSigner, changed_policy
from tests.support.networks import find_network

ALIASES = ("bitcoin-regtest", "ethereum-local", "bsc-local", "tron-local", "solana-local")

# Outside addresses, one per network: from BIP-173, EIP-55, the TRON documentation, and the
# Solana incinerator's neighbour (the system's own vote program key is on no curve).
OUTSIDE: Mapping[str, str] = {
    "bitcoin-regtest": "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080",
    "ethereum-local": "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    "bsc-local": "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
    "tron-local": "TLa2f6VPqDgRE67v1736s7bJ8Ray5wYjU7",
    "solana-local": "4Nd1mBQtrMJVYVfKf2PJy9NZUZdTAsp7D4xWLs4gDB4T",
}


class AttestingSigner(FakeSigner):
    """Attests with a signature of sevens."""

    async def attest(
        self, network: NetworkId, vault: str, path: str, address: Address
    ) -> Attestation:
        async with self._call("attest"):
            return Attestation(network, vault, path, address, bytes([7] * 64))


@cache
def _made() -> list[FastAPI]:
    return []


def one_app(custody: Custody) -> FastAPI:
    """Building the routes takes longer than most tests, and they hold nothing: one for all."""
    if not _made():
        _made().append(create_app(custody))
    return _made()[0]


@dataclass
class Counter:
    """`call` with the key of `scope`; `client_id` and `vault_id` are ready and funded."""

    database: Database
    aliases: tuple[str, ...] = ALIASES
    clock: Clock = field(default_factory=lambda: Clock(datetime(2026, 3, 2, 6, tzinfo=UTC)))
    keys: dict[str, str] = field(default_factory=dict)
    woken: int = 0

    def __post_init__(self) -> None:
        networks = {network.id: network for network in map(find_network, self.aliases)}
        self.codecs = {key: CODECS[network.family](network) for key, network in networks.items()}
        self.nodes = {key: FakeNode(network) for key, network in networks.items()}
        self.signer = AttestingSigner(clock=self.clock, codecs=lambda key: self.codecs[key])
        self.custody = Custody(
            settings=Settings(
                database_url=SecretStr("sqlite+aiosqlite:///unused"),
                nodes={},
                _env_file=None,  # type: ignore[call-arg]
            ),
            database=self.database,
            signer=cast(SignerClient, self.signer),
            catalogue=built_in(),
            networks=networks,
            codecs=self.codecs,
            adapters={key: FakeAdapter(node) for key, node in self.nodes.items()},
            clock=self.clock,
        )
        self.app = one_app(self.custody)
        attach(self.app, make_services(self.custody, self._wake))
        transport = httpx2.ASGITransport(self.app, raise_app_exceptions=False)
        self.http = httpx2.AsyncClient(transport=transport, base_url="http://custody")

    def _wake(self) -> None:
        self.woken += 1

    async def open(self) -> None:
        """A client with a funded vault, and a key for each scope."""
        for scope in Scope:
            self.keys[scope] = await self.new_key(scope)
        self.client_id = (await self.post("/v1/clients", {"name": "Bank"}, "admin"))["id"]
        self.vault_id = await self.new_vault(self.client_id)

    async def new_vault(self, client_id: str, amount: int = 10**18) -> str:
        """With an address on every network and `amount` base units of everything."""
        body = {"client_id": client_id, "name": "Treasury"}
        vault_id: str = (await self.post("/v1/vaults", body, "admin"))["id"]
        for alias in self.aliases:
            await self.post(f"/v1/vaults/{vault_id}/addresses", {"network": alias}, "receive")
        await self.give(vault_id, amount)
        return vault_id

    async def give(self, vault_id: str, amount: int) -> None:
        async with self.database.write() as session:
            for network in self.custody.networks.values():
                native = network.native.id
                await self.app.state.services.ledger.post(
                    session,
                    Post(
                        chain_account(native),
                        vault_account(vault_id, native),
                        amount,
                        "opening",
                        Reason.DEPOSIT,
                    ),
                )

    async def come(self, amount: int, txid: str) -> str:
        """A deposit to the vault's first address, held in the ledger until its block is final; its
        id."""
        async with self.database.write() as session:
            mine = select(AddressRow).where(AddressRow.vault_id == self.vault_id)
            address = await session.one(mine.order_by(AddressRow.seq).limit(1))
            native = next(
                n.native.id for n in self.custody.networks.values() if n.id == address.network
            )
            deposit = new_id("dep")
            (held,) = await self.app.state.services.ledger.reserve(
                session,
                Reserve(
                    chain_account(native),
                    vault_account(self.vault_id, native),
                    amount,
                    deposit,
                    Reason.DEPOSIT,
                ),
            )
            row = DepositRow(
                id=deposit,
                network=address.network,
                asset=native,
                client_id=self.client_id,
                vault_id=self.vault_id,
                address_id=address.id,
                txid=txid,
                place="output:0",
                amount=amount,
                state="pending",
                block_height=7,
                block_hash="aa",
                final_height=9,
                reservation_id=held,
                created_at=self.clock(),
                decided_at=None,
            )
            session.add(row)
        return deposit

    async def new_key(self, *scopes: Scope | str, client_id: str | None = None) -> str:
        async with self.database.write() as session:
            made = await create_key(
                session,
                name="test",
                initiator="robot",
                scopes=[Scope(scope) for scope in scopes],
                client_id=client_id,
                now=self.clock(),
            )
        return made.secret

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str | None = "read",
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> httpx2.Response:
        """`key`: a scope's name, or a key itself, or None for none."""
        sent = dict(headers or {})
        if key is not None:
            sent.setdefault("Authorization", f"Bearer {self.keys.get(key, key)}")
        if content is not None:
            sent.setdefault("Content-Type", "application/json")
        else:
            content = None if body is None else json.dumps(body).encode()
            sent |= {} if body is None else {"Content-Type": "application/json"}
        raw = {name: value.encode("latin-1") for name, value in sent.items()}
        return await self.http.request(method, path, content=content, headers=raw)  # type: ignore[arg-type]

    async def get(self, path: str, key: str = "read") -> Any:
        answer = await self.call("GET", path, key=key)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def post(self, path: str, body: Any, key: str) -> Any:
        answer = await self.call("POST", path, body, key=key)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    def transfer(self, alias: str = "bitcoin-regtest", **changes: Any) -> dict[str, Any]:
        """A good body; a change to None leaves the field out."""
        body = {
            "vault_id": self.vault_id,
            "network": alias,
            "destination": OUTSIDE[alias],
            "amount": "0.05",
        }
        return {name: value for name, value in (body | changes).items() if value is not None}

    async def send(self, body: Any, idempotency_key: str = "k", **more: Any) -> httpx2.Response:
        headers = {"Idempotency-Key": idempotency_key} | more.pop("headers", {})
        more.setdefault("key", "transfer")
        return await self.call("POST", "/v1/transfers", body, headers=headers, **more)

    async def tables(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of every table: what "changes nothing" means."""
        async with self.database.read() as session:
            return {
                table.name: [tuple(row) for row in await session.rows(select(table))]
                for table in Row.metadata.sorted_tables
            }

    def use_policy(self, **changes: Any) -> None:
        self.signer.signed_policy = changed_policy(changes.pop("version", 1), **changes)
        self.app.state.services.policies._fresh_until = None

    async def close(self) -> None:
        await self.http.aclose()
        await self.app.state.nodes.close()

    @property
    def furniture(self) -> Furniture:
        """What `open` made, to find it again in a copy of the database."""
        return Furniture(self.keys, self.client_id, self.vault_id, self.signer.accounts)

    def move_in(self, furniture: Furniture) -> None:
        self.keys = dict(furniture.keys)
        self.client_id = furniture.client_id
        self.vault_id = furniture.vault_id
        self.signer.accounts = dict(furniture.accounts)


@dataclass(frozen=True)
class Furniture:
    keys: Mapping[str, str]
    client_id: str
    vault_id: str
    accounts: Mapping[str, tuple[str, int]]


@asynccontextmanager
async def opened(database: Database, furniture: Furniture | None = None) -> AsyncIterator[Counter]:
    """`furniture`: of the database that this one is a copy of."""
    counter = Counter(database)
    if furniture is None:
        await counter.open()
    else:
        counter.move_in(furniture)
    try:
        yield counter
    finally:
        await counter.close()
