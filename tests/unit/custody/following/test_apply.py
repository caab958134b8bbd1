"""What blocks do to deposits, coins and the ledger: a fake chain, both databases."""

from __future__ import annotations

import pytest

from chains.block import output_index
from chains.follow import Connected, Disconnected
from chains.model import Address, BlockRef
from custody.alarms.codes import AlarmCode
from custody.db.session import Database
from custody.following import chain_repository
from custody.following.blocks import OutOfStep
from custody.vaults.watchlist import WatchList
from tests.support.custody import World
from tests.support.fake_codec import FakeInput, FakeOutput, FakeTx
from tests.support.fakes import FakeNode
from tests.support.transfer_rows import add_transaction, add_transfer


async def mine_and_follow(world: World, blocks: int = 1) -> None:
    await world.node.mine(blocks)
    await world.follow()


async def test_pending_then_credited_at_the_networks_confirmations(database: Database):
    world = World(database)
    vault = await world.new_vault()
    address = await world.new_address(vault)
    await world.pay(address, 50_000)
    await mine_and_follow(world)
    assert await world.deposit_states() == [(50_000, "pending")]
    balance = await world.balance(vault)
    assert (balance.available, balance.pending) == (0, 50_000)
    await mine_and_follow(world)
    assert await world.deposit_states() == [(50_000, "pending")]
    await mine_and_follow(world)
    assert await world.deposit_states() == [(50_000, "credited")]
    balance = await world.balance(vault)
    assert (balance.available, balance.pending) == (50_000, 0)
    assert (await world.reconcile()).is_clean


async def test_what_the_node_calls_final_is_credited_where_the_network_says_so(database: Database):
    world = World(database, "ethereum-local")
    vault = await world.new_vault()
    address = await world.new_address(vault)
    await world.pay(address, 7 * 10**18)
    await mine_and_follow(world, 20)
    assert await world.deposit_states() == [(7 * 10**18, "pending")]
    await world.node.finalize()
    await world.follow()
    assert await world.deposit_states() == [(7 * 10**18, "credited")]
    assert (await world.reconcile()).is_clean


async def test_a_finalized_block_that_is_not_ours_credits_nothing(database: Database):
    world = World(database, "ethereum-local")
    vault = await world.new_vault()
    address = await world.new_address(vault)
    await world.pay(address, 10)
    await mine_and_follow(world)
    async with database.write() as session:
        applied = await world.writer.apply(
            session,
            world.network,
            [],
            WatchList(world.network.id),
            BlockRef(world.node.tip.height, "another block at this height"),
        )
    assert applied.credited == []
    assert await world.deposit_states() == [(10, "pending")]


async def test_a_minted_coin_waits_for_its_maturity(database: Database):
    world = World(database)
    vault = await world.new_vault()
    address = await world.new_address(vault)
    await world.pay(address, 5_000, mature=10)
    await mine_and_follow(world)  # block 1, mature at 11
    await mine_and_follow(world, 9)
    assert await world.deposit_states() == [(5_000, "pending")]
    await mine_and_follow(world)
    assert await world.deposit_states() == [(5_000, "credited")]


async def test_several_payments_of_one_transaction_and_of_one_block(database: Database):
    world = World(database)
    vault, other = await world.new_vault(), await world.new_vault()
    first, second = await world.new_address(vault), await world.new_address(other)
    await world.pay(first, 1_000)
    await world.pay(first, 2_000)
    await world.pay(second, 4_000)
    await world.node.fund(await world.node.outside_address(), 8_000)
    await mine_and_follow(world, 3)
    assert (await world.balance(vault)).available == 3_000
    assert (await world.balance(other)).available == 4_000
    assert sorted(await world.deposit_states()) == [
        (1_000, "credited"),
        (2_000, "credited"),
        (4_000, "credited"),
    ]


async def test_on_account_chains_only_the_first_address_pays(database: Database):
    world = World(database, "bsc-local")
    vault = await world.new_vault()
    first, second = await world.new_address(vault), await world.new_address(vault)
    await world.pay(first, 100)
    await world.pay(second, 30)
    await mine_and_follow(world)
    balance = await world.balance(vault)
    assert (balance.available, balance.unswept, balance.pending) == (0, 0, 130)
    await mine_and_follow(world, 3)
    balance = await world.balance(vault)
    assert (balance.available, balance.unswept, balance.pending) == (100, 30, 0)
    assert (await world.reconcile()).is_clean


