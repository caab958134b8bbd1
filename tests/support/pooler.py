"""PgBouncer in transaction mode before a test's PostgreSQL: this system's, or Debian's unpacked
below `.cache`.

`python -m tests.support.pooler` prepares it (part of `make setup`). It uses libraries of this
machine, so it comes from the suite of the machine that it runs on.
"""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import psycopg

from chains.devnet import debian
from tests.support.database import (
    PROGRAM,
    PostgresServer,
    Unavailable,
    lend_user,
    spawn,
)

_CACHE: Final = Path(__file__).resolve().parents[2] / ".cache"
_UNPACKED: Final = _CACHE / f"pgbouncer-{platform.machine()}"
_PACKAGE: Final = "pgbouncer"
_START_S: Final = 30.0
_PORT: Final = 6432
"""Part of the name of its Unix socket; it listens on no network."""


def binary() -> Path | None:
    """PgBouncer, ready to be run here; None if this machine has none."""
    places = [os.environ.get("PATH", ""), "/usr/sbin", str(_UNPACKED / "usr/sbin")]
    found = shutil.which("pgbouncer", path=os.pathsep.join(places))
    return None if found is None else Path(found)


def prepare() -> None:
    """Downloads at most once for a checkout, and nothing where the system has it."""
    if binary() is not None:
        return
    print("setup: PgBouncer is not installed; taking Debian's (about 1 MB)", flush=True)
    work = _CACHE / f"pgbouncer.{os.getpid()}.partial"
    try:
        debian.install(_PACKAGE, _UNPACKED, work, beside_ours=True)
    except (debian.DebianUnavailable, OSError) as failure:
        print(f"setup: {failure}. Tests behind a pooler will be skipped.", flush=True)


@contextlib.contextmanager
def run_pooler(
    server: PostgresServer,
    database: str,
    user: str = PROGRAM,
    mode: str = "transaction",
    pool_size: int = 2,
) -> Iterator[str]:
    """The URL of `database` through a pooler that gives each transaction another connection, as
    far as `pool_size` connections go. Raises Unavailable."""
    program = binary()
    if program is None:
        raise Unavailable("no pgbouncer on PATH, in /usr/sbin or in .cache")
    lent = lend_user()
    folder = Path(tempfile.mkdtemp(prefix="custody-pooler-"))
    try:
        (folder / "users.txt").write_text(f'"{user}" ""\n')
        (folder / "pgbouncer.ini").write_text(
            _configuration(folder, server, database, user, mode, pool_size)
        )
        if lent is not None:
            for path in (folder, *folder.iterdir()):
                os.chown(path, lent.pw_uid, lent.pw_gid)
        libraries = ":".join(str(path) for path in _UNPACKED.glob("usr/lib/*-linux-gnu*"))
        process = spawn(
            [program, folder / "pgbouncer.ini"],
            folder / "log",
            lent,
            {"LD_LIBRARY_PATH": libraries} if program.is_relative_to(_UNPACKED) else {},
        )
        try:
            _wait(folder, process, database, user)
            yield f"postgresql+psycopg://{user}@/{database}?host={folder}&port={_PORT}"
        finally:
            process.terminate()
            process.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _configuration(
    folder: Path, server: PostgresServer, database: str, user: str, mode: str, pool_size: int
) -> str:
    return (
        f"[databases]\n{database} = host={server.folder} dbname={database} user={user}\n"
        "[pgbouncer]\n"
        f"unix_socket_dir = {folder}\nlisten_port = {_PORT}\nlisten_addr =\n"
        f"auth_type = trust\nauth_file = {folder}/users.txt\n"
        f"pool_mode = {mode}\ndefault_pool_size = {pool_size}\nmax_client_conn = 200\n"
        # The oldest connection last: each transaction gets another one.
        f"server_round_robin = 1\nmin_pool_size = {pool_size}\n"
        f"pidfile = {folder}/pid\n"
    )


def _wait(folder: Path, process: subprocess.Popen[bytes], database: str, user: str) -> None:
    deadline = time.monotonic() + _START_S
    dsn = f"host={folder} port={_PORT} dbname={database} user={user}"
    while True:
        try:
            with psycopg.connect(dsn, prepare_threshold=None, autocommit=True) as connection:
                connection.execute("SELECT 1")
        except psycopg.OperationalError:
            if process.poll() is not None or time.monotonic() > deadline:
                process.kill()
                process.wait()
                tail = (folder / "log").read_text(errors="replace")[-500:]
                raise Unavailable(f"pgbouncer did not start: {tail}") from None
            time.sleep(0.02)
        else:
            return


if __name__ == "__main__":
    prepare()
