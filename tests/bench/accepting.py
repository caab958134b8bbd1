"""Transfers accepted: the whole of `Transfers.create`, beside bare inserts of the same rows.

Ours checks the request, the policy, its windows and the balance, reserves, and writes all rows in
one transaction that is on the disk before the answer goes out. The limit writes the same rows into
the same tables with the raw driver: it decides nothing, reads nothing and updates no balance.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

from tests.bench import over_http
from tests.bench.acceptance import CALLERS, Accepting, Service, open_service
from tests.bench.databases import databases
from tests.bench.inserting import open_bare
from tests.bench.measure import Contestant, race
from tests.bench.scale import Scale
from tests.bench.table import Figure, Row, share_aim

SECTION = over_http.SECTION

_SHARE_AIM = 0.3
_WINDOW_AIM = 0.9
_VAULTS = 64

Say = Callable[[str], None]


async def measure(folder: Path, scale: Scale, say: Say) -> list[Row]:
    """All rows of the section; without PostgreSQL's binaries only those of SQLite."""
    with databases(folder, say) as made:
        rows = [await _compare(kind, make("accepting"), scale) for kind, make in made.items()]
        for kind, make in made.items():
            if kind in scale.http_databases:
                rows += await over_http.compare(folder, kind, make("over_http"), scale)
        for kind, make in made.items():
            rows.append(await _compare_windows(kind, make("windows"), scale))
    return rows


async def _compare(kind: str, url: str, scale: Scale) -> Row:
    async with AsyncExitStack() as stack:
        service = await stack.enter_async_context(open_service(url))
        ours = await service.accepting(scale.transfers, _VAULTS)
        await ours.work()
        bare = open_bare(url, CALLERS)
        stack.push_async_callback(bare.close)
        await bare.learn(ours.newest, ours.newest_key)
        accepted, inserted = await race(
            scale.rounds,
            [
                Contestant("custody", ours.work, ours.prepare),
                Contestant("limit", lambda: bare.insert(scale.transfers)),
            ],
        )
    return Row(
        SECTION,
        f"into {kind}, {CALLERS} callers, {_VAULTS} vaults",
        "1/s",
        Figure("custody", accepted.wall, accepted.core),
        Figure("bare inserts", inserted.wall, inserted.core),
        aims=(share_aim(_SHARE_AIM, accepted.wall, inserted.wall),),
    )


async def _compare_windows(kind: str, url: str, scale: Scale) -> Row:
    """One vault with many transfers in the policy's windows, and one without."""
    async with open_service(url) as service:
        full = await service.accepting(scale.in_window, 1)
        await full.work()
        full.number = scale.transfers
        empty = Empty(service, scale.transfers)
        crowded, lonely = await race(
            scale.rounds,
            [
                Contestant("full", full.work, full.prepare),
                Contestant("empty", empty.work, empty.prepare),
            ],
        )
    return Row(
        SECTION,
        f"into {kind}, {scale.in_window:,} transfers in the window",
        "1/s",
        Figure("full", crowded.wall, crowded.core),
        Figure("an empty window", lonely.wall, lonely.core),
        aims=(share_aim(_WINDOW_AIM, crowded.wall, lonely.wall),),
    )


class Empty:
    """In each round a vault that has never paid."""

    def __init__(self, service: Service, number: int) -> None:
        self._service = service
        self._number = number
        self._accepting: Accepting | None = None

    async def prepare(self) -> None:
        self._accepting = await self._service.accepting(self._number, 1)
        await self._accepting.prepare()

    async def work(self) -> int:
        assert self._accepting is not None
        return await self._accepting.work()
