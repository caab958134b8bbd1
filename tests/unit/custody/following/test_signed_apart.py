"""A payment that was signed apart is in the block that used up its key, whoever submitted it: it is
ours and no theft, it cost its payer nothing, and a reorg undoes it."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from sqlalchemy import select

from chains.model import Address, TxId
from custody.db.session import Database
from custody.db.sighting_tables import ConsumptionRow, SightingRow
from custody.db.transfer_tables import TransactionRow
from custody.following import sighting_repository
from tests.support.fake_chain import LIFETIME_BLOCKS
from tests.unit.custody.gas.station import BOUND, TOKEN, TOKENS
from tests.unit.custody.gas.station import House as GasHouse

UNITS = 100


class Signed(NamedTuple):
    transfer: str
    raw: bytes
    name: TxId


class House(GasHouse):
    """A vault with tokens, and an adapter that builds payments for anybody to submit."""

    async def signed(self, *, to: str | None = None, source: str | None = None) -> Signed:
        """A payment, or a sweep of `source`, as far as it is ours to bring: signed."""
        self.desk.adapter.signs_apart = True
        (address, *_) = await self.desk.addresses(self.hot)
        if source is not None:
            transfer = await self.send(None, to=address.address, source=source)
        else:
            transfer = await self.send(UNITS, **({} if to is None else {"to": to}))
        await self.desk.run_outbox()
        row = await self.desk.newest(transfer)
        assert row.state == "signed" and row.raw is not None
        return Signed(transfer, row.raw, TxId(row.txid or ""))

    async def with_coins(self) -> None:
        """So that its costs are held: whose coins bring it is not this test's."""
        (address, *_) = await self.desk.addresses(self.hot)
        await self.give(address, 5 * BOUND, self.desk.native)

    async def foreign(self) -> list[str]:
        return [each for each in await self.desk.alarms() if "foreign" in each]

    async def uses(self) -> list[tuple[str, str]]:
        async with self.database.read() as session:
            rows = await session.all(select(ConsumptionRow).order_by(ConsumptionRow.key))
        return [(row.key, row.txid) for row in rows if "/authorization:" in row.key]


async def opened(database: Database) -> House:
    house = await House.opened(database)
    await house.with_coins()
    return house


async def test_whoever_submits_it_it_is_ours(database: Database):
    house = await opened(database)
    desk = house.desk
    asked = await house.signed()
    by = await desk.node.submit(asked.raw)
    await desk.node.mine()
    await desk.track()
    row = await desk.newest(asked.transfer)
    assert (row.state, row.txid, sum((row.costs or {}).values())) == ("included", asked.name, 0)
    assert await house.uses() == [(asked.name, by)]
    assert (await desk.reconcile()).is_clean
    await house.mined()
    await desk.track()
    assert await desk.state(asked.transfer) == "final"
    assert await desk.frozen(house.hot) is None and await house.foreign() == []
    (address, *_) = await desk.addresses(house.hot)
    assert desk.node.state.balances[address.address, TOKEN] == TOKENS - UNITS
    assert (await desk.reconcile()).is_clean
    native = desk.node.state.balances[address.address, desk.native]
    assert native == await house.has() == 5 * BOUND, "it cost its payer nothing"


async def test_a_reorg_undoes_it_and_another_submits_it(database: Database):
    house = await opened(database)
    desk = house.desk
    asked = await house.signed()
    await desk.node.submit(asked.raw)
    await desk.node.mine()
    await desk.track()
    await desk.node.reorg(1)
    await desk.track()
    assert (await desk.newest(asked.transfer)).state == "broadcast"
    assert await house.uses() == []
    assert (await desk.reconcile()).is_clean
    by = await desk.node.submit(asked.raw)
    await house.mined()
    await desk.track()
    assert await desk.state(asked.transfer) == "final"
    assert await house.uses() == [(asked.name, by)]
    assert (await desk.reconcile()).is_clean


