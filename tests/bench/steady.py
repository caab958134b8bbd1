"""How long requests wait while the API is asked a steady number of times a second.

Requests begin at fixed moments, whether those before them have been answered or not, and their time
counts from that moment: an API that stands still for a second shows a second, and not one slow
request (what is known as coordinated omission).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from tests.bench.lean_http import LeanClient
from tests.bench.measure import Latency, latencies, percentiles
from tests.bench.table import Figure, Row

RATES = (10, 50, 100)
"""Requests a second."""
CONNECTIONS = 24
_ALONE = 50

MakeBody = Callable[[], object]


class Mixed:
    """Every other request asks for a payout; the others look at the newest one."""

    def __init__(self, clients: Sequence[LeanClient], make: MakeBody) -> None:
        self._free: asyncio.Queue[LeanClient] = asyncio.Queue()
        for client in clients:
            self._free.put_nowait(client)
        self._make = make
        self._newest = ""

    async def pay(self) -> float:
        async with borrowed(self._free) as client:
            made = await client.pay(self._make())
            self._newest = made["id"]
        return 1

    async def look(self) -> float:
        async with borrowed(self._free) as client:
            await client.get(f"/v1/transfers/{self._newest}")
        return 1

    async def alone(self) -> Latency:
        """One request at a time."""

        async def both() -> float:
            await self.pay()
            return await self.look()

        (found,) = await latencies(1, _ALONE, [both])
        return Latency(found.p50 / 2, found.p99 / 2)

    async def steadily(self, rate: int, seconds: float) -> Latency:
        """So many requests a second for so long."""
        number = int(rate * seconds)
        start = time.perf_counter() + 0.1
        actions = [self.pay if at % 2 == 0 else self.look for at in range(number)]
        took = await asyncio.gather(
            *(since(start + at / rate, action) for at, action in enumerate(actions))
        )
        return percentiles(took)


async def rows(section: str, kind: str, mixed: Mixed, seconds: float) -> list[Row]:
    """p50 and p99, in milliseconds, beside the same requests one at a time."""
    await mixed.pay()
    alone = await mixed.alone()
    found = {rate: await mixed.steadily(rate, seconds) for rate in RATES}
    what = f"{kind}, {{}} requests a second over HTTP for {seconds:g} s"
    return [
        Row(
            section,
            f"{what.format(rate)}: {name}",
            "ms",
            Figure("custody", loaded),
            Figure("one at a time", idle),
            small=True,
        )
        for rate, each in found.items()
        for name, loaded, idle in (("p50", each.p50, alone.p50), ("p99", each.p99, alone.p99))
    ]


async def since(moment: float, action: Callable[[], Awaitable[object]]) -> float:
    """Milliseconds from the moment at which it was due to its answer."""
    await asyncio.sleep(max(0.0, moment - time.perf_counter()))
    await action()
    return (time.perf_counter() - moment) * 1000


@asynccontextmanager
async def borrowed(free: asyncio.Queue[LeanClient]) -> AsyncIterator[LeanClient]:
    """A connection that nobody else uses meanwhile."""
    client = await free.get()
    try:
        yield client
    finally:
        free.put_nowait(client)
