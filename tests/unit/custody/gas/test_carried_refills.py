"""A refill whose payment is signed apart: the deposit that ends it stands under the name of who
submitted it, not under the payment's own."""

from __future__ import annotations

import pytest_asyncio
from sqlalchemy import select

from custody.db.refill_tables import RefillRow
from custody.db.session import Database
from custody.db.tables import AddressRow, VaultRow
from custody.refills.refilling import Refilling
from custody.refills.service import NewRule, set_rule
from tests.unit.custody.gas.carried import House
from tests.unit.custody.gas.station import TOKEN


class Refilled(House):
    """`low`: a vault that the hot one refills."""

    low: VaultRow
    address: AddressRow

    async def refills(self) -> list[tuple[int, str, str | None]]:
        async with self.database.read() as session:
            rows = await session.all(select(RefillRow).order_by(RefillRow.number))
        return [(row.amount, row.state, row.code) for row in rows]

    async def settled(self) -> None:
        desk = self.desk
        refilling = Refilling(self.database, desk.services.transfers, desk.clock)
        for _ in range(3):
            await refilling.step()
            await desk.run_outbox()
            await self.step()
            await desk.run_outbox()
            await self.mined()
            await desk.track()
        await refilling.step()


@pytest_asyncio.fixture
async def house(database: Database) -> Refilled:
    house = await Refilled.opened(database)
    await house.carries()
    desk = house.desk
    house.low = await desk.vaults.create_vault(house.hot.client_id, "Low")
    house.address = await desk.new_address(house.low)
    async with database.write() as session:
        rule = NewRule(house.hot.id, 200, 300, house.key)
        place = (house.low.id, desk.network.id, TOKEN)
        await set_rule(session, *place, rule, "payouts", desk.clock(), by="olivia")
    return house


async def test_what_another_submitted_ends_it_and_the_next_begins(house: Refilled):
    await house.settled()
    assert house.desk.node.state.balances[house.address.address, TOKEN] == 300
    assert await house.told() == [("done", None)]
    assert await house.refills() == [(300, "done", None)]
    await house.send(250, vault=house.low.id)
    await house.settled()
    await house.settled()
    assert await house.refills() == [(300, "done", None), (250, "done", None)]
