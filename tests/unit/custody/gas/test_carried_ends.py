"""How a payment that was signed apart ends, and when nobody is asked to submit it any more: dead by
time, blocks and contract together, and nothing is asked for what is over."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import update

from chains.block import Reading
from chains.errors import NodeUnavailable
from chains.nodes.witnesses import Witnesses
from custody.db.session import Database
from custody.db.tables import ReadingRow
from custody.gas.carrying import Carrying
from custody.transfers.service import Transfers
from tests.support import fake_adapter
from tests.support.fake_adapter import FakeAdapter
from tests.support.fake_apart import used_up
from tests.support.fake_chain import LIFETIME_BLOCKS
from tests.unit.custody.gas.carried import House


async def test_what_nobody_submitted_in_time_is_dead_when_its_contract_says_so(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    house = await House.opened(database)
    await house.carries()
    desk = house.desk
    asked = await house.signed()
    await desk.node.mine(LIFETIME_BLOCKS)
    await desk.node.finalize()
    await desk.track()
    assert await desk.state(asked) == "in_flight", "the next block may have it"
    await desk.node.mine(LIFETIME_BLOCKS)
    await desk.track()
    await house.step()
    assert await house.carriers() == [], "nothing is asked for what no block takes"
    assert await desk.state(asked) == "in_flight", "another chain may become final"
    await desk.node.finalize()

    def away(call: str) -> None:
        if call == "is_used":
            raise NodeUnavailable("no answer")

    desk.adapter.before = away
    await desk.track()
    assert await desk.state(asked) == "in_flight", "the contract was not heard"
    desk.clock.forward(minutes=11)
    await desk.track()
    assert any("transfer_outcome_unproven" in each for each in await desk.alarms())
    desk.adapter.before = lambda call: None
    await desk.track()
    assert (await house.payment(asked)).state == "dead"
    assert await desk.state(asked) == "failed"
    await house.step()
    assert await house.carriers() == []
    assert (await desk.reconcile()).is_clean


async def test_a_witness_is_asked_for_its_contracts_word_too(database: Database):
    """No node knows it by a name, so what a node has of it says nothing."""
    house = await House.opened(database)
    await house.carries()
    desk = house.desk
    witness = FakeAdapter(desk.node)
    witnesses = Witnesses([("w", witness)], desk.network.finality)
    desk.worker._tracker._witnesses = {desk.network.id: witnesses}
    asked, calls = await house.signed(), list[str]()

    def away(call: str) -> None:
        calls.append(call)
        if call == "is_used":
            raise NodeUnavailable("no answer")

    witness.before = away
    await desk.node.mine(2 * LIFETIME_BLOCKS)
    await desk.node.finalize()
    await desk.track()
    assert await desk.state(asked) == "in_flight", "the witness was not heard"
    assert "is_used" in calls and "statuses" not in calls
    witness.before = lambda call: None
    await desk.track()
    assert await desk.state(asked) == "failed"


async def test_blocks_of_its_life_that_nobody_read_keep_it_in_flight(database: Database):
    """Whatever the contract says."""
    house = await House.opened(database)
    await house.carries()
    desk = house.desk
    asked = await house.signed()
    await desk.node.mine(2 * LIFETIME_BLOCKS)
    await desk.node.finalize()
    await desk.follow()
    async with database.write() as session:
        await session.execute(update(ReadingRow).values(reading=Reading.PASSED.value))
    await desk.track()
    assert (await house.payment(asked)).state == "signed"
    assert await desk.state(asked) == "in_flight"


async def test_a_contract_that_has_seen_it_keeps_it_in_flight(database: Database):
    """A node that shows no event and a contract that was paid by: a person has to look."""
    house = await House.opened(database)
    await house.carries()
    desk = house.desk
    asked = await house.signed()
    payment = await house.payment(asked)
    (address, *_) = await desk.addresses(house.hot)
    number = (payment.txid or "").rpartition(":")[2]
    desk.node.state.used.add((address.address, number))
    await desk.node.mine(2 * LIFETIME_BLOCKS)
    await desk.node.finalize()
    await desk.track()
    desk.clock.forward(minutes=11)
    await desk.track()
    assert await desk.state(asked) == "in_flight"
    assert any("transfer_outcome_unproven" in each for each in await desk.alarms())


async def test_one_that_is_final_is_the_last(database: Database, monkeypatch: pytest.MonkeyPatch):
    """Also where our blocks do not show the payment: a person has to look, and no fee is paid for
    the same once more."""
    house = await House.opened(database)
    await house.carries()
    desk = house.desk
    asked = await house.signed()
    await house.step()
    await desk.run_outbox()
    (call,) = await house.calls()
    payment = await house.payment(asked)
    monkeypatch.setattr(
        fake_adapter,
        "used_up",
        lambda node, block: {
            key: txid for key, txid in used_up(node, block).items() if key != payment.txid
        },
    )
    await desk.settle(call.id)
    assert await desk.state(call.id) == "final"
    for _ in range(3):
        await house.step()
        desk.clock.forward(hours=2)
    assert await house.told() == [("done", None)] and len(await house.calls()) == 1
    assert (await house.payment(asked)).state == "broadcast"


async def test_what_became_over_before_it_was_asked_for_is_not_asked_for(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    house = await House.opened(database)
    await house.carries()
    desk = house.desk
    asked = await house.signed()

    async def dies(*_: object) -> None:
        raise asyncio.CancelledError

    with monkeypatch.context() as patch:
        patch.setattr(Transfers, "create", dies)
        with pytest.raises(asyncio.CancelledError):
            await house.step()
    payment = await house.payment(asked)
    assert payment.raw is not None
    await desk.node.submit(payment.raw)
    await house.mined()
    await desk.track()
    assert await desk.state(asked) == "final"
    await house.step()
    assert await house.told() == [("failed", "payment_is_over")]
    assert await house.calls() == [] and await house.gas_short() is None


async def test_who_looks_late_asks_for_nothing(database: Database):
    """It was in a block meanwhile."""
    house = await House.opened(database)
    await house.carries()
    desk = house.desk
    asked = await house.signed()
    before = await house.payment(asked)
    assert before.raw is not None
    await desk.node.submit(before.raw)
    await house.mined()
    await desk.track()
    adapters = {desk.network.id: desk.adapter}
    carrying = Carrying(database, desk.ledger, desk.services.transfers, adapters, desk.clock)
    assert await carrying._begin(before) == ""
    assert await house.carriers() == []