async def test_all_addresses_of_a_coin_network_pay(database: Database):
    world = World(database)
    vault = await world.new_vault()
    await world.new_address(vault)
    second = await world.new_address(vault)
    await world.pay(second, 3_000)
    await mine_and_follow(world, 3)
    balance = await world.balance(vault)
    assert (balance.available, balance.unswept) == (3_000, 0)


async def test_a_payment_of_nothing_is_no_deposit(database: Database):
    world = World(database, "bsc-local")
    address = await world.new_address(await world.new_vault())
    await world.pay(address, 0)
    await mine_and_follow(world)
    assert await world.all_deposits() == []


# Transactions of our own


async def own_spend(world: World, outputs: list[tuple[str, int, bool]]) -> str:
    """A transaction that spends the vault's only coin, stored as a transfer's; returns its id.
    `outputs`: (address, amount, is it what the transfer pays)."""
    (deposit,) = await world.all_deposits()
    native = world.native
    tx = FakeTx(
        network=world.network.id,
        inputs=(
            FakeInput(
                deposit.txid, output_index(deposit.place), deposit.amount, Address("x"), None
            ),
        ),
        outputs=tuple(FakeOutput(Address(to), native, amount) for to, amount, _ in outputs),
        fee_max=deposit.amount - sum(amount for _, amount, _ in outputs),
    )
    paid = next((to, amount) for to, amount, pays in outputs if pays)
    now = world.clock()
    async with world.database.write() as session:
        await add_transfer(
            session,
            "trf_1",
            client=deposit.client_id,
            vault=deposit.vault_id,
            network=world.network.id,
            asset=native,
            destination=paid[0],
            amount=paid[1],
            fee_max=tx.fee_max,
            now=now,
        )
        await add_transaction(
            session,
            "txn_1",
            ["trf_1"],
            network=world.network.id,
            vault=deposit.vault_id,
            payload=tx.payload(),
            txid=tx.txid,
            now=now,
        )
    world.node.pool[tx.txid] = tx
    return tx.txid


async def test_change_is_a_coin_but_no_deposit(database: Database):
    world = World(database)
    vault = await world.new_vault()
    address = await world.new_address(vault)
    await world.pay(address, 90_000)
    await mine_and_follow(world, 3)
    change = await world.new_address(vault, change=True)
    outside = await world.node.outside_address()
    await own_spend(world, [(outside, 20_000, True), (change.address, 69_000, False)])
    await mine_and_follow(world)
    assert await world.deposit_states() == [(90_000, "credited")]
    assert await world.coins() == {90_000: 4, 69_000: None}


async def test_a_vault_that_pays_itself_gets_a_deposit(database: Database):
    """The ledger takes the payment away, so it must also add it."""
    world = World(database)
    vault = await world.new_vault()
    address, own = await world.new_address(vault), await world.new_address(vault)
    await world.pay(address, 90_000)
    await mine_and_follow(world, 3)
    await own_spend(world, [(own.address, 20_000, True), (address.address, 69_000, False)])
    await mine_and_follow(world)
    assert await world.deposit_states() == [(90_000, "credited"), (20_000, "pending")]
    assert set(await world.coins()) == {90_000, 20_000, 69_000}


async def test_a_payment_from_another_vault_of_ours_is_a_deposit(database: Database):
    world = World(database)
    vault, other = await world.new_vault(), await world.new_vault()
    address, theirs = await world.new_address(vault), await world.new_address(other)
    await world.pay(address, 90_000)
    await mine_and_follow(world, 3)
    await own_spend(world, [(theirs.address, 89_000, True)])
    await mine_and_follow(world)
    assert await world.deposit_states() == [(90_000, "credited"), (89_000, "pending")]


async def test_a_coin_made_and_spent_in_the_same_block(database: Database):
    world = World(database)
    vault = await world.new_vault()
    address = await world.new_address(vault)
    funding = await world.pay(address, 90_000)
    outside = await world.node.outside_address()
    tx = FakeTx(
        world.network.id,
        (FakeInput(funding, 0, 90_000, Address("x"), None),),
        (FakeOutput(outside, world.native, 89_000),),
        1_000,
    )
    world.node.pool[tx.txid] = tx
    await mine_and_follow(world)
    assert await world.coins() == {90_000: 1}


