"""A payment is signed apart and the house submits it: once, for the fee alone, whoever dies, and
whatever becomes of who was to submit it."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from itertools import count
from types import SimpleNamespace
from typing import cast

import pytest
from sqlalchemy import inspect, select
from sqlalchemy.exc import IntegrityError

from chains.errors import NodeUnavailable
from chains.model import TxId
from custody.db.gas_tables import GasCarrierRow
from custody.db.proof_tables import ProofWantRow
from custody.db.session import Database
from custody.gas.carrying import Carrying
from custody.gas.model import Bearer
from custody.transactions.claiming import number_of
from custody.transactions.planners.plan import Plan
from custody.transactions.repository import contest
from custody.transfers.gas_needs import Brought
from custody.transfers.service import Transfers
from signer.wire import RefusalCode
from tests.support.interrupt import interrupt
from tests.unit.custody.gas.carried import UNITS, House
from tests.unit.custody.gas.station import BOUND, STOCK, TOKEN, TOKENS
from tests.unit.custody.transfers.desk import ANYONE
from tests.unit.custody.transfers.test_pauses import hold_back, let_go


async def test_tokens_leave_a_vault_without_a_coin_and_no_coin_comes(database: Database):
    house = await House.opened(database)
    await house.carries()
    desk = house.desk
    asked = await house.send(UNITS)
    await house.settle(asked)
    assert await desk.state(asked) == "final"
    payment, (call,) = await house.payment(asked), await house.calls()
    assert (payment.sender, sum((payment.costs or {}).values())) == (None, 0)
    assert await house.top_ups() == [] and await house.told() == [("done", None)]
    assert (call.kind, call.state, call.vault_id) == ("call", "final", house.payer.id)
    (address, *_) = await desk.addresses(house.hot)
    assert desk.node.state.balances[address.address, TOKEN] == TOKENS - UNITS
    assert desk.node.state.balances.get((address.address, desk.native), 0) == 0
    assert await house.has() == 0 and await house.has(house.payer) == STOCK - desk.node.fee
    assert await house.claim(house.payer) == await house.claim(house.hot) == 0
    assert await desk.open_alarms() == []
    assert (await desk.reconcile()).is_clean


async def test_the_client_owes_what_submitting_it_cost(database: Database):
    house = await House.opened(database)
    await house.carries(Bearer.CLIENT)
    asked = await house.send(UNITS)
    await house.settle(asked)
    (call,) = await house.calls()
    assert call.kind == "call_charged" and house.hot.client_id != house.payer.client_id
    fee = house.desk.node.fee
    assert await house.claim(house.payer) == fee == -await house.claim(house.hot)
    assert (await house.desk.reconcile()).is_clean


async def test_an_estimate_says_which_way_and_what_it_costs(database: Database):
    house = await House.opened(database)
    await house.carries(Bearer.CLIENT)
    told = await house.estimate(UNITS)
    assert told.is_covered
    assert told.brought == Brought(house.desk.native, BOUND, house.payer.id, True, carried=True)
    await house.rule()
    told = await house.estimate(UNITS)
    assert told.brought is not None and not told.brought.carried


async def test_what_costs_more_than_the_rule_spends_waits_with_a_word(database: Database):
    """It is signed apart by nobody: who submits it could not pay either."""
    house = await House.opened(database)
    await house.carries(each=BOUND - 1)
    asked = await house.send(UNITS)
    assert await house.needs() == [(asked, 1, "open")]
    await house.step()
    assert "gas_above_maximum" in (await house.gas_short() or "")


async def test_who_has_code_is_brought_coins(database: Database):
    """Its contract would ask the code, so its key's word is not enough (FiatToken 2.2)."""
    house = await House.opened(database)
    await house.carries()
    (address, *_) = await house.desk.addresses(house.hot)
    house.desk.node.delegated.add(address.address)
    asked = await house.send(UNITS)
    assert await house.needs() == [(asked, 1, "apart")]
    await house.settle(asked)
    assert await house.needs() == [(asked, 1, "held")]
    assert await house.states() == [(BOUND, "done", None)] and await house.calls() == []


