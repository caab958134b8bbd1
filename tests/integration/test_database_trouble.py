"""A full disk: requests hear of it, nothing is lost, and everything goes on when there is space."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import psycopg
import pytest
import pytest_asyncio
from sqlalchemy import event, text
from sqlalchemy.exc import OperationalError

from custody.db.prepared import explained
from custody.db.session import Database
from custody.db.trouble import code_of
from custody.workers import workers as loops
from tests.support.database import PostgresServer
from tests.support.full_database import filled, make_space
from tests.unit.api.counter import Counter, opened
from tests.unit.custody.transfers.desk import Desk

NOTE = "n" * 200


@pytest_asyncio.fixture
async def sqlite(sqlite_url: str) -> AsyncIterator[Database]:
    database = Database(sqlite_url)
    yield database
    await database.close()


async def test_a_request_hears_of_a_full_disk_and_is_repeated(sqlite: Database):
    async with opened(sqlite) as counter:
        before = await balances(counter)
        async with filled(sqlite):
            held, refused = await refuse(counter)
        assert await balances(counter) == held
        for key in refused:
            assert (await counter.send(counter.transfer(note=NOTE), key)).status_code == 201
        assert before != held


async def refuse(counter: Counter) -> tuple[object, list[str]]:
    """Ask until nothing is accepted any more. The balances then, and the keys of those refused."""
    # At first there is room in pages that are there; later for none that share a commit.
    bodies = [counter.transfer(note=NOTE) for _ in range(24)]
    refused = {}
    for at in range(20):
        answers = await asyncio.gather(
            *(counter.send(body, f"{at}-{n}") for n, body in enumerate(bodies))
        )
        refused = {
            f"{at}-{n}": answer for n, answer in enumerate(answers) if answer.status_code != 201
        }
        if len(refused) == len(bodies):
            break
    assert len(refused) == len(bodies)
    for answer in refused.values():
        assert answer.status_code == 503, answer.text
        assert answer.json()["code"] in ("storage_full", "database_unavailable")
        assert int(answer.headers["Retry-After"]) > 0
    # What was refused together needed room for all; one alone may still find some.
    alone = await counter.send(bodies[0], "alone")
    for at in range(50):
        if alone.status_code != 201:
            break
        alone = await counter.send(bodies[0], f"alone-{at}")
    assert (alone.status_code, alone.json()["code"]) == (503, "storage_full")
    assert (await counter.call("GET", "/v1/transfers")).status_code == 200
    held = await balances(counter)
    return held, list(refused)


async def balances(counter: Counter) -> object:
    return await counter.get(f"/v1/vaults/{counter.vault_id}/balances")


async def test_workers_survive_a_full_disk_and_go_on(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(loops, "PAUSE_FIRST_S", 0.01)
    monkeypatch.setattr(loops, "PAUSE_MAX_S", 0.01)
    desk = Desk(sqlite)
    vault = await desk.open_funded(*[10**6] * 3)
    ids = [await desk.send(vault, 1_000 + n) for n in range(3)]
    failed = asyncio.Event()
    event.listen(sqlite._engines.write.sync_engine, "handle_error", lambda _context: failed.set())
    async with sqlite.write() as session:
        connection = await session._session.connection()
        await connection.execute(text("PRAGMA max_page_count = 1"))
    running = asyncio.create_task(desk.workers.run())
    async with asyncio.timeout(60):
        await failed.wait()
        await make_space(sqlite)
        while {await desk.state(each) for each in ids} != {"final"}:
            await desk.node.mine()
            await asyncio.sleep(0.02)
    desk.workers.stop()
    await running
    assert [await desk.received(each) for each in ids] == [1_000, 1_001, 1_002]
    await desk.follow()
    assert (await desk.reconcile()).is_clean


def test_what_is_full_and_what_is_away():
    from sqlalchemy.dialects import postgresql

    dialect = postgresql.dialect()
    full = explained(psycopg.errors.DiskFull("no space"), dialect)
    away = explained(psycopg.OperationalError("gone"), dialect)
    assert isinstance(full, OperationalError)
    assert (code_of(full), code_of(away)) == ("storage_full", "database_unavailable")
    after = OperationalError("", None, Exception("no such savepoint"))
    after.__context__ = full
    assert code_of(after) == "storage_full"


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("errcode", "code"), [("53100", "storage_full"), ("25006", "database_unavailable")]
)
async def test_postgresql_without_space(
    postgres_server: PostgresServer, postgres_url: str, errcode: str, code: str
):
    """The server's own error, at the commit's last statement; or, as hosted servers do whose disk
    is nearly full, it takes no writes."""
    postgres_server.run(
        "CREATE FUNCTION no_space() RETURNS trigger LANGUAGE plpgsql AS $$"
        f" BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = '{errcode}'; END $$",
        "CREATE TRIGGER no_space BEFORE INSERT ON idempotency EXECUTE FUNCTION no_space()",
        name="custody",
    )
    database = Database(postgres_url)
    try:
        async with opened(database) as counter:
            answer = await counter.send(counter.transfer(), "k")
            assert (answer.status_code, answer.json()["code"]) == (503, code)
            assert int(answer.headers["Retry-After"]) > 0
            full = await counter.call("GET", "/ready", key=None)
            assert full.json()["database"] == ("full" if code == "storage_full" else "ok")
            postgres_server.run("DROP TRIGGER no_space ON idempotency", name="custody")
            assert (await counter.call("GET", "/ready", key=None)).json()["database"] == "ok"
            assert (await counter.send(counter.transfer(), "k")).status_code == 201
    finally:
        postgres_server.run("DROP FUNCTION no_space CASCADE", name="custody")
        await database.close()
