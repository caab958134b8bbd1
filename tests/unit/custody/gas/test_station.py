"""A payment of tokens out of a vault without a coin is one request: the coins that it costs are
brought once, exactly, by the ordinary way of transfers, and booked to whom they belong."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from itertools import count

import pytest
from sqlalchemy import select

from chains.costs import CostKind
from custody.apikeys.model import Scope
from custody.apikeys.service import revoke_key
from custody.db.gas_tables import GasRuleRow
from custody.db.session import Database
from custody.db.transfer_tables import TransferRow
from custody.errors import CustodyError
from custody.gas.model import Bearer
from custody.gas.station import GasStation
from custody.rewind.service import Rewind
from custody.transfers.gas_needs import Brought
from custody.transfers.service import Transfers
from tests.support.interrupt import interrupt
from tests.support.networks import find_network
from tests.unit.custody.gas.station import BOUND, STOCK, TOKEN, TOKENS, House
from tests.unit.custody.transfers.desk import ANYONE


async def test_tokens_leave_a_vault_without_a_coin(database: Database):
    house = await House.opened(database)
    await house.rule()
    asked = await house.send()
    assert await house.needs() == [(asked, 1, "open")]
    await house.desk.work(2)
    row = await house.desk.transfer(asked)
    assert (row.state, row.waiting) == ("approved", "waiting_for_gas")
    assert (await house.desk.reconcile()).is_clean
    await house.settle(asked)
    assert await house.desk.state(asked) == "final"
    assert await house.needs() == [(asked, 1, "held")]
    assert await house.states() == [(BOUND, "done", None)]
    (top_up,) = await house.gas_transfers()
    assert (top_up.vault_id, top_up.initiator) == (house.payer.id, "robot")
    fee = house.desk.node.fee
    assert await house.has() == BOUND - fee
    assert await house.has(house.payer) == STOCK - BOUND - fee
    natives = [row for row in await house.desk.all_deposits() if row.asset == house.desk.native]
    assert {row.vault_id for row in natives} == {house.payer.id}, "nobody's deposit"
    assert ("post", "gas", BOUND) in await house.booked(top_up.id)
    assert await house.claim(house.hot) == await house.claim(house.payer) == 0
    assert await house.gas_short() is None
    assert (await house.desk.reconcile()).is_clean


async def test_an_estimate_says_what_would_be_brought(database: Database):
    """As what is asked for then is accepted, and refused where nobody would bring it."""
    house = await House.opened(database)
    told = await house.estimate(100)
    assert not told.is_covered and told.brought is None
    await house.rule(bears=Bearer.CLIENT)
    told = await house.estimate(100)
    charged = house.payer.client_id != house.hot.client_id
    assert told.is_covered
    assert told.brought == Brought(house.desk.native, BOUND, house.payer.id, charged)
    assert await house.needs() == [], "nothing is written"
    assert not (await house.estimate(TOKENS + 1)).is_covered, "tokens are brought by nobody"
    assert (await house.ask(TOKENS + 1)).status != 201
    asked = await house.send()
    assert await house.needs() == [(asked, 1, "open")]
    await house.rule(bears=Bearer.HOUSE)
    told = await house.estimate(100)
    assert told.brought is not None and not told.brought.charged
    await house.set(None)
    assert not (await house.estimate(100)).is_covered
    paying = await house.estimate(1, asset=house.desk.native, vault=house.payer.id)
    assert paying.is_covered and paying.brought is None


async def test_without_a_rule_it_is_refused_by_name(database: Database):
    house = await House.opened(database)
    assert (await house.ask(100)).body == b"insufficient_gas"
    await house.rule()
    await house.set(None)
    assert (await house.ask(100)).body == b"insufficient_gas"
    assert (await house.ask(TOKENS + 1)).body == b"amount_above_balance"
    assert await house.needs() == []


async def test_only_what_lacks_is_brought(database: Database):
    house = await House.opened(database)
    await house.rule()
    (address,) = await house.desk.addresses(house.hot)
    await house.give(address, BOUND - 7, house.desk.native)
    asked = await house.send()
    await house.settle(asked)
    assert await house.states() == [(7, "done", None)]
    # What is left of it is there for the next one.
    left = await house.has()
    await house.settle(await house.send())
    assert [amount for amount, _, _ in await house.states()] == [7, BOUND - left]


async def test_several_that_wait_get_one_top_up(database: Database):
    house = await House.opened(database)
    await house.rule(each=3 * BOUND)
    asked = [await house.send() for _ in range(3)]
    await house.settle(*asked)
    assert await house.states() == [(3 * BOUND, "done", None)]
    assert (await house.desk.reconcile()).is_clean


async def test_more_than_fits_comes_one_after_the_other(database: Database):
    house = await House.opened(database)
    await house.rule(each=2 * BOUND)
    asked = [await house.send() for _ in range(3)]
    await house.settle(*asked)
    amounts = [amount for amount, state, _ in await house.states() if state == "done"]
    left = 2 * (BOUND - house.desk.node.fee)
    assert amounts in ([2 * BOUND, BOUND], [2 * BOUND, BOUND - left])


async def test_what_the_client_bears_is_a_claim(database: Database):
    house = await House.opened(database)
    await house.rule(bears=Bearer.CLIENT)
    asked = await house.send()
    await house.settle(asked)
    owed = BOUND + house.desk.node.fee
    assert (await house.claim(house.hot), await house.claim(house.payer)) == (-owed, owed)
    (top_up,) = await house.gas_transfers()
    assert top_up.kind == "gas_charged"
    assert ("post", "gas", owed) in await house.booked(top_up.id)
    assert (await house.desk.reconcile()).is_clean


async def test_a_clients_own_vault_pays_and_nobody_owes(database: Database):
    house = await House.opened(database)
    desk = house.desk
    own = await desk.vaults.create_vault(house.hot.client_id, "Coins")
    await desk.fund(own, STOCK)
    await house.rule()
    await house.rule(payer=own.id, client=house.hot.client_id, bears=Bearer.CLIENT)
    await house.settle(await house.send())
    (top_up,) = await house.gas_transfers()
    assert (top_up.vault_id, top_up.kind) == (own.id, "gas")
    assert await house.claim(house.hot) == 0
    assert (await desk.reconcile()).is_clean


async def test_the_books_are_right_at_each_step(database: Database):
    """Also between the block of the top-up and its end, for both vaults."""
    house = await House.opened(database)
    await house.rule(bears=Bearer.CLIENT)
    asked = await house.send()
    desk = house.desk
    await house.step()
    for _ in range(4):
        await desk.work()
        assert (await desk.reconcile()).is_clean
        await desk.node.mine()
        await desk.work()
        assert (await desk.reconcile()).is_clean
        await desk.node.finalize()
        await house.step()
        assert (await desk.reconcile()).is_clean
    assert await desk.state(asked) == "final"


async def test_a_reorg_of_the_top_up_brings_it_once(database: Database):
    house = await House.opened(database)
    await house.rule()
    asked = await house.send()
    desk = house.desk
    await house.step()
    await desk.work()
    await desk.node.mine()
    await desk.work()
    assert await desk.phase((await house.gas_transfers())[0].id) == "included"
    await desk.node.reorg(1)
    await desk.work()
    await house.step()
    assert await house.needs() == [(asked, 1, "open")]
    assert (await desk.reconcile()).is_clean
    await house.settle(asked)
    assert await house.states() == [(BOUND, "done", None)]
    assert (await desk.reconcile()).is_clean


async def test_what_the_policy_denies_is_told_and_tried_again(database: Database):
    house = await House.opened(database)
    await house.rule(key=await house.new_key(initiator="nobody"))
    asked = await house.send()
    await house.step()
    await house.step()
    assert await house.states() == [(BOUND, "failed", "policy_denied")]
    words = await house.gas_short()
    assert words is not None and "policy_denied" in words
    await house.rule()
    house.desk.clock.forward(seconds=59)
    await house.step()
    assert len(await house.top_ups()) == 1
    house.desk.clock.forward(seconds=2)
    await house.settle(asked)
    assert await house.gas_short() is None
    assert [state for _, state, _ in await house.states()] == ["failed", "done"]


async def test_a_payer_without_coins_and_a_revoked_key_are_told(database: Database):
    house = await House.opened(database, stock=BOUND)
    await house.rule()
    asked = await house.send()
    await house.step()
    assert await house.states() == [(BOUND, "failed", "amount_above_balance")]
    async with database.write() as session:
        await revoke_key(session, house.key, house.desk.clock())
    house.desk.clock.forward(minutes=2)
    await house.step()
    assert (await house.states())[1] == (BOUND, "failed", "api_key_revoked")
    # Somebody else brings the coins: it goes on.
    (address,) = await house.desk.addresses(house.hot)
    await house.give(address, BOUND, house.desk.native)
    await house.settle(asked)
    assert await house.gas_short() is None


async def test_the_limits_hold_it_back_with_a_word(database: Database):
    house = await House.opened(database)
    await house.rule(each=BOUND - 1, day=BOUND)
    first = await house.send()
    await house.step()
    words = await house.gas_short()
    assert words is not None and "gas_above_maximum" in words
    assert await house.top_ups() == []
    await house.rule(each=BOUND, day=BOUND + 1)
    await house.settle(first)
    second = await house.send()
    (address,) = await house.desk.addresses(house.hot)
    await house.step()
    words = await house.gas_short()
    assert words is not None and "gas_day_reached" in words, address.address
    house.desk.clock.forward(hours=23)
    await house.step()
    assert len(await house.top_ups()) == 1
    assert await house.desk.state(second) == "approved"
    house.desk.clock.forward(hours=1, seconds=1)
    await house.step()
    assert len(await house.top_ups()) == 2


async def test_a_day_is_of_all_that_the_payer_brings(database: Database):
    house = await House.opened(database)
    await house.rule(each=BOUND, day=BOUND + 1)
    other = await house.desk.vaults.create_vault(house.hot.client_id, "Other")
    address = await house.desk.new_address(other)
    await house.give(address, TOKENS)
    await house.send()
    await house.send(vault=other.id)
    await house.step()
    await house.step()
    assert len(await house.top_ups()) == 1


async def test_terms_that_allow_more_are_the_next_number(database: Database):
    """The fee rose above what was allowed: a person allows more, and the rest is brought."""
    house = await House.opened(database)
    desk = house.desk
    await house.rule(each=10 * BOUND, day=20 * BOUND)
    asked = await house.send(fee_max=2_000)
    await house.step()
    await house.settle_top_ups()
    desk.node.fee = 3_000
    await house.step()
    await desk.work(2)
    assert (await desk.transfer(asked)).waiting == "fee_above_maximum"
    await desk.services.versions.raise_costs(asked, ANYONE, {CostKind.FEE: 8_000})
    assert await house.needs() == [(asked, 1, "held"), (asked, 2, "open")]
    await house.settle(asked)
    assert [amount for amount, _, _ in await house.states()] == [2_000, 6_000]
    assert await desk.state(asked) == "final"
    assert (await desk.reconcile()).is_clean


async def test_what_is_called_off_needs_nothing(database: Database):
    house = await House.opened(database)
    await house.rule()
    asked = await house.send()
    await house.desk.services.transfers.cancel(asked, ANYONE)
    await house.step()
    assert await house.needs() == [(asked, 1, "ended")]
    assert await house.top_ups() == []
    assert (await house.desk.reconcile()).is_clean


async def test_what_waits_for_people_gets_no_coins_yet(database: Database):
    house = await House.opened(database)
    await house.rule()
    asked = await house.send()
    async with database.write() as session:
        row = await session.get(TransferRow, asked)
        assert row is not None
        row.state = "awaiting_approval"
    await house.step()
    assert await house.top_ups() == []


async def test_a_sweep_of_tokens_gets_coins_where_they_lie(database: Database):
    """The books of the vault have coins, but on another address."""
    house = await House.opened(database)
    desk = house.desk
    await house.rule()
    first = (await desk.addresses(house.hot))[0]
    later, elsewhere = await desk.new_address(house.hot), await desk.new_address(house.hot)
    await house.give(later, 700)
    await house.give(elsewhere, 5 * BOUND, desk.native)
    asked = await house.send(None, to=first.address, source=later.address)
    assert await house.needs() == [(asked, 1, "open")]
    await house.settle(asked)
    (top_up,) = await house.top_ups()
    assert (top_up.address, top_up.amount) == (later.address, desk.node.fee)
    balance = await desk.balance(house.hot)
    assert (balance.unswept, balance.available) == (5 * BOUND, 0)
    there = desk.node.state.balances[first.address, TOKEN]
    assert there == TOKENS + 700
    assert (await desk.reconcile()).is_clean


async def test_two_workers_at_once_ask_once(database: Database):
    house = await House.opened(database)
    await house.rule()
    asked = await house.send()
    stations = [house.station() for _ in range(4)]
    await asyncio.gather(*(each.step() for each in stations))
    await house.step()
    assert len(await house.top_ups()) == len(await house.gas_transfers()) == 1
    await house.settle_top_ups()
    await asyncio.gather(*(each.step() for each in stations))
    await house.settle(asked)
    assert await house.states() == [(BOUND, "done", None)]


async def test_a_death_between_the_row_and_the_request_asks_once(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    house = await House.opened(database)
    await house.rule()
    await house.send()

    async def dies(*_: object) -> None:
        raise asyncio.CancelledError

    with monkeypatch.context() as patch:
        patch.setattr(Transfers, "create", dies)
        with pytest.raises(asyncio.CancelledError):
            await house.step()
    assert await house.states() == [(BOUND, "open", None)]
    with monkeypatch.context() as patch:
        patch.setattr(GasStation, "_note", dies)
        with pytest.raises(asyncio.CancelledError):
            await house.step()
    (transfer,) = await house.gas_transfers()
    assert [row.transfer_id for row in await house.top_ups()] == [None]
    await house.step()
    assert [row.transfer_id for row in await house.top_ups()] == [transfer.id]
    assert len(await house.gas_transfers()) == 1


async def test_a_death_anywhere_brings_them_once(database: Database):
    """Cut off where it waits for the n-th time, then done by another process; then called off, so
    that the next one begins. PostgreSQL waits several times for each statement."""
    house = await House.opened(database)
    await house.rule()
    await house.send()
    house.desk.lifetime = timedelta(days=9)
    for rounds in count():
        cut = await interrupt(house.step(), rounds * (1 if database.is_sqlite else 5))
        await house.step()
        transfers, rows = await house.gas_transfers(), await house.top_ups()
        assert len(transfers) == len(rows) == rounds + 1
        assert [row.transfer_id for row in rows] == [row.id for row in transfers]
        if not cut:
            break
        await house.desk.services.transfers.cancel(transfers[-1].id, ANYONE)
        await house.step()
        house.desk.clock.forward(hours=2)
    assert rounds > 3


async def test_a_rewind_takes_the_coins_back(database: Database):
    """The block of the top-up turned out not to be on the chain, after it was final."""
    house = await House.opened(database)
    desk = house.desk
    await house.rule(bears=Bearer.CLIENT)
    await house.send()
    await house.step()
    before = desk.node.tip.height
    await house.settle_top_ups()
    await house.step()
    desk.node.final_height = before
    await desk.node.reorg(desk.node.tip.height - before)
    rewind = Rewind(database, desk.ledger, desk.network, desk.adapter, desk.clock, desk.minimums)
    plan = await rewind.plan(to=before)
    await rewind.apply(plan)
    assert await desk.frozen(house.hot) is not None
    (top_up,) = await house.gas_transfers()
    assert top_up.state == "in_flight"
    assert await house.claim(house.hot) == await house.claim(house.payer) == 0
    await house.mined()
    await desk.settle(top_up.id)
    assert (await desk.reconcile()).is_clean


async def test_a_rule_that_makes_no_sense_is_refused(database: Database):
    house = await House.opened(database)
    reader = await house.new_key(scope=Scope.READ)
    for code, what in (
        ("gas_rule_invalid", {"each": 0}),
        ("gas_rule_invalid", {"each": BOUND, "day": BOUND - 1}),
        ("gas_rule_invalid", {"key": "key_nobody"}),
        ("gas_rule_invalid", {"client": house.payer.client_id}),
        ("scope_missing", {"key": reader}),
        ("vault_not_found", {"payer": "vlt_nobody"}),
        ("client_not_found", {"client": "cli_nobody"}),
    ):
        with pytest.raises(CustodyError) as caught:
            await house.rule(**what)
        assert caught.value.code == code, what
    house.desk.network = find_network("bitcoin-regtest")
    with pytest.raises(CustodyError) as caught:
        await house.rule()
    assert caught.value.code == "gas_rule_invalid"
    async with database.read() as session:
        assert await session.all(select(GasRuleRow)) == []
