"""The demo itself, as people run it: it proves the main job, and it cleans up however it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

CUSTODY = Path(sys.executable).with_name("custody")
START_S = 90.0

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("devnet"), pytest.mark.timeout(240)]


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """`custody devnet …` that keeps all its files, and so every trace of its children, below
    `folder`."""
    return subprocess.Popen(
        [CUSTODY, "devnet", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "TMPDIR": str(folder)},
    )


def read_until(process: subprocess.Popen[str], text: str) -> None:
    assert process.stdout is not None
    seen = []
    for line in process.stdout:
        seen.append(line)
        if text in line:
            return
    raise AssertionError(f"ended before saying {text!r}:\n{''.join(seen)}")


def processes_of(folder: Path) -> dict[int, str]:
    """Processes that name `folder` in their arguments or environment, with their command lines."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            traces = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
        except OSError:  # it ended, or is none of ours
            continue
        if os.fsencode(folder) in traces:
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            found[int(entry.name)] = line
    return found


def assert_all_gone(folder: Path) -> None:
    deadline = time.monotonic() + 10
    while (left := processes_of(folder)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert left == {}


def test_demo_proves_the_main_job_on_five_networks(folder: Path) -> None:
    process = start(folder, "demo")
    output, _ = process.communicate(timeout=230)
    assert process.returncode == 0, output
    assert output.count(" equal ") == 11, output
    assert output.count(" (DEMO) ") == 4, output
    assert output.count(" (DEMO, no coin) ") == 2, output
    assert "ledger == chain on all five" in output
    assert_all_gone(folder)
    assert not list(folder.iterdir()), "the demo keeps nothing"


@pytest.mark.parametrize(
    "number", [signal.SIGINT, pytest.param(signal.SIGKILL, marks=pytest.mark.long)]
)
def test_demo_that_is_interrupted_leaves_no_process(folder: Path, number: signal.Signals) -> None:
    process = start(folder, "demo")
    read_until(process, "starting the API")
    assert len(processes_of(folder)) >= 6, "five engines and the signer are up"
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode == (-number if number == signal.SIGKILL else 128 + number)
    assert_all_gone(folder)


def test_demo_that_fails_says_so_and_leaves_no_process(folder: Path) -> None:
    process = start(folder, "demo")
    read_until(process, "starting the API")
    # By its number: a name would end the engines of everybody on this machine.
    running = processes_of(folder).items()
    engine = next(number for number, line in running if "tron_server" in line)
    os.kill(engine, signal.SIGKILL)
    output, _ = process.communicate(timeout=230)
    assert process.returncode == 1, output
    assert "FAILED" in output
    assert_all_gone(folder)
