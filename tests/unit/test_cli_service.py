"""The operator's commands: schema, processes, reconciliation; and the command as a whole."""

import asyncio
import os
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from custody.db.migrate import standing
from tests.support.cli import done, refused, run
from tests.support.cli_books import NATIVE, Books, cells

ROOT = Path(__file__).parents[2]
PASSWORD = "hunter2-is-no-password"


# migrate


@pytest.mark.database
def test_migrate_makes_the_schema_and_again_changes_nothing(tmp_path: Path):
    path = tmp_path / "new.sqlite3"
    env = {"CUSTODY_DATABASE_URL": f"sqlite+aiosqlite:///{path}"}
    assert "up to date" in done("migrate", env=env)
    assert asyncio.run(standing(env["CUSTODY_DATABASE_URL"])).is_current
    before = path.read_bytes()
    assert "up to date" in done("migrate", env=env)
    assert path.read_bytes() == before


@pytest.mark.database
@pytest.mark.parametrize(
    ("revision", "complaint"),
    [("0001", "of an earlier design (revision 0001)"), ("9999", "newer than this program")],
)
def test_a_database_of_another_version_is_refused_in_one_line_and_kept(
    tmp_path: Path, revision: str, complaint: str
):
    path = tmp_path / "other.sqlite3"
    env = {"CUSTODY_DATABASE_URL": f"sqlite+aiosqlite:///{path}"}
    done("migrate", env=env)
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE alembic_version SET version_num = ?", (revision,))
        database.execute("UPDATE schema_bounds SET oldest = ?", (revision,))
    for command in (("migrate",), ("apikey", "list")):
        told = refused(1, *command, env=env)
        assert complaint in told
        assert len(told.splitlines()) == 1
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("SELECT version_num FROM alembic_version").fetchall() == [
            (revision,)
        ]


@pytest.mark.parametrize(
    "url",
    [
        "sqlite+aiosqlite://",
        "sqlite+aiosqlite:///:memory:",
        f"mysql://custody:{PASSWORD}@host/custody",
        f"custody:{PASSWORD}",
        "",
    ],
)
def test_a_database_that_is_none_of_ours_is_refused_without_repeating_it(url: str):
    for command in (("migrate",), ("apikey", "list")):
        told = refused(2, *command, env={"CUSTODY_DATABASE_URL": url})
        assert "CUSTODY_DATABASE_URL must be sqlite+aiosqlite:///FILE" in told
        assert PASSWORD not in told


def test_a_server_that_is_not_there_is_one_line_without_the_password(tmp_path: Path):
    url = f"postgresql+psycopg://custody:{PASSWORD}@127.0.0.1:9/custody?connect_timeout=2"
    for command in (("migrate",), ("apikey", "list")):
        told = refused(1, *command, env={"CUSTODY_DATABASE_URL": url})
        assert told.startswith("error: the database: ")
        assert PASSWORD not in told


def test_a_path_that_can_not_be_a_database(tmp_path: Path):
    for path in (tmp_path / "none" / "x.sqlite3", tmp_path):
        env = {"CUSTODY_DATABASE_URL": f"sqlite+aiosqlite:///{path}"}
        assert f"{path} can't be a file" in refused(2, "migrate", env=env)
    assert list(tmp_path.iterdir()) == []


# settings


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("CUSTODY_PORT", PASSWORD, "CUSTODY_PORT: Input should be a valid integer"),
        ("CUSTODY_NODES", PASSWORD, "lists and tables are written as JSON"),
        ("CUSTODY_RUN_WORKERS", "perhaps", "CUSTODY_RUN_WORKERS: "),
    ],
)
@pytest.mark.parametrize("command", ["serve", "worker", "reconcile"])
def test_a_setting_that_is_wrong_is_named_and_its_value_is_not(
    command: str, name: str, value: str, complaint: str
):
    told = refused(2, command, env={name: value})
    assert complaint in told
    assert PASSWORD not in told


@pytest.mark.parametrize("command", ["serve", "worker", "reconcile"])
def test_a_network_that_nobody_describes_is_named(command: str, sqlite_url: str, tmp_path: Path):
    env = {
        "CUSTODY_NODES": f'{{"dogecoin": "http://u:{PASSWORD}@h"}}',
        "CUSTODY_DATABASE_URL": sqlite_url,
        "CUSTODY_SIGNER_SOCKET": str(tmp_path / "none.sock"),
    }
    told = refused(2, command, env=env)
    assert "unknown networks: dogecoin; there are bitcoin, " in told
    assert PASSWORD not in told


@pytest.mark.parametrize("command", ["serve", "worker", "reconcile"])
def test_nothing_starts_on_a_database_without_schema(tmp_path: Path, command: str):
    env = {"CUSTODY_DATABASE_URL": f"sqlite+aiosqlite:///{tmp_path}/none.sqlite3"}
    assert "run custody migrate" in refused(1, command, env=env)
    assert list(tmp_path.iterdir()) == []


