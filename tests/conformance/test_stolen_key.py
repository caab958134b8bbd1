"""A key is stolen: money leaves on the real engine without a transaction of ours.

In the very block that has it custody books it, calls a person and stops the vault.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from sqlalchemy import select

from chains.model import OwnedAddress
from custody.alarms.codes import AlarmCode
from custody.db.ids import new_id
from custody.db.session import Database
from custody.db.tables import AddressRow, ForeignDebitRow, VaultRow
from custody.ledger import repository as ledger
from tests.conformance.world import World
from tests.support import custody
from tests.support.single import one

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module")
async def database(sqlite_url: str) -> AsyncIterator[Database]:
    opened = Database(sqlite_url)
    yield opened
    await opened.close()


async def test_what_leaves_without_us_is_booked_told_and_stops_the_vault_in_its_block(
    world: World, database: Database
) -> None:
    purse, thief = world.purse(), await world.node.outside_address()
    house = custody.World(database, world.network)
    house.adapter = world.adapter  # type: ignore[assignment]
    house.start_height = (await world.adapter.tip()).height
    house.restart()
    vault = await house.new_vault()
    await _give(house, vault, purse.owned)
    await house.follow()
    await purse.receive()
    await world.node.finalize()
    await world.node.mine()
    await house.follow()
    assert [state for _, state in await house.deposit_states()] == ["credited"]
    assert await _owned(house, vault) == await purse.balance()

    stolen = await purse.signed(thief, world.coin)
    await one(world.adapter.broadcast, stolen)
    await world.node.mine()
    await house.follow()
    debits = await _debits(house)
    assert {row.txid for row in debits} == {stolen.txid}
    assert {row.state for row in debits} == {"pending"}
    assert await house.frozen(vault) == AlarmCode.FOREIGN_DEBIT
    told = [each for each in await house.open_alarms() if each.code == AlarmCode.FOREIGN_DEBIT]
    assert [(each.vault_id, stolen.txid in each.message) for each in told] == [(vault.id, True)]

    await world.node.finalize()
    await world.node.mine()
    await house.follow()
    assert {row.state for row in await _debits(house)} == {"booked"}
    assert await _owned(house, vault) == await purse.balance()
    assert await house.frozen(vault) == AlarmCode.FOREIGN_DEBIT, "a person lifts it"


async def _give(house: custody.World, vault: VaultRow, owned: list[OwnedAddress]) -> None:
    """Addresses whose key the test has, as the vault's own."""
    async with house.database.write() as session:
        await session.insert(
            AddressRow,
            [
                {
                    "id": new_id("adr"),
                    "network": house.network.id,
                    "vault_id": vault.id,
                    "address_type": each.address_type.value,
                    "change": at > 0,
                    "position": 0,
                    "path": each.path,
                    "address": each.address,
                    "public_key": each.public_key,
                    "label": None,
                    "created_at": house.clock(),
                }
                for at, each in enumerate(owned)
            ],
        )


async def _owned(house: custody.World, vault: VaultRow) -> int:
    """All that the books say the vault has on the chain."""
    async with house.database.read() as session:
        accounts = await ledger.accounts_of_vault(session, vault.id)
    return sum(each.posted for each in accounts)


async def _debits(house: custody.World) -> list[ForeignDebitRow]:
    async with house.database.read() as session:
        return list(await session.all(select(ForeignDebitRow).order_by(ForeignDebitRow.id)))
