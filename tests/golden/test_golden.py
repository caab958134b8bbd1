"""What earlier versions wrote is read by this one: databases, the signer's state, signed documents.

A database is migrated from the golden schema to the current one, on both databases. While these are
the same, a later one is played by a further migration.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, func, select, text
from sqlalchemy.exc import DBAPIError

from custody.db import migrate
from custody.db.engines import open_engines
from custody.db.feed_tables import EventRow, SequencedEventRow
from custody.db.migrate import newest_revision, standing, stored_revision, upgrade
from custody.db.session import Database
from custody.db.tables import ApiKeyRow, DepositRow, PolicyVersionRow, Row, SignerCheckpointRow
from custody.db.transfer_tables import ApprovalRow, MandateRow, TransactionRow, TransferRow
from custody.ledger import repository as ledger
from custody.reconcile.books import check_books
from custody.transfers.mandates import digest_of, stored_mandate
from custody.transfers.showing import shown
from signer.checkpoint import open_checkpoint
from signer.keystore import unlock
from signer.logfile import verify_log
from signer.policy import Policy, SignedPolicy
from signer.session import Session
from signer.state import StateDirectory
from signer.wire import Mandate, Receipt, parse_json
from tests.golden import files
from tests.support.database import PostgresServer
from tests.support.feeds import Reader
from tests.support.signer import PASSPHRASE, policy_document, rule, sign_policy

_numbers = count()
EARLIEST = "0002"
"""What the golden databases were made with. Its migration does not change any more."""
LATER = """
import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = "{before}"


def upgrade() -> None:
    op.add_column("vaults", sa.Column("colour", sa.String(), nullable=True))
"""


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def golden_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database as it was dumped; of its owner."""
    if request.param == "sqlite":
        yield files.load_sqlite(files.SQLITE, tmp_path / "custody.db")
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    name = f"golden_{next(_numbers)}"
    yield files.load_postgresql(files.POSTGRESQL, server, name)
    server.run(f"DROP DATABASE {name} WITH (FORCE)")


async def counts(url: str) -> dict[str, int]:
    """Rows by table."""
    database = Database(url)
    async with database.read() as session:
        found = {
            name: await session.one(select(func.count()).select_from(table))
            for name, table in Row.metadata.tables.items()
        }
    await database.close()
    return found


async def revision_of(url: str) -> str | None:
    database = Database(url)
    async with database.read() as session:
        found = await stored_revision(session)
    await database.close()
    return found


def differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return list(compare_metadata(context, Row.metadata))


async def test_a_golden_database_is_migrated_to_the_current_schema(golden_url: str):
    assert await revision_of(golden_url) == EARLIEST
    await upgrade(golden_url)
    now = await standing(golden_url)
    assert now.is_current
    assert now.missing_triggers == ()
    engines = open_engines(golden_url)
    async with engines.read.connect() as connection:
        assert await connection.run_sync(differences) == []
    await engines.close()
    empty = {name for name, rows in (await counts(golden_url)).items() if not rows}
    assert empty <= {"unsequenced"} | set(added_since())


def added_since() -> set[str]:
    """Tables that the golden databases don't have."""
    dumped = files.SQLITE.read_text()
    return {name for name in Row.metadata.tables if f"CREATE TABLE {name} (" not in dumped}


def forget_revisions() -> None:
    """What a process knows of its own migrations."""
    newest_revision.cache_clear()
    migrate.known_revisions.cache_clear()