async def test_where_nobody_submits_any_more_coins_are_brought(database: Database):
    """Of what nobody has signed. What is signed goes no other way."""
    house = await House.opened(database)
    await house.carries()
    signed = await house.signed()
    asked = await house.send(UNITS)
    await house.rule()
    await house.step()
    assert await house.needs() == [(signed, 1, "apart"), (asked, 1, "open")]
    assert "gas_rule_missing" in (await house.gas_short() or "")
    await house.carries()
    await house.settle(signed, asked)
    assert await house.gas_short() is None
    assert {await house.desk.state(each) for each in (signed, asked)} == {"final"}


@pytest.mark.parametrize("is_built", [False, True])
async def test_what_is_claimed_or_built_goes_no_other_way(database: Database, is_built: bool):
    """It may be signed at any moment: with coins brought beside, it would be held up by its own
    costs."""
    house = await House.opened(database)
    await house.carries()
    asked = await house.send(UNITS)

    def away(call: str) -> None:
        if call == "prepare" and not is_built:
            raise NodeUnavailable("no answer")

    house.desk.signer.refuse = [(RefusalCode.UNAVAILABLE, "journal")]
    house.desk.adapter.before = away
    await house.desk.run_outbox()
    async with database.read() as session:
        (row,) = await contest(session, asked)
    assert row.state == ("built" if is_built else "claimed")
    await house.rule()
    await house.step()
    assert await house.needs() == [(asked, 1, "apart")]
    house.desk.signer.refuse = []
    house.desk.adapter.before = lambda call: None
    await house.carries()
    await house.settle(asked)
    assert await house.states() == [], "no coins were brought"


async def test_somebody_else_is_faster_and_nothing_is_owed(database: Database):
    house = await House.opened(database)
    await house.carries(Bearer.CLIENT)
    desk = house.desk
    asked = await house.signed()
    await house.step()
    await desk.run_outbox()
    payment, (call,) = await house.payment(asked), await house.calls()
    carrier = await desk.newest(call.id)
    assert (payment.state, carrier.state) == ("broadcast", "broadcast")
    # In the block before ours: what our node has waits.
    waiting = dict(desk.node.pool)
    desk.node.pool.clear()
    assert payment.raw is not None
    by = await desk.node.submit(payment.raw)
    await desk.node.mine()
    desk.node.pool.update(waiting)
    await house.mined()
    await house.settle(asked, call.id)
    assert by != carrier.txid
    assert (await desk.state(asked), await desk.state(call.id)) == ("final", "failed")
    assert await house.told() == [("failed", "transfer_failed")]
    assert await house.claim(house.payer) == 0, "a call that came too late is the house's own cost"
    assert await house.gas_short() is None, "it was submitted, by whomever"
    await house.step()
    assert len(await house.calls()) == 1
    assert (await desk.reconcile()).is_clean


async def test_one_that_is_not_signed_yet_is_called_off_then(database: Database):
    house = await House.opened(database)
    await house.carries()
    desk = house.desk
    asked = await house.signed()
    await house.step()
    payment, (call,) = await house.payment(asked), await house.calls()
    assert payment.raw is not None
    async with house.database.write() as session:
        row = await session.get(type(call), call.id)
        assert row is not None
        row.waiting = "build_error"
    await desk.node.submit(payment.raw)
    await house.mined()
    await desk.track()
    await house.step()
    assert await desk.state(call.id) == "cancelled"
    await house.step()
    assert await house.told() == [("failed", "transfer_cancelled")]
    assert await desk.state(asked) == "final"


