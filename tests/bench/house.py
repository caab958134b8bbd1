"""The house as an operator runs it: signer, API and workers, each a process of its own.

The programs are the real ones with the real settings; only the blocks are asked for more often,
because the local networks make them as fast as they are told to. The API starts the first worker
itself, as it does by default; further ones are `custody worker`.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from chains.devnet.process import EngineProcess, free_port
from custody.apikeys.model import Scope
from tests.bench.lean_http import LeanClient
from tests.bench.measure import Clock, cpu_of
from tests.bench.requests import standing_policy
from tests.support.signer import prepare_state, running_signer

POLL_INTERVAL_S = 0.25
_BIN = Path(sys.executable).parent
_START_S = 60.0


@dataclass(frozen=True, slots=True)
class House:
    """`api_cpu`, `worker_cpu`: seconds of CPU that the API and all workers have spent."""

    base_url: str
    api_key: str
    api_cpu: Clock
    worker_cpu: Clock

    def connect(self) -> LeanClient:
        return LeanClient(self.base_url, {"Authorization": f"Bearer {self.api_key}"})


@asynccontextmanager
async def running_house(
    folder: Path,
    database_url: str,
    nodes: Mapping[str, Any],
    workers: int,
    poll_interval_s: float = POLL_INTERVAL_S,
    tokens: Sequence[Mapping[str, Any]] = (),
) -> AsyncIterator[House]:
    """On an empty database, until the context ends. `nodes`: as `CUSTODY_NODES` names them.
    `tokens`: rows of those that the policy lists."""
    await asyncio.to_thread(folder.mkdir)
    async with AsyncExitStack() as stack:
        signer = stack.enter_context(running_signer(prepare_state(folder)))
        client = signer.client()
        stack.push_async_callback(client.close)
        await client.publish_policy(standing_policy(tokens))
        port = free_port()
        environment = _environment(database_url, signer.socket, nodes, port, workers > 0)
        environment["CUSTODY_POLL_INTERVAL_S"] = str(poll_interval_s)
        _run(environment, "migrate")
        key = _make_key(environment)
        api = _process(stack, folder, environment, "serve")
        more = [_process(stack, folder, environment, "worker", at) for at in range(1, workers)]
        processes = [api, *more]
        base_url = f"http://127.0.0.1:{port}"
        await api.wait_ready(lambda: is_ready(base_url), _START_S)
        assert api.pid is not None
        pids = [*_children_of(api.pid), *(each.pid for each in more if each.pid is not None)]
        assert len(pids) == workers, f"{len(pids)} workers run"
        clocks = [cpu_of(pid) for pid in pids]
        yield House(base_url, key, cpu_of(api.pid), lambda: sum(clock() for clock in clocks))
        failed = [each.log_tail() for each in processes if not each.running]
        assert not failed, failed[0]


def _environment(
    database_url: str, socket: Path, nodes: Mapping[str, Any], port: int, run_workers: bool
) -> dict[str, str]:
    inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return inherited | {
        "CUSTODY_DATABASE_URL": database_url,
        "CUSTODY_SIGNER_SOCKET": str(socket),
        # What is measured is custody, not how many payments of one address fit into a block.
        "CUSTODY_IN_FLIGHT_MAX": "1000",
        "CUSTODY_NODES": json.dumps(dict(nodes)),
        "CUSTODY_PORT": str(port),
        "CUSTODY_RUN_WORKERS": str(run_workers),
    }


def _make_key(environment: Mapping[str, str]) -> str:
    scopes = [part for scope in Scope for part in ("--scope", scope.value)]
    return _run(
        environment, "apikey", "create", "--name", "bench", "--initiator", "robot", *scopes
    ).split()[-1]


def _run(environment: Mapping[str, str], *arguments: str) -> str:
    """A command that ends by itself; what it printed."""
    command = [str(_BIN / "custody"), *arguments]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _process(
    stack: AsyncExitStack, folder: Path, environment: Mapping[str, str], verb: str, at: int = 0
) -> EngineProcess:
    process = EngineProcess(
        [_BIN / "custody", verb], folder / f"{verb}-{at}.log", environment=environment
    )
    stack.push_async_callback(process.stop)
    process.start()
    return process


def _children_of(pid: int) -> list[int]:
    """Of the process (Linux)."""
    lists = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for each in lists for child in each.read_text().split()]


async def is_ready(base_url: str) -> bool:
    """Database and signer; whether its nodes answer does not count."""
    try:
        async with httpx2.AsyncClient(base_url=base_url, timeout=5.0) as client:
            return (await client.get("/ready")).status_code == httpx2.codes.OK
    except httpx2.TransportError:
        return False