async def test_a_later_migration_keeps_every_row(
    golden_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """A stored version leads from the golden schema to whichever comes next."""
    await upgrade(golden_url)
    before, newest = await counts(golden_url), newest_revision()
    folder = tmp_path / "migrations"
    shutil.copytree(migrate._FOLDER, folder)
    added = LATER.format(revision="later", before=newest)
    (folder / "versions" / "later.py").write_text(added)
    monkeypatch.setattr(migrate, "_FOLDER", folder)
    forget_revisions()
    assert not (await standing(golden_url)).is_current
    await upgrade(golden_url)
    assert await revision_of(golden_url) == "later"
    assert await counts(golden_url) == before
    engines = open_engines(golden_url)
    async with engines.read.connect() as connection:
        assert (await connection.execute(text("SELECT colour FROM vaults"))).first() == (None,)
    await engines.close()
    forget_revisions()
    monkeypatch.undo()
    assert (await standing(golden_url)).is_current, "a later schema lets us"
    with pytest.raises(migrate.OtherDesign, match="newer than this program"):
        await upgrade(golden_url)
    async with engines.write.begin() as connection:
        await connection.execute(text("UPDATE schema_bounds SET oldest = 'later'"))
    await engines.close()
    with pytest.raises(migrate.OtherDesign, match="newer than this program"):
        await standing(golden_url)


async def test_a_released_key_keeps_what_it_could(golden_url: str):
    """With each combination of the scopes that there were. Then they are as fixed as before."""
    given = ["admin", "read", "admin read", "transfer", "read transfer", "admin transfer"]
    await _upgrade_to(EARLIEST, golden_url)
    engines = open_engines(golden_url)
    async with engines.write.begin() as connection:
        for at, scopes in enumerate(given):
            await connection.execute(
                text(
                    "INSERT INTO api_keys (id, name, initiator, digest, scopes, created_at)"
                    " SELECT :id, name, initiator, :digest, :scopes, created_at"
                    " FROM api_keys ORDER BY id LIMIT 1"
                ),
                {"id": f"key_old_{at}", "digest": bytes([at]), "scopes": scopes},
            )
    await upgrade(golden_url)
    async with engines.read.connect() as connection:
        rows = (await connection.execute(text("SELECT id, scopes FROM api_keys"))).all()
    found = {str(row.id): str(row.scopes) for row in rows}
    for at, scopes in enumerate(given):
        more = {"receive", "approve"} if "transfer" in scopes else set()
        assert found[f"key_old_{at}"] == " ".join(sorted({*scopes.split(), *more}))
    assert "admin approve read receive transfer" in found.values()
    with pytest.raises(DBAPIError, match="the past does not change"):
        async with engines.write.begin() as connection:
            await connection.execute(text("UPDATE api_keys SET scopes = 'admin'"))
    await engines.close()


async def test_everything_in_it_means_what_it_meant(golden_url: str):
    """Read by what the API and the workers read it by."""
    await upgrade(golden_url)
    database = Database(golden_url)
    async with database.read() as session:
        faults, entries = await check_books(session)
        assert faults == []
        assert entries > 10
        transfers = await session.all(select(TransferRow))
        assert {each.state for each in transfers} == {
            "final", "rejected", "cancelled", "awaiting_approval"
        }  # fmt: skip
        assert len(await shown(session, transfers)) == len(transfers)
        for terms in await session.all(select(MandateRow)):
            assert digest_of(stored_mandate(terms)) == terms.digest
        (policy,) = await session.all(select(PolicyVersionRow))
        assert hashlib.sha256(policy.document).digest() == policy.digest
        Policy.parse(policy.document)
        assert {each.verdict for each in await session.all(select(ApprovalRow))} == {
            "approve", "reject"
        }  # fmt: skip
        assert "credited" in await session.all(select(DepositRow.state))
        assert len(await session.all(select(ApiKeyRow).where(ApiKeyRow.revoked_at.is_(None)))) == 1
        checkpoints = await session.all(select(SignerCheckpointRow))
        assert checkpoints
        for checkpoint in checkpoints:
            open_checkpoint(checkpoint.note, checkpoint.log_key)
        signed = await session.all(select(TransactionRow.receipt))
        receipts = [Receipt.parse(parse_json(each)) for each in signed if each is not None]
        assert len(receipts) == 2
        client = transfers[0].client_id
        balances = await ledger.balances_of_client(session, client)
        assert balances[0].available > 0
        numbered = select(func.count()).select_from(SequencedEventRow)
        told = await session.one(select(func.count()).select_from(EventRow))
        assert await session.one(numbered) == told > 10
    assert len(await Reader(None).read_all(database)) == told
    assert await Reader(client).read_all(database)
    assert len(await Reader(None, entries=True).read_all(database)) == entries
    await database.close()


async def test_the_first_migration_does_not_change_any_more(tmp_path: Path):
    """Whoever edits it makes databases that no migration leads to. A change is a new migration."""
    old, new = tmp_path / "old.db", tmp_path / "new.db"
    files.load_sqlite(files.SQLITE, old)
    await _upgrade_to(EARLIEST, f"sqlite+aiosqlite:///{new}")
    found = []
    for path in (old, new):
        with sqlite3.connect(path) as connection:
            schema = "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL"
            found.append(sorted(connection.execute(schema).fetchall()))
        connection.close()
    assert found[0] == found[1], "add a migration; before the first release: make golden"


async def _upgrade_to(revision: str, url: str) -> None:
    from alembic import command

    engines = open_engines(url)
    async with engines.write.begin() as connection:
        await connection.run_sync(
            lambda plain: command.upgrade(migrate.migration_config(plain), revision)
        )
    await engines.close()


# The signer's, and what is read without a database


@pytest.fixture
def state(tmp_path: Path) -> StateDirectory:
    files.copy_signer(files.SIGNER, tmp_path / "signer")
    return StateDirectory(tmp_path / "signer")


def test_the_signers_state_is_read(state: StateDirectory):
    """With its seed it derives the key that sealed the journal and signed every checkpoint."""
    contents = unlock(state.keystore, bytearray(PASSPHRASE))
    assert contents.administrators is not None
    session = Session(state, contents, ["ethereum-local"])
    try:
        assert session.guard.in_force.version == 1
        log_key = session.status(()).log_key
        for row in json.loads(files.RECEIPTS.read_text()):
            receipt = Receipt.parse(row)
            open_checkpoint(receipt.checkpoint, log_key)
            for transfer in receipt.transfers:
                assert session.guard.history(transfer).signed
        assert verify_log(state.log, log_key).sequence == session.journal.sequence
        first = mandates()[0].core
        assert session.vaults.open(first.client, first.vault).account == 0
    finally:
        session.close()


def test_a_stop_in_the_journal_is_read_and_obeyed(tmp_path: Path):
    files.copy_signer(files.SIGNER_STOPPED, tmp_path / "signer")
    state = StateDirectory(tmp_path / "signer")
    session = Session(state, unlock(state.keystore, bytearray(PASSPHRASE)), ["ethereum-local"])
    try:
        status = session.status(())
        assert status.is_stopped
        assert any("a laptop was stolen" in each.message for each in status.warnings)
        assert verify_log(state.log, status.log_key).sequence == session.journal.sequence
        session.publisher.publish(sign_policy(policy_document(rule("all"), version=2)))
        assert not session.status(()).is_stopped
    finally:
        session.close()


def mandates() -> list[Mandate]:
    rows = json.loads(files.MANDATES.read_text())
    found = [Mandate.parse(parse_json(bytes.fromhex(row["document"]))) for row in rows]
    assert [each.digest.hex() for each in found] == [row["digest"] for row in rows]
    return found


def test_mandates_policies_and_receipts_are_read():
    assert len(mandates()) == 5
    for row in json.loads(files.POLICIES.read_text()):
        assert Policy.parse(SignedPolicy.parse(row).document).rules
    for row in json.loads(files.RECEIPTS.read_text()):
        assert Receipt.parse(row).to_json() == row


def test_they_are_small():
    sizes = [path.stat().st_size for path in files.FILES.rglob("*") if path.is_file()]
    assert 0 < sum(sizes) < files.BYTES_MAX
