"""A contract on a real EVM that an operator describes, by the command that he types."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from signer.policy import Policy
from signer.wire import canonical_json
from tests.nodes.test_evm_tokens import PAYEE, Opened, opened, plain
from tests.support.cli import done, refused
from tests.support.evm import World
from tests.support.rows import abi
from tests.support.signer_policy import policy_document

__all__ = ["opened", "plain"]

pytestmark = pytest.mark.engine


async def test_a_contract_is_described_in_a_draft(
    opened: Opened,
    plain: World,
    tmp_path: Path,
) -> None:
    """By the command that an operator types, up to the draft that administrators sign."""
    world, token = await opened("usdc")
    draft, out, alias = tmp_path / "draft.json", tmp_path / "out.json", plain.network.alias
    draft.write_bytes(policy_document())
    fragments, files = [abi("burn", ("units", "uint256"))], tmp_path / "abi.json"
    files.write_text(json.dumps({"abi": fragments}))
    env = {
        "CUSTODY_DATABASE_URL": f"sqlite+aiosqlite:///{tmp_path / 'custody.sqlite3'}",
        "CUSTODY_NODES": json.dumps({alias: plain.node.url}),
    }
    await asyncio.to_thread(done, "migrate", env=env)
    said = ("--abi", files, "--function", "burn", "--name", "Burner", "--out", out)
    add = ("contract", "add", alias, token.contract.lower(), draft, *said)
    told = await asyncio.to_thread(done, *add, env=env)
    assert f"Burner ({token.contract})" in told and "burn(uint256), with units" in told
    _, upgradeable = await world.adapter.code(token.contract)
    assert ("UPGRADEABLE" in told) is upgradeable
    made = Policy.parse(canonical_json(json.loads(out.read_text())))
    network = made.catalogue.find_network(alias)
    assert [*network.contracts[token.contract].signatures] == ["burn(uint256)"]
    assert "never overwritten" in await asyncio.to_thread(refused, 2, *add, env=env)
    nowhere = ("contract", "add", alias, PAYEE, draft, *said[:-1], tmp_path / "other.json")
    assert "no contract" in await asyncio.to_thread(refused, 1, *nowhere, env=env)
