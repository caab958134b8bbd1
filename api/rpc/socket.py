"""JSON-RPC over a WebSocket: the same requests, and what is told later (`eth_subscribe`).

A connection can break at any moment and nothing is lost by it: what was asked for stands in the
database, and the same request on another connection finds it.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any, Final

from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from api.context import ServicesDependency
from api.rpc.bounds import Bounds
from api.rpc.doors import KeyDoor, TokenDoor, still_open
from api.rpc.heads import Heads
from api.rpc.methods import answers
from api.rpc.protocol import failure
from api.rpc.subscriptions import Subscriptions
from api.rpc.wallet import Wallet
from chains.adapter import Relays
from chains.evm.eip1193.faults import PARSE_ERROR, RpcFault
from chains.model import NetworkId
from custody.provider.model import Door
from custody.services import Services
from signer.wire import read_strict_json

router = APIRouter()

MESSAGES_MAX: Final = 16
"""Of one connection, under way at a time; the next one is read when one of them is answered."""
DOOR_S: Final = 5.0
"""How soon a connection ends after its key or token was revoked."""
_POLICY, _TOO_BIG, _AGAIN = 1008, 1009, 1013
"""RFC 6455 section 7.4.1; IANA for the last."""


@router.websocket("/vaults/{vault_id}/rpc/{network}")
async def listen_to_vault(
    websocket: WebSocket, door: KeyDoor, services: ServicesDependency
) -> None:
    await _serve(websocket, door, services)


@router.websocket("/rpc/{token}")
async def listen_with_token(
    websocket: WebSocket, door: TokenDoor, services: ServicesDependency
) -> None:
    await _serve(websocket, door, services)


async def _serve(websocket: WebSocket, door: Door, services: Services) -> None:
    bounds: Bounds = websocket.app.state.bounds
    try:
        with bounds.connected(door.caller.key_id):
            await websocket.accept()
            await _Connection(websocket, door, services, bounds).run()
    except RpcFault:
        await websocket.close(_AGAIN)


class _Connection:
    def __init__(
        self, websocket: WebSocket, door: Door, services: Services, bounds: Bounds
    ) -> None:
        self._websocket = websocket
        self._door = door
        self._services = services
        self._bounds = bounds
        self._sending = asyncio.Lock()
        self._turn = asyncio.Lock()
        self._free = asyncio.Semaphore(MESSAGES_MAX)
        self._subscriptions = Subscriptions(heads_of(websocket, services, door), self._send)
        self._answering: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Until either side ends it."""
        watching = [
            asyncio.create_task(each)
            for each in (self._read(), self._watch(), self._subscriptions.overrun.wait())
        ]
        try:
            await asyncio.wait(watching, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (*watching, *self._answering):
                task.cancel()
            await asyncio.gather(*watching, *self._answering, return_exceptions=True)
            await self._subscriptions.close()
            await self._end(_AGAIN if self._subscriptions.overrun.is_set() else _POLICY)

    async def _read(self) -> None:
        most = self._services.custody.settings.body_bytes_max
        while True:
            try:
                text = await self._websocket.receive_text()
            except (WebSocketDisconnect, KeyError):  # it has gone, or sends bytes
                return
            if len(text.encode()) > most:
                await self._end(_TOO_BIG)
                return
            await self._free.acquire()
            task = asyncio.create_task(self._answer(text))
            self._answering.add(task)
            task.add_done_callback(self._answering.discard)

    async def _watch(self) -> None:
        """Whoever was let in still may be here."""
        while await still_open(self._websocket, self._services, self._door):  # noqa: ASYNC110
            await asyncio.sleep(DOOR_S)

    async def _answer(self, text: str) -> None:
        try:
            try:
                document = read_strict_json(text.encode())
            except ValueError:
                fault = RpcFault(PARSE_ERROR, "this is not one JSON document")
                await self._send(failure(None, fault))
                return
            wallet = Wallet(
                self._services,
                self._door,
                self._bounds,
                self._bounds.patience_until(),
                turn=self._turn,
            )
            found = await answers(wallet, document, self._subscriptions.methods)
            if found is not None:
                await self._send(found)
            self._subscriptions.start()
            await wallet.note()
        except (WebSocketDisconnect, RuntimeError):
            return  # it has gone: what it was not told it finds again
        finally:
            self._free.release()

    async def _send(self, value: Any) -> None:
        text = json.dumps(value, separators=(",", ":"))
        async with self._sending:
            await self._websocket.send_text(text)

    async def _end(self, code: int) -> None:
        try:
            await self._websocket.close(code)
        except (WebSocketDisconnect, RuntimeError):
            return  # it has gone


def heads_of(websocket: WebSocket, services: Services, door: Door) -> Heads:
    """One for all who listen to a network in this process."""
    found: dict[str, Heads] = websocket.app.state.heads
    if door.network not in found:
        adapter = services.custody.adapters[NetworkId(door.network)]
        assert isinstance(adapter, Relays)
        found[door.network] = Heads(adapter.relay)
    return found[door.network]
