"""API keys from the command line: shown once, stored hashed, listed without secrets, revoked."""

import asyncio
import stat
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from custody.apikeys.model import Caller, Scope
from custody.apikeys.service import authenticate
from custody.db.session import Database
from custody.db.tables import ApiKeyRow, ClientRow
from tests.support.cli import done, refused, run

CLIENT = "cli_" + "0" * 26
OF_ROBOT = ("--initiator", "robot")


@pytest.fixture
def env(sqlite_url: str) -> Mapping[str, str]:
    return {"CUSTODY_DATABASE_URL": sqlite_url}


def caller(env: Mapping[str, str], secret: str) -> Caller | None:
    async def ask() -> Caller | None:
        database = Database(env["CUSTODY_DATABASE_URL"])
        async with database.read() as session:
            found = await authenticate(session, secret)
        await database.close()
        return found

    return asyncio.run(ask())


def add_client(env: Mapping[str, str]) -> None:
    async def add() -> None:
        database = Database(env["CUSTODY_DATABASE_URL"])
        async with database.write() as session:
            session.add(ClientRow(id=CLIENT, name="Client", created_at=datetime.now(UTC)))
        await database.close()

    asyncio.run(add())


def digests(env: Mapping[str, str]) -> list[bytes]:
    async def read() -> list[bytes]:
        from sqlalchemy import select

        database = Database(env["CUSTODY_DATABASE_URL"])
        async with database.read() as session:
            found = await session.all(select(ApiKeyRow.digest))
        await database.close()
        return list(found)

    return asyncio.run(read())


def test_create_prints_a_working_secret_once_and_nothing_beside_it(env: Mapping[str, str]):
    secret = done(
        "apikey", "create", "--name", "desk", *OF_ROBOT, "--scope", "read", env=env
    ).strip()
    found = caller(env, secret)
    assert found is not None
    assert (found.client_id, found.scopes) == (None, frozenset({Scope.READ}))
    listed = done("apikey", "list", env=env)
    assert found.key_id in listed
    assert secret not in listed
    assert secret.split("_", 2)[2] not in listed


def test_create_for_one_client_with_several_scopes(env: Mapping[str, str]):
    add_client(env)
    flags = ("--scope", "transfer", "--scope", "read", "--client", CLIENT)
    secret = done("apikey", "create", "--name", "Bob's script", *OF_ROBOT, *flags, env=env).strip()
    assert caller(env, secret) == Caller(
        f"key_{secret.split('_')[1]}", "robot", CLIENT, frozenset({Scope.READ, Scope.TRANSFER})
    )
    listed = done("apikey", "list", env=env)
    assert "read transfer" in listed and "robot" in listed


@pytest.mark.parametrize(
    ("flags", "code", "complaint"),
    [
        (("--name", "x", *OF_ROBOT), 2, "scope"),
        ((*OF_ROBOT, "--scope", "read"), 2, "name"),
        (("--name", "x", "--scope", "read"), 2, "initiator"),
        (("--name", "x", *OF_ROBOT, "--scope", "root"), 2, "root"),
        (("--name", "", *OF_ROBOT, "--scope", "read"), 2, "1 to 100 printable"),
        (("--name", "x\x1b[31m", *OF_ROBOT, "--scope", "read"), 2, "1 to 100 printable"),
        (("--name", "x" * 101, *OF_ROBOT, "--scope", "read"), 2, "1 to 100 printable"),
        (
            ("--name", "x", *OF_ROBOT, "--scope", "read", "--client", "cli_none"),
            1,
            "client_not_found",
        ),
        (("--name", "x", "--initiator", "", "--scope", "read"), 2, "initiator_invalid"),
    ],
    ids=[
        "no-scope",
        "no-name",
        "no-initiator",
        "wrong-scope",
        "empty",
        "escape",
        "long",
        "no-client",
        "nobody",
    ],
)
def test_create_refuses_and_stores_nothing(
    env: Mapping[str, str], flags: tuple[str, ...], code: int, complaint: str
):
    result = run("apikey", "create", *flags, env=env)
    assert (result.exit_code, complaint in result.output) == (code, True), result.output
    assert "ck_" not in result.output
    assert digests(env) == []


def test_revoke_ends_a_key_at_once(database_url: str):
    env = {"CUSTODY_DATABASE_URL": database_url}
    secret = done("apikey", "create", "--name", "x", *OF_ROBOT, "--scope", "read", env=env).strip()
    found = caller(env, secret)
    assert found is not None
    assert "revoked" in done("apikey", "revoke", found.key_id, env=env)
    assert caller(env, secret) is None
    assert "apikey_not_found" in refused(1, "apikey", "revoke", found.key_id, env=env)
    assert f"{datetime.now(UTC):%Y-}" in done("apikey", "list", env=env)


def test_revoke_refuses_a_secret_and_does_not_repeat_it(env: Mapping[str, str]):
    secret = done("apikey", "create", "--name", "x", *OF_ROBOT, "--scope", "read", env=env).strip()
    result = run("apikey", "revoke", secret, env=env)
    assert result.exit_code == 2
    assert secret not in result.output
    assert caller(env, secret) is not None


def test_a_database_without_our_schema_is_named_and_not_made(tmp_path: Path):
    path = tmp_path / "none.sqlite3"
    env = {"CUSTODY_DATABASE_URL": f"sqlite+aiosqlite:///{path}"}
    for command in (
        ("list",),
        ("revoke", "key_x"),
        ("create", "--name", "x", *OF_ROBOT, "--scope", "read"),
    ):
        assert "run custody migrate" in refused(1, "apikey", *command, env=env)
    assert not path.exists()
    path.touch()
    assert "run custody migrate" in refused(1, "apikey", "list", env=env)


def test_what_is_stored_can_not_call(env: Mapping[str, str]):
    secret = done("apikey", "create", "--name", "x", *OF_ROBOT, "--scope", "read", env=env).strip()
    (digest,) = digests(env)
    assert secret.encode() not in digest
    assert caller(env, digest.hex()) is None


def test_an_api_key_file_that_others_may_read_is_refused(tmp_path: Path):
    """By the commands that send it."""
    key = tmp_path / "key"
    key.write_text("ck_" + "0" * 26 + "_" + "A" * 43)
    show = ("approver", "show", "tfr_" + "0" * 26, "--url", "http://127.0.0.1:9")
    for mode in (0o640, 0o604):
        key.chmod(mode)
        assert "chmod 600" in refused(2, *show, "--api-key-file", key)
    key.chmod(stat.S_IRUSR)
    assert "can't be reached" in refused(1, *show, "--api-key-file", key)
