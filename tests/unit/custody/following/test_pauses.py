"""The loop around the follower: when it pauses, and that it never spins."""

from __future__ import annotations

import asyncio
from unittest.mock import AsyncMock

import pytest

from custody.db.leases import Lease
from custody.db.session import Database
from custody.following.follow import Step
from custody.following.progress import FollowStatus
from custody.workers import workers
from custody.workers.network import NetworkWorker
from tests.support.custody import World

_LONG_S = 3600.0


class Steps:
    """A follower that always takes the same step."""

    def __init__(self, step: Step) -> None:
        self.status = FollowStatus()
        self.taken = 0
        self._step = step

    async def step(self, _lease: Lease) -> Step:
        self.taken += 1
        await asyncio.sleep(0)
        return self._step

    async def close(self) -> None: ...


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
    worker = NetworkWorker(
        network=World(database).network.id,
        leases=AsyncMock(),
        journal=AsyncMock(),
        follower=follower,  # type: ignore[arg-type]
        tracker=AsyncMock(),
        driver=AsyncMock(),
        broadcaster=AsyncMock(),
        outbox=AsyncMock(),
        poll_interval_s=_LONG_S,
    )
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
