"""A family that this program never heard of, added by the steps of docs/adding-a-chain.md alone.

The real API, custody, workers and signer of this process do the main job on it: a deposit, a
transfer, and a ledger that equals the chain.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from pydantic import SecretStr

from api.app import attach, create_app
from chains.catalogue import built_in
from chains.errors import NetworkInvalid
from chains.model import Address, AssetId
from chains.networks import Network
from chains.transport.endpoint import Endpoints
from custody.apikeys.model import Scope
from custody.apikeys.service import create_key
from custody.bootstrap import Custody, connect, open_custody
from custody.config import Settings
from custody.db.migrate import upgrade
from custody.services import Services, make_services
from custody.workers.workers import Workers
from signer.client import SignerClient, SignerRefused
from signer.codecs import codec_for
from signer.endpoint import Endpoint
from signer.keystore import Contents
from signer.policy import SignedPolicy
from signer.server import Server, UnixListener
from signer.session import Session
from signer.state import StateDirectory
from tests.support.fake_chain import FakeNode
from tests.support.signer import PINNED, SEED
from tests.support.signer_policy import policy_document, rule, sign_policy
from tests.support.toy import ASSET_ROW, NETWORK_ROW, TOKEN_ROW
from tests.support.toy.adapter import NODES
from tests.support.toy.codec import ToyCodec
from tests.support.toy.steps import STEPS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "adding-a-chain.md"
ALIAS = NETWORK_ROW["alias"]
URL = "http://toy.invalid"


ROWS: dict[str, Any] = {"networks": [NETWORK_ROW], "assets": [ASSET_ROW, TOKEN_ROW]}


@pytest.fixture
def added(monkeypatch: pytest.MonkeyPatch) -> None:
    for step in STEPS.values():
        step(monkeypatch)


def policy(**rows: Any) -> SignedPolicy:
    """Allows every payment, and describes the network."""
    costs = [{"network": NETWORK_ROW["id"], "kind": "fee", "amount": "1000000"}]
    return sign_policy(policy_document(rule("all", costs=costs), **rows))


@asynccontextmanager
async def running_signer(folder: Path) -> AsyncIterator[Path]:
    """The signer's own parts, for the toy network alone. Its socket."""
    socket, endpoint = folder / "signer.sock", Endpoint()
    server = Server(endpoint)
    state = StateDirectory(folder / "signer")
    state.path.mkdir()
    contents = Contents(bytearray(SEED), PINNED)
    try:
        endpoint.session = await server.run(lambda: Session(state, contents, [ALIAS]))
        await server.listen_unix(UnixListener(socket, frozenset({os.geteuid()})))
        yield socket
    finally:
        await server.close()


def settings_of(folder: Path) -> Settings:
    return Settings(
        database_url=SecretStr(f"sqlite+aiosqlite:///{folder / 'custody.sqlite3'}"),
        signer_socket=folder / "signer.sock",
        nodes={ALIAS: [{"url": URL}]},  # type: ignore[dict-item]
        poll_interval_s=0.05,
        _env_file=None,  # type: ignore[call-arg]
    )


@asynccontextmanager
async def opened(folder: Path, **rows: Any) -> AsyncIterator[tuple[Custody, Services]]:
    """Custody from its settings, as the program composes it, with a policy in force."""
    settings = settings_of(folder)
    async with running_signer(folder) as socket:
        client = SignerClient(socket)
        await client.publish_policy(policy(**rows))
        await client.close()
        await upgrade(settings.database)
        async with open_custody(settings) as custody:
            yield custody, make_services(custody)


class Client:
    """Asks the API."""

    def __init__(self, custody: Custody, services: Services, key: str) -> None:
        app = create_app(custody)
        self.monitor = attach(app, services)
        self._http = httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app),
            base_url="http://custody/v1/",
            headers={"Authorization": f"Bearer {key}"},
        )

    async def get(self, path: str) -> Any:
        return (await self._http.get(path)).json()

    async def post(self, path: str, body: Any, **headers: str) -> Any:
        answer = await self._http.post(path, json=body, headers=headers)
        assert answer.is_success, answer.text
        return answer.json()


