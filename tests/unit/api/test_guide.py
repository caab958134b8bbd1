"""docs/api.md: the requests that it prints are made as they stand there, and its program runs."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from custody.db.tables import DepositRow
from tests.support.feeds import number_all
from tests.unit.api.counter import Counter
from tests.unit.api.test_routes import _insert_deposit

PAGE = (Path(__file__).parents[3] / "docs" / "api.md").read_text()
SCOPES = (
    (r"POST .*/addresses", "receive"),
    (r"POST /v1/(transfers|payout-files)", "transfer"),
    (r"GET ", "read"),
)


@dataclass
class State:
    cursor: str = ""


async def test_the_printed_requests_work_in_their_order(counter: Counter) -> None:
    names = {"vault": counter.vault_id, "client": counter.client_id}
    blocks = re.findall(r"```http\n(.*?)```", PAGE, re.DOTALL)
    assert len(blocks) > 8
    for block in blocks:
        for name, value in names.items():
            block = block.replace(f"{{{name}}}", value)
        head, _, file = block.strip().partition("\n\n")
        first, *lines = head.split("\n")
        method, path = first.split()
        headers = dict(line.split(": ", 1) for line in lines if not line.startswith("{"))
        body = next((json.loads(line) for line in lines if line.startswith("{")), None)
        key = next(scope for pattern, scope in SCOPES if re.match(pattern, first))
        content = file.encode() if file else None
        answer = await counter.call(method, path, body, key=key, headers=headers, content=content)
        assert answer.status_code in (200, 201), f"{first}: {answer.text}"
        if file:
            names["payout_file"] = answer.json()["id"]
        if first == "POST /v1/transfers":
            names["transfer"] = answer.json()["id"]
        if "external_id=" in path:
            assert [each["id"] for each in answer.json()["items"]] == [names["transfer"]]


async def test_the_printed_program_credits_each_deposit_once(counter: Counter) -> None:
    (program,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    made: dict[str, Any] = {}
    exec(program, made)
    counter.http.headers["Authorization"] = f"Bearer {counter.keys['read']}"
    deposits = [await _insert_deposit(counter, f"{at:064x}") for at in range(3)]
    state, credited = State(), list[tuple[str, str, int]]()

    def credit(*deposit: Any) -> None:
        credited.append(deposit)

    for deposit in deposits[:2]:
        async with counter.database.write() as session:
            changed = update(DepositRow).where(DepositRow.id == deposit)
            await session.execute(changed.values(state="credited"))
    await number_all(counter.database)
    for _ in range(2):
        await made["react"](counter.http, state, credit)
    assert [each[0] for each in credited] == deposits[:2]
    assert {each[2] for each in credited} == {1250}


@pytest.mark.parametrize(
    "scope", ["read", "receive", "transfer", "approve", "audit", "compliance", "admin"]
)
def test_each_scope_is_explained(scope: str) -> None:
    assert f"| `{scope}` |" in PAGE
