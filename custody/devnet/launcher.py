"""Starts the house in the order it depends on itself: nodes, signer, policy, database, API.

Everything that an operator would do by hand is done through the same commands and calls that the
operator has: `custody-keys`, `custody-signer` and `custody` run as processes, the policy is
published through the signer's socket. Each process dies with this one (`chains.devnet.process`).
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx2
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from chains.catalogue import built_in
from chains.devnet.node import DevNode, IssuesTokens
from chains.devnet.process import EngineProcess, free_port
from chains.networks import Network
from custody.apikeys.model import KEY_PATTERN, Scope
from custody.devnet.nodes import running_nodes
from custody.devnet.policy import MACHINE, administrators, standing_policy
from signer.client import SignerClient, SignerError

POLL_INTERVAL_S: Final = 0.25
START_TIMEOUT_S: Final = 90.0
_BIN: Final = Path(sys.executable).parent
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class House:
    """What runs. `api_key` may do everything; it exists only in this house's database.
    `environment`: what an operator's `custody` commands need."""

    nodes: Mapping[str, DevNode]
    networks: Mapping[str, Network]
    signer_socket: Path
    base_url: str
    api_key: str
    environment: Mapping[str, str]

    @property
    def api_key_id(self) -> str:
        """As operators name it: key_…"""
        found = KEY_PATTERN.fullmatch(self.api_key)
        assert found is not None
        return f"key_{found[1]}"

    async def operate(self, *arguments: str) -> None:
        """An operator's `custody` command. Raises RuntimeError with what it said."""
        command: list[str | Path] = [_BIN / "custody", *arguments]
        await asyncio.to_thread(_run, command, self.environment)

    def networks_and_nodes(self) -> list[tuple[Network, DevNode]]:
        return [(self.networks[alias], node) for alias, node in self.nodes.items()]


@asynccontextmanager
async def running_house(root: Path, say: Say, port: int | None = None) -> AsyncIterator[House]:
    """The whole house under `root`, until the context ends. Raises EngineFailed and the like."""
    say("starting five local networks: bitcoind, 2 x anvil, tron, solana")
    async with running_nodes(root / "nodes") as nodes:
        issuers = [node for node in nodes.values() if isinstance(node, IssuesTokens)]
        tokens = [await node.issue_token() for node in issuers]
        async with running_custody(root, say, nodes, port=port, tokens=tokens) as house:
            yield house


@asynccontextmanager
async def running_custody(
    root: Path,
    say: Say,
    nodes: Mapping[str, DevNode],
    *,
    urls: Mapping[str, Any] | None = None,
    port: int | None = None,
    tokens: Sequence[Mapping[str, Any]] = (),
    settings: Mapping[str, str] | None = None,
) -> AsyncIterator[House]:
    """All but the nodes, which run already. `urls`: where custody finds them, by default where they
    are. `tokens`: rows of those that the policy lists. `settings`: more of custody's, by name.
    Raises EngineFailed and the like."""
    async with AsyncExitStack() as stack:
        catalogue = built_in().with_rows([], tokens)
        networks = {alias: catalogue.find_network(alias) for alias in nodes}
        urls = urls or {alias: _described(node) for alias, node in nodes.items()}
        say("starting the isolated signer")
        socket = await _start_signer(stack, root / "signer", networks, tokens)
        port = port or free_port()
        environment = _environment(root, socket, urls, port) | dict(settings or {})
        say("preparing the database (SQLite) and an API key")
        _run([_BIN / "custody", "migrate"], environment)
        api_key = _create_api_key(environment)
        say("starting the API and its workers")
        base_url = f"http://127.0.0.1:{port}"
        await _start_api(stack, root / "api", environment, base_url)
        yield House(nodes, networks, socket, base_url, api_key, environment)