# Reorganisations


@pytest.mark.parametrize("alias", ["bitcoin-regtest", "ethereum-local"])
@pytest.mark.parametrize("depth", range(1, 6))
async def test_a_reorg_of_every_depth_below_finality(database: Database, alias: str, depth: int):
    """Deposits in blocks 1 to 5; the newest `depth` blocks go, and their deposits with them. On
    bitcoin (3 confirmations) those below block 3 are final by then."""
    world = World(database, alias)
    vault = await world.new_vault()
    address = await world.new_address(vault)
    for block in range(1, 6):
        await world.pay(address, 1_000 * block)
        await mine_and_follow(world)
    counts_confirmations = alias == "bitcoin-regtest"
    before = dict(await world.deposit_states())
    await world.node.reorg(depth)
    world.node.pool.clear()
    await world.follow()
    after = dict(await world.deposit_states())
    for block in range(1, 6):
        gone = block > 5 - depth
        was = before[1_000 * block]
        assert was == ("credited" if counts_confirmations and block <= 3 else "pending")
        if not gone:
            # The new chain is one longer, so one more may be final.
            final = counts_confirmations and block <= 4
            assert after[1_000 * block] == ("credited" if final else "pending")
        else:
            assert after[1_000 * block] == ("reversed" if was == "pending" else "credited")
    touched_final = counts_confirmations and depth > 2
    assert bool(await world.alarms()) == touched_final
    assert bool(await world.frozen(vault)) == touched_final
    if not touched_final:
        await world.node.finalize()
        await world.follow()
        assert (await world.balance(vault)).available == 1_000 * sum(range(1, 6 - depth))
        assert (await world.reconcile()).is_clean


async def test_a_transaction_that_comes_back_is_a_new_deposit(database: Database):
    world = World(database)
    vault = await world.new_vault()
    address = await world.new_address(vault)
    await world.pay(address, 6_000)
    await mine_and_follow(world)
    await world.node.reorg(1, replay=True)
    await world.follow()
    assert await world.deposit_states() == [(6_000, "reversed"), (6_000, "pending")]
    await mine_and_follow(world, 1)
    assert await world.deposit_states() == [(6_000, "reversed"), (6_000, "credited")]
    assert (await world.balance(vault)).available == 6_000
    assert (await world.reconcile()).is_clean


async def test_the_very_same_block_comes_back(database: Database):
    """Two branches take turns: the first one's deposit is revived, not doubled."""
    world = World(database)
    vault = await world.new_vault()
    address = await world.new_address(vault)
    await world.pay(address, 6_000)
    await mine_and_follow(world)
    ours = list(world.node.chain)
    await world.node.reorg(1)
    world.node.pool.clear()
    await world.follow()
    assert await world.deposit_states() == [(6_000, "reversed")]
    world.node.chain = ours
    await world.node.mine(3)
    await world.follow()
    assert await world.deposit_states() == [(6_000, "credited")]
    assert (await world.balance(vault)).available == 6_000
    assert [kind for kind, _ in await world.entries()] == [
        "reserve", "void", "reserve", "settle"
    ]  # fmt: skip
    assert (await world.reconcile()).is_clean


async def test_a_shorter_chain_with_another_tip(database: Database):
    world = World(database)
    vault = await world.new_vault()
    address = await world.new_address(vault)
    await world.node.mine(3)
    await world.pay(address, 6_000)
    await mine_and_follow(world, 2)
    other = FakeNode(world.network, seed=9)
    other.chain = world.node.chain[:3]
    await other.mine(1)
    world.node.swap_tip(other)
    await world.follow()
    assert await world.deposit_states() == [(6_000, "reversed")]


