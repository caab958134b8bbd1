"""A JSON-RPC node that is another one, but for the methods that it doesn't have."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import ClientSession, web


@asynccontextmanager
async def without_methods(url: str, prefix: str) -> AsyncIterator[str]:
    """The URL of a node like the one at `url`, that answers calls of methods that begin with
    `prefix` as geth does when their API is switched off."""
    async with ClientSession() as session:

        def refusal(call: dict[str, Any]) -> dict[str, Any]:
            method = call["method"]
            message = f"the method {method} does not exist/is not available"
            error = {"code": -32601, "message": message}
            return {"jsonrpc": "2.0", "id": call.get("id"), "error": error}

        async def passed_on(body: bytes) -> Any:
            headers = {"Content-Type": "application/json"}
            async with session.post(url, data=body, headers=headers) as answer:
                return await answer.json(content_type=None)

        async def answer(call: dict[str, Any]) -> Any:
            if str(call["method"]).startswith(prefix):
                return refusal(call)
            return await passed_on(json.dumps(call).encode())

        async def handle(request: web.Request) -> web.Response:
            calls = json.loads(await request.read())
            if isinstance(calls, list):
                return web.json_response([await answer(call) for call in calls])
            return web.json_response(await answer(calls))

        application = web.Application(client_max_size=1 << 26)
        application.router.add_post("/{path:.*}", handle)
        runner = web.AppRunner(application)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        try:
            host, port, *_ = runner.addresses[0]
            yield f"http://{host}:{port}"
        finally:
            await runner.cleanup()
