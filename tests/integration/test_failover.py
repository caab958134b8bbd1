"""The database dies while payments run, and its standby is promoted.

What a client was told is kept where the standby is synchronous. Where it is not, the signer's
journal knows more than the database, and what follows is the restore drill.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from chains.devnet.evm import AnvilNode
from tests.support.database import PROGRAM, PostgresServer, Unavailable, upgrade_at
from tests.support.fleet import Fleet, Till, running_fleet, until, whole
from tests.support.networks import find_network
from tests.support.replication import Pair, run_pair

ALIAS = "ethereum-local"
NAME = "custody"

pytestmark = [
    pytest.mark.engine,
    pytest.mark.postgres,
    pytest.mark.xdist_group("devnet"),
    pytest.mark.timeout(300),
]


def _prepare(server: PostgresServer) -> None:
    server.run(f"CREATE ROLE {PROGRAM} LOGIN", f"CREATE DATABASE {NAME}")
    upgrade_at(server.url(NAME), program=PROGRAM)


@pytest.fixture
def pair() -> Iterator[Pair]:
    try:
        with run_pair(_prepare) as made:
            yield made
    except Unavailable as reason:
        pytest.skip(str(reason))


@asynccontextmanager
async def running(folder: Path, pair: Pair) -> AsyncIterator[tuple[Fleet, Till]]:
    """Two workers, and a vault with money."""
    node = AnvilNode(find_network(ALIAS), folder / "node")
    await node.start()
    try:
        url = pair.url(NAME, PROGRAM)
        async with running_fleet(folder, url, {ALIAS: node}) as fleet:
            till = Till(fleet, node, ALIAS)
            await till.open()
            await till.endow(whole(ALIAS))
            yield fleet, till
    finally:
        await node.stop()


async def test_a_synchronous_standby_keeps_all_that_was_confirmed(folder: Path, pair: Pair):
    async with running(folder, pair) as (fleet, till):
        pair.wait_for_standby()
        await till.pay("before", whole(ALIAS, 1))
        await till.until_final()
        for n in range(6):
            await till.pay(f"underway-{n}", whole(ALIAS, 2 + n))

        pair.kill_primary()
        asked = asyncio.create_task(till.pay("meanwhile", whole(ALIAS, 9)))
        pair.promote()
        await asked

        await till.until_final()
        await till.check_payees()
        for key, transfer in till.ids.items():  # known by the same keys, and nothing is paid again
            assert await till.pay(key, till.paid[key][1], till.paid[key][0]) == transfer
        await till.until_final()
        await till.check_payees()
        alarms = (await fleet.ask("GET", "/alarms"))["items"]
        assert {each["code"] for each in alarms} <= {"signer_warns"}
        await until(fleet.is_ready, "all is well")
        fleet.check_running()


@pytest.mark.long
async def test_what_a_standby_that_was_behind_lacks_is_rebuilt_from_the_signer(
    folder: Path, pair: Pair
):
    """Without synchronous replication: nothing is accepted until people have recovered, and then
    nobody is paid twice."""
    async with running(folder, pair) as (fleet, till):
        await till.pay("before", whole(ALIAS, 1))
        await till.until_final()
        pair.stop_standby()
        for n in range(2):
            await till.pay(f"forgotten-{n}", whole(ALIAS, 2 + n))
        await till.until_final()

        pair.kill_primary()
        pair.start_standby()
        pair.promote()

        async def is_noticed() -> bool:
            return "signer_ahead" in await asyncio.to_thread(fleet.run, "alarm", "list")

        await until(is_noticed, "custody sees that the signer knows more")
        told = await asyncio.to_thread(fleet.run, "recover")
        assert "rebuilt" in told
        await until(fleet.is_ready, "it is open again")
        for key, transfer in list(till.ids.items()):
            assert await till.pay(key, till.paid[key][1], till.paid[key][0]) == transfer
        await till.pay("after", whole(ALIAS, 5))
        await till.until_final()
        await till.check_payees()
