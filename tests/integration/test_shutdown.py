"""Programs that are asked to end, as systemd and an operator do, while payments run: each ends by
itself and in time, with success, holds nothing that others wait for, and nothing is lost."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import func, select

from api.v1.events import WAITING_MAX
from chains.devnet.evm import AnvilNode
from custody.db.session import Database
from custody.db.tables import LeaseRow
from tests.support.database import PROGRAM, PostgresServer, upgrade_at
from tests.support.fleet import Fleet, Till, running_fleet, until, whole
from tests.support.networks import find_network

ALIAS = "ethereum-local"
NAME = "shutdown"
PAYOUTS = 24

pytestmark = [
    pytest.mark.engine,
    pytest.mark.postgres,
    pytest.mark.xdist_group("devnet"),
    pytest.mark.timeout(300),
]


async def end(fleet: Fleet, name: str) -> None:
    """SIGTERM. It ends within what an API and its workers may take, by itself or, as uvicorn does
    when all is closed, by the signal; and has nothing to complain of."""
    member = fleet.members[name]
    child = member._child
    assert child is not None
    os.kill(child.pid, signal.SIGTERM)

    async def has_ended() -> bool:
        return child.poll() is not None

    await until(has_ended, f"{name} has ended")
    assert child.returncode in (0, -signal.SIGTERM), member.log_tail()
    assert "Traceback" not in member.log_path.read_text()
    words = [
        json.loads(line) for line in member.log_path.read_text().splitlines() if line[:1] == "{"
    ]
    assert words, "it has a log"
    wrong = [each for each in words if each.get("level") in ("error", "critical")]
    assert {each["event"] for each in wrong} <= {"alarm"}, wrong  # memory that is not locked
    await fleet.retire(name)


async def leases_that_stand(url: str) -> int:
    database = Database(url)
    try:
        async with database.read() as session:
            stand = select(func.count()).where(LeaseRow.until > LeaseRow.since)
            return int(await session.one(stand))
    finally:
        await database.close()


async def test_programs_end_when_they_are_asked_to_and_lose_nothing(
    folder: Path, postgres_server: PostgresServer
):
    postgres_server.run(f"CREATE DATABASE {NAME}")
    owner, program = (postgres_server.url(NAME, *role) for role in ((), (PROGRAM,)))
    upgrade_at(owner, program=PROGRAM)
    node = AnvilNode(find_network(ALIAS), folder / "node")
    await node.start()
    try:
        async with running_fleet(folder, program, {ALIAS: node}, apis=("api-1", "api-2")) as fleet:
            till = Till(fleet, node, ALIAS)
            await till.open()
            await till.endow(whole(ALIAS))

            async def pay() -> None:
                for n in range(PAYOUTS):
                    await till.pay(f"payout-{n}", whole(ALIAS, 1 + n % 7))

            paying = asyncio.create_task(pay())
            await until(lambda: _asked(till, 6), "some are asked for")
            await end(fleet, "worker-1")
            await end(fleet, "api-1")
            await paying
            await till.until_final()
            await till.check_payees()
            await till.pay("last", whole(ALIAS, 1))
            await end(fleet, "worker-2")
            assert await leases_that_stand(program) == 0, "nobody waits for who has gone"
            fleet.add_worker("worker-3")
            await till.until_final()
            await till.check_payees()
    finally:
        await node.stop()
        postgres_server.run(f"DROP DATABASE {NAME} WITH (FORCE)")


async def _asked(till: Till, so_many: int) -> bool:
    return len(till.ids) >= so_many


async def test_who_waits_for_an_event_keeps_no_api_from_ending(
    folder: Path, postgres_server: PostgresServer
):
    """A long poll may take half a minute."""
    postgres_server.run(f"CREATE DATABASE {NAME}")
    owner, program = (postgres_server.url(NAME, *role) for role in ((), (PROGRAM,)))
    upgrade_at(owner, program=PROGRAM)
    node = AnvilNode(find_network(ALIAS), folder / "node")
    await node.start()
    try:
        async with running_fleet(folder, program, {ALIAS: node}, workers=("worker-1",)) as fleet:

            async def poll(wait: int = 30) -> httpx2.Response:
                return await fleet._http.get(
                    f"{fleet.urls['api-1']}/v1/events?cursor=newest&wait={wait}",
                    headers={"Authorization": f"Bearer {fleet.api_key}"},
                    timeout=60,
                )

            polls: list[asyncio.Task[httpx2.Response]] = []

            async def as_many_wait_as_may() -> bool:
                polls[:] = [each for each in polls if not each.done()]  # there was an event
                while len(polls) < WAITING_MAX:
                    polls.append(asyncio.create_task(poll()))
                return (await poll(wait=1)).status_code == 429

            await until(as_many_wait_as_may, "they wait")
            await end(fleet, "api-1")
            for answer in await asyncio.gather(*polls):
                assert (answer.status_code, answer.json()["items"]) == (200, [])
    finally:
        await node.stop()
        postgres_server.run(f"DROP DATABASE {NAME} WITH (FORCE)")
