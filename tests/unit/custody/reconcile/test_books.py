"""The ledger against itself: entries, totals, and somebody who wrote past the rules."""

from __future__ import annotations

from sqlalchemy import text, update

from custody.alarms.codes import AlarmCode
from custody.db.session import Database
from custody.db.tables import LedgerAccountRow
from tests.unit.custody.reconcile.scene import (
    COINS,
    funded,
)


async def test_a_cached_total_that_was_changed(database: Database):
    world, vault = await funded(database, COINS)
    async with database.write() as session:
        await session.execute(
            update(LedgerAccountRow)
            .where(LedgerAccountRow.vault_id == vault.id)
            .values(debits_posted=60_000)
        )
    report = await world.reconcile()
    assert [fault.vault for fault in report.faults] == [vault.id]
    assert "sums of its entries" in report.faults[0].message
    assert await world.frozen(vault) in (AlarmCode.BOOKS_BROKEN, AlarmCode.SHORTAGE)
    assert AlarmCode.BOOKS_BROKEN in await world.alarms()
    async with database.write() as session:
        await session.execute(
            update(LedgerAccountRow)
            .where(LedgerAccountRow.vault_id == vault.id)
            .values(debits_posted=0)
        )
    assert (await world.reconcile()).is_clean
    assert await world.open_alarms() == []
    assert await world.frozen(vault) is not None  # a person ends that


async def test_an_entry_forged_past_the_trigger(sqlite_url: str):
    """Whoever owns the file can drop the trigger; adding up still finds out."""
    database = Database(sqlite_url)
    world, vault = await funded(database, COINS)
    async with database.write() as session:
        connection = await session._session.connection()
        for statement in (
            "DROP TRIGGER ledger_entries_no_update",
            "UPDATE ledger_entries SET amount = '40000' WHERE kind = 'settle'",
        ):
            await connection.execute(text(statement))
    report = await world.reconcile()
    assert [fault.vault for fault in report.faults] == [vault.id]
    await database.close()


async def test_a_settle_above_its_reserve_and_a_mix_of_assets(sqlite_url: str):
    database = Database(sqlite_url)
    world, _vault = await funded(database, COINS)
    async with database.write() as session:
        connection = await session._session.connection()
        for statement in (
            "DROP TRIGGER ledger_entries_no_update",
            "UPDATE ledger_entries SET amount = '400000' WHERE kind = 'settle'",
            "UPDATE ledger_entries SET asset = 'eip155:1/slip44:60' WHERE kind = 'reserve'",
        ):
            await connection.execute(text(statement))
    messages = " ".join(fault.message for fault in (await world.reconcile()).faults)
    assert "more than was reserved" in messages
    assert "mixes assets" in messages
    await database.close()
