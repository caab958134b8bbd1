"""Behind a pooler in transaction mode, where a connection lasts as long as a transaction."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import psycopg
import pytest
import pytest_asyncio
from sqlalchemy import bindparam, func, select, text

from custody.db.engines import BadUrl
from custody.db.leases import Leases
from custody.db.session import Database
from custody.db.tables import LeaseRow
from tests.support.database import PostgresServer, Unavailable
from tests.support.pooler import run_pooler
from tests.unit.custody.transfers.desk import Desk

pytestmark = pytest.mark.postgres


@pytest.fixture(scope="module")
def pooler(postgres_server: PostgresServer) -> Iterator[str]:
    try:
        with run_pooler(postgres_server, "custody") as url:
            yield url
    except Unavailable as reason:
        pytest.skip(str(reason))


@pytest_asyncio.fixture
async def pooled(pooler: str, postgres_url: str) -> AsyncIterator[tuple[Database, Database]]:
    """Two processes' databases, both behind the pooler."""
    both = Database(pooler), Database(pooler)
    yield both
    for each in both:
        await each.close()


_FAST = select(LeaseRow.name, LeaseRow.epoch).where(LeaseRow.name == bindparam("name"))


async def test_each_transaction_has_another_connection(pooled: tuple[Database, Database]):
    """Or this would test nothing."""
    both = asyncio.Barrier(2)

    async def together(database: Database) -> None:
        async with database.write() as session:
            await session.serialize(f"{database}")
            await both.wait()

    await asyncio.gather(*(together(database) for database in pooled))
    assert len(await _ask(pooled[0])) == 2


async def _ask(database: Database) -> dict[int, int]:
    """The server's processes that eight transactions met, and what is prepared there."""
    found = {}
    for _ in range(8):
        async with database.write() as session:
            connection = await session._session.connection()
            asked = text("SELECT pg_backend_pid(), count(*) FROM pg_prepared_statements")
            process, prepared = (await connection.execute(asked)).one()
            found[process] = prepared
    return found


async def test_one_leads(pooled: tuple[Database, Database]):
    mine, other = (Leases(database) for database in pooled)
    async with mine.hold("x") as lease:
        assert lease is not None
        for leases in (mine, other):
            async with leases.hold("x") as again:
                assert again is None
        async with pooled[0].write() as session:
            await lease.check(session)
    async with other.hold("x") as lease:
        assert lease is not None


async def test_nothing_of_a_session_stays_on_a_connection(
    pooled: tuple[Database, Database], postgres_server: PostgresServer
):
    """No lock, and no prepared statement that the next one would stumble over."""
    await asyncio.gather(*(_work(database, at) for at in range(4) for database in pooled))
    direct = postgres_server.url("custody").replace("+psycopg", "")

    with psycopg.connect(direct) as connection:
        left = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
        assert connection.execute(left).fetchone() == (0,)
    for process, prepared in (await _ask(pooled[0])).items():
        assert prepared == 0, process


async def _work(database: Database, at: int) -> None:
    """Each statement more often than a driver needs to find it worth preparing. Reading ends with
    a ROLLBACK, after which it begins to count again."""
    for _ in range(20):
        async with database.write() as session:
            await session.serialize("all")
            await session.quick_rows(_FAST, {"name": f"{at}"})
            await session.rows(select(func.pg_sleep(0.002)))


async def test_without_a_pooler_statements_are_prepared(postgres_url: str):
    database = Database(postgres_url)
    await asyncio.gather(*(_work(database, at) for at in range(2)))
    assert any((await _ask(database)).values())
    await database.close()


async def test_preparing_can_be_switched_off_for_a_pooler_that_looks_like_the_server(
    postgres_url: str,
):
    database = Database(f"{postgres_url}&prepare_threshold=none")
    await asyncio.gather(*(_work(database, at) for at in range(2)))
    assert not any((await _ask(database)).values())
    await database.close()
    with pytest.raises(BadUrl, match="can only be none"):
        Database(f"{postgres_url}&prepare_threshold=5")


async def test_two_processes_pay_each_transfer_once(pooled: tuple[Database, Database]):
    desk = Desk(pooled[0])
    vault = await desk.open_funded(*[10**6] * 4)
    second = Desk(pooled[1])
    second.node, second.adapter, second.signer = desk.node, desk.adapter, desk.signer
    second.restart()
    ids = [await desk.send(vault, 1_000 + n) for n in range(4)]
    running = [asyncio.create_task(each.workers.run()) for each in (desk, second)]
    async with asyncio.timeout(120):
        while {await desk.state(each) for each in ids} != {"final"}:
            await desk.node.mine()
            await asyncio.sleep(0.05)
    for each in (desk, second):
        each.workers.stop()
    await asyncio.gather(*running)
    assert [await desk.received(each) for each in ids] == [1_000 + n for n in range(4)]
    assert await desk.outbox() == []
