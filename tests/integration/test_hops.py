"""One transfer's way from HTTP to final, and one deposit's way in, are what docs/architecture.md
says, hop by hop.

The real API, custody, workers and signer, in this process so that their calls are seen, on a real
engine. What a room and a hop are, `tests/support/hops.py` says.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from pydantic import SecretStr

from api.app import attach, create_app
from chains.devnet.evm import AnvilNode
from chains.model import Address
from custody.apikeys.model import Scope
from custody.apikeys.service import create_key
from custody.bootstrap import Custody, open_custody
from custody.config import Settings
from custody.db.migrate import upgrade
from custody.services import make_services
from custody.workers.network import NetworkWorker
from custody.workers.workers import Workers
from signer.endpoint import Endpoint
from signer.keystore import Contents
from signer.server import Server, UnixListener
from signer.session import Session
from signer.state import StateDirectory
from tests.bench.requests import standing_policy
from tests.support.hops import SIGNER, Trace, described, tracing, visiting
from tests.support.networks import find_network
from tests.support.signer import PINNED, SEED

NETWORK = find_network("ethereum-local")
OUTSIDE = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "architecture.md"
HOPS_MAX = 25
DEPOSIT_HOPS_MAX = 13
SOMETIMES = {
    ("custody/policies", "signer"),
    ("custody/transactions", "custody/alarms"),
    ("custody/following", "custody/alarms"),
    ("custody/workers", "custody/alarms"),
}
"""Rooms that are visited when a policy has grown old, or an alarm could be open."""
CALLED_BACK = {("custody/transfers", "api")}
"""The answer to a creation is rendered inside the transaction that stores it."""
REQUEST, OUTBOX, TRACKER = "the request", "the outbox", "the tracker"
DEPOSIT = "the deposit"
VISITS = (REQUEST, OUTBOX, SIGNER, TRACKER)


class House:
    """All parts, wired as the programs wire them; loops run only while `running`."""

    def __init__(self, custody: Custody, node: AnvilNode, key: str) -> None:
        services = make_services(custody)
        app = create_app(custody)
        self.monitor = attach(app, services)
        self.node = node
        self.worker: NetworkWorker = Workers(services).networks[NETWORK.id]
        self.worker.track = visiting(TRACKER, self.worker.track)  # type: ignore[method-assign]
        self.http = httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app),
            base_url="http://custody",
            headers={"Authorization": f"Bearer {key}"},
        )

    async def post(self, path: str, body: Any, **headers: str) -> Any:
        answer = await self.http.post(f"/v1/{path}", json=body, headers=headers)
        assert answer.is_success, answer.text
        return answer.json()

    async def open_funded(self) -> str:
        client = await self.post("clients", {"name": "Bank"})
        vault = await self.post("vaults", {"client_id": client["id"], "name": "Treasury"})
        made = await self.post(f"vaults/{vault['id']}/addresses", {"network": NETWORK.alias})
        async with self.running(DEPOSIT):
            await self.node.fund(Address(made["address"]), 10**18)
            await self.node.mine()
            await self.node.finalize()
            await until(lambda: self.has_money(vault["id"]))
        return str(vault["id"])

    async def has_money(self, vault: str) -> bool:
        answer = await self.http.get(f"/v1/vaults/{vault}/balances")
        return any(int(item["available"]["amount_base_units"]) for item in answer.json()["items"])

    async def state(self, transfer: str) -> str:
        return str((await self.http.get(f"/v1/transfers/{transfer}")).json()["state"])

    async def ask(self, vault: str) -> str:
        body = {"vault_id": vault, "network": NETWORK.id, "destination": OUTSIDE, "amount": "0.1"}
        made = await self.post("transfers", body, **{"Idempotency-Key": "hops"})
        return str(made["id"])

    @asynccontextmanager
    async def running(self, follower: str = "") -> AsyncIterator[None]:
        """`follower`: the name of the visit that following blocks is, if it is looked at."""
        follow = visiting(follower, self.worker.follow)
        loops = [visiting(OUTBOX, self.worker.run_outbox), follow]
        tasks = [asyncio.create_task(loop()) for loop in loops]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(60):
        while not await holds():  # noqa: ASYNC110 - a node and a loop, which set no event
            await asyncio.sleep(0.02)


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[House]:
    async with AsyncExitStack() as stack:
        node = AnvilNode(NETWORK, folder / "node")
        stack.push_async_callback(node.stop)
        await node.start()
        socket = folder / "signer.sock"
        endpoint = Endpoint()
        server = Server(endpoint)
        stack.push_async_callback(server.close)
        state = StateDirectory(folder / "signer")
        state.path.mkdir()
        contents = Contents(bytearray(SEED), PINNED)
        endpoint.session = await server.run(lambda: Session(state, contents, [NETWORK.alias]))
        await server.listen_unix(UnixListener(socket, frozenset({os.geteuid()})))
        url = f"sqlite+aiosqlite:///{folder / 'custody.sqlite3'}"
        await upgrade(url)
        settings = Settings(
            database_url=SecretStr(url),
            signer_socket=socket,
            nodes={NETWORK.alias: [{"url": node.url}]},  # type: ignore[dict-item]
            poll_interval_s=0.05,
            _env_file=None,  # type: ignore[call-arg]
        )
        custody = await stack.enter_async_context(open_custody(settings))
        await custody.signer.publish_policy(standing_policy())
        async with custody.database.write() as session:
            made = await create_key(
                session,
                name="test",
                initiator="robot",
                scopes=list(Scope),
                client_id=None,
                now=custody.clock(),
            )
        house = House(custody, node, made.secret)
        stack.push_async_callback(house.monitor.close)
        yield house


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Trace:
    """Of one transfer, from the request until it is final."""

    async def play() -> Trace:
        with tracing() as trace:
            async with opened(tmp_path_factory.mktemp("hops")) as house:
                vault = await house.open_funded()
                trace.hops = {DEPOSIT: trace.hops[DEPOSIT]}
                trace.upward.clear()
                transfer = await asyncio.create_task(visiting(REQUEST, lambda: house.ask(vault))())
                async with house.running():

                    async def is_final() -> bool:
                        await house.node.mine()
                        return await house.state(transfer) == "final"

                    await until(is_final)
        return trace

    return asyncio.run(play())


def test_the_architecture_describes_the_way_as_it_is(trace: Trace) -> None:
    document = described(DOCUMENT)
    for visit in (*VISITS, DEPOSIT):
        seen = trace.hops.get(visit, {})
        named = {hop.rooms: hop for _, hop in document.get(visit, ())}
        assert seen.keys() <= named.keys(), f"{visit}: {seen.keys() - named.keys()}"
        assert named.keys() - seen.keys() <= SOMETIMES, f"{visit}: {named.keys() - seen.keys()}"
        for rooms in seen:
            assert named[rooms] in seen[rooms], f"{visit}: {named[rooms]} but {seen[rooms]}"


def test_the_way_is_short(trace: Trace) -> None:
    assert sum(len(trace.hops.get(visit, {})) for visit in VISITS) <= HOPS_MAX


def test_the_way_of_a_deposit_is_short(trace: Trace) -> None:
    assert 0 < len(trace.hops[DEPOSIT]) <= DEPOSIT_HOPS_MAX


def test_the_way_falls_downward(trace: Trace) -> None:
    """No lower layer calls a higher one back, but for one named case, and no two rooms call each
    other, directly or over others."""
    assert {hop.rooms for hop in trace.upward} <= CALLED_BACK
    below: dict[str, set[str]] = {}
    for seen in trace.hops.values():
        for caller, callee in seen.keys() - CALLED_BACK:
            below.setdefault(caller, set()).add(callee)
    assert all(room not in _under(below, room) for room in below)


def _under(below: dict[str, set[str]], room: str) -> set[str]:
    found: set[str] = set()
    waiting = list(below.get(room, ()))
    while waiting:
        each = waiting.pop()
        if each not in found:
            found.add(each)
            waiting += below.get(each, ())
    return found
