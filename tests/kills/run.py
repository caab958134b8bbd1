"""One network's payouts, whoever is killed meanwhile."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Final

import psycopg

from chains.model import Address
from custody.db.leases import LEASE_S
from tests.bench.stages import Stage
from tests.support import families
from tests.support.database import PROGRAM, run_postgres, upgrade_at
from tests.support.fleet import SIGNER, Fleet, Till, running_fleet, until
from tests.support.pooler import run_pooler

NAME: Final = "custody"
APIS: Final = ("api-1", "api-2")
WORKERS: Final = ("worker-1", "worker-2")
_CALLERS: Final = 8
_BLOCK_S: Final = 0.5
_PAUSE_S: Final = (0.2, 2.0)
"""Between two kills, and how long the dead stay dead."""
_ASKED_PER_S: Final = 8
"""So that some are in each step whenever somebody dies."""
_LOOK_S: Final = 0.2
_LIVE_BY_BLOCKS: Final = (families.TRON, families.SOLANA)
"""Blocks are time there: transactions expire by them. Twenty at a look, so that all are final,
would be a minute of TRON's in a second of ours, and what a death puts off for ten seconds would
expire, unpaid. Blocks that come make what is below them final."""


@dataclass
class Outcome:
    """`wrong`: payees that have another amount than was meant for them. `replaced_s`: the longest
    that a follower's lease was nobody's, and its time before, while one worker lived. `final`: so
    many transfers were when the time was up. `open`: how many of the others were in which state,
    and what they waited for."""

    network: str
    payouts: int
    once: int = 0
    wrong: int = 0
    missing: int = 0
    final: int = 0
    replaced_s: float = 0.0
    seconds: float = 0.0
    kills: Counter[str] = field(default_factory=Counter)
    open: Counter[str] = field(default_factory=Counter)

    @property
    def is_right(self) -> bool:
        return self.once == self.payouts == self.final


async def play(
    make: type[Stage], folder: Path, payouts: int, seed: int, patience_s: float
) -> Outcome:
    outcome = Outcome(make.alias, payouts)
    stage = make(folder)
    await stage.start()
    try:
        async with house(stage, folder, apis=APIS, workers=WORKERS) as fleet:
            await _pay(stage, fleet, outcome, seed, patience_s)
    finally:
        await stage.stop()
    return outcome


@asynccontextmanager
async def house(
    stage: Stage, folder: Path, *, apis: Sequence[str], workers: Sequence[str]
) -> AsyncIterator[Fleet]:
    """Of a stage that has started, on PostgreSQL behind a pooler."""
    with run_postgres(synchronous_commit="on") as server:
        server.run(f"CREATE ROLE {PROGRAM} LOGIN", f"CREATE DATABASE {NAME}")
        upgrade_at(server.url(NAME), program=PROGRAM)
        nodes = {stage.alias: stage.node}
        with run_pooler(server, NAME, pool_size=8) as url:
            async with running_fleet(folder, url, nodes, apis=apis, workers=workers) as fleet:
                yield fleet


async def _pay(
    stage: Stage,
    fleet: Fleet,
    outcome: Outcome,
    seed: int,
    patience_s: float,
) -> None:
    till = Till(fleet, stage.node, stage.alias)
    await till.open()
    await stage.endow(till.address, outcome.payouts)
    await until(lambda: has_money(stage, till), "the vault has its money")
    payees = [stage.somebody() for _ in range(outcome.payouts)]
    started = time.monotonic()
    async with _beside(_mine(stage), _watch(fleet, outcome)):
        async with _beside(_kill(fleet, outcome, Random(seed))):
            await _ask_for_all(till, stage.amount, payees)
            with suppress(AssertionError):  # the table says how many were
                left = patience_s - (time.monotonic() - started)
                await until(lambda: _all_final(stage, till, outcome), "all are final", left)
        outcome.seconds = time.monotonic() - started
        await _revive(fleet)
        outcome.open = await _states(fleet)
    await _count(stage, outcome, payees)


async def _ask_for_all(till: Till, amount: int, payees: list[Address]) -> None:
    waiting, started = iter(enumerate(payees)), time.monotonic()

    async def caller() -> None:
        for number, payee in waiting:
            await asyncio.sleep(max(0.0, started + number / _ASKED_PER_S - time.monotonic()))
            await till.pay(f"payout-{number}", amount, payee)

    await asyncio.gather(*(caller() for _ in range(_CALLERS)))


async def has_money(stage: Stage, till: Till) -> bool:
    await stage.mine()
    items = (await till.fleet.ask("GET", f"/vaults/{till.vault}/balances"))["items"]
    amounts = [int(each[name]["amount_base_units"]) for each in items for name in _STANDINGS]
    return bool(amounts) and amounts[0] > 0 and amounts[1] == 0


_STANDINGS: Final = ("available", "pending")


async def _all_final(stage: Stage, till: Till, outcome: Outcome) -> bool:
    await asyncio.sleep(2 * _BLOCK_S)
    if stage.network.family not in _LIVE_BY_BLOCKS:
        await stage.node.finalize()
    found, after = 0, ""
    while True:
        path = f"/transfers?vault_id={till.vault}&state=final&limit=100{after}"
        page = await till.fleet.ask("GET", path)
        found += len(page["items"])
        if page["next_cursor"] is None:
            outcome.final = found
            return found == outcome.payouts
        after = f"&cursor={page['next_cursor']}"


async def _count(stage: Stage, outcome: Outcome, payees: list[Address]) -> None:
    """As the node says."""
    for payee in payees:
        has = await stage.node.balance(payee)
        outcome.once += has == stage.amount
        outcome.missing += has == 0
        outcome.wrong += has not in (0, stage.amount)


# What goes on meanwhile


@asynccontextmanager
async def _beside(*works: Any) -> AsyncIterator[None]:
    """Runs for as long as the block. What fails in it is raised."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(result, Exception):
                raise result


