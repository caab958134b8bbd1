"""The whole ledger recomputed: in order it says so, and each kind of damage is named by its id."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import text

from chains.block import Block, Reading
from chains.model import BlockRef
from custody.db.session import Database
from custody.following.readings import improve, record
from custody.reconcile import verify as verifying
from custody.reconcile.verify import CHECKS, Verified, verify
from tests.support.feeds import NOW, number_all
from tests.support.networks import find_network
from tests.unit.custody.transfers.conftest import every as every
from tests.unit.custody.transfers.desk import Desk
from tests.unit.custody.transfers.life import COINS, FUNDS


async def busy(desk: Desk) -> str:
    """A credited and a pending deposit, a transfer that is final, one cancelled, one under way.
    The vault's id."""
    vault = await desk.open_funded(FUNDS, FUNDS, FUNDS)
    await desk.settle(await desk.send(vault, 50_000))
    under_way = await desk.send(vault, 30_000)
    await desk.work()
    assert await desk.state(under_way) == "in_flight"
    await desk.pay(await desk.new_address(vault), 70)
    await desk.node.mine()
    await desk.follow()
    await number_all(desk.database)
    return vault.id


def failed(found: Verified) -> dict[str, tuple[str, ...]]:
    return {each.name: each.ids for each in found.findings if not each.passed}


async def test_books_in_order_are_said_to_be(every: Desk):
    await busy(every)
    found = await verify(every.database)
    assert failed(found) == {}
    assert found.entries > 10
    assert [each.name for each in found.findings] == [
        "books",
        *(each.name for each in CHECKS),
        "chain",
    ]


DAMAGE = {
    "books": "UPDATE ledger_accounts SET credits_posted = '7' WHERE kind = 'vault'",
    "held": "UPDATE reservations SET spent = '0' WHERE spent IS NULL",
    "reservations": "UPDATE reservations SET amount = '1' WHERE spent IS NULL",
    "transfers": "UPDATE transfers SET amount = '1' WHERE state = 'final'",
    "deposits": "UPDATE deposits SET state = 'credited' WHERE state = 'pending'",
    "claims": "DELETE FROM claims",
    "segregation": "UPDATE deposits SET vault_id = 'vlt_other' WHERE state = 'pending'",
    "numbers": "DELETE FROM sequenced_entries WHERE position = 3",
}
"""What somebody who owns the file may do, and what finds it."""
NAMES = {
    "books": "vlt_",
    "held": "ent_",
    "reservations": "tfr_",
    "transfers": "tfr_",
    "deposits": "dep_",
    "claims": "txn_",
    "segregation": "dep_",
    "numbers": "sequenced_entries",
}


@pytest.mark.parametrize("name", DAMAGE)
async def test_damage_is_named(sqlite_url: str, name: str):
    database = Database(sqlite_url)
    await busy(Desk(database, COINS))
    await damage(
        database,
        "INSERT INTO clients (id, name, created_at) VALUES ('cli_other', 'O', '2026-01-01')",
        "INSERT INTO vaults (id, client_id, name, account, created_at)"
        " VALUES ('vlt_other', 'cli_other', 'O', 99, '2026-01-01')",
        DAMAGE[name],
    )
    found = failed(await verify(database))
    await database.close()
    assert any(each.startswith(NAMES[name]) for each in found[name]), found


async def test_an_entry_between_two_clients_is_named(sqlite_url: str):
    database = Database(sqlite_url)
    vault = await busy(Desk(database, COINS))
    await damage(
        database,
        "INSERT INTO clients (id, name, created_at) VALUES ('cli_other', 'O', '2026-01-01')",
        "INSERT INTO vaults (id, client_id, name, account, created_at)"
        " VALUES ('vlt_other', 'cli_other', 'O', 99, '2026-01-01')",
        "INSERT INTO ledger_accounts SELECT 'acc_other', 'vlt_other', asset, kind, '0', '5', '0',"
        f" '0' FROM ledger_accounts WHERE kind = 'vault' AND vault_id = '{vault}'",
        "INSERT INTO ledger_entries SELECT 'ent_theft', 'post', id, 'acc_other', asset, '5', NULL,"
        " 'x', 'transfer', '2026-01-01' FROM ledger_accounts WHERE kind = 'vault'"
        f" AND vault_id = '{vault}'",
    )
    assert failed(await verify(database))["segregation"] == ("ent_theft",)
    await database.close()


async def test_blocks_with_a_gap_are_noted_until_they_are_read_again(database: Database):
    """It is a fact about what was read, and no fault of the books."""
    network = find_network("ethereum-local").id
    blocks = [
        Block(BlockRef(height, f"a{height}"), f"a{height - 1}", 0, (), reading=reading)
        for height, reading in enumerate((Reading.COMPLETE, Reading.PASSED, Reading.PASSED), 5)
    ]
    async with database.write() as session:
        await record(session, network, blocks, None, NOW)
    found = await verify(database)
    assert found.passed
    assert found.notes == (f"{network} blocks 6 to 7 were read passed",)
    again = [replace(each, reading=Reading.COMPLETE) for each in blocks[1:]]
    async with database.write() as session:
        await improve(session, network, again, NOW)
    assert (await verify(database)).notes == ()


async def test_no_more_ids_than_a_person_reads(sqlite_url: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(verifying, "SHOWN", 2)
    database = Database(sqlite_url)
    await busy(Desk(database, COINS))
    await damage(database, "DELETE FROM sequenced_entries")
    (numbers,) = [each for each in (await verify(database)).findings if each.name == "numbers"]
    await database.close()
    assert (len(numbers.ids), numbers.more) == (2, True)


async def damage(database: Database, *statements: str) -> None:
    async with database.write() as session:
        connection = await session._session.connection()
        await connection.execute(text("PRAGMA defer_foreign_keys = ON"))
        rows = await connection.execute(
            text("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        )
        for (trigger,) in rows.all():
            await connection.execute(text(f"DROP TRIGGER {trigger}"))
        for statement in statements:
            await connection.execute(text(statement))
