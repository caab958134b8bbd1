"""A vault that has too little is refilled once at a time, by the ordinary way of transfers; and
people are called when nothing brings it back."""

from __future__ import annotations

import asyncio
from itertools import count
from typing import Any

import pytest
from sqlalchemy import select

from chains.catalogue import built_in
from chains.model import Address
from custody.alarms.codes import AlarmCode
from custody.apikeys.model import Scope
from custody.apikeys.service import create_key, revoke_key
from custody.db.refill_tables import RefillRow, RefillRuleRow
from custody.db.session import Database
from custody.db.tables import VaultRow
from custody.db.transfer_tables import TransferRow
from custody.errors import CustodyError
from custody.pauses.service import pause, resume
from custody.quarantine.service import Desk as Shelf
from custody.quarantine.service import NewRule as QuarantineRule
from custody.quarantine.service import release
from custody.quarantine.service import set_rule as hold_all
from custody.refills.refilling import Refilling
from custody.refills.service import NewRule, set_rule
from custody.transfers.service import Transfers
from tests.support.interrupt import interrupt
from tests.unit.custody.transfers.desk import ANYONE, Desk

COINS, ACCOUNT = "bitcoin-regtest", "ethereum-local"
BOTH = pytest.mark.parametrize("alias", [COINS, ACCOUNT])
UNIT = 10**17
LOW, TARGET = 2 * UNIT, 5 * UNIT


