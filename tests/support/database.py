"""Fixtures: the same test on SQLite and on a real PostgreSQL, each time in a fresh database.

PostgreSQL is started by the test run from the system's binaries (PATH, /usr/lib/postgresql/*/bin),
once per pytest process, reachable through a Unix socket in its own folder only. It dies with the
test run, however that ends. It refuses to run as root, so root lends it another user. Without
binaries, or without a user to lend, that half is skipped and the reason printed.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import psycopg
import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import create_async_engine

from custody.db.migrate import upgrade
from custody.db.session import Database
from custody.db.tables import Row

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
OWNER = "custody_owner"
"""Superuser, and the owner of all that is made as this one."""
PROGRAM = "custody"
"""The role with the program's rights."""
_DATABASE = "custody"
_START_S = 30.0
SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "32MB",
    "max_connections": "60",
    "deadlock_timeout": "100ms",
    "autovacuum": "off",  # how queries are run rests on what a test says that there is
}
_numbers = count()


class Unavailable(Exception):
    """Why there can be no PostgreSQL here."""


@dataclass(frozen=True)
class PostgresServer:
    folder: Path

    def url(self, name: str, role: str = OWNER) -> str:
        return f"postgresql+psycopg://{role}@/{name}?host={self.folder}"

    def run(self, *statements: str, name: str = "postgres") -> None:
        """Administrative statements, each for itself."""
        dsn = f"host={self.folder} user={OWNER} dbname={name}"
        with psycopg.connect(dsn, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def empty(self, name: str) -> None:
        """Throw out whoever is still connected, then all rows, past the triggers. Several times as
        fast as another database."""
        self.run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()",
            "SET session_replication_role = replica",
            *(f"DELETE FROM {table}" for table in Row.metadata.tables),
            name=name,
        )


async def analyze(database: Database) -> None:
    """Let the database count its rows, before it says how it would look for some. On PostgreSQL as
    the owner: the program may not, and is told so in a warning only."""
    url = database._engines.write.url
    if not database.is_sqlite:
        url = url.set(username=OWNER)
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        await connection.exec_driver_sql("ANALYZE")
    await engine.dispose()


@contextlib.contextmanager
def run_postgres(**settings: str) -> Iterator[PostgresServer]:
    """A server that is gone, with its data, at the end of the block. `settings` override those of
    tests, which lose everything when the power fails. Raises Unavailable."""
    binaries = find_binaries()
    user = lend_user()
    folder = Path(tempfile.mkdtemp(prefix="custody-postgres-"))
    try:
        if user is not None:
            os.chown(folder, user.pw_uid, user.pw_gid)
        initialize(binaries, folder, user)
        server = start(binaries, folder, user, {**SETTINGS, **settings})
        try:
            yield PostgresServer(folder)
        finally:
            server.send_signal(signal.SIGQUIT)
            server.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def find_binaries() -> Path:
    candidates = [Path(found).parent] if (found := shutil.which("postgres")) else []
    versions = Path("/usr/lib/postgresql").glob("*/bin")
    candidates += sorted(versions, key=lambda path: int(path.parent.name), reverse=True)
    for folder in candidates:
        if (folder / "postgres").exists() and (folder / "initdb").exists():
            return folder
    raise Unavailable("no postgres and initdb on PATH or in /usr/lib/postgresql/*/bin")


def lend_user() -> pwd.struct_passwd | None:
    """Whom the server runs as: ourselves (None), or somebody harmless if we are root."""
    if os.getuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise Unavailable("PostgreSQL refuses to run as root, and there is no user to lend it")


def initialize(binaries: Path, folder: Path, user: pwd.struct_passwd | None) -> None:
    """An empty cluster in `data` below the folder."""
    log = folder / "log"
    data = folder / "data"
    options = ["-U", OWNER, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
    made = spawn([binaries / "initdb", "-D", data, *options], log, user)
    if made.wait() != 0:
        raise Unavailable(f"initdb failed: {log.read_text(errors='replace')[-500:]}")


def start(
    binaries: Path, folder: Path, user: pwd.struct_passwd | None, settings: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    """The server of the cluster in the folder, ready to be asked."""
    log = folder / "log"
    given = [part for item in settings.items() for part in ("-c", "=".join(item))]
    server = spawn([binaries / "postgres", "-D", folder / "data", "-k", folder, *given], log, user)
    deadline = time.monotonic() + _START_S
    while True:
        try:
            PostgresServer(folder).run("SELECT 1")
        except psycopg.OperationalError:
            if server.poll() is not None or time.monotonic() > deadline:
                server.kill()
                server.wait()
                tail = log.read_text(errors="replace")[-500:]
                raise Unavailable(f"postgres did not start: {tail}") from None
            time.sleep(0.02)
        else:
            return server


def spawn(
    argv: list[str | Path],
    log: Path,
    user: pwd.struct_passwd | None,
    environment: Mapping[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """A server that dies with us, as `user`, writing to `log`."""
    with log.open("ab") as output:
        return subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=log.parent,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C", **(environment or {})},
            start_new_session=True,
            preexec_fn=_die_with(os.getpid()) if _LIBC is not None else None,
            user=None if user is None else user.pw_uid,
            group=None if user is None else user.pw_gid,
            extra_groups=None if user is None else [],
        )


def _die_with(parent: int) -> Callable[[], None]:
    def tie() -> None:
        assert _LIBC is not None
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGQUIT)
        if os.getppid() != parent:
            os._exit(1)

    return tie


NEEDS_DATABASE = {"database", "database_url", "postgres_server", "sqlite_template"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks the tests that ask for a database, so that `make check` can leave them out."""
    for item in items:
        if NEEDS_DATABASE & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.database)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    with contextlib.ExitStack() as stack:
        try:
            server = stack.enter_context(run_postgres())
        except Unavailable as reason:
            print(f"PostgreSQL tests skipped: {reason}", file=sys.__stderr__)
            pytest.skip(f"no PostgreSQL: {reason}")
        server.run(f"CREATE ROLE {PROGRAM} LOGIN", f"CREATE DATABASE {_DATABASE}")
        upgrade_at(server.url(_DATABASE), program=PROGRAM)
        yield server


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "template.sqlite3"
    upgrade_at(f"sqlite+aiosqlite:///{path}")
    return path


def upgrade_at(url: str, *, program: str | None = None) -> None:
    """In a thread of its own: the fixture may run inside another test's event loop."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(upgrade(url, program=program))).result()


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """A migrated, empty database, as the program sees it; one test has it at a time."""
    yield postgres_server.url(_DATABASE, PROGRAM)
    postgres_server.empty(_DATABASE)


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """A migrated, empty database file."""
    path = tmp_path / f"test_{next(_numbers)}.sqlite3"
    shutil.copy(sqlite_template, path)
    return f"sqlite+aiosqlite:///{path}"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest) -> str:
    """A migrated, empty database: the test runs once on each kind."""
    kind = "postgres_url" if request.param == "postgresql" else "sqlite_url"
    url: str = request.getfixturevalue(kind)
    return url


@pytest_asyncio.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = Database(database_url)
    yield opened
    await opened.close()