async def _start_signer(
    stack: AsyncExitStack,
    state: Path,
    networks: Mapping[str, Network],
    tokens: Sequence[Mapping[str, Any]],
) -> Path:
    """A new seed, a passphrase nobody knows, and the standing policy."""
    administrator = Ed25519PrivateKey.generate()
    passphrase, pinned = _write_secrets(state, administrator)
    keys, socket = state / "state", state / "signer.sock"
    trusted = ("--administrators", pinned)
    _run(_with_passphrase(passphrase, "custody-keys", "init", "--state-dir", keys, *trusted), {})
    chosen = [part for alias in networks for part in ("--network", alias)]
    where = ("--state-dir", keys, "--socket", socket)
    command = _with_passphrase(passphrase, "custody-signer", "serve", *where, *chosen)
    process = EngineProcess(command, state / "signer.log")
    stack.push_async_callback(process.stop)
    process.start()
    client = SignerClient(socket)
    stack.push_async_callback(client.close)

    async def answers() -> bool:
        try:
            return not (await client.status()).locked
        except SignerError:
            return False

    await process.wait_ready(answers, START_TIMEOUT_S)
    await client.publish_policy(standing_policy(networks.values(), administrator, tokens))
    return socket


def _write_secrets(state: Path, administrator: Ed25519PrivateKey) -> tuple[Path, Path]:
    """Files of the passphrase and of the administrators to pin; nobody else may read them."""
    state.mkdir(parents=True, mode=0o700)
    passphrase, pinned = state / "passphrase", state / "administrators.json"
    passphrase.touch(mode=0o600)
    passphrase.write_text(secrets.token_urlsafe(32))
    pinned.write_text(json.dumps(administrators(administrator)))
    return passphrase, pinned


def _with_passphrase(passphrase: Path, program: str, *arguments: str | Path) -> list[str | Path]:
    """The program with the passphrase on file descriptor 3, which only a shell can say."""
    script = 'passphrase=$1; shift; exec "$@" --passphrase-fd 3 3<"$passphrase"'
    return ["/bin/sh", "-c", script, "sh", passphrase, _BIN / program, *arguments]


def _described(node: DevNode) -> dict[str, str]:
    """As `CUSTODY_NODES` names it."""
    return {"url": node.url} | ({"push": node.push} if node.push else {})


def _environment(root: Path, socket: Path, urls: Mapping[str, Any], port: int) -> dict[str, str]:
    """The API's settings, and of ours only what a process needs to run at all."""
    inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return inherited | {
        "CUSTODY_DATABASE_URL": f"sqlite+aiosqlite:///{root / 'custody.db'}",
        "CUSTODY_SIGNER_SOCKET": str(socket),
        "CUSTODY_NODES": json.dumps(dict(urls)),
        "CUSTODY_PORT": str(port),
        "CUSTODY_POLL_INTERVAL_S": str(POLL_INTERVAL_S),
        "CUSTODY_RECONCILE_INTERVAL_S": "5",
    }


def _create_api_key(environment: Mapping[str, str]) -> str:
    scopes = [part for scope in Scope for part in ("--scope", scope.value)]
    command: list[str | Path] = [_BIN / "custody", "apikey", "create"]
    command += ["--name", "devnet", "--initiator", MACHINE]
    return _run([*command, *scopes], environment).split()[-1]


async def _start_api(
    stack: AsyncExitStack, folder: Path, environment: Mapping[str, str], base_url: str
) -> None:
    process = EngineProcess(
        [_BIN / "custody", "serve"], folder / "api.log", environment=environment
    )
    stack.push_async_callback(process.stop)
    process.start()

    async def ready() -> bool:
        try:
            async with httpx2.AsyncClient(base_url=base_url, timeout=5.0) as client:
                return (await client.get("/ready")).status_code == httpx2.codes.OK
        except httpx2.TransportError:
            return False

    await process.wait_ready(ready, START_TIMEOUT_S)


def _run(command: Sequence[str | Path], environment: Mapping[str, str]) -> str:
    """A command that ends by itself; its output. What it says when it fails goes to the person."""
    done = subprocess.run(
        [str(part) for part in command],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{Path(str(command[0])).name} failed: {done.stderr.strip()}")
    return done.stdout
