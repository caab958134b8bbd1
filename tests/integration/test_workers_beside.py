"""The workers' own process: woken, started again, and never left behind."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import select

from custody.alarms.codes import AlarmCode
from custody.db.session import Database
from custody.db.tables import AlarmRow
from custody.workers.beside import COMMAND, WorkersBeside

POLL_S = 0.01
NEVER_S = 10_000.0

WOKEN = "import sys, os\nwhile os.read(0, 9): open(sys.argv[1], 'a').write('w')"
ENDS = "raise SystemExit(3)"
DEAF = "import time\nwhile True: time.sleep(9)"
"""Does not look at its leash."""

PARENT = """
import asyncio, sys
from datetime import UTC, datetime
from custody.db.session import Database
from custody.workers.beside import WorkersBeside
from custody.workers.logs import configure_logging

async def main():
    configure_logging()
    beside = WorkersBeside(Database(sys.argv[1]), lambda: datetime.now(UTC))
    running = asyncio.create_task(beside.run())
    while beside.pid is None:
        await asyncio.sleep(0.01)
    print(beside.pid, flush=True)
    await running

asyncio.run(main())
"""


@pytest_asyncio.fixture
async def sqlite(sqlite_url: str) -> AsyncIterator[Database]:
    database = Database(sqlite_url)
    yield database
    await database.close()


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110
        await asyncio.sleep(POLL_S)


def script(text: str, *arguments: str) -> tuple[str, ...]:
    return sys.executable, "-c", text, *arguments


@asynccontextmanager
async def running(beside: WorkersBeside) -> AsyncIterator[None]:
    task = asyncio.create_task(beside.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def made(database: Database, *command: str, settle_delay_s: float = NEVER_S) -> WorkersBeside:
    return WorkersBeside(
        database,
        lambda: datetime.now(UTC),
        command=command,
        pause_first_s=0.0,
        settle_delay_s=settle_delay_s,
    )


def is_alive(pid: int) -> bool:
    """A zombie is dead: its parent, which is gone, will not look."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def command_of(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text()


async def open_alarms(database: Database) -> list[str]:
    async with database.read() as session:
        return list(await session.all(select(AlarmRow.code).where(AlarmRow.cleared_at.is_(None))))


async def until_open(database: Database, wanted: list[str]) -> None:
    while await open_alarms(database) != wanted:  # noqa: ASYNC110
        await asyncio.sleep(POLL_S)


async def test_a_wake_up_reaches_them(sqlite: Database, tmp_path: Path) -> None:
    said = tmp_path / "said"
    beside = made(sqlite, *script(WOKEN, str(said)))
    beside.wake()  # nobody is there yet: nothing happens
    async with running(beside):
        await until(lambda: beside.pid is not None)
        pid = beside.pid
        assert pid is not None
        beside.wake()
        await until(said.exists)
        assert is_alive(pid)
    assert not is_alive(pid), "they end with us"
    assert beside.pid is None


async def test_killed_workers_are_started_again(sqlite: Database, tmp_path: Path) -> None:
    beside = made(sqlite, *script(WOKEN, str(tmp_path / "said")))
    async with running(beside):
        await until(lambda: beside.pid is not None)
        first = beside.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        await until(lambda: beside.pid not in (None, first))
        assert await open_alarms(sqlite) == [], "once is nothing to call a person for"


async def test_workers_that_end_again_and_again_call_a_person(
    sqlite: Database, tmp_path: Path
) -> None:
    async with running(made(sqlite, *script(ENDS))):
        await until_open(sqlite, [AlarmCode.WORKERS_GONE])
    async with running(made(sqlite, *script(WOKEN, str(tmp_path / "said")), settle_delay_s=0.0)):
        await until_open(sqlite, [])


async def test_what_can_not_be_started_calls_a_person_too(sqlite: Database, tmp_path: Path) -> None:
    async with running(made(sqlite, str(tmp_path / "none"))):
        await until_open(sqlite, [AlarmCode.WORKERS_GONE])


async def test_workers_that_do_not_end_are_ended(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("custody.workers.beside.STOP_S", 0.01)
    beside = made(sqlite, *script(DEAF))
    async with running(beside):
        await until(lambda: beside.pid is not None)
        pid = beside.pid
    assert pid is not None and not is_alive(pid)


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
async def test_the_real_workers_end_with_a_parent_that_is_killed(
    sqlite_url: str, tmp_path: Path
) -> None:
    """A parent that is stopped keeps its workers; its end ends them."""
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "CUSTODY_DATABASE_URL": sqlite_url,
        "CUSTODY_SIGNER_SOCKET": str(tmp_path / "none.sock"),
        "CUSTODY_NODES": json.dumps({"ethereum-local": "http://127.0.0.1:1"}),
    }
    parent = await asyncio.create_subprocess_exec(
        *script(PARENT, sqlite_url),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=environment,
        cwd=tmp_path,
    )
    assert parent.stdout is not None
    try:
        pid = int(await parent.stdout.readline())
        assert COMMAND[-1] in command_of(pid)
        parent.send_signal(signal.SIGSTOP)
        assert is_alive(pid)
        parent.kill()
        await parent.wait()
        await until(lambda: not is_alive(pid))
    finally:
        with contextlib.suppress(ProcessLookupError):
            parent.kill()