class Station:
    """A hot vault with an address and nothing in it, and another one of the same client with
    `stock`."""

    def __init__(self, database: Database, alias: str) -> None:
        self.desk = Desk(database, alias)
        self.hot: VaultRow
        self.cold: VaultRow
        self.key = ""

    @classmethod
    async def opened(
        cls, database: Database, alias: str = ACCOUNT, stock: int = 50 * UNIT
    ) -> Station:
        station = cls(database, alias)
        desk = station.desk
        station.cold = await desk.open_funded(stock)
        station.hot = await desk.vaults.create_vault(station.cold.client_id, "Hot")
        await desk.new_address(station.hot)
        station.key = await station.new_key()
        return station

    async def new_key(self, *, initiator: str = "robot", scope: Scope = Scope.TRANSFER) -> str:
        async with self.desk.database.write() as session:
            made = await create_key(
                session,
                name="refills",
                initiator=initiator,
                scopes=[scope],
                client_id=None,
                now=self.desk.clock(),
            )
        return made.id

    async def rule(self, *, low: int = LOW, target: int = TARGET, **more: Any) -> RefillRuleRow:
        new = NewRule(more.pop("source", self.cold.id), low, target, more.pop("key", self.key))
        return await self.set(new, **more)

    async def set(self, new: NewRule | None, **more: Any) -> RefillRuleRow:
        desk = self.desk
        async with desk.database.write() as session:
            vault = more.pop("vault", self.hot.id)
            place = (vault, desk.network.id, desk.native)
            return await set_rule(
                session, *place, new, "payouts", desk.clock(), by="olivia", **more
            )

    def refilling(self) -> Refilling:
        desk = self.desk
        return Refilling(desk.database, desk.services.transfers, desk.clock)

    async def step(self) -> None:
        await self.refilling().step()

    async def refills(self) -> list[RefillRow]:
        async with self.desk.database.read() as session:
            return list(await session.all(select(RefillRow).order_by(RefillRow.number)))

    async def transfers(self) -> list[TransferRow]:
        async with self.desk.database.read() as session:
            return list(await session.all(select(TransferRow).order_by(TransferRow.serial)))

    async def states(self) -> list[tuple[int, str, str | None]]:
        return [(row.amount // UNIT, row.state, row.code) for row in await self.refills()]

    async def settle(self) -> None:
        """What is under way comes to its end, and is credited."""
        for row in await self.transfers():
            await self.desk.settle(row.id)
        await self.desk.node.mine(3)
        await self.desk.node.finalize()
        await self.desk.follow()

    async def fill(self, vault: VaultRow, amount: int) -> None:
        """To the address that the vault pays from."""
        address = (await self.desk.addresses(vault))[0].address
        await self.desk.node.fund(Address(address), amount)
        await self.desk.node.mine()
        await self.desk.node.finalize()
        await self.desk.follow()

    async def has(self) -> int:
        return (await self.desk.balance(self.hot)).available

    async def low_water(self) -> str | None:
        rows = [a for a in await self.desk.open_alarms() if a.code == AlarmCode.LOW_WATER]
        assert all(row.vault_id == self.hot.id for row in rows)
        return rows[0].message if rows else None


@BOTH
async def test_too_little_is_brought_to_the_target_once(database: Database, alias: str):
    unit = 10**8 if alias == COINS else UNIT
    station = await Station.opened(database, alias, 50 * unit)
    await station.step()
    assert await station.refills() == []
    await station.rule(low=2 * unit, target=5 * unit)
    for _ in range(3):
        await station.step()
    (transfer,) = await station.transfers()
    assert (transfer.initiator, transfer.vault_id) == ("robot", station.cold.id)
    assert transfer.amount == 5 * unit
    await station.settle()
    await station.step()
    assert [(row.amount, row.state) for row in await station.refills()] == [(5 * unit, "done")]
    assert await station.has() == 5 * unit
    assert await station.low_water() is None
    await station.step()
    assert len(await station.transfers()) == 1
    await station.desk.reconcile()


async def test_a_process_without_the_network_leaves_it_to_one_that_has_it(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    station = await Station.opened(database)
    await station.rule()
    with monkeypatch.context() as patch:
        patch.setattr(station.desk.services.transfers, "_codecs", {})
        await station.step()
        assert [row.state for row in await station.refills()] == ["open"]
    await station.step()
    (row,) = await station.refills()
    assert (row.state, row.transfer_id) == ("open", (await station.transfers())[0].id)


async def test_each_time_that_it_is_below_is_another_refill(database: Database):
    station = await Station.opened(database)
    await station.rule()
    await station.step()
    await station.settle()
    await station.step()
    await station.desk.settle(await station.desk.send(station.hot, 4 * UNIT))
    await station.step()
    await station.settle()
    await station.step()
    rows = await station.refills()
    assert [row.state for row in rows] == ["done", "done"]
    assert await station.has() == TARGET


async def test_where_there_is_enough_or_enough_is_coming_nothing_is_asked(database: Database):
    station = await Station.opened(database)
    by_hand = (await station.desk.addresses(station.hot))[0].address
    await station.desk.send(station.cold, TARGET, to=by_hand)
    await station.rule()
    await station.step()
    assert await station.refills() == []
    await station.settle()
    await station.step()
    assert await station.has() == TARGET
    assert await station.refills() == []


async def test_what_was_sent_by_hand_is_coming_once_also_when_its_block_is_there(
    database: Database,
):
    """The transfer is under way until its block is final, and its deposit is there already."""
    station = await Station.opened(database)
    desk = station.desk
    by_hand = (await desk.addresses(station.hot))[0].address
    sent = await desk.send(station.cold, UNIT, to=by_hand)
    await desk.work()
    await desk.node.mine()
    await desk.follow()
    assert await desk.state(sent) == "in_flight"
    assert [state for _, state in await desk.deposit_states()][-1] == "pending"
    await station.rule()
    await station.step()
    assert [row.amount // UNIT for row in await station.refills()] == [4]


async def test_a_source_without_money_is_told_and_asked_again_later(database: Database):
    station = await Station.opened(database, stock=3 * UNIT)
    await station.rule()
    for _ in range(3):
        await station.step()
    assert await station.states() == [(5, "failed", "amount_above_balance")]
    words = await station.low_water()
    assert words is not None and "amount_above_balance" in words
    station.desk.clock.forward(seconds=59)
    await station.step()
    assert len(await station.refills()) == 1
    station.desk.clock.forward(seconds=2)
    await station.step()
    await station.step()
    assert len(await station.refills()) == 2
    station.desk.clock.forward(seconds=61)
    await station.step()
    assert len(await station.refills()) == 2, "it waits twice as long"
    await station.fill(station.cold, 50 * UNIT)
    station.desk.clock.forward(seconds=60)
    await station.step()
    assert await station.low_water() is None
    await station.settle()
    await station.step()
    assert await station.has() == TARGET


async def test_what_the_policy_denies_is_told(database: Database):
    station = await Station.opened(database)
    await station.rule(key=await station.new_key(initiator="nobody"))
    await station.step()
    await station.step()
    assert await station.states() == [(5, "failed", "policy_denied")]
    words = await station.low_water()
    assert words is not None and "policy_denied" in words


async def test_a_transfer_that_ends_unpaid_ends_its_refill(database: Database):
    station = await Station.opened(database)
    await station.rule()
    await station.step()
    (transfer,) = await station.transfers()
    await station.desk.services.transfers.cancel(transfer.id, ANYONE)
    await station.step()
    assert await station.states() == [(5, "failed", "transfer_cancelled")]
    assert await station.low_water() is not None
    await station.fill(station.hot, TARGET)
    await station.step()
    assert await station.low_water() is None, "it has enough"


async def test_a_revoked_key_asks_for_nothing(database: Database):
    station = await Station.opened(database)
    await station.rule()
    async with database.write() as session:
        await revoke_key(session, station.key, station.desk.clock())
    await station.step()
    assert await station.states() == [(5, "failed", "api_key_revoked")]
    assert await station.transfers() == []
    assert await station.low_water() is not None


async def test_a_rule_that_is_replaced_leaves_the_open_refill_alone(database: Database):
    station = await Station.opened(database)
    await station.rule()
    await station.step()
    await station.rule(low=20 * UNIT, target=30 * UNIT)
    await station.step()
    await station.set(None)
    await station.step()
    (transfer,) = await station.transfers()
    assert transfer.amount == TARGET
    await station.settle()
    await station.step()
    assert await station.states() == [(5, "done", None)]
    await station.rule(low=20 * UNIT, target=30 * UNIT)
    await station.step()
    assert [row.amount // UNIT for row in await station.refills()] == [5, 25]


async def test_a_paused_source_waits_and_goes_on(database: Database):
    station = await Station.opened(database)
    desk = station.desk
    async with database.write() as session:
        held = await pause(session, None, station.cold.id, "counted", desk.clock(), by="olivia")
    await station.rule()
    await station.step()
    await desk.work(2)
    await station.step()
    assert await station.states() == [(5, "open", None)]
    assert await station.has() == 0
    async with database.write() as session:
        await resume(session, held.id, "done", desk.clock(), by="olivia")
    await station.settle()
    await station.step()
    assert await station.states() == [(5, "done", None)]
    assert await station.has() == TARGET


async def test_what_came_and_is_held_is_told_and_is_not_asked_for_again(database: Database):
    station = await Station.opened(database)
    desk = station.desk
    async with database.write() as session:
        rule = QuarantineRule(vault=station.hot.id)
        await hold_all(session, rule, "looked at", desk.clock(), by="rita")
    await station.rule()
    await station.step()
    await station.settle()
    await station.step()
    words = await station.low_water()
    assert words is not None and "quarantined" in words
    assert await station.states() == [(5, "open", None)]
    (deposit,) = [row for row in await desk.all_deposits() if row.state == "quarantined"]
    async with database.write() as session:
        shelf = Shelf(desk.ledger, built_in(), desk.minimums)
        await release(session, shelf, deposit.id, "it is ours", desk.clock(), by="oscar")
    await station.step()
    assert await station.states() == [(5, "done", None)]
    assert await station.low_water() is None
    assert await station.has() == TARGET


async def test_two_workers_at_once_ask_once(database: Database):
    station = await Station.opened(database)
    await station.rule()
    workers = [station.refilling() for _ in range(4)]
    await asyncio.gather(*(each.step() for each in workers))
    await station.step()
    assert len(await station.transfers()) == len(await station.refills()) == 1
    await station.settle()
    await asyncio.gather(*(each.step() for each in workers))
    assert await station.states() == [(5, "done", None)]
    assert await station.has() == TARGET


async def test_a_death_between_the_row_and_the_request_asks_once(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    station = await Station.opened(database)
    await station.rule()

    async def dies(*_: object) -> None:
        raise asyncio.CancelledError

    with monkeypatch.context() as patch:
        patch.setattr(Transfers, "create", dies)
        with pytest.raises(asyncio.CancelledError):
            await station.step()
    assert await station.states() == [(5, "open", None)]
    with monkeypatch.context() as patch:
        patch.setattr(Refilling, "_note", dies)
        with pytest.raises(asyncio.CancelledError):
            await station.step()
    (transfer,) = await station.transfers()
    assert [row.transfer_id for row in await station.refills()] == [None]
    await station.step()
    assert [row.transfer_id for row in await station.refills()] == [transfer.id]
    assert len(await station.transfers()) == 1


async def test_a_death_anywhere_refills_once(database: Database):
    """Cut off where it waits for the n-th time, then done by another process; then called off, so
    that the next one begins. PostgreSQL waits several times for each statement."""
    station = await Station.opened(database)
    await station.rule()
    for rounds in count():
        cut = await interrupt(station.step(), rounds * (1 if database.is_sqlite else 5))
        await station.step()
        transfers, refills = await station.transfers(), await station.refills()
        assert len(transfers) == len(refills) == rounds + 1
        assert [row.transfer_id for row in refills] == [row.id for row in transfers]
        if not cut:
            break
        await station.desk.services.transfers.cancel(transfers[-1].id, ANYONE)
        await station.step()
        station.desk.clock.forward(hours=2)
    assert rounds > 3


async def test_a_rule_that_makes_no_sense_is_refused(database: Database):
    station = await Station.opened(database)
    desk = station.desk
    stranger = await desk.open_funded(UNIT)
    bare = await desk.vaults.create_vault(station.cold.client_id, "Bare")
    reader = await station.new_key(scope=Scope.READ)
    for code, what in (
        ("refill_rule_invalid", {"source": station.hot.id}),
        ("refill_rule_invalid", {"source": stranger.id}),
        ("refill_rule_invalid", {"low": 0}),
        ("refill_rule_invalid", {"low": TARGET + 1}),
        ("refill_rule_invalid", {"vault": bare.id}),
        ("refill_rule_invalid", {"key": "key_nobody"}),
        ("scope_missing", {"key": reader}),
        ("vault_not_found", {"source": "vlt_nobody"}),
        ("vault_not_found", {"only": stranger.client_id}),
    ):
        with pytest.raises(CustodyError) as caught:
            await station.rule(**what)
        assert caught.value.code == code, what
    async with database.read() as session:
        assert await session.all(select(RefillRuleRow)) == []
