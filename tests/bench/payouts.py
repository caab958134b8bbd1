"""Payouts of one vault, from the request over HTTP to the broadcast and to the final block, beside
a straight script on the same node in the same run.

Real engines, the real signer, the real API and real workers, each a process of its own. When the
node has taken a payout is asked of the node; that all are final is what the API says.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from chains.model import Address
from tests.bench.databases import databases
from tests.bench.house import House, running_house
from tests.bench.lean_http import LeanClient
from tests.bench.measure import Rate
from tests.bench.scale import Scale
from tests.bench.stages import STAGES, EvmStage, Stage
from tests.bench.table import Aim, Figure, Row, share_aim

SECTION = "Payouts of one vault"

_SHARE_AIM = 0.25
_FIRST_AIM_S = 1.0
_CPU_AIM_MS = 15
_LATENCY_AIM = 2
_CALLERS = 8
_LOOK_S = 0.01
_BLOCK_S = 0.5
_ENOUGH_S = 180.0

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Paid:
    """Seconds since the first request. `cpu_ms`: of the workers, for each payout, until all were
    final."""

    number: int
    first_s: float
    broadcast_s: float
    final_s: float
    cpu_ms: float


@dataclass(frozen=True, slots=True)
class Vault:
    """Of one client, with one address on the stage's network. `amount`: what each payout pays."""

    id: str
    asset: str
    address: Address
    amount: int


async def measure(folder: Path, scale: Scale, say: Say) -> list[Row]:
    """All rows of the section; without PostgreSQL's binaries only those of SQLite."""
    rows: list[Row] = []
    async with running_stages(folder / "stages") as stages:
        nodes = {stage.alias: stage.node.url for stage in stages}
        with databases(folder, say) as made:
            for kind, workers in scale.houses:
                if kind not in made:
                    continue
                name = f"{kind}, {workers} worker{'s' if workers > 1 else ''}"
                say(f"payouts on {name}")
                here = folder / f"{kind}-{workers}"
                url = made[kind](f"payouts_{workers}")
                async with running_house(here, url, nodes, workers) as house:
                    rows += [await _compare(house, stage, name, scale) for stage in stages]
                    if not _has_latency(rows):
                        rows.append(await _latency(house, _evm_of(stages), name, scale))
    return rows


@asynccontextmanager
async def running_stages(
    folder: Path, kinds: Sequence[type[Stage]] = STAGES
) -> AsyncIterator[list[Stage]]:
    stages = [make(folder) for make in kinds]
    async with AsyncExitStack() as stack:
        for stage in stages:
            stack.push_async_callback(stage.stop)
        await asyncio.gather(*(stage.start() for stage in stages))
        yield stages


async def _compare(house: House, stage: Stage, name: str, scale: Scale) -> Row:
    """The script goes first: once the vault has its money, the house has read the script's blocks,
    which are none of its payouts."""
    script = await stage.run_script(scale.payouts)
    vault = await rich_vault(house, stage, scale.payouts)
    return _row(
        f"{stage.name}, {name}", await _pay(house, stage, vault, scale.payouts), stage, script
    )


def _row(what: str, paid: Paid, stage: Stage, script: Rate) -> Row:
    rate = paid.number / paid.broadcast_s
    return Row(
        SECTION,
        what,
        "1/s",
        Figure("custody", rate, 1000 / paid.cpu_ms),
        Figure(stage.script_name, script.wall, script.core),
        aims=(
            share_aim(_SHARE_AIM, rate, script.wall),
            Aim(f"first within {_FIRST_AIM_S:g} s", paid.first_s <= _FIRST_AIM_S),
            Aim(f"{_CPU_AIM_MS} ms of CPU each", paid.cpu_ms <= _CPU_AIM_MS),
        ),
        note=f"the first of {paid.number} broadcast after {paid.first_s:.2f} s, all after"
        f" {paid.broadcast_s:.2f} s, all final after {paid.final_s:.2f} s; "
        f"{paid.cpu_ms:.1f} ms of the workers' CPU each",
    )


async def new_vault(house: House, stage: Stage) -> Vault:
    """With nothing in it."""
    api = house.connect()
    try:
        client = await api.post("/v1/clients", {"name": "Bench"})
        vault = await api.post("/v1/vaults", {"client_id": client["id"], "name": stage.name})
        place = f"/v1/vaults/{vault['id']}"
        made = await api.post(f"{place}/addresses", {"network": stage.network.id})
        return Vault(vault["id"], stage.network.native.id, Address(made["address"]), stage.amount)
    finally:
        await api.close()


async def rich_vault(house: House, stage: Stage, payouts: int) -> Vault:
    """Its money has come and is final."""
    found, api = await new_vault(house, stage), house.connect()
    try:
        await stage.endow(found.address, payouts)
        await until(lambda: has_money(api, found), f"{stage.name}: the money is there")
        return found
    finally:
        await api.close()


