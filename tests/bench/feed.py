"""The feed beside many writers: one program follows `GET /v1/events` while others ask for payouts.

Writers commit side by side, so that rows become visible in another order than they were begun.
Whatever a reader of the feed misses or is told twice is counted.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from custody.db.ids import new_id
from tests.bench.databases import databases
from tests.bench.house import running_house
from tests.bench.lean_http import LeanClient
from tests.bench.measure import percentiles
from tests.bench.over_http import Bodies, rich_vaults
from tests.bench.requests import EVM
from tests.bench.scale import Scale
from tests.bench.table import Aim, Figure, Row

SECTION: Final = "The feed"

WRITERS: Final = 40
_NOWHERE = "http://127.0.0.1:9"
_ACCEPTED = ("transfer", "accept")
_PATIENCE_S = 30.0
"""What was not told so long after the last answer is missed."""

Say = Callable[[str], None]


@dataclass
class Reader:
    """`accepted`: how often it was told of each transfer's acceptance. `numbers`: of every event
    that it was given. `told_at`: by transfer, when it was first told."""

    client: LeanClient
    cursor: str = ""
    accepted: Counter[str] = field(default_factory=Counter)
    numbers: list[int] = field(default_factory=list)
    told_at: dict[str, float] = field(default_factory=dict)

    async def read(self) -> None:
        """One long poll."""
        query = f"&cursor={self.cursor}" if self.cursor else ""
        answer = await self.client.get(f"/v1/events?wait=1&limit=200{query}")
        now, self.cursor = time.perf_counter(), answer["cursor"]
        for event in answer["items"]:
            self.numbers.append(event["sequence"])
            if (event["kind"], event["event"]) == _ACCEPTED:
                self.accepted[event["subject"]] += 1
                self.told_at.setdefault(event["subject"], now)

    def missed(self, written: Sequence[str]) -> int:
        """Transfers that it was not told of, and numbers that were left out."""
        gaps = max(self.numbers, default=0) - len(set(self.numbers))
        return len(set(written) - self.accepted.keys()) + gaps

    def twice(self) -> int:
        again = sum(number - 1 for number in self.accepted.values())
        return again + len(self.numbers) - len(set(self.numbers))


async def measure(folder: Path, scale: Scale, say: Say) -> list[Row]:
    """On each database that is here."""
    rows = []
    with databases(folder, say) as made:
        for kind, make in made.items():
            rows += await measure_on(folder, kind, make("feed"), scale)
    return rows


async def measure_on(folder: Path, kind: str, url: str, scale: Scale) -> list[Row]:
    async with AsyncExitStack() as stack:
        nodes = {EVM.alias: _NOWHERE}
        house = await stack.enter_async_context(
            running_house(folder / f"feed-{kind}", url, nodes, 1)
        )
        bodies = Bodies(await rich_vaults(url)).make(scale.fed)

        def connect() -> LeanClient:
            client = house.connect()
            stack.push_async_callback(client.close)
            return client

        reader, written = Reader(connect()), dict[str, float]()
        writers = [connect() for _ in range(WRITERS)]
        start = time.perf_counter()
        writing = asyncio.gather(*(_write(each, bodies, written) for each in writers))
        await _follow(reader, writing, written)
    return _rows(kind, reader, written, max(reader.told_at.values()) - start)


async def _follow(
    reader: Reader, writing: asyncio.Future[Any], written: Mapping[str, float]
) -> None:
    """Until all is written and read, or nothing more comes."""
    while not writing.done():
        await reader.read()
    await writing
    end = time.perf_counter() + _PATIENCE_S
    while not written.keys() <= reader.accepted.keys() and time.perf_counter() < end:
        await reader.read()
    await reader.read()


async def _write(
    client: LeanClient, bodies: list[dict[str, Any]], written: dict[str, float]
) -> None:
    """Until no request is left; when each was answered."""
    while bodies:
        answer = await client.post(
            "/v1/transfers", bodies.pop(), **{"Idempotency-Key": new_id("key")}
        )
        written[answer["id"]] = time.perf_counter()


def _rows(kind: str, reader: Reader, written: dict[str, float], took_s: float) -> list[Row]:
    what = f"{kind}, {WRITERS} concurrent writers and one reader"
    missed, twice = reader.missed(list(written)), reader.twice()
    late = percentiles([max(0.0, reader.told_at[each] - at) * 1000
                        for each, at in written.items() if each in reader.told_at])  # fmt: skip
    lost = Aim("0 missed, 0 twice", missed == twice == 0)
    return [
        Row(SECTION, f"{what}: transfers written and read", "1/s",
            Figure("custody", len(reader.accepted) / took_s), aims=(lost,),
            note=f"{len(written):,} written, {missed} missed, {twice} twice"),
        Row(SECTION, f"{what}: from the writer's answer to the reader's, p50", "ms",
            Figure("custody", late.p50), small=True),
        Row(SECTION, f"{what}: the same, p99", "ms", Figure("custody", late.p99), small=True),
    ]  # fmt: skip
