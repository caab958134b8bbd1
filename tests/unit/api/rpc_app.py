"""An app that has a vault for its wallet, as tests of JSON-RPC play it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import select

from api.rpc.bounds import Bounds
from custody.db.ids import new_id
from custody.db.transfer_tables import TransferRow
from custody.transfers import repository
from custody.transfers.apply import transition
from custody.transfers.state import Event
from tests.support.transfer_rows import add_transaction
from tests.unit.api.counter import OUTSIDE, Counter

ALIAS = "ethereum-local"
CHAIN = "0x7a69"
TO = OUTSIDE[ALIAS]
PAGE = "https://app.example.org"


class Node:
    """An adapter that is asked other people's questions. `says`: by method."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.says: dict[str, Any] = {"eth_blockNumber": "0x10", "eth_getTransactionCount": "0x3"}
        self.asked: list[tuple[str, Any]] = []
        self.gate: asyncio.Event | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def relay(self, method: str, params: Any) -> Any:
        self.asked.append((method, params))
        if self.gate is not None:
            await self.gate.wait()
        found = self.says.get(method, "0x1")
        if isinstance(found, Exception):
            raise found
        return found


class App:
    """An app that has the vault for a wallet. `path`: where it asks."""

    def __init__(self, counter: Counter, path: str | None = None, key: str | None = "ask") -> None:
        self.counter = counter
        self.path = path or f"/v1/vaults/{counter.vault_id}/rpc/{ALIAS}"
        self.key = key
        network = next(n for n in counter.custody.networks.values() if n.alias == ALIAS)
        self.network = network.id
        self.node = Node(counter.custody.adapters[network.id])
        counter.custody.adapters[network.id] = self.node  # type: ignore[index]
        counter.app.state.bounds = Bounds(patience_s=0.0)

    async def post(self, document: Any, **headers: str) -> Any:
        answer = await self.counter.call("POST", self.path, document, key=self.key, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def ask(self, method: str, *params: Any, **headers: str) -> Any:
        """The result. Raises Refused."""
        request = {"jsonrpc": "2.0", "id": 7, "method": method, "params": list(params)}
        answer = await self.post(request, **headers)
        assert answer["id"] == 7
        if "error" in answer:
            raise Refused(answer["error"])
        return answer["result"]

    async def refusal(self, method: str, *params: Any, **headers: str) -> dict[str, Any]:
        with pytest.raises(Refused) as caught:
            await self.ask(method, *params, **headers)
        return caught.value.error

    async def address(self) -> str:
        (mine,) = await self.ask("eth_accounts")
        return str(mine)

    async def pay(self, value: int = 5, **fields: Any) -> dict[str, Any]:
        """Its refusal, which a payment that waits is."""
        asked = {"from": await self.address(), "to": TO, "value": hex(value), **fields}
        return await self.refusal("eth_sendTransaction", asked)


class Refused(Exception):
    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(str(error))
        self.error = error


async def transfers(counter: Counter) -> list[TransferRow]:
    async with counter.database.read() as session:
        return list(await session.all(select(TransferRow).order_by(TransferRow.ordinal)))


async def end(counter: Counter, transfer_id: str, event: Event, reason: str | None = None) -> None:
    """As approvers and clocks do it."""
    async with counter.database.write() as session:
        row = await repository.lock_transfer(session, transfer_id)
        assert row is not None
        ledger = counter.app.state.services.ledger
        await transition(session, ledger, row, event, counter.clock(), reason)


async def sent(app: App, transfer_id: str, txid: str) -> None:
    """As if the workers had signed and broadcast it."""
    now = app.counter.clock()
    async with app.counter.database.write() as session:
        await add_transaction(
            session,
            new_id("txn"),
            [transfer_id],
            network=app.network,
            vault=app.counter.vault_id,
            payload=b"",
            now=now,
            txid=txid,
            broadcast_at=now,
        )


async def made_token(counter: Counter, *origins: str, key: str = "ask") -> dict[str, Any]:
    path = f"/v1/vaults/{counter.vault_id}/rpc-tokens"
    found: dict[str, Any] = await counter.post(
        path, {"network": ALIAS, "origins": list(origins)}, key
    )
    return found
