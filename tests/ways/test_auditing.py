"""The auditor's way: docs/auditing.md as printed, with an audit key, a copy of the log and nothing
else, on a real engine with the real signer."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from chains.devnet.evm import AnvilNode
from chains.model import Address
from custody.devnet.demo import Api
from custody.devnet.evidence import exported
from custody.devnet.launcher import House, running_custody
from custody.devnet.nodes import block_production
from signer.client import SignerClient
from tests.integration.test_runbook import Bank, until
from tests.support.networks import find_network
from tests.ways.pages import ROOT, run

ALIAS = "ethereum-local"
ETHER = 10**18
OUTSIDE = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("devnet"), pytest.mark.timeout(300)]


@pytest_asyncio.fixture
async def bank() -> AsyncIterator[tuple[Bank, Path]]:
    """A vault with money on one network, and the folder of the house."""
    async with AsyncExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="auditing-")))
        node = AnvilNode(find_network(ALIAS), root / ALIAS)
        await node.start()
        stack.push_async_callback(node.stop)
        await stack.enter_async_context(block_production({ALIAS: node}, 0.5))
        house = await stack.enter_async_context(
            running_custody(root, lambda text: None, {ALIAS: node})
        )
        api = Api(house)
        stack.push_async_callback(api.close)
        client = await api.post("/clients", {"name": "Bank"})
        vault = await api.post("/vaults", {"client_id": client["id"], "name": "Treasury"})
        address = await api.post(f"/vaults/{vault['id']}/addresses", {"network": ALIAS})
        await node.fund(Address(address["address"]), 4 * ETHER)
        opened = Bank(house, api, vault["id"])

        async def credited() -> bool:
            return await opened.deposits(ALIAS) == [(4 * ETHER, "credited")]

        await until(credited, "the deposit is credited")
        yield opened, root


async def given_to_the_auditor(house: House, folder: Path, root: Path) -> dict[str, str]:
    """What the page says one needs: a copy of the log, its key, and the administrators."""
    shutil.copyfile(root / "signer" / "state" / "audit.jsonl", folder / "audit.jsonl")
    shutil.copyfile(root / "signer" / "administrators.json", folder / "administrators.json")
    client = SignerClient(house.signer_socket)
    status = await client.status()
    await client.close()
    keys = {"LOG_KEY": status.log_key.hex(), "VKEY": status.verifier_key}
    return {**keys, "API": house.base_url}


def installed(folder: Path) -> Path:
    """The checker as its package would install it; a test asks no registry for its library."""
    program = folder / "installed"
    path = f"sys.path.insert(0, {str(ROOT / 'verifier')!r})"
    run_it = "from custody_verify.cli import main; sys.exit(main())"
    program.write_text(f"#!{sys.executable} -I\nimport sys; {path}; {run_it}\n")
    program.chmod(0o700)
    return program


async def test_the_page_for_auditors_proves_a_payment_as_printed(
    bank: tuple[Bank, Path], tmp_path: Path
):
    opened, root = bank
    paid = await opened.pay(ALIAS, OUTSIDE, "0.5")
    variables = await given_to_the_auditor(opened.house, tmp_path, root)
    environment: dict[str, Any] = {
        **opened.house.environment,
        **variables,
        "TRANSFER": paid["id"],
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    await exported(opened.house, paid["id"])  # the block's proof is kept
    given = {"INSTALL": f"ln -s {installed(tmp_path)} checker/bin/custody-verify"}
    said = await asyncio.to_thread(run, "docs/auditing.md", tmp_path, given, environment)
    assert f"{paid['id']} is what was agreed to" in said
    assert "FAILED" not in said and "refuted" not in said
    assert "proven       bytes" in said
    (transaction,) = paid["transactions"]
    assert f"hash to {transaction['txid']}" in said
    (line, end) = (tmp_path / "transfers.jsonl").read_text().splitlines()
    assert json.loads(line)["txids"] == transaction["txid"]
    assert json.loads(end)["rows"] == 1
    for file in ("entries.csv", "deposits.csv"):
        assert (tmp_path / file).read_text().splitlines()[-1].startswith("end,")
