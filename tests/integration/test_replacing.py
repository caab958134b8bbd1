"""A transfer that waits is paid more for, and another one is called off: real API, worker and
signer, each a process of its own, on real engines, from HTTP to final."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from chains.devnet.node import DevNode
from chains.model import Address, TxId
from custody.devnet.nodes import NODES
from tests.bench.house import running_house
from tests.bench.lean_http import LeanClient
from tests.support.networks import find_network

pytestmark = [pytest.mark.engine, pytest.mark.database]

FUNDS = 5
NETWORKS = (
    "bitcoin-regtest",
    "solana-local",
    # What differs from bitcoin is the adapter's, whose conformance tests run daily.
    pytest.param("ethereum-local", marks=pytest.mark.long),
    pytest.param("bsc-local", marks=pytest.mark.long),
)


class Desk:
    """One vault with five coins, and what a client does with it."""

    def __init__(self, alias: str, node: DevNode, client: LeanClient) -> None:
        self.network = find_network(alias)
        self.coin = 10**self.network.native.decimals
        self.node = node
        self._client = client
        self._asked = 0
        self.vault = ""

    async def open(self) -> None:
        client = await self._client.post("/v1/clients", {"name": "Bank"})
        named = {"client_id": client["id"], "name": "Treasury"}
        self.vault = (await self._client.post("/v1/vaults", named))["id"]
        wanted = {"network": self.network.alias}
        made = await self._client.post(f"/v1/vaults/{self.vault}/addresses", wanted)
        for _ in range(FUNDS):
            await self.node.fund(Address(made["address"]), self.coin)
        await self.node.mine()
        await self.node.finalize()
        await until(lambda: self._has(FUNDS * self.coin))

    async def send(self, to: Address) -> dict[str, Any]:
        """A tenth of a coin; once its transaction is in the node's pool."""
        self._asked += 1
        body = {
            "vault_id": self.vault,
            "network": self.network.alias,
            "destination": to,
            "amount": "0.1",
        }
        key = {"Idempotency-Key": f"pay-{self._asked}"}
        made = await self._client.post("/v1/transfers", body, **key)
        return await self.sent(made["id"], 1)

    async def sent(self, transfer: str, number: int) -> dict[str, Any]:
        """The transfer, once so many transactions of it have been broadcast."""
        found: dict[str, Any] = {}

        async def are_there() -> bool:
            nonlocal found
            found = await self.get(transfer)
            states = [each["state"] for each in found["transactions"]]
            return states == ["broadcast"] * number

        await until(are_there)
        return found

    async def get(self, transfer: str) -> dict[str, Any]:
        found: dict[str, Any] = await self._client.get(f"/v1/transfers/{transfer}")
        return found

    async def post(self, path: str, body: Any) -> None:
        await self._client.post(f"/v1/transfers/{path}", body)

    async def refused(self, path: str, body: Any) -> None:
        with pytest.raises(AssertionError, match="409"):
            await self.post(path, body)

    async def available(self) -> tuple[int, int]:
        """And what is reserved."""
        answer = await self._client.get(f"/v1/vaults/{self.vault}/balances")
        (item,) = answer["items"]
        return tuple(int(item[each]["amount_base_units"]) for each in ("available", "reserved"))  # type: ignore[return-value]

    async def _has(self, amount: int) -> bool:
        return await self.available() == (amount, 0)

    async def ended(self, transfer: str) -> dict[str, Any]:
        """Mined until nothing of it is open."""
        found: dict[str, Any] = {}

        async def is_over() -> bool:
            nonlocal found
            await self.node.mine()
            found = await self.get(transfer)
            states = {each["state"] for each in found["transactions"]}
            return not states & {"built", "signed", "broadcast", "included"}

        await until(is_over)
        return found


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(60):
        while not await holds():  # noqa: ASYNC110 - processes, which set no event here
            await asyncio.sleep(0.1)


@pytest.mark.parametrize("alias", NETWORKS)
async def test_paid_more_for_and_called_off(alias: str, tmp_path: Path, sqlite_url: str) -> None:
    node = NODES[alias](find_network(alias), tmp_path / "node")
    try:
        await node.start()
        nodes = {alias: node.url}
        async with running_house(tmp_path / "house", sqlite_url, nodes, workers=1) as house:
            client = house.connect()
            try:
                desk = Desk(alias, node, client)
                await desk.open()
                await play(desk)
            finally:
                await client.close()
    finally:
        await node.stop()


async def play(desk: Desk) -> None:
    if desk.network.alias == "solana-local":
        await make_nonce_accounts(desk)
    native = desk.network.native.id
    before, _ = await desk.available()
    payee, nobody = [await desk.node.outside_address() for _ in range(2)]
    urgent, wrong = await desk.send(payee), await desk.send(nobody)
    (slow,) = urgent["transactions"]
    await desk.post(f"{urgent['id']}/speed-up", {"txid": slow["txid"]})
    fast = (await desk.sent(urgent["id"], 2))["transactions"][1]
    assert (fast["replaces"], fast["purpose"]) == (slow["id"], "pay")
    await desk.post(f"{urgent['id']}/speed-up", {"txid": slow["txid"]})  # repeated: nothing more
    await desk.post(f"{wrong['id']}/cancel", {})
    off = (await desk.sent(wrong["id"], 2))["transactions"][1]
    assert off["purpose"] == "cancel"

    paid, called_off = await desk.ended(urgent["id"]), await desk.ended(wrong["id"])
    states = [each["state"] for each in (*paid["transactions"], *called_off["transactions"])]
    assert states == ["dead", "final", "dead", "final"]
    assert (paid["state"], called_off["state"]) == ("final", "cancelled")
    assert await desk.node.received(TxId(fast["txid"]), payee, native) == desk.coin // 10
    assert await desk.node.balance(payee) == desk.coin // 10
    assert await desk.node.balance(nobody) == 0
    fees = sum(
        int(each["costs"]["fee"]["amount_base_units"])
        for each in (paid["transactions"][1], called_off["transactions"][1])
    )
    assert await desk.available() == (before - desk.coin // 10 - fees, 0)


async def make_nonce_accounts(desk: Desk) -> None:
    """What makes one can't be replaced, and says so."""
    first = [await desk.send(await desk.node.outside_address()) for _ in range(2)]
    for each in first:
        (only,) = each["transactions"]
        await desk.refused(f"{each['id']}/speed-up", {"txid": only["txid"]})
        await desk.refused(f"{each['id']}/cancel", {})
    for each in first:
        await desk.ended(each["id"])
