"""Transfers accepted over HTTP, beside a bare route that writes the same rows.

Both servers are processes of their own, asked by the same client over as many connections.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import cycle
from pathlib import Path
from random import Random
from typing import Any

from chains.devnet.process import EngineProcess, free_port
from chains.evm.address import checksum
from custody.db.ids import new_id
from custody.db.session import Database
from custody.ledger.service import Ledger
from tests.bench import steady
from tests.bench.acceptance import CALLERS, rich_vault, utc_now
from tests.bench.house import is_ready, running_house
from tests.bench.lean_http import LeanClient
from tests.bench.measure import Clock, Contestant, cpu_of, race
from tests.bench.requests import EVM
from tests.bench.scale import Scale
from tests.bench.table import Figure, Row, share_aim

SECTION = "Transfers accepted"

_SHARE_AIM = 0.3
_VAULTS = 64
_START_S = 60.0
_NOWHERE = "http://127.0.0.1:9"
"""No node is asked when a transfer is accepted."""
_ROOT = Path(__file__).resolve().parents[2]


async def compare(folder: Path, kind: str, url: str, scale: Scale) -> list[Row]:
    async with AsyncExitStack() as stack:
        nodes = {EVM.alias: _NOWHERE}
        house = await stack.enter_async_context(running_house(folder / kind, url, nodes, 0))
        bodies = Bodies(await rich_vaults(url))
        ours = Asking([house.connect() for _ in range(CALLERS)], bodies, scale.transfers)
        stack.push_async_callback(ours.close)
        await ours.prepare()
        await ours.work()
        bare_url, bare_cpu = await stack.enter_async_context(
            _bare_route(folder / kind, url, ours.newest, ours.newest_key)
        )
        bare = Asking([LeanClient(bare_url, {}) for _ in range(CALLERS)], bodies, scale.transfers)
        stack.push_async_callback(bare.close)
        accepted, inserted = await race(
            scale.http_rounds,
            [
                Contestant("custody", ours.work, ours.prepare, house.api_cpu),
                Contestant("limit", bare.work, bare.prepare, bare_cpu),
            ],
        )
        clients = [house.connect() for _ in range(steady.CONNECTIONS)]
        for client in clients:
            stack.push_async_callback(client.close)
        mixed = steady.Mixed(clients, lambda: bodies.make(1)[0])
        waiting = await steady.rows(SECTION, f"into {kind}", mixed, scale.steady_s)
    rates = Row(
        SECTION,
        f"over HTTP into {kind}, {CALLERS} callers, {_VAULTS} vaults",
        "1/s",
        Figure("custody", accepted.wall, accepted.core),
        Figure("a bare route", inserted.wall, inserted.core),
        aims=(share_aim(_SHARE_AIM, accepted.wall, inserted.wall),),
    )
    return [rates, *waiting]


class Bodies:
    """Requests for payouts, each from the next vault to a new destination."""

    def __init__(self, vaults: Sequence[str]) -> None:
        self._random = Random(7)
        self._next = cycle(vaults)

    def make(self, number: int) -> list[dict[str, Any]]:
        return [self._body(next(self._next)) for _ in range(number)]

    def _body(self, vault: str) -> dict[str, Any]:
        return {
            "vault_id": vault,
            "network": EVM.id,
            "destination": checksum(self._random.randbytes(20)),
            "amount_base_units": str(self._random.randrange(10**15, 10**17)),
            "note": "payout of a customer",
        }


class Asking:
    """All clients at once, each with the next request. `newest`: a transfer that was accepted,
    asked for with `newest_key`."""

    def __init__(self, clients: Sequence[LeanClient], bodies: Bodies, number: int) -> None:
        self.newest = ""
        self.newest_key = ""
        self._clients = clients
        self._bodies = bodies
        self._number = number
        self._waiting: list[Mapping[str, Any]] = []

    async def prepare(self) -> None:
        self._waiting = list(self._bodies.make(self._number))

    async def work(self) -> int:
        await asyncio.gather(*(self._ask(client) for client in self._clients))
        return self._number

    async def _ask(self, client: LeanClient) -> None:
        while self._waiting:
            body, key = self._waiting.pop(), new_id("key")
            answer = await client.post("/v1/transfers", body, **{"Idempotency-Key": key})
            self.newest, self.newest_key = answer.get("id", ""), key

    async def close(self) -> None:
        for client in self._clients:
            await client.close()


async def rich_vaults(url: str) -> list[str]:
    database, ledger = Database(url), Ledger(utc_now)
    try:
        return [await rich_vault(database, ledger, account) for account in range(_VAULTS)]
    finally:
        await database.close()


@asynccontextmanager
async def _bare_route(
    folder: Path, url: str, transfer: str, key: str
) -> AsyncIterator[tuple[str, Clock]]:
    """Where it answers, and its CPU time."""
    port = free_port()
    named = ("--transfer", transfer, "--key", key, "--connections", str(CALLERS))
    process = EngineProcess(
        [sys.executable, "-m", "tests.bench.bare_route", "--port", str(port), *named, url],
        folder / "bare.log",
        working_dir=_ROOT,
    )
    base_url = f"http://127.0.0.1:{port}"
    try:
        process.start()
        await process.wait_ready(lambda: is_ready(base_url), _START_S)
        assert process.pid is not None
        yield base_url, cpu_of(process.pid)
    finally:
        await process.stop()
