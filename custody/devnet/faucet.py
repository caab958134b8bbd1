"""A loopback HTTP tap on the local networks while `custody devnet up` runs: money from outside.

    curl -X POST 'http://127.0.0.1:8001/fund?network=tron-local&address=T…&amount=25'
    curl -X POST 'http://127.0.0.1:8001/fund?network=bsc-local&address=0x…&amount=25&asset=eip155:…'
    curl -X POST 'http://127.0.0.1:8001/reorg?network=bitcoin-regtest&depth=1'

Stands for the outside world. It is no part of the wallet and knows nothing of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from chains.assets import Amount
from chains.devnet.node import DevNode, IssuesTokens
from chains.errors import ChainError
from chains.model import Address, AssetId
from chains.networks import Network
from custody.errors import CustodyError


@asynccontextmanager
async def running_faucet(
    nodes: Mapping[str, DevNode], networks: Mapping[str, Network], port: int
) -> AsyncIterator[None]:
    """Serve until the context ends."""
    config = uvicorn.Config(
        _app(nodes, networks),
        host="127.0.0.1",
        port=port,
        log_config=None,
        access_log=False,
        lifespan="off",
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve())
    try:
        yield
    finally:
        server.should_exit = True
        await task


class _Server(uvicorn.Server):
    """Leaves the signals to the program around it."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _app(nodes: Mapping[str, DevNode], networks: Mapping[str, Network]) -> Starlette:
    async def fund(request: Request) -> JSONResponse:
        alias, node = _node(nodes, request)
        network = networks[alias]
        wanted = AssetId(request.query_params.get("asset", network.native.id))
        asset = {network.native.id: network.native, **network.tokens}.get(wanted)
        if asset is None:
            raise HTTPException(422, "asset: one that is listed there")
        amount = Amount.parse(asset, request.query_params.get("amount", "")).units
        address = Address(request.query_params.get("address", ""))
        if asset == network.native:
            return JSONResponse({"txid": await node.fund(address, amount)})
        assert isinstance(node, IssuesTokens)
        return JSONResponse({"txid": await node.fund_token(address, asset.id, amount)})

    async def reorg(request: Request) -> JSONResponse:
        _, node = _node(nodes, request)
        depth = request.query_params.get("depth", "")
        if not depth.isdecimal() or int(depth) < 1:
            raise HTTPException(422, "depth: how many blocks")
        await node.reorg(int(depth))
        return JSONResponse({"reorganised": int(depth)})

    async def refuse(_: Request, error: Exception) -> JSONResponse:
        return JSONResponse({"error": str(error)}, 422)

    return Starlette(
        routes=[
            Route("/fund", fund, methods=["POST"]),
            Route("/reorg", reorg, methods=["POST"]),
        ],
        exception_handlers={ChainError: refuse, CustodyError: refuse},
    )


def _node(nodes: Mapping[str, DevNode], request: Request) -> tuple[str, DevNode]:
    alias = request.query_params.get("network", "")
    if alias not in nodes:
        raise HTTPException(422, f"network: one of {', '.join(nodes)}")
    return alias, nodes[alias]
