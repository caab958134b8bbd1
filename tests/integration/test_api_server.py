"""The application as `custody serve` runs it: a real server, a real socket, and its workers."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx2
import pytest
import uvicorn

from api.app import from_environment


@pytest.mark.parametrize("run_workers", ["true", "false"])
async def test_it_starts_answers_and_stops(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run_workers: str
):
    for name, value in {
        "DATABASE_URL": sqlite_url,
        "SIGNER_SOCKET": str(tmp_path / "none.sock"),
        "NODES": '{"ethereum-local": "http://127.0.0.1:1"}',
        "NODE_TIMEOUT_S": "0.2",
        "POLL_INTERVAL_S": "0.05",
        "RUN_WORKERS": run_workers,
    }.items():
        monkeypatch.setenv(f"CUSTODY_{name}", value)
    config = uvicorn.Config(
        from_environment, factory=True, host="127.0.0.1", port=0, log_config=None
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
        assert (await http.get("/health")).json() == {"status": "ok"}
        ready = await http.get("/ready")
        assert ready.status_code == 503
        assert (ready.json()["database"], ready.json()["signer"]) == ("ok", "unavailable")
        assert ready.json()["nodes"][0]["state"] == "unreachable"
        present = "ok" if run_workers == "true" else "unavailable"
        while (await http.get("/ready")).json()["workers"] != present:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        assert (await http.get("/v1/networks")).status_code == 401
        chunks = (b" " * 1024 for _ in range(100))

        async def body():
            for chunk in chunks:
                yield chunk

        answer = await http.post(
            "/v1/clients", content=body(), headers={"Content-Type": "application/json"}
        )
        assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
    server.should_exit = True
    async with asyncio.timeout(60):
        await serving
