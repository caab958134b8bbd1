"""A network that no image knows, added to a house that runs: by a policy, a node and a restart.

Everything is done as an operator does it, by the commands of the runbook, in processes of their
own. The row is of a local EVM network with a chain id that stands nowhere in the code.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from chains.catalogue import built_in
from chains.devnet.evm import AnvilNode
from chains.devnet.process import EngineProcess, free_port
from chains.networks import Network
from custody.apikeys.model import Scope
from custody.devnet.demo import play
from custody.devnet.launcher import House
from custody.devnet.nodes import block_production
from custody.devnet.policy import (
    ADMINISTRATOR,
    MACHINE,
    administrators,
    standing_policy,
    standing_rule,
)
from signer.policy import SignedPolicy, policy_message
from signer.wire import canonical_json
from tests.support.networks import find_network
from tests.support.rows import coin_row, evm_row
from tests.support.signer import RunningSigner, prepare_state, running_signer

pytestmark = [pytest.mark.engine, pytest.mark.long, pytest.mark.timeout(420)]

BIN = Path(sys.executable).parent
KNOWN = find_network("ethereum-local")
ROW, COIN = evm_row(), coin_row(symbol="ETH")
LAGOON = built_in().with_rows([ROW], [COIN]).find_network("lagoon")


class Operator:
    """Types commands, and starts and stops custody."""

    def __init__(self, folder: Path, signer: RunningSigner, key: Ed25519PrivateKey) -> None:
        self.folder = folder
        self.key = key
        self.socket = signer.socket
        self.port = free_port()
        self.nodes: dict[str, str] = {}
        self.base_url = f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {
            "CUSTODY_DATABASE_URL": f"sqlite+aiosqlite:///{self.folder / 'custody.db'}",
            "CUSTODY_SIGNER_SOCKET": str(self.socket),
            "CUSTODY_NODES": json.dumps(self.nodes),
            "CUSTODY_PORT": str(self.port),
            "CUSTODY_POLL_INTERVAL_S": "0.25",
        }

    async def custody(self, *arguments: str | Path, fails: bool = False) -> str:
        """What a command says; on standard error, if it is to fail."""
        done = await asyncio.to_thread(
            subprocess.run,
            [str(BIN / "custody"), *map(str, arguments)],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=90,
        )
        assert (done.returncode != 0) == fails, done.stdout + done.stderr
        return done.stderr if fails else done.stdout

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        process = EngineProcess(
            [BIN / "custody", "serve"], self.folder / "api.log", environment=self.environment
        )
        process.start()
        try:
            await process.wait_ready(self._is_ready, 90)
            yield
        finally:
            await process.stop()

    async def ready(self) -> dict[str, Any]:
        async with httpx2.AsyncClient(base_url=self.base_url, timeout=5.0) as client:
            found: dict[str, Any] = (await client.get("/ready")).json()
        return found

    async def _is_ready(self) -> bool:
        try:
            return bool((await self.ready())["ready"])
        except httpx2.TransportError:
            return False

    def sign(self, draft: Path) -> Path:
        """As the administrator, whose key is no file here."""
        document = canonical_json(json.loads(draft.read_text()))
        signature = self.key.sign(policy_message(document))
        signed = draft.with_suffix(".signed")
        row = SignedPolicy(document, {ADMINISTRATOR: signature}).to_json()
        signed.write_bytes(canonical_json(row))
        return signed


def allowing(draft: Path, networks: list[Network]) -> None:
    """The next version, whose rules speak about all of `networks`: what an editor does."""
    row = json.loads(draft.read_text())
    rules = [standing_rule(networks)]
    draft.write_text(json.dumps(row | {"version": row["version"] + 1, "rules": rules}))


def rows_file(path: Path) -> Path:
    """As an operator writes it."""

    def table(name: str, row: Mapping[str, Any]) -> str:
        lines = [f"{key} = {_toml(value)}" for key, value in row.items()]
        return "\n".join([f"[{name}]", *lines, ""])

    network = {key: value for key, value in ROW.items() if key != "alias"}
    asset = {key: value for key, value in COIN.items() if key != "id"}
    text = table(f"networks.{ROW['alias']}", network) + table(f'assets."{COIN["id"]}"', asset)
    path.write_text(text)
    return path


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{key} = {_toml(each)}' for key, each in value.items())} }}"
    return json.dumps(value)


async def test_a_network_is_added_without_an_image(folder: Path) -> None:
    key = Ed25519PrivateKey.generate()
    state = prepare_state(folder, administrators=administrators(key))
    async with AsyncExitStack() as stack:
        old, new = AnvilNode(KNOWN, folder / "old"), AnvilNode(LAGOON, folder / "new")
        for node in (old, new):
            stack.push_async_callback(node.stop)
            await node.start()
        await stack.enter_async_context(block_production({"old": old, "new": new}, 0.5))
        signer = stack.enter_context(running_signer(state, "--network", "lagoon"))
        operator = Operator(folder, signer, key)
        operator.nodes = {KNOWN.alias: old.url}
        first = folder / "first.signed"
        first.write_bytes(canonical_json(standing_policy([KNOWN], key).to_json()))
        await operator.custody("policy", "publish", first)
        await operator.custody("migrate")
        scopes = [part for scope in Scope for part in ("--scope", scope.value)]
        made = await operator.custody(
            "apikey", "create", "--name", "devnet", "--initiator", MACHINE, *scopes
        )
        with_both = {KNOWN.alias: old.url, "lagoon": new.url}

        operator.nodes = with_both
        assert "unknown networks: lagoon" in await operator.custody("serve", fails=True)
        operator.nodes = {KNOWN.alias: old.url}
        async with operator.serving():
            assert (await operator.ready())["networks"] == "ok"
            draft, next_ = folder / "draft.json", folder / "next.json"
            await operator.custody("policy", "show", "--out", draft)
            rows = rows_file(folder / "rows.toml")
            await operator.custody("policy", "networks", draft, "--file", rows, "--out", next_)
            allowing(next_, [KNOWN, LAGOON])
            said = await operator.custody("policy", "diff", next_)
            assert "NEW network" in said and "lagoon (eip155:31339)" in said
            assert "REFUSED" not in said
            await operator.custody("policy", "publish", operator.sign(next_))
            await until(operator, "outdated")

        operator.nodes = with_both
        async with operator.serving():
            assert (await operator.ready())["networks"] == "ok"
            house = House(
                {"lagoon": new},
                {"lagoon": LAGOON},
                operator.socket,
                operator.base_url,
                made.split()[-1],
                operator.environment,
            )
            (result,) = await play(house, print)
        assert result.proven, result
        assert result.sent > 0


async def until(operator: Operator, word: str) -> None:
    async with asyncio.timeout(60):
        while (await operator.ready())["networks"] != word:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.2)