async def test_spent_coins_come_back_when_the_spending_block_goes(database: Database):
    world = World(database)
    vault = await world.new_vault()
    address = await world.new_address(vault)
    await world.pay(address, 90_000)
    await mine_and_follow(world, 3)
    outside = await world.node.outside_address()
    await own_spend(world, [(outside, 89_000, True)])
    await mine_and_follow(world)
    assert await world.coins() == {90_000: 4}
    world.restart()  # its watched coins are those that are unspent now
    await world.follow()
    spending = dict(world.node.pool)
    await world.node.reorg(1)
    spending = dict(world.node.pool)
    world.node.pool.clear()
    await world.follow()
    assert await world.coins() == {90_000: None}
    world.node.pool.update(spending)
    await mine_and_follow(world)
    assert await world.coins() == {90_000: 6}


async def test_coins_go_with_their_block(database: Database):
    world = World(database)
    vault = await world.new_vault()
    address = await world.new_address(vault)
    await world.pay(address, 90_000)
    await mine_and_follow(world)
    await world.node.reorg(1)
    world.node.pool.clear()
    await world.follow()
    assert await world.coins() == {}


async def test_undoing_what_was_final_freezes_and_does_not_credit_twice(database: Database):
    world = World(database)
    vault, bystander = await world.new_vault(), await world.new_vault()
    address = await world.new_address(vault)
    await world.new_address(bystander)
    await world.pay(address, 90_000)
    await mine_and_follow(world, 4)
    assert await world.deposit_states() == [(90_000, "credited")]
    await world.node.reorg(4, replay=True)
    await world.follow()
    await mine_and_follow(world, 3)
    assert await world.deposit_states() == [(90_000, "credited")]
    assert (await world.balance(vault)).available == 90_000
    assert await world.frozen(vault) == AlarmCode.REORG_BELOW_FINALITY
    assert await world.frozen(bystander) is None
    assert await world.alarms() == [AlarmCode.REORG_BELOW_FINALITY] * 2
    assert (await world.reconcile()).is_clean  # it did come back


# Repetition


async def test_applying_the_same_blocks_again_changes_nothing(database: Database):
    world = World(database)
    vault = await world.new_vault()
    address = await world.new_address(vault)
    await world.node.mine(2)
    await world.follow()
    await world.pay(address, 6_000)
    await world.node.mine(4)
    events = [Connected(b) for h in range(3, 7) if (b := await world.adapter.block(h)) is not None]
    watchlist = WatchList(world.network.id)
    for _ in range(3):
        async with database.write() as session:
            applied = await world.writer.apply(session, world.network, events, watchlist)
        assert applied.position == world.node.tip
        assert await world.deposit_states() == [(6_000, "credited")]
    assert [kind for kind, _ in await world.entries()] == ["reserve", "settle"]
    # A part of them again, and again with an older block first.
    async with database.write() as session:
        await world.writer.apply(session, world.network, events[2:], watchlist)
    assert (await world.balance(vault)).available == 6_000


async def test_undoing_a_block_twice_changes_nothing(database: Database):
    world = World(database)
    vault = await world.new_vault()
    address = await world.new_address(vault)
    await world.pay(address, 6_000)
    await world.node.mine(2)
    await world.follow()
    gone = [Disconnected(world.node.chain[2].ref), Disconnected(world.node.chain[1].ref)]
    watchlist = WatchList(world.network.id)
    for _ in range(2):
        async with database.write() as session:
            applied = await world.writer.apply(session, world.network, gone, watchlist)
        assert applied.position == world.node.chain[0].ref
        assert await world.deposit_states() == [(6_000, "reversed")]
    assert [kind for kind, _ in await world.entries()] == ["reserve", "void"]


async def test_events_that_do_not_continue_the_stored_chain_are_refused(database: Database):
    world = World(database)
    await world.node.mine(5)
    await world.follow()
    other = FakeNode(world.network, seed=5)
    await other.mine(7)
    world.node.swap_tip(other)
    foreign = await world.adapter.block(6)
    assert foreign is not None
    watchlist = WatchList(world.network.id)
    for events in ([Connected(foreign)], [Disconnected(await stored(world, 3))]):
        with pytest.raises(OutOfStep):
            async with database.write() as session:
                await world.writer.apply(session, world.network, events, watchlist)


async def stored(world: World, height: int) -> BlockRef:
    async with world.database.read() as session:
        refs = await chain_repository.newest_refs(session, world.network.id, 10)
    return next(ref for ref in refs if ref.height == height)
