"""A bare FastAPI route that writes the rows of one accepted transfer, and nothing else.

`python -m tests.bench.bare_route --port 8000 --connections 8 --transfer tfr_… --key … DATABASE_URL`

It parses the request and answers with it; it authenticates nobody, decides nothing and reads
nothing. What it writes are copies of the rows that custody wrote for the named transfer.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

import uvicorn
from fastapi import FastAPI, Header
from pydantic import BaseModel
from sqlalchemy import make_url

from tests.bench.inserting import BareInserts, open_bare


class NewTransfer(BaseModel):
    vault_id: str
    network: str
    destination: str
    amount_base_units: str
    note: str


class Written(NewTransfer):
    key: str


def make_app(url: str, connections: int, transfer: str, key: str) -> FastAPI:
    free: asyncio.Queue[BareInserts] = asyncio.Queue()

    @asynccontextmanager
    async def connected(_: FastAPI) -> AsyncIterator[None]:
        opened = [open_bare(url, 1) for _ in range(connections)]
        for bare in opened:
            await bare.learn(transfer, key)
            free.put_nowait(bare)
        yield
        for bare in opened:
            await bare.close()

    app = FastAPI(lifespan=connected)

    @app.get("/ready")
    async def ready() -> None:
        return None

    @app.post("/v1/transfers", status_code=201)
    async def create(body: NewTransfer, idempotency_key: Annotated[str, Header()]) -> Written:
        bare = await free.get()
        try:
            await bare.insert(1)
        finally:
            free.put_nowait(bare)
        return Written(**body.model_dump(), key=idempotency_key)

    return app


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.bare_route", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--connections", type=int, required=True)
    parser.add_argument("--transfer", required=True)
    parser.add_argument("--key", required=True)
    parser.add_argument("url")
    given = parser.parse_args()
    # One connection to SQLite: its writers queue anyway, and here all are in one thread.
    connections = 1 if make_url(given.url).drivername.startswith("sqlite") else given.connections
    app = make_app(given.url, connections, given.transfer, given.key)
    uvicorn.run(app, host="127.0.0.1", port=given.port, log_config=None, access_log=False)


if __name__ == "__main__":
    main()
