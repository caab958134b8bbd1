"""The integrator's way: docs/api.md as printed, against a house whose API, worker and signer are
processes of their own, on a real engine. The program follows the feed, and nothing else tells it
that it was paid or that its payment is final."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from chains.devnet.evm import AnvilNode
from chains.model import Address, TxId
from custody.devnet.nodes import block_production
from tests.bench.house import House, running_house
from tests.support.networks import find_network
from tests.ways.pages import Block, blocks

ALIAS = "ethereum-local"
NETWORK = find_network(ALIAS)
ETHER = 10**18
LIMIT_S = 90.0
ENDED = "GET /v1/transfers?state=final&state=failed&network=ethereum-local&order=desc&limit=20"

pytestmark = [
    pytest.mark.engine,
    pytest.mark.database,
    pytest.mark.xdist_group("devnet"),
    pytest.mark.timeout(300),
]


@dataclass
class State:
    """`cursor` is what the printed program keeps; `credited`, what its `credit` was called with."""

    cursor: str = ""
    credited: list[tuple[str, str, int]] = field(default_factory=list)


@dataclass
class Integrator:
    """Knows the page, a key, and what the operator told it: its client and its vault."""

    http: httpx2.AsyncClient
    names: dict[str, str]

    async def ask(self, first: str) -> Any:
        """The printed request with this first line, as it stands."""
        (block,) = [each for each in PRINTED if each.first == first]
        text = block.text
        for name, value in self.names.items():
            text = text.replace(f"{{{name}}}", value)
        line, *more = text.strip().split("\n")
        method, path = line.split()
        headers = dict(each.split(": ", 1) for each in more if not each.startswith("{"))
        body = next((json.loads(each) for each in more if each.startswith("{")), None)
        answer = await self.http.request(method, path, headers=headers, json=body)
        assert answer.status_code in (200, 201), f"{line}: {answer.text}"
        return answer.json()

    async def get(self, path: str) -> Any:
        return (await self.http.get(path)).raise_for_status().json()


PRINTED: tuple[Block, ...] = tuple(
    each for each in blocks("docs/api.md") if each.language == "http"
)


@pytest_asyncio.fixture
async def way(tmp_path: Path, sqlite_url: str) -> AsyncIterator[tuple[Integrator, AnvilNode]]:
    async with AsyncExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="integrating-")))
        node = AnvilNode(NETWORK, root / ALIAS)
        await node.start()
        stack.push_async_callback(node.stop)
        await stack.enter_async_context(block_production({ALIAS: node}, 0.25))
        # Bitcoin is not paid over; the page's first address is on it, and making one asks no node.
        nodes = {ALIAS: node.url, "bitcoin-regtest": "http://x:x@127.0.0.1:9"}
        house: House = await stack.enter_async_context(
            running_house(root / "house", sqlite_url, nodes, workers=1)
        )
        http = await stack.enter_async_context(
            httpx2.AsyncClient(
                base_url=house.base_url,
                headers={"Authorization": f"Bearer {house.api_key}"},
                timeout=40.0,
            )
        )
        client = await made(http, "/v1/clients", {"name": "Shop"})
        vault = await made(http, "/v1/vaults", {"client_id": client, "name": "Till"})
        yield Integrator(http, {"client": client, "vault": vault}), node


async def made(http: httpx2.AsyncClient, path: str, body: dict[str, str]) -> str:
    answer = (await http.post(path, json=body)).raise_for_status()
    name: str = answer.json()["id"]
    return name


async def until(holds: Callable[[], Awaitable[Any]]) -> Any:
    """The first answer that is true. What it asks waits by itself, with `wait`."""
    async with asyncio.timeout(LIMIT_S):
        while not (found := await holds()):  # noqa: ASYNC110 - processes, which set no event here
            await asyncio.sleep(0)
        return found


async def test_the_page_for_integrators_works_as_printed(way: tuple[Integrator, AnvilNode]):
    shop, node = way
    react = printed_program()

    # Being paid: an address, money from outside, and the printed program credits it once.
    await shop.ask("POST /v1/vaults/{vault}/addresses")
    wanted = {"network": ALIAS}
    vault = shop.names["vault"]
    address = (await shop.http.post(f"/v1/vaults/{vault}/addresses", json=wanted)).json()
    await node.fund(Address(address["address"]), 2 * ETHER)
    state = State()

    async def one_round() -> bool:
        await react(shop.http, state, lambda *deposit: state.credited.append(deposit))
        return bool(state.credited)

    await until(one_round)
    ((_, asset, units),) = state.credited
    assert (asset, units) == (NETWORK.native.id, 2 * ETHER)

    # What it costs at most is known before it is asked for.
    fees = await shop.ask("GET /v1/networks/ethereum-local/fees")
    assert fees["network"] == NETWORK.id
    estimate = await shop.ask("POST /v1/transfers:estimate")
    assert not (await shop.get("/v1/transfers"))["items"], "an estimate asks for nothing"

    # Paying, and finding it again by its own name; the same request again is the same payment.
    asked = await shop.ask("POST /v1/transfers")
    assert (await shop.ask("POST /v1/transfers"))["id"] == asked["id"]
    (found,) = (await shop.ask("GET /v1/transfers?external_id=invoice-2041"))["items"]
    assert found["id"] == asked["id"]

    # The feed tells that it is final, from where the program stopped reading.
    states = list[str]()

    async def is_final() -> bool:
        answer = await shop.get(f"/v1/events?wait=1&cursor={state.cursor}")
        state.cursor = answer["cursor"]
        states.extend(each["state"] for each in answer["items"] if each["subject"] == asked["id"])
        return "final" in states

    await until(is_final)
    assert states[-1] == "final"
    paid = await shop.get(f"/v1/transfers/{asked['id']}")
    (transaction,) = paid["transactions"]
    payee = Address(paid["destination"])
    sent = int(paid["amount_base_units"])
    assert await node.received(TxId(transaction["txid"]), payee, NETWORK.native.id) == sent
    cost = int(transaction["costs"]["fee"]["amount_base_units"])
    assert 0 < cost <= int(estimate["costs_max"]["fee"]["amount_base_units"])
    (ended,) = (await shop.ask(ENDED))["items"]
    assert ended["id"] == asked["id"]


def printed_program() -> Callable[..., Awaitable[None]]:
    (program,) = [each for each in blocks("docs/api.md") if each.language == "python"]
    names: dict[str, Any] = {}
    exec(program.text, names)
    react: Callable[..., Awaitable[None]] = names["react"]
    return react
