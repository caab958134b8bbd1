"""A payout file on a real engine, through a real API and a worker that are killed in the middle:
sent again and gone on with by another worker, each payee is paid once. Read from the node."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from chains.devnet.evm import AnvilNode
from chains.model import Address
from tests.support.fleet import Fleet, Till, running_fleet, until, whole

ALIAS = "ethereum-local"
LINES = 50

pytestmark = [
    pytest.mark.engine,
    pytest.mark.postgres,
    pytest.mark.xdist_group("devnet"),
    pytest.mark.timeout(300),
]


@pytest_asyncio.fixture
async def fleet(folder: Path, anvil: AnvilNode, postgres_url: str) -> AsyncIterator[Fleet]:
    workers = ("worker-1",)
    async with running_fleet(folder, postgres_url, {ALIAS: anvil}, workers=workers) as made:
        yield made


async def send(fleet: Fleet, till: Till, data: str) -> dict[str, Any]:
    """As a client does: again, until somebody answers."""
    (url,) = fleet.urls.values()
    path = f"{url}/v1/payout-files?vault_id={till.vault}&network={ALIAS}&reference=march"
    headers = {"Authorization": f"Bearer {fleet.api_key}", "Content-Type": "text/csv"}
    found: list[dict[str, Any]] = []

    async def answered() -> bool:
        try:
            async with httpx2.AsyncClient(timeout=30.0, trust_env=False) as client:
                answer = await client.post(path, content=data.encode(), headers=headers)
        except httpx2.TransportError:
            return False
        if answer.status_code == 201:
            found.append(answer.json())
        return bool(found)

    await until(answered, "the file is taken")
    return found[-1]


async def test_each_payee_of_a_file_is_paid_once_whoever_is_killed(
    fleet: Fleet, anvil: AnvilNode
) -> None:
    till = Till(fleet, anvil, ALIAS)
    await till.open()
    await till.endow(whole(ALIAS, 100_000))
    payees: list[Address] = [await anvil.outside_address() for _ in range(LINES)]
    amounts = [whole(ALIAS, 1 + n) for n in range(LINES)]
    rows = [f"{to},{units}" for to, units in zip(payees, amounts, strict=True)]
    data = "\r\n".join(["destination,amount_base_units", *rows])
    made = await send(fleet, till, data)
    path = f"/payout-files/{made['id']}"

    async def some_are_asked_for() -> bool:
        listed = await fleet.ask("GET", f"/transfers?payout_file={made['id']}&limit=1")
        return bool(listed["items"])

    await until(some_are_asked_for, "the first lines are transfers")
    fleet.kill("worker-1")
    fleet.kill("api-1")
    await fleet.start("api-1")
    assert (await send(fleet, till, data))["id"] == made["id"]
    fleet.add_worker("worker-2")

    async def all_are_final() -> bool:
        await anvil.mine()
        found = await fleet.ask("GET", path)
        return bool(found["transfers_by_state"] == {"final": LINES})

    await until(all_are_final, "each line's transfer is final", 200)
    done = await fleet.ask("GET", path)
    assert (done["state"], done["lines_by_state"]["created"]) == ("done", LINES)
    assert [await anvil.balance(to) for to in payees] == amounts
    assert (await send(fleet, till, data))["state"] == "done"
    assert len((await fleet.ask("GET", "/transfers?limit=200"))["items"]) == LINES
