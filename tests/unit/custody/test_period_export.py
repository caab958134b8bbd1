"""Packages of a period out of both databases, by the real exporter; and when there is none."""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import select

from custody.audit.period import NoPeriod
from custody.audit.period_controls import controls
from custody.db.feed_tables import EventRow, UnsequencedRow
from custody.db.migrate import upgrade
from custody.db.reconcile_tables import ReconciliationLineRow, ReconciliationRow
from custody.db.session import Database
from custody.db.tables import VaultRow
from signer.errors import JournalDamaged
from tests.golden import files
from tests.support.database import PostgresServer
from tests.support.networks import find_network
from tests.support.period import LOG, Package, at, exported, pins, refuted, say_blocks

pytestmark = pytest.mark.database
_numbers = itertools.count()
COIN = find_network("ethereum-local").native.id
SAME = ("balances", "encumbrances", "policies", "requests", "entries", "transactions", "records")


@pytest_asyncio.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
async def golden(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    server: PostgresServer | None = None
    name = f"period_{next(_numbers)}"
    if request.param == "sqlite":
        url = files.load_sqlite(files.SQLITE, tmp_path / "custody.db")
    else:
        server = request.getfixturevalue("postgres_server")
        url = files.load_postgresql(files.POSTGRESQL, server, name)
    await upgrade(url)
    database = Database(url)
    await say_blocks(database)
    yield database
    await database.close()
    if server is not None:
        server.run(f"DROP DATABASE {name} WITH (FORCE)")


def rows(package: Package, kind: str) -> Any:
    return json.loads(package.parts[kind])


async def test_both_databases_say_the_same_of_every_period(golden: Database, tmp_path: Path):
    for first, before in ((0, 59), (24, 28), (27, 40), (0, 10)):
        package = Package.read(await exported(golden, first, before))
        assert refuted(package, pins()) == {}, (first, before)
    other = Database(files.load_sqlite(files.SQLITE, tmp_path / "other.db"))
    await upgrade(f"sqlite+aiosqlite:///{tmp_path / 'other.db'}")
    await say_blocks(other)
    one, two = [Package.read(await exported(each, 24, 28)) for each in (golden, other)]
    await other.close()
    for name in one.parts:
        if name.partition("/")[0] in SAME:
            assert one.parts[name] == two.parts[name], name
    assert one.parts.keys() == two.parts.keys()


async def test_periods_follow_on_one_another(golden: Database):
    """Every number is in one of them, and the closing of one is the opening of the next."""
    cuts = [0, 23, 24, 26, 28, 59]
    made = [Package.read(await exported(golden, *each)) for each in itertools.pairwise(cuts)]
    closing: dict[tuple[str, str], str] = {}
    for package in made:
        for row in rows(package, "balances"):
            place = row["client"], row["asset"]
            assert row["opening"] == closing.get(place, "0")
            closing[place] = row["closing"]
    whole = Package.read(await exported(golden, 0, 59))
    assert [row["closing"] for row in rows(whole, "balances")] == list(closing.values())


async def test_a_period_that_is_not_over_or_not_numbered_has_no_package(golden: Database):
    with pytest.raises(NoPeriod, match="is over"):
        await exported(golden, 28, 28)
    async with golden.write() as session:
        seq = await session.first(select(EventRow.seq).order_by(EventRow.seq).limit(1))
        await session.insert(UnsequencedRow, [{"seq": 10**6, "event_seq": seq, "entry_id": None}])
    with pytest.raises(NoPeriod, match="no number yet"):
        await exported(golden, 0, 59)
    await exported(golden, 0, 1)


async def test_a_log_that_is_older_than_the_receipts_is_not_enough(
    golden: Database, tmp_path: Path
):
    """Or of another house, or not sealed."""
    lines = LOG.read_bytes().splitlines(keepends=True)
    short = tmp_path / "audit.jsonl"
    short.write_bytes(b"".join(lines[:-2]))
    with pytest.raises(NoPeriod, match="receipt for 4"):
        await exported(golden, 0, 59, log=short)
    short.write_bytes(b"".join(lines[:-1]))
    with pytest.raises(JournalDamaged, match="not sealed"):
        await exported(golden, 0, 59, log=short)
    short.write_bytes(b"".join(lines[2:]))
    with pytest.raises(JournalDamaged):
        await exported(golden, 0, 59, log=short)


async def test_days_that_were_missed_and_breaks_with_their_age(golden: Database):
    """A break of two reports, one that lasts, and a day without a round."""
    network = find_network("ethereum-local").id
    async with golden.write() as session:
        vault = (await session.all(select(VaultRow)))[0].id
        for number in range(5):
            made = at(0) + timedelta(hours=12 * number) + timedelta(days=2 * (number == 4))
            report = {
                "id": f"rec_{number}", "network": network, "vault_id": None, "cause": "interval",
                "asked_by": None, "open_key": None, "equal": 0, "shortage": int(number != 2),
                "surplus": 0, "inconclusive": 0, "created_at": made, "ended_at": made,
                "serial": None,
            }  # fmt: skip
            await session.insert(ReconciliationRow, [report])
            if number != 2:
                line = {
                    "report_id": f"rec_{number}", "vault_id": vault, "asset": COIN, "height": 9,
                    "block_hash": "0x9", "ledger": 5, "chain": number, "verdict": "shortage",
                    "reason": "", "traced_from": None,
                }  # fmt: skip
                await session.insert(ReconciliationLineRow, [line])
    async with golden.read() as session:
        found = await controls(session, at(0) - timedelta(hours=1), at(0) + timedelta(days=5))
    assert [(row["rounds"], row["shortage"]) for row in found["reconciliations"]] == [
        (2, 2), (2, 1), (0, 0), (0, 0), (1, 1), (0, 0),
    ]  # fmt: skip
    breaks = [(row["since"][:13], (row["until"] or "")[:13], row["reports"]) for row in
              found["breaks"]]  # fmt: skip
    assert breaks == [("2026-11-27T11", "2026-11-28T11", 2), ("2026-11-28T23", "", 2)]
    assert found["breaks"][1]["chain"] == "4"