async def main_job(folder: Path, node: FakeNode) -> None:
    async with opened(folder, **ROWS) as (custody, services):
        async with custody.database.write() as session:
            made = await create_key(
                session,
                name="toy",
                initiator="robot",
                scopes=list(Scope),
                client_id=None,
                now=custody.clock(),
            )
        client = Client(custody, services, made.secret)
        workers = Workers(services)
        running = asyncio.create_task(workers.run())
        try:
            vault = await play(client, node)
            await until(lambda: is_proven(services, vault))
        finally:
            workers.stop()
            await running
            await client.monitor.close()


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(60):
        while not await holds():  # noqa: ASYNC110 - workers, which set no event
            await asyncio.sleep(0.05)


async def is_proven(services: Services, vault: str) -> bool:
    """Counted at the tip, once custody stands there too: coin and token."""
    report = await services.reconciliation.run(vault=vault)
    return report.is_clean and len(report.lines) == 2


async def play(client: Client, node: FakeNode) -> str:
    """Deposits from outside, transfers to outside, of the coin and of the token, until all are
    final. The vault."""
    coin, token = f"{NETWORK_ROW['id']}/{NETWORK_ROW['native']}", TOKEN_ROW["id"]
    owner = await client.post("clients", {"name": "Toys Ltd"})
    vault = (await client.post("vaults", {"client_id": owner["id"], "name": "Box"}))["id"]
    address = await client.post(f"vaults/{vault}/addresses", {"network": ALIAS})
    await node.fund(Address(address["address"]), 5_000_000)
    await node.fund(Address(address["address"]), 700, asset=AssetId(token))

    async def available() -> dict[str, int]:
        items = (await client.get(f"vaults/{vault}/balances"))["items"]
        return {each["asset"]: int(each["available"]["amount_base_units"]) for each in items}

    async def credited() -> bool:
        await node.mine()
        return await available() == {coin: 5_000_000, token: 700}

    await until(credited)
    payee = await node.outside_address()
    for asset, amount in ((coin, "1.5"), (token, "2.5")):
        body = {"vault_id": vault, "network": ALIAS, "asset": asset, "destination": payee}
        key = {"Idempotency-Key": asset}
        asked = (await client.post("transfers", body | {"amount": amount}, **key))["id"]

        async def final(asked: str = asked) -> bool:
            await node.mine()
            return str((await client.get(f"transfers/{asked}"))["state"]) == "final"

        await until(final)
    assert node.state.balances[payee, coin] == 1_500_000
    assert node.state.balances[payee, token] == 250
    assert await available() == {coin: 5_000_000 - 1_500_000 - 2 * node.fee, token: 700 - 250}
    return str(vault)


async def test_the_main_job_on_a_family_that_was_added(added: None, tmp_path: Path) -> None:
    NODES[URL] = FakeNode(network(), codec=ToyCodec)
    try:
        await main_job(tmp_path, NODES[URL])
    finally:
        del NODES[URL]


def add_all_but(left_out: str, patch: pytest.MonkeyPatch) -> None:
    for place, step in STEPS.items():
        if place != left_out:
            step(patch)


def network() -> Network:
    return built_in().with_rows(ROWS["networks"], ROWS["assets"]).find_network(ALIAS)


def test_without_its_codec_its_row_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    add_all_but("chains/families.py", monkeypatch)
    with pytest.raises(NetworkInvalid, match="toy-local: family"):
        network()


def test_without_the_signers_word_nothing_is_signed(monkeypatch: pytest.MonkeyPatch) -> None:
    add_all_but("signer/codecs.py", monkeypatch)
    with pytest.raises(KeyError, match=ALIAS):
        codec_for(network())


def test_without_its_adapter_no_node_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    add_all_but("custody/bootstrap.py", monkeypatch)
    with pytest.raises(KeyError, match="toy"):
        connect(network(), Endpoints.of([URL]), 1.0)


async def test_without_its_row_there_is_no_network(added: None, tmp_path: Path) -> None:
    with pytest.raises(SignerRefused, match="unknown network toy:7"):
        async with opened(tmp_path):
            pass


def test_the_page_names_the_places_of_these_steps() -> None:
    """Beside the folder and the engine, and what only checks and images read."""
    table = PAGE.read_text().partition("## A family of chains")[2].partition("\n## ")[0]
    named = set(re.findall(r"^\| \d+ \| `([^`<]+)`", table, re.MULTILINE))
    beside = {place for place in named if place.startswith(("docker/", "pyproject"))}
    assert named - beside == {*STEPS, "chains/networks.toml"}  # or an operator's row, as here
