"""Old and new programs side by side across a migration, while payments run.

The new program is this one with one migration more, in a folder of its own; so the old one does not
know what that adds. It goes on, is started again, and leaves one process after the other.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import psycopg
import pytest

import custody
from chains.devnet.evm import AnvilNode
from custody.db.migrate import newest_revision
from tests.support.database import PROGRAM, PostgresServer, upgrade_at
from tests.support.fleet import Till, running_fleet, until, whole
from tests.support.networks import find_network

ALIAS = "ethereum-local"
NAME = "rolling"
LATER = f"""
import sqlalchemy as sa
from alembic import op

revision = "9999"
down_revision = "{newest_revision()}"


def upgrade() -> None:
    for table in ("vaults", "transfers", "transactions", "outbox", "events", "ledger_entries"):
        op.add_column(table, sa.Column("colour", sa.String(), nullable=True))
    op.create_table("colours", sa.Column("name", sa.String(), primary_key=True))
    op.create_index("ix_transfers_colour", "transfers", ["colour"])
"""

pytestmark = [
    pytest.mark.engine,
    pytest.mark.postgres,
    pytest.mark.xdist_group("devnet"),
    pytest.mark.timeout(300),
]


@pytest.fixture
def new(folder: Path) -> dict[str, str]:
    """Settings of a process of the new program."""
    package = Path(custody.__file__).parent
    target = folder / "new" / "custody"
    shutil.copytree(package, target, ignore=shutil.ignore_patterns("__pycache__"))
    (target / "db/migrations/versions/9999_colours.py").write_text(LATER)
    return {"PYTHONPATH": str(folder / "new")}


async def test_processes_are_replaced_one_by_one_while_payments_run(
    folder: Path, new: dict[str, str], postgres_server: PostgresServer
):
    postgres_server.run(f"CREATE DATABASE {NAME}")
    owner, program = (postgres_server.url(NAME, *role) for role in ((), (PROGRAM,)))
    upgrade_at(owner, program=PROGRAM)
    node = AnvilNode(find_network(ALIAS), folder / "node")
    await node.start()
    try:
        async with running_fleet(folder, program, {ALIAS: node}) as fleet:
            till = Till(fleet, node, ALIAS)
            await till.open()
            await till.endow(whole(ALIAS))
            await till.pay("old", whole(ALIAS, 1))
            fleet.run("migrate", CUSTODY_DATABASE_OWNER_URL=owner, **new)
            assert _columns(postgres_server) == 6
            await till.pay("old-on-new", whole(ALIAS, 2))
            await till.until_final()
            await until(fleet.is_ready, "the old ones are in service")

            fleet.kill("worker-1")
            await fleet.start("worker-1")  # an old one that died may come back
            fleet.add_worker("worker-3", **new)
            fleet.add_api("api-2", **new)
            await until(fleet.is_ready, "both are in service")
            for n in range(4):
                await till.pay(f"side-by-side-{n}", whole(ALIAS, 3 + n))
            await till.until_final()

            for name in ("api-1", "worker-1", "worker-2"):
                await fleet.retire(name)
            await till.pay("new", whole(ALIAS, 9))
            await till.until_final()
            await till.check_payees()
            fleet.check_running()
    finally:
        await node.stop()
        postgres_server.run(f"DROP DATABASE {NAME} WITH (FORCE)")


def _columns(server: PostgresServer) -> int:
    question = "SELECT count(*) FROM information_schema.columns WHERE column_name = 'colour'"
    with psycopg.connect(server.url(NAME).replace("+psycopg", "")) as connection:
        row = connection.execute(question).fetchone()
        assert row is not None
        return int(row[0])
