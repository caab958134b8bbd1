"""How long people wait: from a request to the node, and from a block to a balance.

The house runs as in `payouts`. Requests begin at fixed moments, whether those before them have been
answered or not, and a payout's time counts from that moment. A vault's payouts reach the node in
their order, or so nearly that the n-th one taken is counted as the n-th one asked for.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from statistics import median
from urllib.parse import quote

from chains.devnet.node import IssuesTokens
from chains.model import AssetId
from tests.bench.databases import databases
from tests.bench.house import House, running_house
from tests.bench.lean_http import LeanClient
from tests.bench.measure import percentiles
from tests.bench.payouts import (
    Say,
    Vault,
    balance,
    has_money,
    is_settled,
    mining,
    new_vault,
    payout_body,
    rich_vault,
    running_stages,
    until,
)
from tests.bench.scale import Scale
from tests.bench.stages import STAGES, BscStage, Stage
from tests.bench.steady import borrowed, since
from tests.bench.table import Figure, Row

SECTION = "How long people wait"

POLL_S = 2.0
"""As custody polls by default."""
_RATES = (1, 10, 20)
_TOKEN_RATE = 10
_TOKEN_AMOUNT = 1_000
_COSTS_OF = 20
"""Payouts whose costs are looked at."""
_CONNECTIONS = 16
_LOOK_S = 0.005
_LATE_S = 120.0


async def measure(folder: Path, scale: Scale, say: Say) -> list[Row]:
    """All rows of the section."""
    rows: list[Row] = []
    async with running_stages(folder / "waiting", (*STAGES, BscStage)) as stages:
        tokens = {
            stage.alias: await stage.node.issue_token()
            for stage in stages
            if isinstance(stage.node, IssuesTokens)
        }
        with databases(folder, say) as made:
            for kind, workers in scale.waiting:
                if kind not in made:
                    continue
                name = f"{kind}, {workers} worker{'s' if workers > 1 else ''}"
                say(f"payouts at a steady rate on {name}")
                nodes = {stage.alias: stage.node.url for stage in stages}
                here, url = folder / f"waiting-{kind}", made[kind]("waiting")
                listed = list(tokens.values())
                async with running_house(here, url, nodes, workers, tokens=listed) as house:
                    for stage in stages:
                        rows += await _payouts(house, stage, name, scale)
                    for stage in stages:
                        if stage.alias in tokens:
                            token = tokens[stage.alias]["id"]
                            rows += await _token_payouts(house, stage, token, name, scale)
            for push in (False, True):
                say(f"deposits, {'announced' if push else 'polled'}")
                described = {stage.alias: _described(stage, push=push) for stage in stages}
                here, url = folder / f"deposits-{push}", made["SQLite"](f"deposits_{push}")
                async with running_house(here, url, described, 1, POLL_S) as house:
                    tellers = [stage for stage in stages if stage.node.push or not push]
                    found = await asyncio.gather(
                        *(_deposits(house, stage, scale.deposits) for stage in tellers)
                    )
                how = "announced" if push else f"polled every {POLL_S:g} s"
                for stage, waits in zip(tellers, found, strict=True):
                    rows += _deposit_rows(stage, how, waits)
    return rows


def _described(stage: Stage, *, push: bool) -> dict[str, str]:
    return {"url": stage.node.url} | ({"push": stage.node.push} if push and stage.node.push else {})


async def _payouts(house: House, stage: Stage, name: str, scale: Scale) -> list[Row]:
    rows: list[Row] = []
    for rate in _RATES:
        number = max(scale.waits_min, round(rate * scale.waiting_s))
        vault = await rich_vault(house, stage, number)
        async with mining(stage):
            found = percentiles(await steadily(house, stage, vault, rate, number))
        what = f"{stage.name}, {name}, {rate} a second, from the request to the node"
        note = f"{number} payouts" if rate == _RATES[0] else ""
        rows += [
            Row(SECTION, f"{what}: p50", "ms", Figure("custody", found.p50), small=True),
            Row(SECTION, f"{what}: p99", "ms", Figure("custody", found.p99), small=True, note=note),
        ]
    return rows


async def _token_payouts(
    house: House, stage: Stage, token: str, name: str, scale: Scale
) -> list[Row]:
    """At ten a second, and what each cost, beside the same payouts of the coin."""
    assert isinstance(stage.node, IssuesTokens)
    number = max(scale.waits_min, round(_TOKEN_RATE * scale.waiting_s))
    coins = await rich_vault(house, stage, number)
    bounds = stage.network.bounds(asset=AssetId(token))
    await stage.node.fund(coins.address, number * sum(bounds.values()))
    await stage.node.fund_token(coins.address, AssetId(token), number * _TOKEN_AMOUNT)
    await stage.mine()
    await stage.node.finalize()
    tokens, api = replace(coins, asset=token, amount=_TOKEN_AMOUNT), house.connect()
    try:
        await until(lambda: has_money(api, tokens), f"{stage.name}: the tokens are there")
        async with mining(stage):
            await steadily(house, stage, coins, _TOKEN_RATE, number)
            waits = await steadily(house, stage, tokens, _TOKEN_RATE, number)
        await until(lambda: is_settled(api, coins), f"{stage.name}: all is final")
        costs = {each.asset: await _mean_cost(api, each) for each in (coins, tokens)}
    finally:
        await api.close()
    found, what = percentiles(waits), f"{stage.name}, {name}, tokens, {_TOKEN_RATE} a second"
    cost = Row(
        SECTION,
        f"{stage.name}, {name}: what a token payout costs, in base units of the coin",
        "",
        Figure("custody", costs[token]),
        Figure("a payout of the coin", costs[coins.asset]),
        small=True,
    )
    return [
        Row(SECTION, f"{what}: p50", "ms", Figure("custody", found.p50), small=True),
        Row(SECTION, f"{what}: p99", "ms", Figure("custody", found.p99), small=True),
        cost,
    ]


async def _mean_cost(api: LeanClient, vault: Vault) -> float:
    """Of the vault's newest final payouts of its asset: all that was paid beside the payment."""
    query = f"vault_id={vault.id}&state=final&asset={quote(vault.asset)}&limit={_COSTS_OF}"
    ids = [each["id"] for each in (await api.get(f"/v1/transfers?{query}"))["items"]]
    assert ids, "nothing is final"
    found = [await api.get(f"/v1/transfers/{each}") for each in ids]
    kinds = [
        kind
        for each in found
        for transaction in each["transactions"]
        for kind in (transaction["costs"] or {}).values()
    ]
    return sum(int(kind["amount_base_units"]) for kind in kinds) / len(found)


