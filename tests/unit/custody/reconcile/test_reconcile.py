"""Ledger == chain, or somebody is told: on chains that can look back and on those that can't."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text, update

from chains.model import Address, TxId
from custody.alarms.codes import AlarmCode
from custody.db.session import Database
from custody.db.tables import LedgerAccountRow, TransactionRow, TransferRow, VaultRow
from custody.ledger.model import (
    Post,
    Reason,
    Reserve,
    chain_account,
    fees_account,
    locked_account,
    vault_account,
)
from custody.ledger.service import settle_or_void
from custody.reconcile.report import Verdict
from custody.transfers.state import State
from tests.support.custody import World
from tests.support.fake_codec import FakeInput, FakeOutput, FakeTx

HISTORIC, CURRENT, COINS = "ethereum-local", "solana-local", "bitcoin-regtest"
ALL = [HISTORIC, CURRENT, COINS]


async def funded(database: Database, alias: str, amount: int = 100_000) -> tuple[World, VaultRow]:
    """A vault whose first deposit is final."""
    world = World(database, alias)
    vault = await world.new_vault()
    address = await world.new_address(vault)
    await world.pay(address, amount)
    await world.node.mine(5)
    await world.node.finalize()
    await world.follow()
    assert (await world.balance(vault)).available == amount
    return world, vault


async def transfer(world: World, vault: VaultRow, amount: int, fee_max: int) -> TxId:
    """Reserve, sign and broadcast, without the parts of custody that do."""
    (deposit, *_) = await world.all_deposits()
    (row, *_) = await world.addresses(vault)
    native, to = world.native, await world.node.outside_address()
    outputs = [FakeOutput(to, native, amount)]
    if world.adapter.codec.has_coins:
        source = FakeInput(deposit.txid, deposit.position, deposit.amount, Address("x"), None)
        change = await world.new_address(vault, change=True)
        rest = deposit.amount - amount - world.node.fee
        outputs.append(FakeOutput(Address(change.address), native, rest, change.path))
        tx = FakeTx(world.network.id, (source,), tuple(outputs), world.node.fee)
    else:
        source = FakeInput("", None, 0, Address(row.address), row.path)
        tx = FakeTx(world.network.id, (source,), tuple(outputs), fee_max, nonce=0)
    now = world.clock()
    async with world.database.write() as session:
        account = vault_account(vault.id, native)
        held = await world.ledger.reserve(
            session,
            Reserve(account, chain_account(native), amount, "trf_1", Reason.TRANSFER),
            Reserve(account, fees_account(native), fee_max, "trf_1", Reason.FEE),
        )
        session.add(
            TransferRow(
                id="trf_1",
                client_id=vault.client_id,
                vault_id=vault.id,
                network=world.network.id,
                asset=native,
                destination=to,
                amount=amount,
                fee_max=fee_max,
                initiator="test",
                state=State.BROADCAST.value,
                version=1,
                mandate=b"",
                amount_reservation_id=held[0],
                fee_reservation_id=held[1],
                txid=tx.txid,
                requested_at=now,
                expires_at=now,
                updated_at=now,
            )
        )
        await session.flush()
        session.add(
            TransactionRow(
                id="txn_1",
                transfer_id="trf_1",
                network=world.network.id,
                payload=tx.payload(),
                txid=tx.txid,
                created_at=now,
            )
        )
    world.node.pool[tx.txid] = tx
    return tx.txid


async def settle(world: World, vault: VaultRow, amount: int, fee: int, locked: int = 0) -> None:
    native = world.native
    async with world.database.write() as session:
        row = await session.get(TransferRow, "trf_1")
        assert row is not None
        assert row.amount_reservation_id is not None
        assert row.fee_reservation_id is not None
        rent = Post(
            vault_account(vault.id, native),
            locked_account(vault.id, native),
            locked,
            "trf_1",
            Reason.RENT,
        )
        await world.ledger.apply(
            session,
            [
                settle_or_void(row.amount_reservation_id, amount),
                settle_or_void(row.fee_reservation_id, fee),
                *([rent] if locked else []),
            ],
        )
        row.state = State.FINAL.value if amount else State.REVERTED.value


async def verdicts(world: World, patience_s: float = 0.3) -> list[Verdict]:
    return [line.verdict for line in (await world.reconcile(patience_s=patience_s)).lines]


@pytest.mark.parametrize("alias", ALL)
async def test_every_stage_of_a_transfer_is_equal(database: Database, alias: str):
    world, vault = await funded(database, alias)
    await transfer(world, vault, 30_000, 5_000)
    held = await world.reconcile(patience_s=0)
    if alias == CURRENT:
        # The node may count what waits; it would not be fair to compare.
        assert [line.verdict for line in held.lines] == [Verdict.INCONCLUSIVE]
    else:
        assert held.is_clean
    await world.node.mine()
    if alias == HISTORIC:  # the follower is behind, and so is the question
        assert (await world.reconcile()).is_clean
    await world.follow()
    report = await world.reconcile()
    assert report.is_clean
    assert {line.chain for line in report.lines} == {69_000}
    await settle(world, vault, 30_000, 1_000)
    assert (await world.reconcile()).is_clean
    assert await world.frozen(vault) is None


async def test_a_transfer_that_reverted_cost_its_fee(database: Database):
    world, vault = await funded(database, HISTORIC)
    txid = await transfer(world, vault, 30_000, 5_000)
    world.node.revert(txid)
    await world.node.mine()
    await world.follow()
    report = await world.reconcile()
    assert report.is_clean
    assert {line.chain for line in report.lines} == {99_000}
    await settle(world, vault, 0, 1_000)
    assert (await world.reconcile()).is_clean


async def test_rent_is_neither_lost_nor_on_our_address(database: Database):
    world, vault = await funded(database, CURRENT)
    world.node.rent = 2_500
    await transfer(world, vault, 30_000, 5_000)
    await world.node.mine()
    await world.follow()
    assert (await world.reconcile()).is_clean
    await settle(world, vault, 30_000, 1_000, locked=2_500)
    report = await world.reconcile()
    assert report.is_clean
    assert {line.chain for line in report.lines} == {66_500}
    assert (await world.balance(vault)).locked == 2_500


async def test_a_reorg_that_takes_a_transfer_back(database: Database):
    world, vault = await funded(database, HISTORIC)
    await transfer(world, vault, 30_000, 5_000)
    await world.node.mine()
    await world.follow()
    await world.node.reorg(1)
    (line,) = (await world.reconcile()).lines
    assert line.verdict is Verdict.INCONCLUSIVE  # our block is gone from the node
    await world.follow()
    assert (await world.reconcile()).is_clean


@pytest.mark.parametrize("alias", ALL)
async def test_a_missing_deposit_freezes_the_vault(database: Database, alias: str):
    """Money that the follower did not see."""
    world, vault = await funded(database, alias)
    (row,) = await world.addresses(vault)
    world.node.state.give(row.address, world.native, 7)
    if alias == CURRENT:
        assert await verdicts(world) == [Verdict.INCONCLUSIVE]
        assert await world.frozen(vault) is None
        mining = asyncio.create_task(mine_and_follow(world))
        report = await world.reconcile(patience_s=20)
        mining.cancel()
    else:
        report = await world.reconcile()
    (line,) = report.differences
    assert (line.ledger, line.chain) == (100_000, 100_007)
    assert not report.is_clean
    assert await world.frozen(vault) == AlarmCode.LEDGER_DIFFERS
    assert await world.alarms() == [AlarmCode.LEDGER_DIFFERS]


async def mine_and_follow(world: World) -> None:
    while True:
        await asyncio.sleep(0.3)
        await world.node.mine()
        await world.follow()


async def test_money_in_the_ledger_alone_freezes_the_vault(database: Database):
    world, vault = await funded(database, COINS)
    native = world.native
    async with database.write() as session:
        invented = Post(
            chain_account(native), vault_account(vault.id, native), 9, "dep_x", Reason.DEPOSIT
        )
        await world.ledger.post(session, invented)
    (line,) = (await world.reconcile()).differences
    assert (line.ledger, line.chain) == (100_009, 100_000)
    assert await world.frozen(vault) == AlarmCode.LEDGER_DIFFERS


async def test_a_difference_that_goes_away_is_no_difference(database: Database):
    """The node answers wrongly once, as one behind a load balancer may."""
    world, vault = await funded(database, COINS)
    (row,) = await world.addresses(vault)
    answers = iter([5, 0, 0, 0])

    def flicker(call: str) -> None:
        if call == "balance":
            world.node.state.balances[row.address, world.native] = 100_000 + next(answers)

    world.adapter.before = flicker
    assert await verdicts(world) == [Verdict.EQUAL]
    answers = iter([5, 6])
    assert await verdicts(world) == [Verdict.INCONCLUSIVE]
    assert await world.frozen(vault) is None


@pytest.mark.parametrize("alias", ALL)
async def test_a_deposit_at_the_wrong_moment(database: Database, alias: str):
    """A block arrives between the questions. Never a false alarm."""
    world, vault = await funded(database, alias)
    (row,) = await world.addresses(vault)
    await world.pay(row, 50)
    asked = 0

    def arrive(call: str) -> None:
        nonlocal asked
        if call == "balance":
            asked += 1
            if asked == 1:
                world.node._mine(0)

    world.adapter.before = arrive
    assert Verdict.DIFFERENT not in await verdicts(world)
    await world.follow()
    assert await verdicts(world) == [Verdict.EQUAL]
    assert await world.frozen(vault) is None


async def test_a_node_that_is_away_decides_nothing(database: Database):
    world, _vault = await funded(database, HISTORIC)
    world.node.go_away()
    (line,) = (await world.reconcile()).inconclusive
    assert line.reason == "node_unavailable"
    world.node.heal()
    assert (await world.reconcile()).is_clean


async def test_a_follower_that_is_behind(database: Database):
    world, vault = await funded(database, COINS)
    await world.node.mine(2)
    (line,) = (await world.reconcile(patience_s=0)).inconclusive
    assert "behind" in line.reason
    catching_up = asyncio.create_task(world.follow())
    report = await world.reconcile(patience_s=5)
    await catching_up
    assert report.is_clean
    assert await world.frozen(vault) is None


async def test_nothing_was_followed_yet(database: Database):
    world = World(database, HISTORIC)
    vault = await world.new_vault()
    await world.new_address(vault)
    assert await verdicts(world) == [Verdict.INCONCLUSIVE]


async def test_all_addresses_of_a_vault_count(database: Database):
    world, vault = await funded(database, HISTORIC)
    second = await world.new_address(vault)
    await world.pay(second, 11)
    await world.node.mine()
    await world.follow()
    report = await world.reconcile()
    assert report.is_clean
    assert {line.chain for line in report.lines} == {100_011}


async def test_only_the_vaults_that_are_named(database: Database):
    world, vault = await funded(database, COINS)
    other = await world.new_vault()
    await world.new_address(other)
    report = await world.reconcile()
    assert {line.vault for line in report.lines} == {vault.id, other.id}
    report = await world.reconcile(vaults=[other.id])
    assert {line.vault for line in report.lines} == {other.id}


# The books themselves


async def test_a_cached_total_that_was_changed(database: Database):
    world, vault = await funded(database, COINS)
    async with database.write() as session:
        await session.execute(
            update(LedgerAccountRow)
            .where(LedgerAccountRow.vault_id == vault.id)
            .values(debits_posted=60_000)
        )
    report = await world.reconcile()
    assert [fault.vault for fault in report.faults] == [vault.id]
    assert "sums of its entries" in report.faults[0].message
    assert await world.frozen(vault) in (AlarmCode.BOOKS_BROKEN, AlarmCode.LEDGER_DIFFERS)
    assert AlarmCode.BOOKS_BROKEN in await world.alarms()


async def test_an_entry_forged_past_the_trigger(sqlite_url: str):
    """Whoever owns the file can drop the trigger; adding up still finds out."""
    database = Database(sqlite_url)
    world, vault = await funded(database, COINS)
    async with database.write() as session:
        connection = await session._session.connection()
        for statement in (
            "DROP TRIGGER ledger_entries_no_update",
            "UPDATE ledger_entries SET amount = '40000' WHERE kind = 'settle'",
        ):
            await connection.execute(text(statement))
    report = await world.reconcile()
    assert [fault.vault for fault in report.faults] == [vault.id]
    await database.close()


async def test_a_settle_above_its_reserve_and_a_mix_of_assets(sqlite_url: str):
    database = Database(sqlite_url)
    world, _vault = await funded(database, COINS)
    async with database.write() as session:
        connection = await session._session.connection()
        for statement in (
            "DROP TRIGGER ledger_entries_no_update",
            "UPDATE ledger_entries SET amount = '400000' WHERE kind = 'settle'",
            "UPDATE ledger_entries SET asset = 'eip155:1/slip44:60' WHERE kind = 'reserve'",
        ):
            await connection.execute(text(statement))
    messages = " ".join(fault.message for fault in (await world.reconcile()).faults)
    assert "more than was reserved" in messages
    assert "mixes assets" in messages
    await database.close()
