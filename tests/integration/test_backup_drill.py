"""`custody backup` and `custody restore` of database and signer as one drill: the machine is lost,
and what is left is the backup and a later copy of the signer's log."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from custody.devnet.policy import standing_policy
from signer.client import SignerClient
from signer.wire import canonical_json
from tests.integration.test_restore_drill import (
    RUNBOOK,
    Drill,
    _is,
    alarms,
    drill,
    on,
    until,
)
from tests.support.networks import find_network
from tests.support.signer import run_keys, running_signer

__all__ = ["drill"]
pytestmark = [pytest.mark.engine, pytest.mark.timeout(420)]


@on("ethereum-local", long=("bitcoin-regtest", "tron-local", "solana-local"))
async def test_a_lost_machine_is_made_again_from_its_backup(drill: Drill) -> None:
    backup, state = drill.folder / "backup", str(drill.state.path)
    with running_signer(drill.state):
        client = SignerClient(drill.socket)
        policy = standing_policy([find_network(drill.alias)], drill.administrator)
        drill.policy.write_bytes(canonical_json(policy.to_json()))
        await client.publish_policy(policy)
        await client.close()
        async with drill.living() as services:
            await drill.move_in(services)
            await drill.pay(services, "before")
            await drill.custody("backup", "--to", str(backup), "--signer-state", state)
            await drill.pay(services, "one", "two")
        log = Path(shutil.copy(drill.state.log, drill.folder / "copy.jsonl"))

    shutil.rmtree(state)
    for file in drill.folder.glob("custody.db*"):
        file.unlink()
    await drill.custody("restore", "--from", str(backup), "--signer-state", state)
    assert "`custody-keys recover --log COPY`" in RUNBOOK
    run_keys("recover", "--state-dir", state, "--log", log)
    with running_signer(drill.state):
        async with drill.living() as services:
            await until(lambda: _is(alarms(services), {"signer_ahead"}))
        assert "rebuilt 0 vaults" in await drill.custody("recover")
        async with drill.living() as services:
            ids = await drill.repeat_all(services)
            await until(lambda: drill.all_in(services, "final", ids.values()))
            await drill.pay(services, "three")
            assert await alarms(services) == set()
    assert await drill.received() == drill.amounts("before", "one", "two", "three")
