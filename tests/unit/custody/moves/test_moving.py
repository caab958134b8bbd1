"""A vault is moved to new keys: all of it goes to the successor once, by the ordinary way of
transfers, what comes later as well, and nothing else leaves it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from sqlalchemy import select

from chains.catalogue import built_in
from chains.model import Address
from custody.alarms.codes import AlarmCode
from custody.apikeys.model import Scope
from custody.apikeys.service import create_key, revoke_key
from custody.db.move_tables import VaultMoveRow, VaultMoveStepRow
from custody.db.session import Database
from custody.db.tables import VaultRow
from custody.db.transfer_tables import TransferRow
from custody.errors import CustodyError
from custody.moves.moving import Moving
from custody.moves.service import Moves, stop
from custody.refills.refilling import Refilling
from custody.refills.service import NewRule as Refill
from custody.refills.service import set_rule as set_refill
from custody.transfers.state import TERMINAL
from tests.support.fakes import changed_policy
from tests.support.interrupt import interrupt
from tests.unit.custody.transfers.desk import Desk

CHAINS = ("bitcoin-regtest", "ethereum-local", "tron-local", "solana-local")
EACH = pytest.mark.parametrize("alias", CHAINS)
STOCK = 10**8


class Mover:
    """A vault with `STOCK`, and the key that moves ask with."""

    def __init__(self, database: Database, alias: str) -> None:
        self.desk = Desk(database, alias)
        self.old: VaultRow
        self.key = ""

    @classmethod
    async def opened(cls, database: Database, alias: str = "ethereum-local") -> Mover:
        mover = cls(database, alias)
        mover.old = await mover.desk.open_funded(STOCK)
        mover.key = await mover.new_key()
        return mover

    async def new_key(self) -> str:
        async with self.desk.database.write() as session:
            made = await create_key(
                session,
                name="moves",
                initiator="robot",
                scopes=[Scope.TRANSFER],
                client_id=None,
                now=self.desk.clock(),
            )
        return made.id

    def moves(self) -> Moves:
        return Moves(self.desk.database, self.desk.services.vaults, self.desk.clock)

    async def begin(self, *, key: str | None = None, to: str | None = None) -> str:
        """The successor."""
        row = await self.moves().begin(
            self.old.id, key or self.key, "a key is suspected", by="olivia", to=to
        )
        return row.successor_id

    async def refused(self, **more: str) -> str:
        with pytest.raises(CustodyError) as error:
            await self.begin(**more)
        return error.value.code

    def moving(self) -> Moving:
        desk = self.desk
        adapters = {desk.network.id: desk.adapter}
        transfers, vaults = desk.services.transfers, desk.services.vaults
        return Moving(desk.database, transfers, vaults, adapters, built_in(), desk.clock)

    async def step(self) -> None:
        await self.moving().step()

    async def vault(self, vault_id: str) -> VaultRow:
        async with self.desk.database.read() as session:
            row = await session.get(VaultRow, vault_id)
        assert row is not None
        return row

    async def available(self, vault_id: str) -> int:
        return (await self.desk.balance(await self.vault(vault_id))).available

    async def steps(self) -> Sequence[VaultMoveStepRow]:
        async with self.desk.database.read() as session:
            return await session.all(select(VaultMoveStepRow).order_by(VaultMoveStepRow.number))

    async def states(self) -> list[tuple[int, str, str | None]]:
        return [(row.amount, row.state, row.code) for row in await self.steps()]

    async def transfers(self) -> list[TransferRow]:
        async with self.desk.database.read() as session:
            return list(await session.all(select(TransferRow).order_by(TransferRow.serial)))

    async def links(self) -> list[tuple[str, str, int]]:
        async with self.desk.database.read() as session:
            rows = await session.all(select(VaultMoveRow).order_by(VaultMoveRow.number))
        return [(row.vault_id, row.successor_id, row.number) for row in rows]

    async def settle(self) -> None:
        for row in await self.transfers():
            if row.state not in TERMINAL:
                await self.desk.settle(row.id)
        await self.desk.node.mine(3)
        await self.desk.node.finalize()
        await self.desk.follow()
        await self.step()

    async def told(self) -> str | None:
        rows = [a for a in await self.desk.open_alarms() if a.code == AlarmCode.MOVE_FAILS]
        return rows[0].message if rows else None


@EACH
async def test_all_of_it_goes_to_new_keys(database: Database, alias: str):
    mover = await Mover.opened(database, alias)
    successor = await mover.begin()
    old, new = mover.old, await mover.vault(successor)
    assert (new.client_id, new.name) == (old.client_id, old.name)
    assert new.account != old.account
    for _ in range(3):
        await mover.step()
    (transfer,) = await mover.transfers()
    assert (transfer.vault_id, transfer.kind, transfer.initiator) == (old.id, "emptying", "robot")
    (address,) = [each.address for each in await mover.desk.addresses(new) if not each.change]
    assert transfer.destination == address
    await mover.settle()
    assert await mover.available(successor) == transfer.amount
    assert await mover.available(old.id) == 0
    assert await mover.states() == [(STOCK, "done", None)]
    assert (await mover.desk.reconcile()).is_clean


async def test_what_comes_later_follows(database: Database):
    mover = await Mover.opened(database)
    successor = await mover.begin()
    await mover.step()
    await mover.settle()
    before = await mover.available(successor)
    address = (await mover.desk.addresses(mover.old))[0]
    await mover.desk.pay(address, STOCK)
    await mover.settle()
    await mover.settle()
    assert await mover.available(mover.old.id) == 0
    assert await mover.available(successor) > before
    assert [row.number for row in await mover.steps()] == [1, 2]
    assert (await mover.desk.reconcile()).is_clean


async def test_the_books_equal_the_chain_at_every_step(database: Database):
    mover = await Mover.opened(database)
    await mover.begin()
    await mover.step()
    desk = mover.desk
    for each in (desk.run_outbox, desk.node.mine, desk.follow, desk.track, desk.node.finalize):
        await each()
        assert not (await desk.reconcile()).differences, each


@EACH
async def test_nothing_else_leaves_it_and_no_address_is_given_out(database: Database, alias: str):
    mover = await Mover.opened(database, alias)
    earlier = await mover.desk.send(mover.old, STOCK // 4, fee_max=mover.desk.node.fee)
    successor = await mover.begin()
    with pytest.raises(CustodyError) as refused:
        await mover.desk.new_address(mover.old)
    assert (refused.value.code, refused.value.named) == ("vault_moved", {"vault_id": successor})
    for amount in (1_000, None):
        with pytest.raises(CustodyError) as refused:
            await mover.desk.ask(mover.old, amount)
        assert (refused.value.code, refused.value.named) == (
            "vault_moved",
            {"vault_id": successor},
        )
    await mover.step()
    assert (await mover.desk.settle(earlier)).state == "final"
    await mover.settle()
    await mover.settle()
    assert await mover.available(mover.old.id) == 0
    assert (await mover.desk.reconcile()).is_clean


async def test_what_lies_on_later_addresses_is_swept_first(database: Database):
    mover = await Mover.opened(database)
    later = await mover.desk.new_address(mover.old)
    await mover.desk.node.fund(Address(later.address), STOCK)
    await mover.desk.node.mine()
    await mover.desk.node.finalize()
    await mover.desk.follow()
    successor = await mover.begin()
    for _ in range(4):
        await mover.step()
        await mover.desk.workers._sweeps._sweeping.step()
        await mover.settle()
    balance = await mover.desk.balance(mover.old)
    assert (balance.available, balance.unswept) == (0, 0)
    assert await mover.available(successor) > STOCK
    assert (await mover.desk.reconcile()).is_clean


async def test_it_is_begun_once(database: Database):
    mover = await Mover.opened(database)
    answers = await asyncio.gather(*(mover.begin() for _ in range(3)), return_exceptions=True)
    successors = {each for each in answers if isinstance(each, str)}
    codes = {each.code for each in answers if isinstance(each, CustodyError)}
    assert len(successors) == 1 and codes <= {"vault_moved"}
    assert {link[:2] for link in await mover.links()} == {(mover.old.id, *successors)}
    again = await mover.begin(key=await mover.new_key())
    assert again in successors


async def test_begun_and_interrupted_anywhere(sqlite_url: str):
    database = Database(sqlite_url)
    mover = await Mover.opened(database)
    after = 0
    while await interrupt(mover.begin(), after):
        await asyncio.sleep(0.01)
        links = await mover.links()
        assert len({link[1] for link in links}) <= 1
        after += 1
    assert after > 3
    assert len({link[1] for link in await mover.links()}) == 1
    await database.close()


async def test_interrupted_anywhere_and_two_at_once_it_is_asked_for_once(sqlite_url: str):
    database = Database(sqlite_url)
    mover = await Mover.opened(database)
    await mover.begin()
    after = 0
    while await interrupt(mover.step(), after):
        await asyncio.sleep(0.01)
        assert len(await mover.transfers()) <= 1
        after += 1
    await asyncio.gather(*(mover.step() for _ in range(3)))
    assert after > 5
    (transfer,) = await mover.transfers()
    ((_, state, code),) = await mover.states()
    assert (state, code, transfer.state) == ("open", None, "approved")
    await database.close()


async def test_two_workers_begin_it_once(database: Database):
    mover = await Mover.opened(database)
    await mover.begin()
    await asyncio.gather(*(mover.step() for _ in range(3)))
    assert len(await mover.steps()) == len(await mover.transfers()) == 1


async def test_the_policy_says_no_and_people_are_called(database: Database):
    mover = await Mover.opened(database)
    await mover.begin()
    mover.desk.signer.signed_policy = changed_policy(2, scope={"vaults": ["vlt_other"]})
    mover.desk.restart()
    await mover.step()
    said = await mover.told()
    assert said is not None and "policy_denied" in said
    await mover.step()
    assert len(await mover.steps()) == 1
    mover.desk.signer.signed_policy = changed_policy(3)
    mover.desk.restart()
    mover.desk.clock.forward(seconds=61)
    await mover.step()
    assert await mover.told() is None
    await mover.settle()
    assert [state for _, state, _ in await mover.states()] == ["failed", "done"]


async def test_a_key_that_is_revoked_asks_for_nothing(database: Database):
    mover = await Mover.opened(database)
    await mover.begin()
    async with database.write() as session:
        await revoke_key(session, mover.key, mover.desk.clock())
    await mover.step()
    assert (await mover.told(), await mover.transfers()) == ("api_key_revoked", [])
    await mover.begin(key=await mover.new_key())
    await mover.step()
    assert await mover.told() is None
    assert len(await mover.transfers()) == 1


async def test_stopped_it_asks_for_nothing_and_stays_moved(database: Database):
    mover = await Mover.opened(database)
    successor = await mover.begin()
    async with database.write() as session:
        await stop(session, mover.old.id, "not now", mover.desk.clock(), by="olivia")
    await mover.step()
    assert await mover.transfers() == []
    with pytest.raises(CustodyError):
        await mover.desk.new_address(mover.old)
    assert await mover.begin() == successor
    await mover.step()
    assert len(await mover.transfers()) == 1


async def test_nothing_refills_it(database: Database):
    mover = await Mover.opened(database, "bitcoin-regtest")
    desk = mover.desk
    cold = await desk.vaults.create_vault(mover.old.client_id, "Cold")
    await desk.fund(cold, 5 * STOCK)
    async with database.write() as session:
        place = (mover.old.id, desk.network.id, desk.native)
        new = Refill(cold.id, 2 * STOCK, 3 * STOCK, mover.key)
        await set_refill(session, *place, new, "payouts", desk.clock(), by="olivia")
    refilling = Refilling(database, desk.services.transfers, desk.clock)
    successor = await mover.begin()
    await refilling.step()
    assert await mover.transfers() == []
    await desk.vaults.create_addresses(successor, desk.network.id)
    async with database.write() as session:
        place = (successor, desk.network.id, desk.native)
        await set_refill(session, *place, new, "payouts", desk.clock(), by="olivia")
    await refilling.step()
    assert [row.vault_id for row in await mover.transfers()] == [cold.id]


async def test_successors_that_lead_nowhere(database: Database):
    mover = await Mover.opened(database)
    stranger = await mover.desk.new_vault()
    for to in (mover.old.id, stranger.id):
        assert await mover.refused(to=to) == "vault_move_invalid"
    assert await mover.refused(to="vlt_none") == "vault_not_found"
    assert await mover.refused(key="key_none") == "vault_move_invalid"
    successor = await mover.begin()
    other = await mover.desk.vaults.create_vault(mover.old.client_id, "Other")
    assert await mover.refused(to=other.id) == "vault_moved"
    first = mover.old
    mover.old = await mover.vault(successor)
    assert await mover.refused(to=first.id) == "vault_move_invalid"


async def test_what_is_not_worth_its_fee_stays_and_calls_nobody(database: Database):
    mover = Mover(database, "ethereum-local")
    mover.old = await mover.desk.open_funded(mover.desk.node.fee)
    mover.key = await mover.new_key()
    await mover.begin()
    await mover.step()
    ((_, state, code),) = await mover.states()
    assert (state, code) == ("failed", "amount_above_balance")
    assert await mover.told() is None