async def test_a_carrier_that_was_cancelled_says_nothing_and_another_follows(database: Database):
    house = await House.opened(database)
    await house.carries()
    desk = house.desk
    asked = await house.signed()
    await house.step()
    await desk.run_outbox()
    (call,) = await house.calls()
    await desk.services.transfers.cancel(call.id, ANYONE)
    await desk.run_outbox()
    await desk.settle(call.id)
    assert await desk.state(call.id) == "cancelled"
    assert (await house.payment(asked)).state == "broadcast"
    assert await desk.state(asked) == "in_flight"
    await house.step()
    assert await house.told() == [("failed", "transfer_cancelled")], "the next one waits"
    desk.clock.forward(minutes=2)
    await house.settle(asked)
    assert await house.told() == [("failed", "transfer_cancelled"), ("done", None)]
    assert (await desk.reconcile()).is_clean


async def test_a_carrier_is_replaced_and_brings_it(database: Database):
    house = await House.opened(database)
    await house.carries()
    desk = house.desk
    asked = await house.signed()
    await house.step()
    await desk.run_outbox()
    (call,) = await house.calls()
    first = await desk.newest(call.id)
    await desk.services.transfers.speed_up(call.id, ANYONE, TxId(first.txid or ""))
    await desk.run_outbox()
    assert (await desk.newest(call.id)).txid != first.txid
    await house.settle(asked)
    assert await house.told() == [("done", None)]
    assert (await desk.reconcile()).is_clean


async def test_a_reorg_undoes_both_and_brings_both_again(database: Database):
    house = await House.opened(database)
    await house.carries(Bearer.CLIENT)
    desk = house.desk
    asked = await house.signed()
    await house.step()
    await desk.run_outbox()
    await desk.node.mine()
    await desk.track()
    (call,) = await house.calls()
    assert (await house.payment(asked)).state == "included"
    await desk.node.reorg(1)
    await desk.track()
    assert (await house.payment(asked)).state == "broadcast"
    await house.settle(asked, call.id)
    assert await house.told() == [("done", None)]
    assert await house.claim(house.payer) == desk.node.fee
    assert (await desk.reconcile()).is_clean


async def test_a_rule_that_spends_less_now_submits_nothing_above_it(database: Database):
    house = await House.opened(database)
    await house.carries()
    asked = await house.signed()
    await house.carries(each=BOUND - 1)
    await house.step()
    assert await house.carriers() == []
    assert "gas_above_maximum" in (await house.gas_short() or "")
    await house.carries()
    await house.settle(asked)


async def test_the_limits_hold_it_back_with_a_word(database: Database):
    house = await House.opened(database)
    await house.carries(day=BOUND)
    first = await house.signed()
    await house.step()
    second = await house.signed()
    await house.step()
    assert "gas_day_reached" in (await house.gas_short() or "")
    assert len(await house.calls()) == 1
    house.desk.clock.forward(hours=25)
    assert first != second


async def test_what_the_policy_denies_is_told_and_tried_again(database: Database):
    house = await House.opened(database)
    await house.carries()
    desk = house.desk
    asked = await house.signed()
    desk.use_policy()
    await house.step()
    assert await house.told() == [("failed", "policy_denied")]
    assert "policy_denied" in (await house.gas_short() or "")
    desk.use_policy(scope={"actions": ["transfer", "call"]})
    desk.clock.forward(minutes=2)
    await house.settle(asked)
    assert [code for _, code in await house.told()] == ["policy_denied", None]


async def test_it_can_neither_be_hastened_nor_called_off(database: Database):
    """Whoever has it may submit it, whatever its payer does."""
    house = await House.opened(database)
    await house.carries()
    asked = await house.signed()
    payment = await house.payment(asked)
    for way in (
        house.desk.services.transfers.cancel(asked, ANYONE),
        house.desk.services.transfers.speed_up(asked, ANYONE, TxId(payment.txid or "")),
    ):
        with pytest.raises(Exception, match="nothing that keeps it and another"):
            await way


async def test_a_pause_holds_back_who_submits_it(database: Database):
    house = await House.opened(database)
    await house.carries()
    asked = await house.signed()
    row = await hold_back(house.desk, vault=house.hot.id)
    await house.step()
    assert await house.carriers() == []
    await let_go(house.desk, row)
    await house.settle(asked)


