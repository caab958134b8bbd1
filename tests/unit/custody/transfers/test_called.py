"""What a contract takes in a vault's own call, and what it brings: the transfer's own as far as the
words that were signed say it, and beyond that a theft."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from sqlalchemy import select

from chains.model import Address, AssetId, TxId
from custody.alarms.codes import AlarmCode
from custody.db.session import Database
from custody.db.tables import DepositRow, ForeignDebitRow
from custody.following.rescan import Rescan
from custody.ledger.repository import Balance, balances_of_vault
from custody.quarantine.service import NewRule, set_rule
from custody.rewind.service import Rewind
from tests.support.fake_chain import OUTSIDE
from tests.support.fake_tokens import COLLECTOR, Log
from tests.unit.custody.transfers.calling import CallingDesk
from tests.unit.custody.transfers.desk import ANYONE

USDC = AssetId("eip155:1/erc20:0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48")
DAI = AssetId("eip155:1/erc20:0x6B175474E89094C44Da98b954EedeAC495271d0F")
HAS, MOST = 1_000, 50


class Router(CallingDesk):
    """A vault with dollars, and a contract whose call may take some of them."""

    async def ready(self) -> None:
        (self.own, *_) = [Address(each.address) for each in await self.addresses(self.vault)]
        await self.node.fund(self.own, HAS, asset=USDC)
        await self.node.mine()
        await self.node.finalize()
        await self.follow()

    def does(self, *takes: int, brings: int = 0) -> None:
        """What a call of the contract moves from now on."""
        self.node.moves[self.contract] = (
            *(Log(self.own, COLLECTOR, USDC, units) for units in takes),
            *([Log(OUTSIDE, self.own, DAI, brings)] if brings else ()),
        )

    async def swap(self, most: int = MOST, nonce: str = "0x07", **more) -> str:
        return await self.send_call(replace(self.words(nonce=nonce), moves=((USDC, most),)), **more)

    async def included(self) -> None:
        await self.work()
        await self.node.mine()
        await self.work()

    async def usdc(self) -> Balance:
        return await self.of(USDC)

    async def of(self, asset: AssetId) -> Balance:
        async with self.database.read() as session:
            found = await balances_of_vault(session, self.vault.id)
        return next((each for each in found if each.asset == asset), Balance(asset))

    async def left(self) -> list[tuple[int, str, str]]:
        """Of dollars, what is written down."""
        rows = [row for row in await self.debits() if row.asset == USDC]
        return [(row.amount, row.verdict, row.state) for row in rows]

    async def debits(self) -> Sequence[ForeignDebitRow]:
        async with self.database.read() as session:
            return await session.all(select(ForeignDebitRow).order_by(ForeignDebitRow.id))

    async def brought(self) -> list[tuple[int, str, str | None]]:
        async with self.database.read() as session:
            rows = await session.all(
                select(DepositRow).where(DepositRow.asset == DAI).order_by(DepositRow.id)
            )
        return [(row.amount, row.state, row.transfer_id) for row in rows]

    async def ledger_is(self, usdc: int, reserved: int = 0) -> None:
        balance = await self.usdc()
        assert (balance.available, balance.reserved, balance.owed) == (usdc, reserved, 0)
        assert (await self.reconcile()).is_clean


async def opened(database: Database) -> Router:
    desk = await Router.opened(database, alias="ethereum")
    await desk.ready()
    return desk


async def test_its_end_takes_what_it_took_and_gives_the_rest_back(database: Database):
    desk = await opened(database)
    transfer = await desk.swap()
    await desk.ledger_is(HAS - MOST, MOST)
    desk.does(30, 15, brings=7)
    await desk.included()
    assert await desk.left() == [(30, "called", "pending"), (15, "called", "pending")]
    await desk.ledger_is(HAS - MOST, MOST)
    assert (await desk.settle(transfer)).state == "final"
    assert await desk.left() == [(30, "called", "booked"), (15, "called", "booked")]
    await desk.ledger_is(HAS - 45)
    assert await desk.brought() == [(7, "credited", transfer)]
    assert (await desk.of(DAI)).available == 7
    assert await desk.frozen(desk.vault) is None and await desk.alarms() == []


@pytest.mark.parametrize("takes", [(60,), (30, 30), (50, 10), (20, 30, 10)])
async def test_what_it_takes_beyond_is_booked_and_freezes(database: Database, takes: tuple[int]):
    desk = await opened(database)
    transfer = await desk.swap()
    desk.does(*takes)
    await desk.included()
    assert await desk.frozen(desk.vault) == AlarmCode.FOREIGN_DEBIT
    found = await desk.left()
    assert sum(units for units, verdict, _ in found if verdict == "called") == MOST
    assert [(u, v) for u, v, _ in found if v != "called"] == [(10, "excess")]
    await desk.ledger_is(HAS - MOST - 10, MOST + 10)
    assert (await desk.settle(transfer)).state == "final"
    await desk.ledger_is(HAS - 60)
    assert await desk.frozen(desk.vault) == AlarmCode.FOREIGN_DEBIT


@pytest.mark.parametrize("takes", [(45,), (60,)])
async def test_a_rescan_doubles_nothing(database: Database, takes: tuple[int]):
    desk = await opened(database)
    transfer = await desk.swap()
    desk.does(*takes, brings=7)
    await desk.included()
    height = desk.node.tip.height
    await desk.settle(transfer)
    before = await desk.left(), await desk.brought()
    await Rescan(
        database, desk.ledger, desk.network, desk.adapter, desk.clock, desk.minimums
    ).blocks(height, height)
    assert (await desk.left(), await desk.brought()) == before
    await desk.ledger_is(HAS - sum(takes))


@pytest.mark.parametrize("takes", [(45,), (60,)])
async def test_a_reorg_takes_it_back_and_another_block_takes_it_again(
    database: Database, takes: tuple[int]
):
    desk = await opened(database)
    transfer = await desk.swap()
    desk.does(*takes, brings=7)
    await desk.included()
    await desk.node.reorg(1)
    await desk.follow()
    assert {state for _, _, state in await desk.left()} == {"reversed"}
    assert await desk.brought() == [(7, "reversed", transfer)]
    await desk.ledger_is(HAS - MOST, MOST)
    assert (await desk.settle(transfer)).state == "final"
    standing = [each for each in await desk.left() if each[2] != "reversed"]
    assert sum(units for units, _, _ in standing) == sum(takes)
    await desk.ledger_is(HAS - sum(takes))
    assert (await desk.of(DAI)).available == 7


@pytest.mark.parametrize("takes", [(45,), (60,)])
async def test_the_same_block_coming_back_takes_it_once(database: Database, takes: tuple[int]):
    desk = await opened(database)
    transfer = await desk.swap()
    desk.does(*takes, brings=7)
    await desk.included()
    before, theirs = await desk.left(), list(desk.node.chain)
    await desk.node.reorg(1)
    await desk.follow()
    desk.node.chain = [*theirs]
    await desk.node.mine(2)
    await desk.follow()
    assert await desk.left() == before
    await desk.settle(transfer)
    await desk.ledger_is(HAS - sum(takes))
    assert await desk.brought() == [(7, "credited", transfer)]


async def test_a_rewind_holds_it_again_and_another_chain_takes_it_once(database: Database):
    desk = await opened(database)
    common = desk.node.tip.height
    transfer = await desk.swap()
    desk.does(45, brings=7)
    await desk.settle(transfer)
    lost = desk.node.locate(TxId((await desk.newest(transfer)).txid or ""))
    assert lost is not None
    desk.node.chain = desk.node.chain[: common + 1]
    await desk.node.mine(9)
    rewind = Rewind(database, desk.ledger, desk.network, desk.adapter, desk.clock, desk.minimums)
    await rewind.apply(await rewind.plan())
    desk.restart()
    await desk.follow()
    assert {state for _, _, state in await desk.left()} == {"reversed"}
    await desk.ledger_is(HAS - MOST, MOST)
    desk.node.pool[lost[1].tx.txid] = lost[1].tx
    await desk.settle(transfer)
    await desk.ledger_is(HAS - 45)


async def test_a_call_that_failed_takes_nothing_and_what_it_took_freezes(database: Database):
    desk = await opened(database)
    transfer = await desk.swap()
    desk.does(45)
    await desk.run_outbox()
    desk.node.revert(TxId((await desk.newest(transfer)).txid or ""))
    desk.node.robs = True
    assert (await desk.settle(transfer)).state == "failed"
    assert await desk.left() == [(45, "excess", "booked")]
    assert await desk.frozen(desk.vault) == AlarmCode.FOREIGN_DEBIT
    await desk.ledger_is(HAS - 45)


async def test_a_call_that_failed_gives_back_what_was_held(database: Database):
    desk = await opened(database)
    transfer = await desk.swap()
    desk.does(45, brings=7)
    await desk.run_outbox()
    desk.node.revert(TxId((await desk.newest(transfer)).txid or ""))
    assert (await desk.settle(transfer)).state == "failed"
    assert (await desk.left(), await desk.brought()) == ([], [])
    await desk.ledger_is(HAS)
    assert await desk.frozen(desk.vault) is None


@pytest.mark.parametrize(("second", "frozen"), [(20, None), (5, AlarmCode.FOREIGN_DEBIT)])
async def test_two_in_one_block_take_each_its_own(
    database: Database, second: int, frozen: str | None
):
    """What one may take and leaves is no other's."""
    desk = await opened(database)
    both = await desk.swap(), await desk.swap(second, nonce="0x08")
    desk.does(20)
    await desk.included()
    assert {await desk.phase(each) for each in both} == {"included"}
    assert await desk.frozen(desk.vault) == frozen
    for each in both:
        assert (await desk.settle(each)).state == "final"
    await desk.ledger_is(HAS - 40)


