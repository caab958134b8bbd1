"""A house of several processes on one database, any of which may be killed and started again.

The programs are the real ones with the real settings: a signer, APIs that run no workers, and
workers. Who asks for something repeats it, with the same retry key, until some API has answered:
so does a client whose answer was lost.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx2

from chains.devnet.node import DevNode
from chains.devnet.process import EngineProcess, free_port
from chains.model import Address
from custody.apikeys.model import Scope
from signer.state import StateDirectory
from tests.bench.requests import standing_policy
from tests.support.networks import find_network
from tests.support.signer import RunningSigner, prepare_state, running_signer

PATIENCE_S: Final = 120.0
"""For what takes seconds on an idle machine."""
SIGNER: Final = "signer"
_POLL_INTERVAL_S: Final = 0.25
_LOOK_S: Final = 0.1
_BIN: Final = Path(sys.executable).parent
_UP: Final = {"api": "api_started", "wor": "workers_started"}
_AWAY: Final = frozenset({500, 502, 503, 504})


async def until(
    holds: Callable[[], Awaitable[object]], what: str, patience_s: float = PATIENCE_S
) -> None:
    """Asks until the answer is true."""
    try:
        async with asyncio.timeout(patience_s):
            while not await holds():  # noqa: ASYNC110 - it happens in other processes
                await asyncio.sleep(_LOOK_S)
    except TimeoutError:
        raise AssertionError(f"not within {patience_s:g} s: {what}") from None


def _client() -> httpx2.AsyncClient:
    """One for all: to make one takes longer than to ask."""
    return httpx2.AsyncClient(timeout=20.0, trust_env=False)


@dataclass
class Fleet:
    """`members`: the APIs and workers, by name, running or not. Members and the signer are killed
    and started by name."""

    folder: Path
    environment: Mapping[str, str]
    state: StateDirectory
    members: dict[str, EngineProcess] = field(default_factory=dict)
    urls: dict[str, str] = field(default_factory=dict)
    api_key: str = ""
    _signer: AsyncExitStack = field(default_factory=AsyncExitStack)
    _serving: RunningSigner | None = None
    _http: httpx2.AsyncClient = field(default_factory=_client)
    _asked: int = 0
    _starts: Counter[str] = field(default_factory=Counter)

    # Processes

    def start_signer(self) -> None:
        self._serving = self._signer.enter_context(running_signer(self.state))

    def add_api(self, name: str, **settings: str) -> None:
        port = free_port()
        self.urls[name] = f"http://127.0.0.1:{port}"
        self._add(name, "serve", {"CUSTODY_PORT": str(port), **settings})

    def add_worker(self, name: str, **settings: str) -> None:
        self._add(name, "worker", settings)

    def _add(self, name: str, verb: str, settings: Mapping[str, str]) -> None:
        self.add(name, [_BIN / "custody", verb], settings)

    def add(self, name: str, command: Sequence[str | Path], settings: Mapping[str, str]) -> None:
        """Any program, with the fleet's settings and these."""
        environment = {**self.environment, **settings}
        self.members[name] = EngineProcess(
            command, self.folder / f"{name}.log", environment=environment
        )
        self._start(name)

    def _start(self, name: str) -> None:
        self._starts[name] += 1
        self.members[name].start()

    def kill(self, name: str) -> None:
        """With SIGKILL: nothing of it tidies up."""
        if name == SIGNER:
            assert self._serving is not None
            self._serving.kill()
        else:
            self.members[name].kill()

    async def start(self, name: str) -> None:
        """Again, after it was killed."""
        if name == SIGNER:
            await self._signer.aclose()
            await asyncio.to_thread(self.start_signer)
        else:
            self._start(name)

    def is_up(self, name: str) -> bool:
        """Whether it has said that it works, as often as it was started."""
        if name == SIGNER:
            return self._serving is not None and self._serving.process.poll() is None
        member = self.members[name]
        said = member.log_path.read_text(errors="replace") if member.log_path.exists() else ""
        return member.running and said.count(_UP[name[:3]]) >= self._starts[name]

    async def retire(self, name: str) -> None:
        """Asked to end, as an operator does, and gone for good."""
        await self.members.pop(name).stop()
        self.urls.pop(name, None)

    async def stop(self) -> None:
        await self._http.aclose()
        await asyncio.gather(*(each.stop() for each in self.members.values()))
        await self._signer.aclose()

    def check_running(self) -> None:
        """Nobody ended who was not killed."""
        for name, member in self.members.items():
            assert member.running, f"{name} has ended:\n{member.log_tail()}"

    def run(self, *arguments: str, **settings: str) -> str:
        """A command that ends by itself; what it printed."""
        done = subprocess.run(
            [str(_BIN / "custody"), *arguments],
            env={**self.environment, **settings},
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_S,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    # What a client does

    async def ask(
        self, verb: str, path: str, body: Mapping[str, Any] | None = None, key: str | None = None
    ) -> Any:
        """The JSON of a success, of whichever API answers."""
        headers = {"Authorization": f"Bearer {self.api_key}"}
        if key is not None:
            headers["Idempotency-Key"] = key
        said = "nobody answered"
        for _ in range(int(PATIENCE_S / _LOOK_S)):
            url = f"{self._next_url()}/v1{path}"
            try:
                answer = await self._http.request(verb, url, json=body, headers=headers)
            except httpx2.TransportError as error:
                said = type(error).__name__
            else:
                if answer.status_code not in _AWAY:
                    assert answer.is_success, f"{verb} {path}: {answer.text}"
                    return answer.json()
                said = answer.text
            await asyncio.sleep(_LOOK_S)
        raise AssertionError(f"{verb} {path}: {said}")

    def _next_url(self) -> str:
        """They take turns."""
        self._asked += 1
        urls = list(self.urls.values())
        return urls[self._asked % len(urls)]

    async def is_ready(self) -> bool:
        """All APIs, and some workers."""
        for url in self.urls.values():
            try:
                answer = await self._http.get(f"{url}/ready")
            except httpx2.TransportError:
                return False
            if not answer.is_success or answer.json()["workers"] != "ok":
                return False
        return True


@dataclass
class Till:
    """A vault with money on one network. `paid`: payee and amount of each retry key."""

    fleet: Fleet
    node: DevNode
    alias: str
    vault: str = ""
    address: Address = field(default_factory=lambda: Address(""))
    paid: dict[str, tuple[Address, int]] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)

    async def open(self) -> None:
        client = await self.fleet.ask("POST", "/clients", {"name": "Bank"})
        body = {"client_id": client["id"], "name": self.alias}
        self.vault = (await self.fleet.ask("POST", "/vaults", body))["id"]
        path = f"/vaults/{self.vault}/addresses"
        made = await self.fleet.ask("POST", path, {"network": self.alias})
        self.address = Address(made["address"])

    async def endow(self, *amounts: int) -> None:
        """From outside, a deposit each, until they can be spent."""
        for amount in amounts:
            await self.node.fund(self.address, amount)
        await self.until_available(sum(amounts))

    async def until_available(self, amount: int) -> None:
        async def arrived() -> bool:
            await self.node.mine()
            answer = await self.fleet.ask("GET", f"/vaults/{self.vault}/balances")
            found = [int(each["available"]["amount_base_units"]) for each in answer["items"]]
            return found == [amount]

        await until(arrived, f"{self.alias}: {amount} can be spent")

    async def pay(self, key: str, amount: int, to: Address | None = None) -> str:
        """Asked for. The transfer's id."""
        payee = await self.node.outside_address() if to is None else to
        self.paid[key] = payee, amount
        body = {
            "vault_id": self.vault,
            "network": self.alias,
            "destination": payee,
            "amount_base_units": str(amount),
        }
        self.ids[key] = (await self.fleet.ask("POST", "/transfers", body, key))["id"]
        return self.ids[key]

    async def state(self, transfer: str) -> str:
        return str((await self.fleet.ask("GET", f"/transfers/{transfer}"))["state"])

    async def until_final(
        self, keys: Iterable[str] | None = None, patience_s: float = PATIENCE_S
    ) -> None:
        """While blocks come."""
        left = list(self.ids if keys is None else keys)

        async def ended() -> bool:
            await self.node.mine()
            while left and await self.state(self.ids[left[-1]]) == "final":
                left.pop()
            return not left

        try:
            await until(ended, f"{self.alias}: all are final", patience_s)
        except AssertionError as late:
            raise AssertionError(f"{late}\n{await self._standing(left)}") from None

    async def _standing(self, keys: Iterable[str]) -> str:
        """What whoever reads a failure asks first."""
        found = [await self.fleet.ask("GET", f"/transfers/{self.ids[key]}") for key in keys]
        alarms = (await self.fleet.ask("GET", "/alarms"))["items"]
        told = [json.dumps(each) for each in (*found, *alarms)]
        return "\n".join([*told, *(m.log_tail() for m in self.fleet.members.values())])

    async def check_payees(self) -> None:
        """Asked of the node: each has what was meant for it, once."""
        has = {key: await self.node.balance(to) for key, (to, _) in self.paid.items()}
        assert has == {key: amount for key, (_, amount) in self.paid.items()}


