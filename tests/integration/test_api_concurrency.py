"""Requests that meet, through the whole application, on both databases: what must happen once
happens once, and what fits only once fits once."""

from __future__ import annotations

import asyncio
from collections import Counter as Count
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest_asyncio

from custody.db.session import Database
from tests.unit.api.counter import Counter, opened

BTC = 10**8


@pytest_asyncio.fixture
async def counter(database: Database) -> AsyncIterator[Counter]:
    async with opened(database) as made:
        yield made


async def reserved(counter: Counter) -> str:
    asset = next(iter(counter.custody.networks.values())).native.id
    items = (await counter.get(f"/v1/vaults/{counter.vault_id}/balances?asset={asset}"))["items"]
    amount: str = items[0]["reserved"]["amount"]
    return amount


async def at_once(counter: Counter, bodies: list[Any], keys: list[str]) -> list[httpx2.Response]:
    return list(
        await asyncio.gather(
            *(counter.send(body, key) for body, key in zip(bodies, keys, strict=True))
        )
    )


async def test_one_key_many_times_is_one_transfer(counter: Counter):
    answers = await at_once(counter, [counter.transfer()] * 20, ["same"] * 20)
    assert Count(answer.status_code for answer in answers) == {201: 20}
    assert len({answer.content for answer in answers}) == 1
    assert sum("idempotency-replayed" not in answer.headers for answer in answers) == 1
    assert len((await counter.get("/v1/transfers"))["items"]) == 1
    assert await reserved(counter) == "0.0505"


async def test_one_key_for_two_bodies_is_one_transfer_and_conflicts(counter: Counter):
    bodies = [counter.transfer(amount=f"0.0{n % 2 + 1}") for n in range(10)]
    answers = await at_once(counter, bodies, ["same"] * 10)
    assert Count(answer.status_code for answer in answers) == {201: 5, 409: 5}
    assert len((await counter.get("/v1/transfers"))["items"]) == 1


async def test_of_two_that_only_together_exceed_the_balance_one_is_accepted(counter: Counter):
    vault_id = await counter.new_vault(counter.client_id, amount=BTC)
    bodies = [counter.transfer(vault_id=vault_id, amount="0.6")] * 2
    answers = await at_once(counter, bodies, ["a", "b"])
    assert Count(answer.status_code for answer in answers) == {201: 1, 422: 1}
    (refused,) = [answer for answer in answers if answer.status_code == 422]
    assert refused.json()["code"] == "amount_above_balance"
    again = await at_once(counter, bodies, ["a", "b"])
    assert [each.content for each in again] == [each.content for each in answers]


async def test_of_two_that_only_together_exceed_the_limit_one_is_accepted(counter: Counter):
    window = {
        "asset": next(iter(counter.custody.networks.values())).native.id,
        "seconds": 86400,
        "amount": str(BTC),
        "count": None,
        "per_destination": False,
    }
    counter.use_policy(limits={"windows": [window]})
    answers = await at_once(counter, [counter.transfer(amount="0.6")] * 2, ["a", "b"])
    assert Count(answer.status_code for answer in answers) == {201: 1, 422: 1}
    (refused,) = [answer for answer in answers if answer.status_code == 422]
    assert refused.json()["code"] == "policy_denied"
    assert await reserved(counter) == "0.6005"


async def test_a_cancellation_many_times_releases_once(counter: Counter):
    made = (await counter.send(counter.transfer())).json()
    path = f"/v1/transfers/{made['id']}/cancel"
    answers = await asyncio.gather(*(counter.call("POST", path, key="transfer") for _ in range(8)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert await reserved(counter) == "0"


async def test_addresses_at_once_are_all_different(counter: Counter):
    path = f"/v1/vaults/{counter.vault_id}/addresses"
    answers = await asyncio.gather(
        *(
            counter.call("POST", path, {"network": alias}, key="receive")
            for alias in ("bitcoin-regtest", "solana-local")
            for _ in range(6)
        )
    )
    assert {answer.status_code for answer in answers} == {201}
    found = [answer.json() for answer in answers]
    assert len({each["address"] for each in found}) == 12
    for network in {each["network"] for each in found}:
        positions = sorted(each["position"] for each in found if each["network"] == network)
        assert positions == [1, 2, 3, 4, 5, 6]
