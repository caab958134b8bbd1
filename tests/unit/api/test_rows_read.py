"""No request reads more rows because there are more of them: not even one that finds nothing.

Rows are counted where the database hands them over. What it looks at to answer is its own affair;
it does that beside the event loop.
"""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import func, select

from custody.alarms.codes import AlarmCode
from custody.approvals import service as approvals
from custody.db.ids import new_id
from custody.db.sqlite_driver import Cursor
from custody.db.tables import AlarmRow, LedgerAccountRow, VaultRow
from custody.ledger.model import Account, vault_account
from custody.ledger.service import _account_row
from tests.unit.api.counter import Counter

MANY = 150
LOOKED_AT = 12

ASKED = (
    "/v1/balances",
    "/v1/clients/{client}/balances",
    "/v1/vaults/{vault}/balances",
    "/v1/clients?limit=10",
    "/v1/vaults?limit=10",
    "/v1/vaults?client_id={client}&limit=10",
    "/v1/vaults/{vault}/addresses?limit=10",
    "/v1/deposits?limit=10",
    "/v1/transfers?limit=10",
    "/v1/transfers?vault_id={vault}&limit=10",
    "/v1/approvals?limit=10",
    "/v1/approvals?approver=bob&limit=10",
    "/v1/approvals?approver=nobody&limit=10",
    "/v1/alarms?limit=10",
    "/metrics",
    "/ready",
    "/health",
)


class Meter:
    """How many rows the database handed over."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.rows = 0
        fetchall = Cursor.fetchall

        async def counted(cursor: Cursor) -> list[Any]:
            rows = await fetchall(cursor)
            self.rows += len(rows)
            return rows

        patch.setattr(Cursor, "fetchall", counted)

    async def measure(self, counter: Counter, path: str, key: str) -> int:
        self.rows = 0
        named = path.format(client=counter.client_id, vault=counter.vault_id)
        answer = await counter.call("GET", named, key=key)
        assert answer.status_code in (200, 503), answer.text
        return self.rows


async def fill(counter: Counter, number: int) -> None:
    """Vaults with accounts in two assets and an alarm each, and transfers that wait for bob."""
    assets = [network.native.id for network in counter.custody.networks.values()][:2]
    async with counter.database.write() as session:
        count = await session.one(select(func.count()).select_from(VaultRow))
        for at in range(count, count + number):
            vault = VaultRow(
                id=new_id("vlt"),
                client_id=counter.client_id,
                name="many",
                account=1000 + at,
                created_at=counter.clock(),
            )
            session.add(vault)
            session.add(
                AlarmRow(
                    id=new_id("alm"),
                    code=next(iter(AlarmCode)).value,
                    vault_id=vault.id,
                    message="many",
                    open_key=vault.id,
                    created_at=counter.clock(),
                    updated_at=counter.clock(),
                )
            )
            await session.flush()
            accounts = [Account(vault_account(vault.id, asset), 1, 5) for asset in assets]
            await session.insert(LedgerAccountRow, [_account_row(each) for each in accounts])
    for at in range(number // 5):
        answer = await counter.send(counter.transfer(amount="0.00001"), f"k{count}-{at}")
        assert answer.status_code == 201, answer.text


async def test_rows_read_do_not_grow_with_what_there_is(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(approvals, "LOOKED_AT_MAX", LOOKED_AT)
    bob = {"kind": "ed25519", "key": "11" * 32}
    counter.use_policy(
        persons=[{"id": "bob", "credentials": [bob]}],
        groups=[{"id": "treasury", "members": ["bob"]}],
        grant={"approvals": {"order": "any", "needs": [{"group": "treasury", "count": 1}]}},
    )
    keys = {
        "of the house": await counter.new_key("read"),
        "of a client": await counter.new_key("read", client_id=counter.client_id),
    }
    await fill(counter, MANY)
    meter = Meter(monkeypatch)

    async def measured() -> dict[tuple[str, str], int]:
        return {
            (path, whose): await meter.measure(counter, path, key)
            for path in ASKED
            for whose, key in keys.items()
            if whose == "of the house" or path != "/metrics"
        }

    before = await measured()
    assert before["/v1/vaults?limit=10", "of the house"] > 10, "rows are counted"
    await fill(counter, MANY)
    assert await measured() == before
    assert max(before.values()) < MANY


async def test_an_approver_finds_what_waits_behind_much_that_does_not(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
):
    """Page by page, and the last page says so."""
    monkeypatch.setattr(approvals, "LOOKED_AT_MAX", 3)
    bob = {"kind": "ed25519", "key": "11" * 32}
    counter.use_policy(
        persons=[{"id": "bob", "credentials": [bob]}],
        groups=[{"id": "treasury", "members": ["bob"]}],
        grant={"approvals": {"order": "any", "needs": [{"group": "treasury", "count": 1}]}},
    )
    made = [
        (await counter.send(counter.transfer(amount="0.00001"), f"k{at}")).json()["id"]
        for at in range(8)
    ]
    for approver, found in (("bob", made), ("nobody", [])):
        seen, pages, cursor = [], 0, ""
        while cursor is not None:
            more = f"&cursor={cursor}" if cursor else ""
            page = await counter.get(f"/v1/approvals?limit=2&approver={approver}{more}")
            assert len(page["items"]) <= 2
            seen += [each["transfer"]["id"] for each in page["items"]]
            pages, cursor = pages + 1, page["next_cursor"]
        assert seen == found
        assert pages >= 3
