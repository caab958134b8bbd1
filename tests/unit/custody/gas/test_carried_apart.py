"""What is signed apart is no transaction, and its way is chosen once: no node is given it or asked
about it, and new terms go the way of those before them."""

from __future__ import annotations

import pytest

from chains.costs import CostKind
from custody.db.session import Database
from tests.unit.custody.gas.carried import House
from tests.unit.custody.gas.station import BOUND
from tests.unit.custody.transfers.desk import ANYONE


async def test_nodes_are_given_and_asked_about_the_carrier_alone(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    house = await House.opened(database)
    await house.carries()
    desk = house.desk
    given: list[str] = []
    asked_about: list[str] = []
    broadcast, statuses = desk.adapter.broadcast, desk.adapter.statuses

    async def gives(txs):
        given.extend(each.txid for each in txs)
        return await broadcast(txs)

    async def asks(txids):
        asked_about.extend(txids)
        return await statuses(txids)

    monkeypatch.setattr(desk.adapter, "broadcast", gives)
    monkeypatch.setattr(desk.adapter, "statuses", asks)
    asked = await house.signed()
    await desk.track()
    await house.step()
    await desk.run_outbox()
    await desk.track()
    (call,) = await house.calls()
    carrier, payment = await desk.newest(call.id), await house.payment(asked)
    assert (payment.state, carrier.state) == ("broadcast", "broadcast")
    assert set(given) == {carrier.txid}
    assert set(asked_about) == {carrier.txid}


@pytest.mark.parametrize("carries", [True, False])
async def test_new_terms_go_the_way_of_those_before(database: Database, carries: bool):
    house = await House.opened(database)
    await (house.carries() if carries else house.rule())
    asked = await house.send(100)
    way = "apart" if carries else "open"
    assert await house.needs() == [(asked, 1, way)]
    await (house.rule() if carries else house.carries(each=2 * BOUND))
    more = {CostKind.FEE: BOUND + 1}
    await house.desk.services.versions.raise_costs(asked, ANYONE, more)
    assert (await house.needs())[-1] == (asked, 2, way)
