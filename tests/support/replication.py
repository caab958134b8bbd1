"""A PostgreSQL and its standby, by streaming replication as Debian's packages have it, of which the
first may be killed and the second promoted."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg

from tests.support.database import (
    OWNER,
    SETTINGS,
    PostgresServer,
    Unavailable,
    find_binaries,
    initialize,
    lend_user,
    start,
)

STANDBY: Final = "standby"
_DURABLE: Final = SETTINGS | {"synchronous_commit": "on"}
"""A process that is killed loses nothing that it gave to the system: fsync can stay off."""


@dataclass
class Pair:
    """`primary` takes writes until it is killed; `standby` after it was promoted."""

    primary: PostgresServer
    standby: PostgresServer
    _processes: dict[str, subprocess.Popen[bytes]]

    def url(self, name: str, role: str) -> str:
        """Whichever of the two takes writes, as an operator writes it."""
        hosts = "&".join(f"host={each.folder}" for each in (self.primary, self.standby))
        return f"postgresql+psycopg://{role}@/{name}?{hosts}&target_session_attrs=read-write"

    def wait_for_standby(self) -> None:
        """From now on what the primary confirms is on the standby too."""
        self.primary.run(
            f"ALTER SYSTEM SET synchronous_standby_names = '{STANDBY}'", "SELECT pg_reload_conf()"
        )
        is_synchronous = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'"
        while self.ask(self.primary, is_synchronous) != 1:
            pass

    def kill_primary(self) -> None:
        process = self._processes.pop("primary")
        process.kill()
        process.wait()

    def stop_standby(self) -> None:
        """It falls behind."""
        process = self._processes.pop("standby")
        process.send_signal(signal.SIGQUIT)
        process.wait()

    def start_standby(self) -> None:
        self._processes["standby"] = start(
            find_binaries(), self.standby.folder, lend_user(), _DURABLE
        )

    def promote(self) -> None:
        self.standby.run("SELECT pg_promote()")

    @staticmethod
    def ask(server: PostgresServer, question: str, name: str = "postgres") -> Any:
        dsn = f"host={server.folder} user={OWNER} dbname={name}"
        with psycopg.connect(dsn, autocommit=True) as connection:
            row = connection.execute(question.encode()).fetchone()
            return None if row is None else row[0]

    def stop(self) -> None:
        for process in self._processes.values():
            process.send_signal(signal.SIGQUIT)
            process.wait()


@contextlib.contextmanager
def run_pair(prepare: Any) -> Iterator[Pair]:
    """`prepare` is called with the primary before the standby is copied from it. The standby
    follows; nobody waits for it yet. Raises Unavailable."""
    binaries, user = find_binaries(), lend_user()
    folders = [Path(tempfile.mkdtemp(prefix=f"custody-{name}-")) for name in ("primary", STANDBY)]
    pair = Pair(PostgresServer(folders[0]), PostgresServer(folders[1]), {})
    try:
        for folder in folders:
            if user is not None:
                os.chown(folder, user.pw_uid, user.pw_gid)
        initialize(binaries, pair.primary.folder, user)
        pair._processes["primary"] = start(binaries, pair.primary.folder, user, _DURABLE)
        prepare(pair.primary)
        _copy(binaries, pair, user)
        pair.start_standby()
        yield pair
    finally:
        pair.stop()
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)


def _copy(binaries: Path, pair: Pair, user: Any) -> None:
    """`-R` writes how to follow; the name is the one that the primary waits for."""
    source = f"host={pair.primary.folder} user={OWNER} application_name={STANDBY}"
    target = pair.standby.folder / "data"
    program = (binaries / "postgres").resolve().with_name("pg_basebackup")
    if not program.exists():
        raise Unavailable("no pg_basebackup beside postgres")
    command = [program, "-d", source, "-D", target, "-R", "-c", "fast", "--no-sync"]
    done = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        check=False,
        cwd=pair.standby.folder,
        user=None if user is None else user.pw_uid,
        group=None if user is None else user.pw_gid,
        extra_groups=None if user is None else [],
    )
    if done.returncode != 0:
        raise Unavailable(f"pg_basebackup failed: {done.stderr[-500:]}")
