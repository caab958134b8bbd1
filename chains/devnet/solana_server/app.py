"""HTTP around the chain: JSON-RPC at `/`, control verbs at `/control`, `/health`.

Everything runs in one event loop without awaiting, so a request sees the chain between two
changes, never in the middle of one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from solders.pubkey import Pubkey
from solders.signature import Signature
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from chains.devnet.solana_server.chain import Chain, Refusal
from chains.devnet.solana_server.issuing import Tokens
from chains.devnet.solana_server.methods import Methods, RpcError


def make_app(chain: Chain) -> Starlette:
    methods, control, slots = Methods(chain), Control(chain), Slots(chain)

    async def rpc(request: Request) -> Response:
        try:
            body = await request.json()
        except ValueError:
            return JSONResponse(_failure(None, RpcError(-32700, "Parse error")))
        if isinstance(body, list):
            return JSONResponse([_answer(methods, each) for each in body])
        return JSONResponse(_answer(methods, body))

    async def verbs(request: Request) -> Response:
        arguments = await request.json()
        verb = arguments.pop("verb")
        try:
            return JSONResponse({"result": control.call(verb, arguments)})
        except (Refusal, RpcError) as refusal:
            return JSONResponse({"refused": str(refusal)})
        finally:
            slots.look()

    async def announce(socket: WebSocket) -> None:
        await socket.accept()
        await slots.serve(socket)

    async def health(_: Request) -> Response:
        return PlainTextResponse("ok")

    return Starlette(
        routes=[
            Route("/", rpc, methods=["POST"]),
            Route("/control", verbs, methods=["POST"]),
            Route("/health", health),
            WebSocketRoute("/", announce),
        ]
    )


class Slots:
    """`slotSubscribe`, the one subscription that there is here."""

    def __init__(self, chain: Chain) -> None:
        self._chain = chain
        self._moved = asyncio.Event()
        self._told = chain.tip.slot

    def look(self) -> None:
        """Something was done to the chain."""
        if self._chain.tip.slot != self._told:
            self._told = self._chain.tip.slot
            self._moved.set()
            self._moved = asyncio.Event()

    async def serve(self, socket: WebSocket) -> None:
        """Until the client goes."""
        telling = None
        try:
            while True:
                asked = await socket.receive_json()
                if asked.get("method") != "slotSubscribe" or telling is not None:
                    answer = _failure(asked.get("id"), RpcError(-32601, "Method not found"))
                    await socket.send_json(answer)
                    continue
                await socket.send_json({"jsonrpc": "2.0", "id": asked.get("id"), "result": 0})
                telling = asyncio.create_task(self._tell(socket))
        except (WebSocketDisconnect, ValueError):
            return
        finally:
            if telling is not None:
                telling.cancel()
                await asyncio.gather(telling, return_exceptions=True)

    async def _tell(self, socket: WebSocket) -> None:
        while True:
            await self._moved.wait()
            tip = self._chain.tip
            slot = {"parent": tip.parent_slot, "root": self._chain.final.slot, "slot": tip.slot}
            params = {"result": slot, "subscription": 0}
            note = {"jsonrpc": "2.0", "method": "slotNotification", "params": params}
            await socket.send_json(note)


class Control:
    """What tests, the demo and benchmarks do to the cluster, past every rule of a client."""

    def __init__(self, chain: Chain) -> None:
        self._chain = chain
        self._methods = Methods(chain)
        self._tokens = Tokens(chain, self._methods)

    def call(self, verb: str, arguments: dict[str, Any]) -> Any:
        """Raises Refusal or RpcError."""
        verbs: dict[str, Callable[..., Any]] = {
            "mine": self.mine,
            "reorg": self.reorg,
            "fund": self.fund,
            "accepted": self.accepted,
            "balance": self.balance,
            "received": self.received,
            "issue_token": self._tokens.issue,
            "fund_token": self._tokens.fund,
            "token_balance": self._tokens.balance,
            "token_received": self._tokens.received,
        }
        return verbs[verb](**arguments)

    def mine(self, blocks: int = 1, skip: int = 0) -> None:
        self._chain.mine(blocks, skip)

    def reorg(self, depth: int) -> None:
        self._chain.reorg(depth)

    def fund(self, address: str, lamports: int) -> Any:
        return self._methods.call("requestAirdrop", [address, lamports])

    def accepted(self) -> int:
        """How many transactions wait for a block or are in one."""
        included = sum(len(block.transactions) for block in self._chain.blocks)
        return included + len(self._chain.waiting)

    def balance(self, address: str) -> int:
        """The runtime's own newest state."""
        account = self._chain.executor.account(Pubkey.from_string(address))
        return 0 if account is None else account.lamports

    def received(self, signature: str, address: str) -> int:
        found = self._chain.find(Signature.from_string(signature))
        if found is None:
            return 0
        _, executed = found
        key = Pubkey.from_string(address)
        if key not in executed.loaded.keys:
            return 0
        index = executed.loaded.keys.index(key)
        return max(0, executed.after[index] - executed.before[index])


def _answer(methods: Methods, request: Any) -> dict[str, Any]:
    if not isinstance(request, dict) or not isinstance(request.get("method"), str):
        return _failure(None, RpcError(-32600, "Invalid request"))
    try:
        result = methods.call(request["method"], request.get("params") or [])
    except RpcError as error:
        return _failure(request.get("id"), error)
    return {"jsonrpc": "2.0", "id": request.get("id"), "result": result}


def _failure(request_id: Any, error: RpcError) -> dict[str, Any]:
    value = {"code": error.code, "message": str(error)}
    if error.data is not None:
        value["data"] = error.data
    return {"jsonrpc": "2.0", "id": request_id, "error": value}
