"""A sweep that was forgotten is rebuilt as what it is, so that the books say of each address of the
vault what lies there."""

from __future__ import annotations

from pathlib import Path

import pytest

from chains.model import Address
from custody.db.session import Database
from custody.db.tables import VaultRow
from tests.unit.custody.journal.test_restored import House
from tests.unit.custody.transfers.desk import Desk
from tests.unit.custody.transfers.life import ACCOUNT, TRON

FUNDS = 10**17


@pytest.fixture(params=[ACCOUNT, TRON])
async def house(request, tmp_path, sqlite_url):
    desk = Desk(Database(sqlite_url), request.param)
    yield House(Path(sqlite_url.partition("///")[2]), desk)
    await desk.database.close()


async def opened(house: House) -> tuple[VaultRow, str, str]:
    """A vault, the address that pays and a later one, each with something."""
    desk = house.desk
    vault = await desk.open_funded(FUNDS)
    later = await desk.new_address(vault)
    await desk.node.fund(Address(later.address), FUNDS)
    await house.live(2)
    first, *_ = await desk.addresses(vault)
    return vault, first.address, later.address


async def lies_where_it_is(house: House, vault: VaultRow, first: str, later: str) -> None:
    node, found = house.desk.node, await house.desk.balance(vault)
    assert found.available == await node.balance(Address(first))
    assert found.unswept == await node.balance(Address(later))
    assert found.pending == 0


async def test_a_sweep_takes_from_the_address_that_is_swept(house: House):
    vault, first, later = await opened(house)
    house.back_up()
    transfer = await house.desk.send(vault, None, to=first, source=later, key="sweep")
    await house.desk.run_outbox()
    await house.restore()
    await house.recover()
    await house.live()
    assert await house.desk.state(transfer) == "final"
    await lies_where_it_is(house, vault, first, later)
