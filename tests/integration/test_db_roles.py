"""What the program's role may do on PostgreSQL, that it may do no more, and that it is noticed if
it may."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import psycopg
import pytest

from custody.db import roles, triggers
from custody.db.migrate import standing, upgrade
from custody.db.tables import Row
from tests.support.cli import done, refused
from tests.support.database import (
    OWNER,
    PROGRAM,
    PostgresServer,
    Unavailable,
    find_binaries,
)
from tests.support.pooler import run_pooler

ROOT = Path(__file__).parents[2]
_numbers = count()


def test_every_table_has_its_rights():
    assert sorted(table.name for table, _ in roles.rights()) == sorted(Row.metadata.tables)


@pytest.fixture
def new_database(postgres_server: PostgresServer) -> Iterator[str]:
    """Empty, of an ordinary owner `keeper`; `clerk` is the program."""
    name = f"roles_{next(_numbers)}"
    postgres_server.run(
        "DO $$ BEGIN CREATE ROLE keeper LOGIN; CREATE ROLE clerk LOGIN;"
        " EXCEPTION WHEN duplicate_object THEN NULL; END $$",
        f"CREATE DATABASE {name} OWNER keeper",
    )
    yield name
    postgres_server.run(f"DROP DATABASE {name} WITH (FORCE)", "DROP ROLE keeper", "DROP ROLE clerk")


@pytest.mark.postgres
def test_the_program_can_do_nothing_else(postgres_server: PostgresServer, postgres_url: str):
    attempts = [
        "SET session_replication_role = replica",
        f"SET ROLE {OWNER}",
        "CREATE TABLE mine (id text)",
        "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE sql AS 'SELECT'",
        "CREATE ROLE another",
        "DROP FUNCTION refuse_change() CASCADE",
        "UPDATE alembic_version SET version_num = '0'",
        "UPDATE transfers SET amount = 1",
        "UPDATE transactions SET source = ''",
    ]
    for table in [*(table.name for table in triggers.protected())]:
        attempts += [
            f"DELETE FROM {table}",
            f"TRUNCATE {table} CASCADE",
            f"ALTER TABLE {table} DISABLE TRIGGER ALL",
            f"DROP TRIGGER {table}_no_update ON {table}",
            f"CREATE TRIGGER mine BEFORE INSERT ON {table} EXECUTE FUNCTION refuse_change()",
            f"ALTER TABLE {table} OWNER TO {PROGRAM}",
            f"DROP TABLE {table} CASCADE",
            f"GRANT ALL ON {table} TO {PROGRAM}",
        ]
    for row in triggers.GROWS:
        column = next(iter(row.__table__.primary_key))
        attempts += [f"UPDATE {row.__tablename__} SET {column.name} = {column.name}"]
    with psycopg.connect(postgres_url.replace("+psycopg", ""), autocommit=True) as connection:
        for attempt in attempts:
            if attempt.startswith("GRANT"):  # PostgreSQL only warns
                connection.execute(attempt.encode())
                continue
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(attempt.encode())
    assert asyncio.run(standing(postgres_url)).powers == ()


@pytest.mark.postgres
def test_what_a_role_could_do_is_said(postgres_server: PostgresServer, new_database: str):
    def powers(role: str) -> str:
        return "; ".join(asyncio.run(standing(postgres_server.url(new_database, role))).powers)

    keeper = postgres_server.url(new_database, "keeper")
    asyncio.run(upgrade(keeper, program="clerk"))
    assert powers("clerk") == ""
    assert powers("keeper").startswith("it owns addresses and ")
    assert powers(OWNER) == "it is a superuser"
    cases = [
        ("GRANT UPDATE ON ledger_entries TO clerk", "it has UPDATE on ledger_entries"),
        ("GRANT DELETE ON transfers TO PUBLIC", "it has DELETE on transfers"),
        ("GRANT TRUNCATE, TRIGGER ON approvals TO clerk", "it has TRIGGER on approvals"),
    ]
    for statement, words in cases:
        postgres_server.run(statement, name=new_database)
        assert words in powers("clerk")
    asyncio.run(upgrade(keeper, program="clerk"))  # takes back what is too much
    assert powers("clerk") == ""
    postgres_server.run("ALTER ROLE clerk CREATEROLE")
    assert powers("clerk") == "it can make roles"
    postgres_server.run("ALTER ROLE clerk NOCREATEROLE", "GRANT keeper TO clerk")
    assert powers("clerk").startswith("it owns")
    postgres_server.run("REVOKE keeper FROM clerk")


@pytest.mark.postgres
@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE ledger_entries DISABLE TRIGGER ledger_entries_no_update",
        "ALTER TABLE ledger_entries ENABLE REPLICA TRIGGER ledger_entries_no_update",
        "DROP TRIGGER ledger_entries_no_update ON ledger_entries",
    ],
)
def test_a_trigger_that_was_switched_off_is_missed(
    postgres_server: PostgresServer, new_database: str, change: str
):
    url = postgres_server.url(new_database)
    asyncio.run(upgrade(url))
    assert asyncio.run(standing(url)).missing_triggers == ()
    postgres_server.run(change, name=new_database)
    assert asyncio.run(standing(url)).missing_triggers == ("ledger_entries_no_update",)
    told = refused(1, "apikey", "list", env={"CUSTODY_DATABASE_URL": url})
    assert "ledger_entries_no_update missing or switched off" in told


@pytest.mark.parametrize("change", ["", "BEGIN SELECT 1; END"])
def test_a_trigger_that_was_dropped_or_emptied_is_missed(sqlite_url: str, change: str):
    with sqlite3.connect(sqlite_url.partition("///")[2]) as connection:
        connection.execute("DROP TRIGGER ledger_entries_no_update")
        if change:
            connection.execute(
                f"CREATE TRIGGER ledger_entries_no_update BEFORE UPDATE ON ledger_entries {change}"
            )
    assert asyncio.run(standing(sqlite_url)).missing_triggers == ("ledger_entries_no_update",)


@pytest.mark.postgres
def test_from_two_roles_to_a_process_on_a_main_network(
    postgres_server: PostgresServer, new_database: str
):
    keeper, clerk = (postgres_server.url(new_database, role) for role in ("keeper", "clerk"))
    env = {"CUSTODY_DATABASE_URL": clerk, "CUSTODY_DATABASE_OWNER_URL": keeper}
    assert "the role clerk has the program's rights" in done("migrate", env=env)
    assert "the role clerk has the program's rights" in done("migrate", env=env)
    same = {"CUSTODY_DATABASE_URL": keeper, "CUSTODY_DATABASE_OWNER_URL": keeper}
    assert "two roles" in refused(2, "migrate", env=same)

    postgres_server.run("ALTER ROLE keeper SET synchronous_commit = on")
    postgres_server.run("ALTER ROLE clerk SET synchronous_commit = on")
    main = {"CUSTODY_NODES": '{"bitcoin": "http://127.0.0.1:9"}'}
    local = {"CUSTODY_NODES": '{"bitcoin-regtest": "http://127.0.0.1:9"}'}
    accepted = {"CUSTODY_ACCEPT_OWNING_ROLE": "true"}
    as_keeper, as_clerk = ({"CUSTODY_DATABASE_URL": url} for url in (keeper, clerk))
    for command in ("serve", "worker", "reconcile"):
        told = refused(1, command, env=as_keeper | main)
        assert "a role that can rewrite the past: it owns addresses" in told
    done("reconcile", env=as_keeper | main | accepted)
    done("reconcile", env=as_keeper | local)
    done("reconcile", env=as_clerk | main)


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("setting", "alias", "complaint"),
    [
        ("synchronous_commit = off", "bitcoin", "synchronous_commit is off"),
        ("synchronous_commit = off", "bitcoin-regtest", None),
        ("synchronous_commit = on", "bitcoin", None),
        ("default_transaction_read_only = on", "bitcoin-regtest", "takes no writes"),
    ],
)
def test_a_server_that_takes_no_writes_or_forgets_is_refused(
    postgres_server: PostgresServer,
    new_database: str,
    setting: str,
    alias: str,
    complaint: str | None,
):
    keeper, clerk = (postgres_server.url(new_database, role) for role in ("keeper", "clerk"))
    done("migrate", env={"CUSTODY_DATABASE_URL": clerk, "CUSTODY_DATABASE_OWNER_URL": keeper})
    postgres_server.run(f"ALTER DATABASE {new_database} SET {setting}")
    env = {
        "CUSTODY_DATABASE_URL": clerk,
        "CUSTODY_NODES": f'{{"{alias}": "http://127.0.0.1:9"}}',
    }
    if complaint is None:
        done("reconcile", env=env)
        return
    for command in ("serve", "worker"):
        assert complaint in refused(1, command, env=env)


@pytest.mark.postgres
def test_a_pooler_that_cuts_transactions_in_pieces_is_refused(
    postgres_server: PostgresServer, postgres_url: str
):
    assert postgres_url
    try:
        with run_pooler(postgres_server, "custody", mode="statement") as url:
            told = refused(1, "worker", env={"CUSTODY_DATABASE_URL": url})
    except Unavailable as reason:
        pytest.skip(str(reason))
    assert "transaction blocks not allowed in statement pooling mode" in told


@pytest.mark.postgres
def test_the_images_script_makes_the_programs_role(
    postgres_server: PostgresServer, new_database: str, tmp_path: Path
):
    """As PostgreSQL's image runs it: as the owner, with the password in a file."""
    postgres_server.run("DROP ROLE clerk")
    password = tmp_path / "password"
    password.write_text('it\'s a "secret"\n')
    script = (ROOT / "docker/database-roles.sh").read_text()
    script = script.replace("/run/secrets/database_password", str(password))
    script = script.replace("ROLE custody ", "ROLE clerk ")
    path = f"{find_binaries()}:{os.environ['PATH']}"
    environment = {"POSTGRES_USER": OWNER, "POSTGRES_DB": new_database, "PATH": path}
    subprocess.run(
        ["sh"],
        input=script,
        env=environment | {"PGHOST": str(postgres_server.folder)},
        text=True,
        check=True,
    )
    with psycopg.connect(host=str(postgres_server.folder), user=OWNER, dbname="postgres") as admin:
        asked = admin.execute(
            "SELECT rolcanlogin, rolsuper, rolcreaterole, rolcreatedb, rolpassword IS NOT NULL"
            " FROM pg_authid WHERE rolname = 'clerk'"
        )
        assert asked.fetchone() == (True, False, False, False, True)