async def test_what_pays_more_takes_it_once(database: Database):
    desk = await opened(database)
    transfer = await desk.swap()
    desk.does(45)
    await desk.run_outbox()
    first = await desk.newest(transfer)
    desk.node.fee += 1_000
    await desk.services.transfers.speed_up(transfer, ANYONE, TxId(first.txid or ""))
    await desk.run_outbox()
    assert len(await desk.transactions(transfer)) == 2
    await desk.settle(transfer)
    assert await desk.left() == [(45, "called", "booked")]
    await desk.ledger_is(HAS - 45)


async def test_what_is_called_off_takes_nothing(database: Database):
    desk = await opened(database)
    transfer = await desk.swap()
    desk.does(45)
    await desk.run_outbox()
    await desk.services.transfers.cancel(transfer, ANYONE)
    assert (await desk.settle(transfer)).state == "cancelled"
    assert await desk.left() == []
    await desk.ledger_is(HAS)


async def test_no_more_is_asked_for_than_the_vault_has(database: Database):
    desk = await opened(database)
    await desk.swap(HAS - 10)
    answer = await desk.ask_call(replace(desk.words(nonce="0x08"), moves=((USDC, 11),)))
    assert (answer.status, answer.body) == (422, b"amount_above_balance")
    await desk.swap(10, nonce="0x09")


async def test_no_rule_and_no_minimum_holds_what_it_brings(database: Database):
    """A stranger's deposit of the same asset is held in the same block."""
    desk = await opened(database)
    async with database.write() as session:
        rule = NewRule(vault=desk.vault.id)
        await set_rule(session, rule, "all", desk.clock(), by="olivia")
    transfer = await desk.swap()
    desk.does(45, brings=7)
    await desk.work()
    await desk.node.fund(desk.own, 9, asset=DAI)
    await desk.settle(transfer)
    assert sorted(await desk.brought(), key=str) == [
        (7, "credited", transfer),
        (9, "quarantined", None),
    ]
    assert (await desk.of(DAI)).available == 7


async def test_what_it_brings_is_received_where_nothing_left(database: Database):
    """Where a call costs nothing, as on TRON with energy of its own."""
    desk = await opened(database)
    desk.node.fee = 0
    transfer = await desk.swap()
    desk.does(brings=7)
    await desk.settle(transfer)
    assert await desk.brought() == [(7, "credited", transfer)]
    await desk.ledger_is(HAS)