async def test_two_in_one_strangers_block_are_each_their_own(database: Database):
    house = await opened(database)
    desk = house.desk
    first, second = await house.signed(), await house.signed()
    await desk.node.submit(second.raw)
    await desk.node.mine()
    await desk.track()
    assert await desk.phase(first.transfer) != "included"
    assert await desk.phase(second.transfer) == "included"
    await desk.node.submit(first.raw)
    await house.mined()
    await desk.track()
    assert {await desk.state(each.transfer) for each in (first, second)} == {"final"}
    assert (await desk.reconcile()).is_clean


async def test_what_is_taken_beside_it_freezes(database: Database):
    """A contract that makes the payment may take no more on its account."""
    house = await opened(database)
    desk = house.desk
    asked = await house.signed()
    await desk.node.submit(asked.raw)
    (address, *_) = await desk.addresses(house.hot)
    await desk.node.pull(Address(address.address), UNITS, asset=TOKEN)
    await house.mined()
    await desk.track()
    assert await desk.frozen(house.hot) is not None


async def test_one_to_another_vault_of_ours_is_its_deposit(database: Database):
    house = await opened(database)
    desk = house.desk
    to = await desk.new_address(house.payer)
    asked = await house.signed(to=to.address)
    await desk.node.submit(asked.raw)
    await house.mined()
    await desk.track()
    assert await desk.state(asked.transfer) == "final"
    found = [row for row in await desk.all_deposits() if row.vault_id == house.payer.id]
    assert [(row.amount, row.state) for row in found if row.asset == TOKEN] == [(UNITS, "credited")]
    assert (await desk.reconcile()).is_clean


async def test_its_time_ended_and_no_block_has_it(database: Database):
    """Dead only then: what was signed may be submitted by anybody until it is over."""
    house = await opened(database)
    desk = house.desk
    asked = await house.signed()
    await desk.node.mine(LIFETIME_BLOCKS - 2)
    await desk.node.finalize()
    await desk.track()
    assert await desk.state(asked.transfer) == "in_flight"
    await desk.services.transfers.expire()
    assert await desk.state(asked.transfer) == "in_flight"
    await house.mined()
    await desk.track()
    assert (await desk.newest(asked.transfer)).state == "dead"
    assert await desk.state(asked.transfer) == "failed"
    await desk.node.submit(asked.raw)
    await house.mined()
    assert (await desk.reconcile()).is_clean


async def test_blocks_that_nobody_read_prove_nothing(database: Database):
    house = await opened(database)
    desk = house.desk
    asked = await house.signed()
    async with database.write() as session:
        row = await session.get(TransactionRow, (await desk.newest(asked.transfer)).id)
        assert row is not None
        row.made_height = None
    await desk.node.mine(2 * LIFETIME_BLOCKS)
    await desk.node.finalize()
    await desk.track()
    assert await desk.state(asked.transfer) == "in_flight"


async def test_a_sweep_stays_the_vaults(database: Database):
    """What came from its own address is nobody's deposit, whoever brought it."""
    house = await opened(database)
    desk = house.desk
    later = await desk.new_address(house.hot)
    await house.give(later, 700)
    await house.give(later, BOUND, desk.native)
    asked = await house.signed(source=later.address)
    await desk.node.submit(asked.raw)
    await house.mined()
    await desk.track()
    assert await desk.state(asked.transfer) == "final"
    (address, *_) = await desk.addresses(house.hot)
    assert desk.node.state.balances[address.address, TOKEN] == TOKENS + 700
    tokens = [row.amount for row in await desk.all_deposits() if row.asset == TOKEN]
    assert sorted(tokens) == [700, TOKENS]
    assert (await desk.reconcile()).is_clean


async def test_a_strangers_use_leaves_nothing(database: Database):
    """A key that nobody of ours holds is no row of ours."""
    house = await opened(database)
    desk = house.desk
    asked = await house.signed()
    async with database.read() as session:
        claimed = await sighting_repository.claimed_apart(session, desk.network.id)
    assert claimed == {asked.name}
    by = await desk.node.submit(asked.raw)
    desk.node.uses[by] = replace(desk.node.uses[by], apart="of a stranger")
    await house.mined()
    async with database.read() as session:
        seen = [row.txid for row in await session.all(select(SightingRow))]
    assert [each for each in seen if "/authorization:" in each] == []
    assert await house.uses() == []
    assert await desk.frozen(house.hot) is not None, "ours left without our name"
