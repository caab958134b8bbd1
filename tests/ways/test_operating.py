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

pytestmark = [
    pytest.mark.engine,
    pytest.mark.postgres,
    pytest.mark.xdist_group("devnet"),
    pytest.mark.long,
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


async def test_the_page_for_operators_works_as_printed(
    given: dict[str, str], postgres_server: PostgresServer, tmp_path: Path
):
    folders = [Path(sys.executable).parent, find_binaries(), os.environ["PATH"]]
    environment = {"PATH": ":".join(map(str, folders)), "HOME": str(tmp_path), "LANG": "C.UTF-8"}
    prelude = ADMINISTRATOR.format(folder=postgres_server.folder, owner=OWNER)
    said = await asyncio.to_thread(
        run, "docs/operating.md", tmp_path, given, environment, prelude, LIMIT_S
    )
    for words in (
        "the signer refused",  # one signature of two
        "approve handed in by ben",
        "added too recently",
        '"code":"vault_frozen"',
        '"code":"policy_denied"',
        "version 4 is in force",
    ):
        assert words in said, words