async def _pay(house: House, stage: Stage, vault: Vault, payouts: int) -> Paid:
    """So many payouts to as many destinations, requested side by side."""
    before, cpu = await stage.accepted(vault.address), house.worker_cpu()
    wanted = iter([payout_body(stage, vault) for _ in range(payouts)])
    api = house.connect()
    start = time.perf_counter()
    asking = asyncio.create_task(_ask_for_all(house, wanted))
    try:

        async def taken(number: int) -> bool:
            return await stage.accepted(vault.address) - before >= number

        async with mining(stage):
            await until(lambda: taken(1), f"{stage.name}: a payout is broadcast")
            first_s = time.perf_counter() - start
            await until(lambda: taken(payouts), f"{stage.name}: all payouts are broadcast")
            broadcast_s = time.perf_counter() - start
            await asking
        await until(lambda: is_settled(api, vault), f"{stage.name}: all payouts are final")
        final_s = time.perf_counter() - start
        await _check_final(api, vault, payouts)
    finally:
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        await api.close()
    cpu_ms = (house.worker_cpu() - cpu) * 1000 / payouts
    return Paid(payouts, first_s, broadcast_s, final_s, cpu_ms)


def payout_body(stage: Stage, vault: Vault) -> dict[str, Any]:
    return {
        "vault_id": vault.id,
        "network": stage.network.id,
        "asset": vault.asset,
        "destination": stage.somebody(),
        "amount_base_units": str(vault.amount),
        "note": "payout of a customer",
    }


async def _ask_for_all(house: House, wanted: Iterator[Mapping[str, Any]]) -> None:
    async def caller() -> None:
        client = house.connect()
        try:
            for body in wanted:
                await client.pay(body)
        finally:
            await client.close()

    await asyncio.gather(*(caller() for _ in range(_CALLERS)))


async def _mine_for_ever(stage: Stage) -> None:
    while True:
        await asyncio.sleep(_BLOCK_S)
        await stage.mine()


@asynccontextmanager
async def mining(stage: Stage) -> AsyncIterator[None]:
    """A block every half second, and at the end as many as make all of it final."""
    task = asyncio.create_task(_mine_for_ever(stage))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    await stage.mine()
    await stage.node.finalize()


async def balance(api: LeanClient, vault: Vault) -> Mapping[str, int]:
    answer = await api.get(f"/v1/vaults/{vault.id}/balances")
    names = ("available", "reserved", "pending")
    found = next((one for one in answer["items"] if one["asset"] == vault.asset), None)
    return {name: int(found[name]["amount_base_units"]) if found else 0 for name in names}


async def has_money(api: LeanClient, vault: Vault) -> bool:
    has = await balance(api, vault)
    return has["available"] > 0 and has["pending"] == 0


async def is_settled(api: LeanClient, vault: Vault) -> bool:
    """Nothing is reserved any more."""
    return (await balance(api, vault))["reserved"] == 0


async def _check_final(api: LeanClient, vault: Vault, payouts: int) -> None:
    """That nothing is reserved could also mean that payouts failed."""
    found, after = 0, ""
    while True:
        page = await api.get(f"/v1/transfers?vault_id={vault.id}&state=final&limit=100{after}")
        found += len(page["items"])
        if page["next_cursor"] is None:
            break
        after = f"&cursor={page['next_cursor']}"
    assert found == payouts, f"{found} of {payouts} payouts are final"


async def until(
    holds: Callable[[], Any], what: str, look_s: float = _LOOK_S, timeout_s: float = _ENOUGH_S
) -> None:
    deadline = time.monotonic() + timeout_s
    while not await holds():
        assert time.monotonic() < deadline, f"not within {timeout_s:g} s: {what}"
        await asyncio.sleep(look_s)


# What a backlog does to the API


def _has_latency(rows: Sequence[Row]) -> bool:
    return any(row.unit == "ms" for row in rows)


def _evm_of(stages: Sequence[Stage]) -> Stage:
    return next(stage for stage in stages if isinstance(stage, EvmStage))


async def _latency(house: House, stage: Stage, name: str, scale: Scale) -> Row:
    """Reading a vault's balances while nothing happens, and while payouts wait to be sent."""
    vault = await rich_vault(house, stage, scale.payouts)
    idle = await _probe(house, vault, asyncio.sleep(scale.probe_s))
    busy = await _probe(house, vault, _pay(house, stage, vault, scale.payouts))
    return Row(
        SECTION,
        f"the API's p50 under {scale.payouts} payouts, {stage.name}, {name}",
        "ms",
        Figure("custody", busy),
        Figure("idle", idle),
        aims=(Aim(f"at most {_LATENCY_AIM} x idle", busy <= _LATENCY_AIM * idle),),
        small=True,
    )


async def _probe(house: House, vault: Vault, meanwhile: Any) -> float:
    """The median, in milliseconds, of one question after the other until `meanwhile` is done."""
    samples: list[float] = []
    task, api = asyncio.ensure_future(meanwhile), house.connect()
    try:
        while not task.done() or not samples:
            start = time.perf_counter()
            await balance(api, vault)
            samples.append((time.perf_counter() - start) * 1000)
            await asyncio.sleep(_LOOK_S)
        await task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await api.close()
    return median(samples)