async def steadily(house: House, stage: Stage, vault: Vault, rate: int, number: int) -> list[float]:
    """So many payouts, `rate` a second: the milliseconds that each took."""
    before = await stage.accepted(vault.address)
    free: asyncio.Queue[LeanClient] = asyncio.Queue()
    clients = [house.connect() for _ in range(_CONNECTIONS)]
    for client in clients:
        free.put_nowait(client)

    async def ask() -> None:
        async with borrowed(free) as client:
            await client.pay(payout_body(stage, vault))

    start = time.perf_counter() + 0.1
    due = [start + at / rate for at in range(number)]
    asking = asyncio.gather(*(since(moment, ask) for moment in due))
    taken: list[float] = []
    try:

        async def all_taken() -> bool:
            if asking.done():
                asking.result()  # what was refused is never taken
            count = await stage.accepted(vault.address) - before
            taken.extend([time.perf_counter()] * (count - len(taken)))
            return len(taken) >= number

        what, timeout_s = f"{stage.name}: all payouts are broadcast", number / rate + _LATE_S
        await until(all_taken, what, _LOOK_S, timeout_s)
        await asking
    finally:
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        for client in clients:
            await client.close()
    pairs = zip(taken, due, strict=False)
    return [(moment - asked) * 1000 for moment, asked in pairs]


async def _deposits(house: House, stage: Stage, number: int) -> tuple[list[float], list[float]]:
    """Seconds from a block with a deposit until it is shown, and from the block that makes it final
    until it is credited. At no particular moment of the interval."""
    chance, shown, credited = Random(stage.alias), list[float](), list[float]()
    vault, api = await new_vault(house, stage), house.connect()
    try:
        for at in range(number + 1):  # the first one waits for followers that begin
            await asyncio.sleep(chance.uniform(0, POLL_S))
            await stage.node.fund(vault.address, stage.amount)
            start = time.perf_counter()
            await stage.mine()

            async def is_seen(total: int = (at + 1) * stage.amount) -> bool:
                has = await balance(api, vault)
                return has["available"] + has["pending"] >= total

            async def is_credited(total: int = (at + 1) * stage.amount) -> bool:
                return (await balance(api, vault))["available"] >= total

            await until(is_seen, f"{stage.name}: a deposit is shown")
            shown.append(time.perf_counter() - start)
            await asyncio.sleep(chance.uniform(0, POLL_S))
            start = time.perf_counter()
            await stage.node.finalize()
            await until(is_credited, f"{stage.name}: a deposit is credited")
            credited.append(time.perf_counter() - start)
    finally:
        await api.close()
    return shown[1:], credited[1:]


def _deposit_rows(
    stage: Stage, how: str, waits: tuple[Sequence[float], Sequence[float]]
) -> list[Row]:
    ways = ("from a block to the deposit shown", "from the final block to the credit")
    return [
        Row(
            SECTION,
            f"{stage.name}, {how}, {way}: median",
            "s",
            Figure("custody", median(found)),
            small=True,
            note=f"{len(found)} deposits, the slowest after {max(found):.2f} s",
        )
        for way, found in zip(ways, waits, strict=True)
    ]