async def test_several_of_one_address_go_at_once(database: Database):
    house = await House.opened(database)
    await house.carries()
    asked = [await house.send(UNITS) for _ in range(4)]
    await house.settle(*asked)
    assert await house.told() == [("done", None)] * 4
    assert (await house.desk.reconcile()).is_clean


async def test_a_sweep_of_a_later_address_costs_it_nothing(database: Database):
    house = await House.opened(database)
    await house.carries()
    desk = house.desk
    later, (first, *_) = await desk.new_address(house.hot), await desk.addresses(house.hot)
    await house.give(later, 700)
    asked = await house.send(None, to=first.address, source=later.address)
    await house.settle(asked)
    assert await house.told() == [("done", None)] and await house.top_ups() == []
    assert desk.node.state.balances[first.address, TOKEN] == TOKENS + 700
    assert (await desk.reconcile()).is_clean


async def test_no_proof_is_wanted_of_what_no_block_names(database: Database):
    house = await House.opened(database)
    await house.carries()
    asked = await house.send(UNITS)
    await house.settle(asked)
    (call,) = await house.calls()
    async with house.database.read() as session:
        wanted = await session.all(select(ProofWantRow.transaction_id))
    payment, carrier = await house.payment(asked), await house.desk.newest(call.id)
    assert carrier.id in wanted and payment.id not in wanted


def test_a_number_follows_from_the_terms_that_are_paid_by():
    """So what is claimed again is the same payment, and its contract makes it once."""
    carried = [("one", 1), ("one", 1), ("one", 2), ("two", 1)]
    plans = [cast(Plan, SimpleNamespace(carries=(each,))) for each in carried]
    first, again, newer, other = [number_of(each) for each in plans]
    assert first == again and len({first, newer, other}) == 3


async def test_two_workers_at_once_ask_once(database: Database):
    house = await House.opened(database)
    await house.carries()
    asked = await house.signed()
    stations = [house.station() for _ in range(4)]
    await asyncio.gather(*(each.step() for each in stations))
    assert len(await house.carriers()) == len(await house.calls()) == 1
    await house.settle(asked)


async def test_the_database_lets_one_be_open_at_a_time(database: Database):
    """Whatever a program believes."""
    house = await House.opened(database)
    await house.carries()
    await house.signed()
    await house.step()
    (row,) = await house.carriers()
    assert row.open_key == row.transaction_id
    columns = [each.key for each in inspect(GasCarrierRow).columns]
    other = {each: getattr(row, each) for each in columns} | {"number": 2, "named": "another"}
    with pytest.raises(IntegrityError):
        async with database.write() as session:
            await session.insert(GasCarrierRow, [other])


async def test_a_death_between_the_row_and_the_request_asks_once(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    house = await House.opened(database)
    await house.carries()
    asked = await house.signed()

    async def dies(*_: object) -> None:
        raise asyncio.CancelledError

    for where, name in ((Transfers, "create"), (Carrying, "_note")):
        with monkeypatch.context() as patch:
            patch.setattr(where, name, dies)
            with pytest.raises(asyncio.CancelledError):
                await house.step()
        assert await house.told() == [("open", None)]
    (call,) = await house.calls()
    await house.step()
    (row,) = await house.carriers()
    assert (row.transfer_id, row.named) == (call.id, call.id)
    await house.settle(asked)


async def test_a_death_anywhere_asks_once_at_a_time(database: Database):
    house = await House.opened(database)
    await house.carries(day=100 * BOUND)
    await house.signed()
    house.desk.lifetime = timedelta(days=9)
    for rounds in count():
        cut = await interrupt(house.step(), rounds * (1 if database.is_sqlite else 5))
        await house.step()
        calls, rows = await house.calls(), await house.carriers()
        assert len(calls) == len(rows) == rounds + 1
        assert [row.transfer_id for row in rows] == [call.id for call in calls]
        if not cut:
            break
        await house.desk.services.transfers.cancel(calls[-1].id, ANYONE)
        await house.step()
        house.desk.clock.forward(hours=2)
    assert rounds > 3
