"""The loop around the follower: when it pauses, and that it never spins."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from unittest.mock import AsyncMock

import pytest

from chains.model import NetworkId
from custody.db.leases import Lease
from custody.db.session import Database
from custody.following.follow import BATCH_BLOCKS, Step
from custody.following.progress import FollowStatus
from custody.workers import turns, workers
from custody.workers.network import BLOCKS_BESIDE, NetworkWorker
from tests.support.custody import World

_LONG_S = 3600.0


class Steps:
    """A follower that always takes the same step."""

    def __init__(self, step: Step) -> None:
        self.status = FollowStatus()
        self.taken = 0
        self.most: list[int] = []
        self._step = step

    async def step(self, _lease: Lease, most: int) -> Step:
        self.taken += 1
        self.most.append(most)
        await asyncio.sleep(0)
        return self._step

    async def close(self) -> None: ...


class NothingSent:
    """A tracker with nothing to settle."""

    async def sets(self, *_: object) -> AsyncIterator[None]:
        for each in list[None]():
            yield each


def worker_of(database: Database, follower: Steps) -> NetworkWorker:
    return NetworkWorker(
        network=World(database).network.id,
        leases=AsyncMock(),
        journal=AsyncMock(),
        follower=follower,  # type: ignore[arg-type]
        tracker=NothingSent(),  # type: ignore[arg-type]
        driver=AsyncMock(),
        broadcaster=AsyncMock(),
        outbox=AsyncMock(),
        poll_interval_s=_LONG_S,
    )


async def test_who_catches_up_lets_payouts_go_first_but_never_waits_for_ever(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "STEP_S", _LONG_S)
    database = Database(sqlite_url)
    follower = Steps(Step(at_tip=False, connected=3))
    worker = worker_of(database, follower)
    worker._turns.sends(NetworkId("another"))
    loop = asyncio.create_task(worker._lead(Lease("follow", "us", 1)))
    await _pass()
    assert not follower.most
    worker._turns.rests(NetworkId("another"))
    await _pass()
    assert set(follower.most) == {BATCH_BLOCKS}
    follower.most.clear()
    monkeypatch.setattr(turns, "STEP_S", 0.0)
    worker._turns.sends(NetworkId("another"))
    await _pass()
    assert follower.most[1:], "a backlog does not stop it"
    assert set(follower.most[1:]) == {BLOCKS_BESIDE}
    loop.cancel()
    await asyncio.gather(loop, return_exceptions=True)
    await database.close()


async def _pass() -> None:
    for _ in range(50):
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("step", "pauses"),
    [
        (Step(at_tip=True, connected=0), True),
        (Step(at_tip=True, connected=3), True),
        (Step(at_tip=False, connected=0), True),
        (Step(at_tip=False, connected=3), False),
    ],
)
async def test_only_a_step_that_added_blocks_and_left_some_is_followed_by_another(
    sqlite_url: str, step: Step, pauses: bool
) -> None:
    database = Database(sqlite_url)
    follower = Steps(step)
    worker = worker_of(database, follower)
    loop = asyncio.create_task(worker._lead(Lease("follow", "us", 1)))
    for _ in range(50):
        await asyncio.sleep(0)
    loop.cancel()
    await asyncio.gather(loop, return_exceptions=True)
    assert follower.taken >= 1
    assert (follower.taken == 1) is pauses
    await database.close()


async def test_a_network_that_fails_again_and_again_stops_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(workers, "PAUSE_FIRST_S", 0.0)
    failures = steps = 0

    async def broken() -> None:
        nonlocal failures
        failures += 1
        raise ZeroDivisionError

    async def healthy() -> None:
        nonlocal steps
        while True:
            steps += 1
            await asyncio.sleep(0)

    loops = {"follow broken": broken, "follow healthy": healthy}
    tasks = [asyncio.create_task(workers.supervise(*each)) for each in loops.items()]
    for _ in range(200):
        await asyncio.sleep(0)
    assert failures > 1, "it is started again"
    assert steps > 50
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