async def _mine(stage: Stage) -> None:
    while True:
        await stage.mine()
        await asyncio.sleep(_BLOCK_S)


async def _kill(fleet: Fleet, outcome: Outcome, random: Random) -> None:
    """Of two of a kind one is always there."""
    names = (*APIS, *WORKERS, SIGNER)
    while True:
        await asyncio.sleep(random.uniform(*_PAUSE_S))
        name = random.choice(names)
        others = [each for each in names if each != name and each[:3] == name[:3]]
        if not all(fleet.is_up(each) for each in (name, *others)):
            continue
        fleet.kill(name)
        outcome.kills[name.partition("-")[0]] += 1
        await asyncio.sleep(random.uniform(*_PAUSE_S))
        await asyncio.shield(fleet.start(name))


async def _revive(fleet: Fleet) -> None:
    for name, member in fleet.members.items():
        if not member.running:
            await fleet.start(name)


async def _states(fleet: Fleet) -> Counter[str]:
    """Of transfers that are not final, with their effects and transactions."""
    query = (
        "SELECT f.state, f.waiting, o.kind, o.attempts, o.last_error, t.state FROM transfers f"
        " LEFT JOIN transaction_transfers x ON x.transfer_id = f.id"
        " LEFT JOIN transactions t ON t.id = x.transaction_id"
        " LEFT JOIN outbox o ON o.subject IN (f.id, t.id) WHERE f.state <> 'final'"
    )
    dsn = fleet.environment["CUSTODY_DATABASE_URL"].replace("+psycopg", "")
    async with await psycopg.AsyncConnection.connect(
        dsn, autocommit=True, prepare_threshold=None
    ) as connection:
        rows = await (await connection.execute(query)).fetchall()
    return Counter(", ".join(str(each) for each in row if each is not None) for row in rows)


async def _watch(fleet: Fleet, outcome: Outcome) -> None:
    """How late leases of followers are."""
    dsn = fleet.environment["CUSTODY_DATABASE_URL"].replace("+psycopg", "")
    late = (
        "SELECT max(extract(epoch FROM clock_timestamp() - until)) FROM leases"
        " WHERE name LIKE 'follow:%' AND epoch > 0"
    )
    async with await psycopg.AsyncConnection.connect(
        dsn, autocommit=True, prepare_threshold=None
    ) as connection:
        while True:
            row = await (await connection.execute(late)).fetchone()
            if row is not None and row[0] is not None:
                outcome.replaced_s = max(outcome.replaced_s, LEASE_S + float(row[0]))
            await asyncio.sleep(_LOOK_S)
