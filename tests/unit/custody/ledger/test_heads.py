"""The chain of digests: heads that were kept are found again, and a rewritten past is named."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import pytest
from sqlalchemy import func, select

from custody.db.feed_tables import LedgerHeadRow
from custody.db.leases import LeaseLost, Leases
from custody.db.session import Database
from custody.ledger import head_repository
from custody.ledger.chain import START, Head, Placed, link
from custody.ledger.heads import extend
from custody.reconcile.verify_chain import check_chain
from tests.support.feeds import NOW, add_vault, book, end_lease, number_all
from tests.unit.custody.reconcile.test_verify import damage

PLACED = Placed(
    1, "cli_1", 1, "ent_1", "post", "acc_1", "acc_2", "n/slip44:60", 2**255, None, "x", "deposit",
    datetime(2026, 1, 1, tzinfo=UTC),
)  # fmt: skip
CHANGES: dict[str, Any] = {
    "position": 2,
    "client": None,
    "sequence": None,
    "id": "ent_2",
    "kind": "void",
    "debit": "acc_3",
    "credit": "acc_3",
    "asset": "n/slip44:61",
    "amount": 2**255 - 1,
    "pending_id": "ent_0",
    "subject": "y",
    "reason": "rewind",
    "created_at": datetime(2026, 1, 2, tzinfo=UTC),
}


@pytest.mark.parametrize("field", CHANGES)
def test_a_digest_depends_on_everything_that_an_entry_says(field: str):
    changed = replace(PLACED, **{field: CHANGES[field]})
    assert link(START, changed) != link(START, PLACED)
    assert set(CHANGES) == set(Placed.__slots__)


def test_a_digest_depends_on_all_before_and_never_changes():
    assert link(bytes(31) + b"\1", PLACED) != link(START, PLACED)
    said = (
        b'[1,"cli_1",1,"ent_1","post","acc_1","acc_2","n/slip44:60","%d",null,"x","deposit",'
        b'"2026-01-01T00:00:00+00:00"]' % 2**255
    )
    assert link(START, PLACED) == sha256(START + said).digest(), "heads are kept for ever"


async def keep(database: Database) -> Head:
    await number_all(database)
    async with Leases(database).hold("books") as lease:
        assert lease is not None
        return await extend(database, lease, lambda: NOW)


async def fill(database: Database, *counts: int) -> list[Head]:
    """So many entries each, and the head after each."""
    vault = await add_vault(database, "cli_1", 1)
    heads = []
    for count in counts:
        async with database.write() as session:
            for _ in range(count):
                await book(session, vault)
        heads.append(await keep(database))
    return heads


async def check(database: Database, noted: Head | None = None) -> tuple[list[str], Head]:
    async with database.read() as session:
        return await check_chain(session, noted)


async def test_heads_are_kept_and_found_again(database: Database, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(head_repository, "PART", 3)
    heads = await fill(database, 4, 5)
    assert [each.position for each in heads] == [4, 9]
    assert await keep(database) == heads[-1], "nothing new, and nothing is stored"
    async with database.read() as session:
        assert await session.one(select(func.count()).select_from(LedgerHeadRow)) == 4
    for noted in (None, Head(), *heads):
        assert await check(database, noted) == ([], heads[-1])
    strange = Head(4, b"\1" * 32)
    assert await check(database, strange) == (
        [f"the noted head {strange} is not in this ledger"],
        heads[-1],
    )


async def test_who_leads_no_more_keeps_nothing(database: Database):
    await fill(database, 1)
    vault = await add_vault(database, "cli_2", 2)
    async with database.write() as session:
        await book(session, vault)
    await number_all(database)
    async with Leases(database).hold("books") as lease:
        assert lease is not None
        await end_lease(database)
        async with Leases(database).hold("books"):
            with pytest.raises(LeaseLost):
                await extend(database, lease, lambda: NOW)


REWRITTEN = {
    "UPDATE ledger_entries SET amount = '2' WHERE id ="
    " (SELECT entry_id FROM sequenced_entries WHERE position = 2)": ["entries 1 to 3"],
    "UPDATE ledger_entries SET created_at = '2025-01-01 00:00:00.000000' WHERE id ="
    " (SELECT entry_id FROM sequenced_entries WHERE position = 5)": ["entries 4 to 6"],
    "DELETE FROM sequenced_entries WHERE position > 6": ["entries 7 to 8 are gone"],
    "DELETE FROM sequenced_entries WHERE position = 6": ["entries 4 to 8", "entry 6 is gone"],
}


@pytest.mark.parametrize("statement", REWRITTEN)
async def test_a_rewritten_past_is_named(sqlite_url: str, statement: str):
    database = Database(sqlite_url)
    await fill(database, 3, 3, 2)
    await damage(database, statement)
    found, _ = await check(database)
    await database.close()
    assert found == REWRITTEN[statement]


async def test_who_rewrites_the_heads_too_is_found_by_a_head_that_was_noted(sqlite_url: str):
    database = Database(sqlite_url)
    noted = (await fill(database, 3, 3))[-1]
    await damage(
        database,
        "UPDATE ledger_entries SET amount = '2'",
        "DELETE FROM ledger_heads",
    )
    rewritten = await keep(database)
    assert await check(database) == ([], rewritten)
    assert (await check(database, noted))[0] == [f"the noted head {noted} is not in this ledger"]
    await database.close()
