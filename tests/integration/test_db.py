"""Sessions, values, the outbox and ids, on both databases."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import bindparam, func, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError, StatementError

from custody.db.ids import new_id
from custody.db.session import Database, ReadSession, WriteSession
from custody.db.tables import ClientRow, LedgerAccountRow, VaultRow

NOW = datetime(2026, 1, 1, 12, 30, 15, 123456, tzinfo=UTC)


def client(name: str = "C") -> ClientRow:
    return ClientRow(id=f"cli_{name}", name=name, created_at=NOW)


async def names(database: Database) -> list[str]:
    async with database.read() as session:
        return list(await session.all(select(ClientRow.name).order_by(ClientRow.name)))


# Sessions


async def test_a_block_commits_at_its_end(database: Database):
    async with database.write() as session:
        session.add(client())
        assert await names(database) == []
    assert await names(database) == ["C"]


async def test_a_block_that_raises_leaves_nothing(database: Database):
    with pytest.raises(RuntimeError):
        await fail(database)
    assert await names(database) == []


async def fail(database: Database) -> None:
    async with database.write() as session:
        session.add(client())
        await session.flush()
        assert await session.one(select(func.count()).select_from(ClientRow)) == 1
        raise RuntimeError


async def test_a_read_session_sees_one_moment(database: Database):
    async with database.write() as session:
        session.add(client("A"))
    async with database.read() as reading:
        assert await reading.all(select(ClientRow.name)) == ["A"]
        async with database.write() as session:
            session.add(client("B"))
        assert await reading.all(select(ClientRow.name)) == ["A"]
    assert await names(database) == ["A", "B"]


async def test_quick_questions_of_a_read_session_see_its_moment(database: Database):
    async with database.read() as reading:
        assert await reading.quick_rows(_NAMED, {"name": "A"}) == []
        async with database.write() as session:
            session.add(client("A"))
        assert await reading.quick_rows(_NAMED, {"name": "A"}) == []
    async with database.read() as reading:
        assert list(await reading.quick_rows(_NAMED, {"name": "A"})) == [("cli_A", NOW)]


async def test_each_question_of_a_look_sees_a_moment_of_its_own(database: Database):
    """So no transaction stays open between them, and none is left to the next who looks."""
    async with database.look() as look:
        assert await look.quick_rows(_NAMED, {"name": "A"}) == []
        async with database.write() as session:
            session.add(client("A"))
        assert list(await look.quick_rows(_NAMED, {"name": "A"})) == [("cli_A", NOW)]
    with pytest.raises(RuntimeError):
        await look_and_fail(database)
    async with database.read() as reading:
        assert await reading.all(select(ClientRow.name)) == ["A"]


async def look_and_fail(database: Database) -> None:
    async with database.look() as look:
        await look.quick_rows(_NAMED, {"name": "A"})
        raise RuntimeError


_NAMED = select(ClientRow.id, ClientRow.created_at).where(ClientRow.name == bindparam("name"))


async def test_a_read_session_cannot_write(database: Database):
    """Not by its type (the comment is checked by the type checker: it must be needed), and not by
    going around it either: the database refuses."""
    async with database.read() as reading:
        assert not hasattr(reading, "add")
        with pytest.raises(AttributeError):
            await wants_to_write(reading)  # type: ignore[arg-type]
    with pytest.raises(DBAPIError, match=r"readonly|read-only"):
        await write_around(database)
    assert await names(database) == []


async def wants_to_write(session: WriteSession) -> None:
    session.add(client())


async def write_around(database: Database) -> None:
    async with database.read() as reading:
        reading._session.add(client())
        await reading._session.flush()


async def test_rows_stay_usable_and_changing_them_changes_nothing(database: Database):
    async with database.write() as session:
        session.add(client("A"))
    async with database.read() as reading:
        row = await reading.get(ClientRow, "cli_A")
    assert row is not None
    row.name = "changed"
    assert await names(database) == ["A"]


async def test_a_query_in_a_write_session_sees_what_a_statement_changed(database: Database):
    """No stale copies of rows that were loaded before."""
    async with database.write() as session:
        session.add(client("A"))
        await session.flush()
        row = await session.one(select(ClientRow))
        await session.update_each(ClientRow, ["id"], [{"id": "cli_A", "name": "B"}])
        assert (await session.one(select(ClientRow))).name == "B"
        await session.execute(update(ClientRow).values(name="C"))
        again = await session.get(ClientRow, "cli_A")
        assert again is row
        assert row.name == "C"


async def test_inserting_many_and_only_the_missing(database: Database):
    rows = [{"id": f"cli_{at}", "name": str(at), "created_at": NOW} for at in range(3)]
    async with database.write() as session:
        await session.insert(ClientRow, rows[:2])
        await session.insert(ClientRow, [])
        await session.insert_missing(ClientRow, [*rows, rows[2]])
    assert await names(database) == ["0", "1", "2"]
    with pytest.raises(IntegrityError):
        async with database.write() as session:
            await session.insert(ClientRow, rows[:1])


STRANGE = "o'Neill; \\ %(id)s %s ??"


async def test_many_changes_travel_together_and_each_is_its_own(database: Database):
    """More than one message of them, and values that a careless one would take for its own."""
    keys = [f"cli_{at:03d}" for at in range(150)]
    async with database.write() as session:
        rows = [{"id": key, "name": "", "created_at": NOW} for key in keys]
        await session.insert_missing(ClientRow, rows)
        changed = [{"id": key, "name": STRANGE + key, "created_at": NOW} for key in keys]
        await session.update_each(ClientRow, ["id"], changed)
    async with database.write() as session:
        for row in (await session.all(select(ClientRow).order_by(ClientRow.id)))[:70]:
            assert row.created_at == NOW
            row.name = f"{row.id} {STRANGE}"
    expected = [f"{key} {STRANGE}" for key in keys[:70]] + [STRANGE + key for key in keys[70:]]
    assert await names(database) == sorted(expected)


async def test_one_of_many_changes_that_fails_undoes_all(database: Database):
    async with database.write() as session:
        session.add(client("A"), client("B"))
    wrong: list[dict[str, object]] = [{"id": "cli_A", "name": "new"}, {"id": "cli_B", "name": None}]
    with pytest.raises(IntegrityError):
        async with database.write() as session:
            await session.update_each(ClientRow, ["id"], wrong)
    assert await names(database) == ["A", "B"]


@pytest.mark.postgres
async def test_what_was_prepared_outlives_a_read_session(postgres_url: str):
    database = Database(postgres_url)
    for _ in range(8):  # psycopg prepares what it has sent five times
        await names(database)
    prepared = text("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%clients%'")
    async with database.read() as reading:
        count = (await reading._session.execute(prepared)).scalar_one()
    await database.close()
    assert count == 1


async def test_what_was_added_is_there_before_a_statement_runs(database: Database):
    """A statement that refers to rows which `add` only collected so far."""
    async with database.write() as session:
        session.add(client("A"))
        vault = {"client_id": "cli_A", "name": "V", "account": 0, "created_at": NOW}
        await session.insert(VaultRow, [{**vault, "id": "vlt_1", "frozen_reason": None}])
        assert await session.execute(update(VaultRow).values(name="W")) == 1


async def test_large_results_come_in_chunks(database: Database):
    async with database.write() as session:
        await session.insert(
            ClientRow,
            [{"id": f"cli_{at:03}", "name": "C", "created_at": NOW} for at in range(25)],
        )
    async with database.read() as reading:
        statement = select(ClientRow.id).order_by(ClientRow.id)
        sizes = [len(chunk) async for chunk in reading.chunks(statement, 10)]
    assert sizes == [10, 10, 5]


async def test_foreign_keys_are_enforced(database: Database):
    with pytest.raises(IntegrityError):
        async with database.write() as session:
            session.add(
                VaultRow(
                    id="vlt_1",
                    client_id="cli_unknown",
                    name="V",
                    account=0,
                    frozen_reason=None,
                    created_at=NOW,
                )
            )


@pytest.mark.parametrize("amount", [0, 1, 2**63 - 1, 2**63, 10**18, 2**256 - 1])
async def test_amounts_survive_exactly(database: Database, amount: int):
    async with database.write() as session:
        session.add(account(amount))
    async with database.read() as reading:
        row = await reading.get(LedgerAccountRow, "acc_1")
    assert row is not None
    assert (row.debits_posted, type(row.debits_posted)) == (amount, int)


@pytest.mark.parametrize("wrong", [-1, 2**256, 1.0, "1"])
async def test_what_is_no_amount_is_a_programmers_error(sqlite_url: str, wrong: int):
    database = Database(sqlite_url)
    with pytest.raises(StatementError, match="amount out of range"):
        async with database.write() as session:
            session.add(account(wrong))
    await database.close()


def account(amount: int) -> LedgerAccountRow:
    return LedgerAccountRow(
        id="acc_1",
        vault_id=None,
        asset="eip155:1/slip44:60",
        kind="chain",
        debits_posted=amount,
        credits_posted=0,
        debits_pending=0,
        credits_pending=0,
    )


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=-7))])
async def test_times_survive_exactly(database: Database, zone: timezone):
    async with database.write() as session:
        session.add(ClientRow(id="cli_A", name="A", created_at=NOW.astimezone(zone)))
    async with database.read() as reading:
        row = await reading.get(ClientRow, "cli_A")
    assert row is not None
    assert (row.created_at, row.created_at.tzinfo) == (NOW, UTC)


async def test_a_time_without_a_zone_is_a_programmers_error(sqlite_url: str):
    database = Database(sqlite_url)
    with pytest.raises(StatementError, match="naive time"):
        async with database.write() as session:
            session.add(ClientRow(id="cli_A", name="A", created_at=NOW.replace(tzinfo=None)))
    await database.close()


@pytest.mark.parametrize(
    "url", ["sqlite+aiosqlite://", "sqlite+aiosqlite:///:memory:", "mysql://u:hunter2@h/d"]
)
def test_other_databases_are_refused_without_repeating_the_url(url: str):
    with pytest.raises(ValueError, match=r"SQLite needs|must start") as refused:
        Database(url)
    assert "hunter2" not in str(refused.value)


async def test_what_sqlite_is_told(sqlite_url: str):
    """WAL, full durability, foreign keys; and a reader that never waits for a writer."""
    database = Database(sqlite_url)

    async def ask(session: ReadSession, pragma: str) -> object:
        connection = await session._session.connection()
        return (await connection.execute(text(f"PRAGMA {pragma}"))).scalar()

    async with database.write() as session:
        told = {each: await ask(session, each) for each in ("journal_mode", "synchronous")}
        assert told == {"journal_mode": "wal", "synchronous": 2}
        assert await ask(session, "foreign_keys") == 1
        session.add(client())
        await session.flush()
        assert await names(database) == []  # while the write is open
    async with database.read() as reading:
        assert await ask(reading, "query_only") == 1
        assert await ask(reading, "foreign_keys") == 1
    await database.close()


# Ids


def test_ids_sort_by_time_and_name_their_noun():
    ids = [new_id("trf") for _ in range(200)]
    assert len(set(ids)) == 200
    assert all(each.startswith("trf_") and len(each) == 30 for each in ids)
    assert ids == sorted(ids)


def test_ids_grow_when_the_clock_is_set_back(monkeypatch: pytest.MonkeyPatch):
    before = new_id("trf")
    monkeypatch.setattr("custody.db.ids.time.time_ns", lambda: 0)
    assert before < new_id("trf") < new_id("trf")


def test_the_file_is_an_ordinary_sqlite_database(sqlite_template: Path):
    with sqlite3.connect(sqlite_template) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
