"""The loops themselves: waking, surviving, stopping, and what they log."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys

import pytest
import structlog

from chains.errors import NodeMisbehaved
from custody.alarms.codes import AlarmCode
from custody.alarms.repository import open_counts
from custody.db.session import Database
from custody.workers import workers as loops
from custody.workers.logs import MASK, redact
from custody.workers.workers import supervise
from signer.wire import Notice
from tests.unit.custody.transfers.desk import Desk

# The loops


async def wait_for(desk: Desk, transfer_id: str, state: str) -> None:
    for _ in range(2000):
        if state in (await desk.state(transfer_id), await desk.phase(transfer_id)):
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"still {await desk.state(transfer_id)}")


async def test_everything_runs_by_itself_and_stops_when_told(desk: Desk):
    vault = await desk.open_funded(10**9)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(desk.workers.run())
        transfer_id = await desk.send(vault, 1_000)
        desk.workers.wake()
        await wait_for(desk, transfer_id, "broadcast")
        await desk.node.mine()
        await wait_for(desk, transfer_id, "included")
        await desk.node.finalize()
        await wait_for(desk, transfer_id, "final")
        desk.workers.stop()
        async with asyncio.timeout(5):
            await running
    assert await desk.received(transfer_id) == 1_000
    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []


async def test_what_the_signer_warns_of_becomes_an_alarm_by_itself(desk: Desk):
    desk.signer.warnings = (
        Notice("disk-almost-full", "make room"),
        Notice("stopped", "by an administrator"),
    )
    async with asyncio.TaskGroup() as group:
        running = group.create_task(desk.workers.run())
        for _ in range(2000):
            if AlarmCode.SIGNER_WARNS in await open_alarms(desk.database):
                break
            await asyncio.sleep(0.01)
        desk.workers.stop()
        await running
    raised = await open_alarms(desk.database)
    assert {AlarmCode.SIGNER_WARNS, AlarmCode.SIGNER_STOPPED} <= raised.keys()


async def open_alarms(database: Database) -> dict[str, int]:
    async with database.read() as session:
        return await open_counts(session)


async def test_a_wake_up_is_handled_at_once(desk: Desk):
    desk.worker._poll_interval_s = 3600
    vault = await desk.open_funded(10**9)
    running = asyncio.create_task(desk.worker.run_outbox())
    await asyncio.sleep(0.1)
    transfer_id = await desk.send(vault, 1_000)
    await asyncio.sleep(0.1)
    assert await desk.state(transfer_id) == "approved"
    desk.worker.wake()
    await wait_for(desk, transfer_id, "broadcast")
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_two_processes_at_once(database: Database):
    """Both run everything; the leader follows; each transfer is paid once."""
    desk = Desk(database)
    vault = await desk.open_funded(*[10**6] * 6)
    second = Desk(database)
    second.node, second.adapter, second.signer = desk.node, desk.adapter, desk.signer
    second.restart()
    ids = [await desk.send(vault, 1_000 + n) for n in range(6)]
    running = [asyncio.create_task(each.workers.run()) for each in (desk, second)]
    async with asyncio.timeout(60):
        while {await desk.state(each) for each in ids} != {"final"}:
            await desk.node.mine()
            await asyncio.sleep(0.05)
    for each in (desk, second):
        each.workers.stop()
    await asyncio.gather(*running)
    assert [await desk.received(each) for each in ids] == [1_000 + n for n in range(6)]
    assert await desk.outbox() == []


async def test_a_loop_that_fails_is_started_again(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(loops, "PAUSE_FIRST_S", 0.001)
    runs: list[int] = []
    third = asyncio.Event()

    async def loop() -> None:
        runs.append(len(runs))
        if len(runs) == 1:
            raise NodeMisbehaved("contradicts itself")
        if len(runs) == 2:
            raise KeyError("secret of a stranger")
        third.set()
        await asyncio.sleep(3600)

    with structlog.testing.capture_logs() as logged:
        task = asyncio.create_task(supervise("test", loop))
        await third.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    failed = [entry["error"].split()[0] for entry in logged if "error" in entry]
    assert failed == ["node_misbehaved", "KeyError"]
    assert [entry["event"] for entry in logged if "error" not in entry] == [
        "loop_started",
        "loop_stopped",
    ]
    assert "secret" not in repr(logged)


# What is logged


def test_secrets_are_not_logged():
    key = "ck_01k9zv2k7p3w6g1b4c5d7e8f9g_" + "A" * 43
    event = {
        "event": f"called with {key}",
        "url": "postgresql://custody:hunter2@db/x and http://u:p@node",
        "api_secret": "hunter2",
        "Authorization": "Bearer x",
        "payload": b"\x01\x02",
        "signature": "ff",
        "seed": None,
        "hash": b"\x01\x02\x03",
        "height": 5,
    }
    shown = redact(None, "info", event)
    assert "hunter2" not in json.dumps(shown)
    assert "A" * 43 not in json.dumps(shown)
    assert shown["url"] == f"postgresql://{MASK}@db/x and http://{MASK}@node"
    assert (shown["payload"], shown["Authorization"], shown["signature"]) == (MASK, MASK, MASK)
    assert (shown["hash"], shown["height"], shown["seed"]) == ("[3 bytes]", 5, None)


# The process


def test_a_worker_process_ends_cleanly_when_told(sqlite_url: str, tmp_path: os.PathLike[str]):
    """Started as `custody worker` starts it, with no network to follow; stopped by SIGTERM."""
    code = (
        "import asyncio; from custody.config import Settings; "
        "from custody.workers.main import run_until_signal; "
        "asyncio.run(run_until_signal(Settings()))"
    )
    environment = {
        **os.environ,
        "CUSTODY_DATABASE_URL": sqlite_url,
        "CUSTODY_SIGNER_SOCKET": str(tmp_path) + "/none.sock",
        "CUSTODY_NODES": "{}",
    }
    process = subprocess.Popen(
        [sys.executable, "-c", code], stderr=subprocess.PIPE, text=True, env=environment
    )
    try:
        assert process.stderr is not None
        started = json.loads(process.stderr.readline())
        assert started["event"] == "workers_started"
        process.send_signal(signal.SIGTERM)
        _, rest = process.communicate(timeout=30)
        assert process.returncode == 0
        assert [json.loads(line)["event"] for line in rest.splitlines()] == ["workers_stopped"]
    finally:
        process.kill()
        process.wait()
