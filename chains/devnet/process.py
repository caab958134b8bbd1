"""An engine as a child process that can't outlive us.

Every devnet node runs its engine through here, so that a test, demo or benchmark that ends, fails
or is killed leaves nothing running. The child leads a process group of its own. On Linux the
kernel kills it when the thread that started it ends (`PR_SET_PDEATHSIG`; start engines from a
thread that lives as long as they should). Elsewhere a watcher process holds a pipe to us and kills
the group when the pipe closes, however we ended.

Knows no engine in particular. Works on whatever event loop is running and is bound to none.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import ctypes
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from chains.errors import NodeError

_PR_SET_PDEATHSIG: Final = 1
_POLL_S: Final = 0.01
_LOG_TAIL_BYTES: Final = 2000
_PORTS: Final = (10_000, 32_000)
_START_ATTEMPTS: Final = 3

# Loaded before any fork: a child may not safely load libraries.
_LIBC: Final = ctypes.CDLL(None) if sys.platform == "linux" else None


class EngineFailed(NodeError):
    """The engine did not start, or stopped by itself. The message ends with its last log lines."""

    code = "engine_failed"


def free_port() -> int:
    """A loopback TCP port that was free just now: below those that systems hand out to connections,
    because one of those is soon somebody's again."""
    while True:
        port = random.randrange(*_PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


async def on_free_port(
    start: Callable[[int], Awaitable[None]], stop: Callable[[], Awaitable[None]]
) -> None:
    """Start something on a free port. If its engine fails it is stopped and started on another one,
    a few times: somebody may have taken the port meanwhile. Whatever `start` raises, `stop` ran."""
    for attempt in range(1, _START_ATTEMPTS + 1):
        try:
            return await start(free_port())
        except EngineFailed:
            await stop()
            if attempt == _START_ATTEMPTS:
                raise
        except BaseException:
            await stop()
            raise
    raise AssertionError("the last attempt returns or raises")


class EngineProcess:
    """One engine. `argv[0]` is the binary; output goes to `log_path`, appended.

    `start` after `stop` starts it again. `stop` is safe at any time and twice.
    """

    def __init__(
        self,
        argv: Sequence[str | Path],
        log_path: Path,
        *,
        environment: Mapping[str, str] | None = None,
        working_dir: Path | None = None,
    ) -> None:
        self.argv = [str(part) for part in argv]
        self.log_path = log_path
        self._environment = dict(environment) if environment is not None else None
        self._working_dir = working_dir
        self._child: subprocess.Popen[bytes] | None = None
        self._watcher: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        return self._child is not None and self._child.poll() is None

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child is not None else None

    def start(self) -> None:
        """Start the engine and return at once; see `wait_ready`. Raises EngineFailed."""
        assert not self.running, "already running"
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        with self.log_path.open("ab") as log:
            try:
                self._child = subprocess.Popen(
                    self.argv,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    cwd=self._working_dir,
                    env=self._environment,
                    start_new_session=True,
                    preexec_fn=_die_with(os.getpid()) if _LIBC is not None else None,
                )
            except OSError as error:
                raise EngineFailed(f"{self.argv[0]} can't be started: {error.strerror}") from error
        if _LIBC is None:
            self._watcher = watch_group(self._child.pid)
        atexit.register(self.kill)

    async def wait_ready(
        self, probe: Callable[[], Awaitable[bool]], timeout_s: float = 30.0
    ) -> None:
        """Ask `probe` until it says yes. Raises EngineFailed if the engine ends or the time does.

        A probe that raises OSError or NodeError means "not yet".
        """
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if not self.running:
                code = self._child.returncode if self._child is not None else None
                raise EngineFailed(f"{self._name} ended with code {code}:\n{self.log_tail()}")
            with contextlib.suppress(OSError, NodeError):
                if await probe():
                    return
            await asyncio.sleep(2 * _POLL_S)
        raise EngineFailed(f"{self._name} not ready after {timeout_s:g} s:\n{self.log_tail()}")

    async def stop(self, grace_s: float = 10.0) -> None:
        """Ask it to end, wait up to `grace_s`, then kill its whole process group."""
        child = self._child
        if child is None:
            return
        try:
            with contextlib.suppress(ProcessLookupError):
                child.terminate()
            deadline = time.monotonic() + grace_s
            while child.poll() is None and time.monotonic() < deadline:  # noqa: ASYNC110
                await asyncio.sleep(_POLL_S)
        finally:
            self.kill()

    def kill(self) -> None:
        """End the process group now, without asking. Safe at any time and twice."""
        child, self._child = self._child, None
        if child is not None:
            # Also after the leader ended by itself: it may have left children in its group.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        watcher, self._watcher = self._watcher, None
        if watcher is not None:
            watcher.kill()
            watcher.communicate()
        atexit.unregister(self.kill)

    def log_tail(self) -> str:
        """The end of the log, for messages to people."""
        try:
            return self.log_path.read_bytes()[-_LOG_TAIL_BYTES:].decode(errors="replace").strip()
        except OSError:
            return ""

    @property
    def _name(self) -> str:
        return Path(self.argv[0]).name


def watch_group(group: int) -> subprocess.Popen[bytes]:
    """A process that kills process group `group` once this process is gone, however it went."""
    return subprocess.Popen(
        ["/bin/sh", "-c", 'cat >/dev/null; kill -s KILL -- "-$1"', "sh", str(group)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _die_with(parent: int) -> Callable[[], None]:
    """What the child does between fork and exec: tie its life to ours."""

    def tie() -> None:
        assert _LIBC is not None
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # we died before the call: nobody is left to send the signal
            os._exit(1)

    return tie
