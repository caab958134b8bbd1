"""The operator's way: docs/operating.md as printed, from an empty PostgreSQL to an upgrade, on a
real engine with the real signer."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio

from chains.devnet.evm import AnvilNode
from chains.devnet.process import free_port
from custody.devnet.faucet import running_faucet
from custody.devnet.nodes import block_production
from tests.support.database import OWNER, PostgresServer, find_binaries
from tests.support.networks import find_network
from tests.ways.pages import run

ALIAS = "ethereum-local"
LIMIT_S = 700.0
"""Most of it is waiting: for blocks, for key files to open, and a minute for the allowlist."""

SHORT_ENDS = "## 5. The API"
"""What comes before is short enough for every day: PostgreSQL, keys, the signer, the policy."""

pytestmark = [
    pytest.mark.engine,
    pytest.mark.postgres,
    pytest.mark.xdist_group("devnet"),
    pytest.mark.timeout(760),
]
ADMINISTRATOR = """
as_administrator() {{ python3 -c '
import sys, psycopg
with psycopg.connect("host={folder} user={owner} dbname=postgres", autocommit=True) as database:
    for statement in filter(str.strip, sys.stdin.read().split(";")):
        database.execute(statement)'; }}
"""


@pytest_asyncio.fixture
async def given(postgres_server: PostgresServer) -> AsyncIterator[dict[str, str]]:
    """What the page's words mean here: a node whose chain grows, somebody outside, a database."""
    async with AsyncExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="operating-")))
        network = find_network(ALIAS)
        node = AnvilNode(network, root / ALIAS)
        await node.start()
        stack.push_async_callback(node.stop)
        await stack.enter_async_context(block_production({ALIAS: node}, 0.5))
        faucet, port = free_port(), free_port()
        await stack.enter_async_context(running_faucet({ALIAS: node}, {ALIAS: network}, faucet))
        yield {
            "DATABASE": f"@/bank?host={postgres_server.folder}",
            "NODE": node.url,
            "FAUCET": f"http://127.0.0.1:{faucet}",
            "API": f"http://127.0.0.1:{port}",
            "PORT": f"CUSTODY_PORT={port}",
        }
    postgres_server.run("DROP DATABASE IF EXISTS bank WITH (FORCE)")
    postgres_server.run("DROP ROLE IF EXISTS bank", "DROP ROLE IF EXISTS bank_owner")


async def operate(
    given: dict[str, str], server: PostgresServer, folder: Path, before: str | None = None
) -> str:
    folders = [Path(sys.executable).parent, find_binaries(), os.environ["PATH"]]
    environment = {"PATH": ":".join(map(str, folders)), "HOME": str(folder), "LANG": "C.UTF-8"}
    prelude = ADMINISTRATOR.format(folder=server.folder, owner=OWNER)
    return await asyncio.to_thread(
        run, "docs/operating.md", folder, given, environment, prelude, LIMIT_S, before
    )


@pytest.mark.long
async def test_the_page_for_operators_works_as_printed(
    given: dict[str, str], postgres_server: PostgresServer, tmp_path: Path
):
    said = await operate(given, postgres_server, tmp_path)
    for words in (
        "the signer refused",  # one signature of two
        "approve handed in by ben",
        "added too recently",
        '"code":"vault_frozen"',
        '"signer_stopped"',
        "version 3 is in force",
        "rebuilt 0 vaults",
    ):
        assert words in said, words


async def test_a_policy_of_two_administrators_is_in_force_as_the_page_says(
    given: dict[str, str], postgres_server: PostgresServer, tmp_path: Path
):
    said = await operate(given, postgres_server, tmp_path, SHORT_ENDS)
    for words in ("the signer refused", "version 1 is in force", "after approval by 2 of treasury"):
        assert words in said, words