def test_serve_hands_the_api_to_uvicorn_by_name(monkeypatch: pytest.MonkeyPatch, sqlite_url: str):
    """The api package lies above custody, which may not import it."""
    called: dict[str, Any] = {}
    monkeypatch.setattr("uvicorn.run", lambda app, **options: called.update(options, app=app))
    env = {"CUSTODY_DATABASE_URL": sqlite_url, "CUSTODY_HOST": "127.0.0.9", "CUSTODY_PORT": "8123"}
    done("serve", env=env)
    expected = {"app": "api.app:from_environment", "factory": True, "host": "127.0.0.9"}
    assert called.items() >= (expected | {"port": 8123, "access_log": False}).items()


# reconcile


@pytest.fixture
def books(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> Books:
    return Books(sqlite_url, monkeypatch)


def test_reconcile_prints_equal_books_and_ends_well(books: Books):
    said = done("reconcile", env=books.env)
    expected = [books.vault, NATIVE, "0.0005 BTC", "0.0005 BTC", "0 BTC", "equal"]
    assert cells(said, books.vault) == expected
    assert "1 balances compared, 0 different, 0 could not be compared now" in said
    assert books.frozen() is None


@pytest.mark.parametrize(
    ("amount", "shown", "frozen"),
    [
        (7, ["0.00050007 BTC", "+0.00000007 BTC", "surplus"], None),
        (-7, ["0.00049993 BTC", "-0.00000007 BTC", "shortage"], "chain_below_ledger"),
    ],
)
def test_reconcile_shows_a_difference_and_fails(
    books: Books, amount: int, shown: list[str], frozen: str | None
):
    """Coins that the ledger never heard of; coins that it thinks are there."""
    books.node.state.give(books.address, NATIVE, amount)
    result = run("reconcile", env=books.env)
    assert result.exit_code == 1, result.output
    row = cells(result.stdout, books.vault)
    assert row[2:] == ["0.0005 BTC", *shown]
    assert books.frozen() == frozen


def test_reconcile_that_can_not_ask_the_node_is_no_success(books: Books):
    books.node.go_away()
    result = run("reconcile", env=books.env)
    assert result.exit_code == 1
    assert cells(result.output, books.vault)[2:] == [
        "?",
        "?",
        "?",
        "inconclusive: node_unavailable",
    ]
    assert "1 could not be compared now" in result.output
    assert books.frozen() is None


# The command as a whole

COMMANDS = [
    "migrate", "serve", "worker", "reconcile", "alarm list", "alarm show", "alarm clear",
    "vault list", "vault show", "vault freeze", "vault unfreeze", "rescan", "rewind",
    "debits", "suspense list", "suspense release",
    "apikey create", "apikey list", "apikey revoke",
    "policy keygen", "policy validate", "policy sign", "policy assemble", "policy publish",
    "policy explain", "policy replay", "approver keygen", "approver list", "approver show",
    "approver approve", "approver reject",
]  # fmt: skip


def test_an_unknown_command_is_a_misuse():
    result = run("steal")
    assert (result.exit_code, "No such command" in result.output) == (2, True)


@pytest.mark.slow
def test_no_option_takes_a_secret():
    """Secrets come from prompts, files and descriptors: arguments are for everybody to read."""
    helped = "".join(done(*command.split(), "--help") for command in COMMANDS)
    options = set(re.findall(r"--[a-z-]+", helped))
    assert {o for o in options if re.search("pass|secret|key|pin|token", o)} == {
        "--passphrase-fd",
        "--api-key-file",
        "--key",
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "absent"),
    [
        (
            "custody.cli",
            r"(sqlalchemy|web3|httpx|pydantic|cryptography|solders|uvicorn|chains\.\w+)",
        ),
        (
            "custody.cli, custody.cli.keyfile, custody.cli.mandates, custody.cli.remote",
            r"(sqlalchemy|web3|pydantic|fastapi|bitcoinlib|chains\.\w+\.(rpc|adapter)|custody\.db)",
        ),
        (
            "custody.cli.documents, custody.cli.keyfile",
            r"(sqlalchemy|web3|httpx|fastapi|bitcoinlib|chains\.\w+\.(rpc|adapter)|custody\.db)",
        ),
    ],
    ids=["help", "approver", "administrator"],
)
def test_a_persons_machine_loads_only_what_it_needs(module: str, absent: str):
    program = f"import sys, {module}; print(*sorted(sys.modules), sep='\\n')"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True,
        env={"PATH": os.environ["PATH"]},
    )  # fmt: skip
    loaded = done.stdout.split()
    assert "custody.cli.output" in loaded
    assert [name for name in loaded if re.match(absent + r"(\.|$)", name)] == []


def test_text_from_elsewhere_can_not_move_the_cursor():
    from custody.cli.output import printable

    assert printable("a\x1b[2Jb\u202ec\nd\ud800") == "a\\x1b[2Jb\\u202ec\\nd\\ud800"
    assert printable("Zürich [bold] :smile:") == "Zürich [bold] :smile:"


@pytest.mark.slow
def test_the_local_networks_are_mounted():
    result = subprocess.run(
        [sys.executable, "-c", "from custody.cli import app; app()", "devnet", "--help"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert "demo" in result.stdout
    assert "custody devnet" in result.stdout


def test_an_installation_without_them_says_so(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "custody.devnet.cli", None)
    assert "not part of this installation" in refused(1, "devnet", "up")