@asynccontextmanager
async def running_fleet(
    folder: Path,
    database_url: str,
    nodes: Mapping[str, DevNode],
    *,
    apis: Sequence[str] = ("api-1",),
    workers: Sequence[str] = ("worker-1", "worker-2"),
    **settings: str,
) -> AsyncIterator[Fleet]:
    """On a migrated, empty database, ready to be asked, until the context ends."""
    inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    urls = {alias: node.url for alias, node in nodes.items()}
    environment = inherited | {
        "CUSTODY_DATABASE_URL": database_url,
        "CUSTODY_SIGNER_SOCKET": str(folder / "signer.sock"),
        "CUSTODY_NODES": json.dumps(urls),
        "CUSTODY_POLL_INTERVAL_S": str(_POLL_INTERVAL_S),
        "CUSTODY_RUN_WORKERS": "false",
        **settings,
    }
    fleet = Fleet(folder, environment, prepare_state(folder))
    try:
        fleet.start_signer()
        assert fleet._serving is not None
        client = fleet._serving.client()
        await client.publish_policy(standing_policy())
        await client.close()
        scopes = [part for scope in Scope for part in ("--scope", scope.value)]
        made = await asyncio.to_thread(
            fleet.run, "apikey", "create", "--name", "fleet", "--initiator", "robot", *scopes
        )
        fleet.api_key = made.split()[-1]
        for name in apis:
            fleet.add_api(name)
        for name in workers:
            fleet.add_worker(name)

        async def is_ready() -> bool:
            fleet.check_running()
            return await fleet.is_ready()

        await until(is_ready, "the fleet is ready")
        yield fleet
    finally:
        await fleet.stop()


def whole(alias: str, thousandths: int = 1000) -> int:
    """Base units of so many thousandths of the network's coin."""
    return int(thousandths * 10 ** (find_network(alias).native.decimals - 3))
