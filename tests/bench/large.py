"""A large house: a client with very many vaults, and what lists and balances cost then.

What counts most is what they cost others: `/health` is asked all the time beside them, and a
process that answers it late answers everybody late.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

from sqlalchemy import text

from custody.db.engines import open_engines
from custody.ledger.model import BOUNDED
from tests.bench.databases import databases
from tests.bench.house import running_house
from tests.bench.lean_http import LeanClient
from tests.bench.measure import latencies, percentiles
from tests.bench.requests import EVM
from tests.bench.scale import Scale
from tests.bench.steady import since
from tests.bench.table import Figure, Row, below_aim

SECTION = "A large house"

_HEALTH_AIM_MS = 50
_HEALTH_EVERY_S = 0.02
_NOWHERE = "http://127.0.0.1:9"
_CALLS = 3
_ADDED_UP = 2
"""So many of the paths are sums over everything, which take long; the others are pages."""
_MORE = ("/v1/events?wait=1", "/v1/alarms?limit=200", "/v1/networks", "/v1/assets")
"""What is asked at once with all of them."""
_ID = "'vlt_' || substr('00000000000000000000000000' || i, length(CAST(i AS VARCHAR)) + 1)"
_NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {most})"
_FILL: Final = (
    "INSERT INTO vaults (id, client_id, name, account, created_at)"
    f" {_NUMBERS} SELECT {_ID}, '{{client}}', 'many', 1000 + i, '2026-01-01 00:00:00' FROM n",
    "INSERT INTO ledger_accounts (id, vault_id, asset, kind,"
    " debits_posted, credits_posted, debits_pending, credits_pending)"
    f" {_NUMBERS} SELECT 'acc_{{kind}}_' || i, {_ID}, '{{asset}}', '{{kind}}',"
    " '1000000', '1234567890123456789', '0', '0' FROM n",
)
"""By the database itself: a million rows in seconds. Amounts as text become numbers where the
column is one."""

Say = Callable[[str], None]


async def measure(folder: Path, scale: Scale, say: Say) -> list[Row]:
    """On each database that is here."""
    rows = []
    with databases(folder, say) as made:
        for kind, make in made.items():
            rows += await _measure(folder, kind, make("large"), scale)
    return rows


async def _measure(folder: Path, kind: str, url: str, scale: Scale) -> list[Row]:
    async with AsyncExitStack() as stack:
        nodes = {EVM.alias: _NOWHERE}
        house = await stack.enter_async_context(
            running_house(folder / f"large-{kind}", url, nodes, 0)
        )

        def connect() -> LeanClient:
            client = house.connect()
            stack.push_async_callback(client.close)
            return client

        watching = connect()
        owner = (await watching.post("/v1/clients", {"name": "Many Ltd"}))["id"]
        await _fill(url, owner, scale.accounts)
        paths = _paths(owner)
        asking = connect()
        found = [
            *await latencies(1, _CALLS, [_asker(asking, path) for path in paths[:_ADDED_UP]]),
            *await latencies(1, scale.pages, [_asker(asking, path) for path in paths[_ADDED_UP:]]),
        ]
        idle = await _health(watching, asyncio.create_task(asyncio.sleep(scale.probe_s)))
        busy = await _health(watching, asyncio.create_task(_in_turn(asking, paths)))
        everything = [*paths, *_MORE]
        clients = [connect() for _ in everything]
        at_once = await _health(watching, asyncio.create_task(_at_once(clients, everything)))
    what = f"{kind}, {scale.accounts:,} accounts of one client"
    rows = [
        Row(
            SECTION,
            f"{what}: GET {path.partition('?')[0]}, {name}",
            "ms",
            _ours(value),
            small=True,
        )
        for at, (path, each) in enumerate(zip(_shown(paths, owner), found, strict=True))
        for name, value in (("p50", each.p50), ("p99", each.p99))
        if at >= _ADDED_UP or name == "p50"
    ]
    beside = (("one after the other", busy), ("and the feed, all kinds at once", at_once))
    return [*rows, *(_health_row(f"{what}: /health beside these, {how}, p99", waits, idle)
                     for how, waits in beside)]  # fmt: skip


def _health_row(what: str, waits: Sequence[float], idle: Sequence[float]) -> Row:
    p99 = percentiles(waits).p99
    return Row(
        SECTION,
        what,
        "ms",
        _ours(p99),
        Figure("while nothing runs", percentiles(idle).p99),
        aims=(below_aim(_HEALTH_AIM_MS, "ms", p99),),
        small=True,
        note=f"p50 {percentiles(waits).p50:.1f} ms, at most {max(waits):.0f} ms",
    )


async def _fill(url: str, client: str, accounts: int) -> None:
    kinds = sorted(BOUNDED)
    engines = open_engines(url)
    async with engines.write.begin() as connection:
        vaults, ledger = _FILL
        most = accounts // len(kinds)
        await connection.execute(text(vaults.format(most=most, client=client)))
        for kind in kinds:
            filled = ledger.format(most=most, asset=EVM.native.id, kind=kind.value)
            await connection.execute(text(filled.replace(":", r"\:")))
    await engines.close()


def _paths(client: str) -> list[str]:
    return [
        "/v1/balances",
        f"/v1/clients/{client}/balances",
        "/v1/vaults?limit=200",
        f"/v1/vaults?client_id={client}&limit=200",
        "/v1/transfers?limit=200",
        "/v1/deposits?limit=200",
        "/v1/approvals?approver=nobody&limit=200",
    ]


def _shown(paths: Sequence[str], client: str) -> list[str]:
    return [path.replace(f"/{client}/", "/{client_id}/") for path in paths]


def _asker(client: LeanClient, path: str) -> Callable[[], asyncio.Future[float]]:
    async def ask() -> float:
        await client.get(path)
        return 1

    return lambda: asyncio.ensure_future(ask())


async def _in_turn(client: LeanClient, paths: Sequence[str]) -> None:
    for path in paths:
        for _ in range(_CALLS):
            await client.get(path)


async def _at_once(clients: Sequence[LeanClient], paths: Sequence[str]) -> None:
    """Each path by a program of its own, until each was answered as often as one after the
    other. Who is done goes on beside the slower ones."""
    left = set(paths)

    async def ask(client: LeanClient, path: str) -> None:
        while left:
            await _in_turn(client, [path])
            left.discard(path)

    await asyncio.gather(*(ask(*pair) for pair in zip(clients, paths, strict=True)))


async def _health(client: LeanClient, until: asyncio.Task[None]) -> list[float]:
    """How long each answer took since its fixed moment, in milliseconds, until the task ends."""
    start = time.perf_counter()
    took: list[float] = []
    while not until.done() or len(took) < 2:
        moment = start + _HEALTH_EVERY_S * len(took)
        took.append(await since(moment, lambda: client.get("/health")))
    await until
    return took


def _ours(value: float) -> Figure:
    return Figure("custody", value)
