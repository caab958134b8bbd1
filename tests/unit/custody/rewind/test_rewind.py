"""Taking back what was booked from blocks that are not on the chain: shown, then done, once."""

from __future__ import annotations

import pytest

from chains.follow import ReorgTooDeep
from chains.model import Address
from custody.alarms.codes import AlarmCode
from custody.db.session import Database
from custody.db.tables import VaultRow
from custody.errors import Conflict
from custody.following import readings
from custody.rewind.plan import Plan
from custody.rewind.service import FROZEN_REASON, Rewind, Rewound
from tests.support.custody import World
from tests.unit.custody.transfers.desk import Desk, total
from tests.unit.custody.transfers.life import FUNDS

COINS, ACCOUNT = "bitcoin-regtest", "ethereum-local"
BOTH = pytest.mark.parametrize("alias", [COINS, ACCOUNT])


def rewind(world: World) -> Rewind:
    return Rewind(
        world.database, world.ledger, world.network, world.adapter, world.clock, world.minimums
    )


async def plan_of(world: World, to: int | None = None) -> Plan:
    """Made by a question that changes nothing."""
    async with world.database.read() as session:
        before = await _everything(session)
    plan = await rewind(world).plan(to)
    async with world.database.read() as session:
        assert await _everything(session) == before
    return plan


async def _everything(session):
    from sqlalchemy import select

    from custody.db.tables import Row

    return {
        table.name: [tuple(row) for row in await session.rows(select(table))]
        for table in Row.metadata.sorted_tables
    }


async def rewound(world: World, to: int | None = None) -> Rewound:
    return await rewind(world).apply(await plan_of(world, to))


async def settle_down(world: World) -> None:
    await world.node.mine(3)
    await world.node.finalize()
    await world.follow()


async def forked_deep(database: Database, alias: str) -> tuple[World, VaultRow]:
    """1000 were credited in a block that the network replaced, deeper than we look back."""
    world = World(database, alias, start_height=0)
    vault = await world.new_vault()
    address = await world.new_address(vault)
    await world.node.mine(2)
    await world.pay(address, 1_000)
    depth = world.network.follow_depth
    await world.node.mine(depth + 5)
    await world.node.finalize()
    await world.follow()
    assert (await world.balance(vault)).available == 1_000
    await world.node.reorg(len(world.node.chain) - 2)
    world.node.pool.clear()
    with pytest.raises(ReorgTooDeep):
        await world.follow()
    return world, vault


@BOTH
async def test_a_reorg_deeper_than_we_look_back_is_taken_back(database: Database, alias: str):
    world, vault = await forked_deep(database, alias)
    plan = await plan_of(world)
    assert [row.amount for row in plan.deposits] == [1_000]
    assert plan.moves_back and plan.common is None and plan.blocks > 0
    assert plan.coins_made == (1 if alias == COINS else 0)
    done = await rewind(world).apply(plan)
    assert done.entries == 1
    assert await world.deposit_states() == [(1_000, "reversed")]
    balance = await world.balance(vault)
    assert (balance.available, balance.owed) == (0, 0)
    assert await world.coins() == {}
    assert await world.frozen(vault) == FROZEN_REASON
    async with database.read() as session:
        assert await readings.ranges(session, world.network.id) == []
    await settle_down(world)  # the follower goes on, and its alarm is gone
    assert await world.open_alarms() == []
    assert (await world.reconcile()).is_clean
    assert (await plan_of(world)).is_empty


@BOTH
async def test_what_the_true_chain_has_comes_back_once(database: Database, alias: str):
    world, vault = await forked_deep(database, alias)
    (address,) = await world.addresses(vault)
    await world.pay(address, 1_000)
    await world.node.mine()
    await rewound(world)
    await settle_down(world)
    assert await world.deposit_states() == [(1_000, "reversed"), (1_000, "credited")]
    assert (await world.balance(vault)).available == 1_000
    assert (await world.reconcile()).is_clean


async def test_the_follower_goes_on_above_the_newest_common_block(database: Database):
    """A block of ours further down is still on record, because a deposit lies in it."""
    world = World(database, COINS, start_height=0)
    vault = await world.new_vault()
    address = await world.new_address(vault)
    await world.pay(address, 70)
    await world.node.mine(4)
    await world.pay(address, 1_000)
    await world.node.mine(world.network.follow_depth + 5)
    await world.follow()
    await world.node.reorg(len(world.node.chain) - 4)
    world.node.pool.clear()
    with pytest.raises(ReorgTooDeep):
        await world.follow()
    plan = await plan_of(world)
    assert plan.common is not None and plan.common.height == 1
    assert [row.amount for row in plan.deposits] == [1_000]
    await rewind(world).apply(plan)
    await settle_down(world)
    assert await world.deposit_states() == [(70, "credited"), (1_000, "reversed")]
    assert set(await world.coins()) == {70}
    assert (await world.reconcile()).is_clean


@BOTH
@pytest.mark.parametrize("replay", [True, False])
async def test_a_reorg_below_finality_that_was_followed(
    database: Database, alias: str, replay: bool
):
    """The follower went over to the new branch and left the credited deposit as it was."""
    world = World(database, alias, start_height=0)
    vault = await world.new_vault()
    address = await world.new_address(vault)
    await world.node.mine()
    await world.pay(address, 1_000)
    await world.node.mine(4)
    await world.node.finalize()
    await world.follow()
    assert await world.deposit_states() == [(1_000, "credited")]
    await world.node.reorg(len(world.node.chain) - 2, replay=replay)
    world.node.pool.clear()
    await world.follow()
    assert await world.frozen(vault) == AlarmCode.REORG_BELOW_FINALITY
    plan = await plan_of(world)
    assert not plan.moves_back and len(plan.deposits) == 1
    done = await rewind(world).apply(plan)
    await settle_down(world)
    states = [(1_000, "reversed"), *([(1_000, "credited")] if replay else [])]
    assert await world.deposit_states() == states
    assert len(done.found.deposits) == len(states) - 1
    balance = await world.balance(vault)
    assert (balance.available, balance.owed) == (1_000 if replay else 0, 0)
    assert (await world.reconcile()).is_clean
    assert (await plan_of(world)).is_empty
    assert (await plan_of(world, to=0)).is_empty


async def test_an_unswept_and_a_pending_deposit_are_taken_back(database: Database):
    world, vault = await forked_deep(database, ACCOUNT)
    await rewound(world)
    await settle_down(world)
    second = await world.new_address(vault)
    await world.pay(second, 50)
    await settle_down(world)
    assert (await world.balance(vault)).unswept == 50
    await world.pay(second, 60)
    await world.node.mine()
    await world.follow()
    await world.node.reorg(len(world.node.chain) - 1)
    world.node.pool.clear()
    plan = await plan_of(world)
    assert sorted(row.amount for row in plan.deposits) == [50, 60]
    await rewind(world).apply(plan)
    balance = await world.balance(vault)
    assert (balance.unswept, balance.pending, balance.owed) == (0, 0, 0)


async def paid_out(database: Database, *, revert: bool = False) -> tuple[Desk, VaultRow, str]:
    """A vault that received FUNDS and sent 600 of it; then the whole chain was replaced."""
    desk = Desk(database, ACCOUNT, start_height=0)
    await desk.node.mine()
    vault = await desk.open_funded(FUNDS)
    transfer_id = await desk.send(vault, 600)
    await desk.work()
    sent = await desk.newest(transfer_id)
    if revert:
        desk.node.revert(sent.txid)  # type: ignore[arg-type]
    row = await desk.settle(transfer_id)
    assert row.state == ("failed" if revert else "final")
    await desk.node.mine(desk.network.follow_depth)
    await desk.node.finalize()
    await desk.follow()
    await desk.node.reorg(len(desk.node.chain) - 1)
    desk.node.pool.clear()
    with pytest.raises(ReorgTooDeep):
        await desk.follow()
    return desk, vault, transfer_id


@pytest.mark.parametrize("revert", [False, True])
async def test_a_settled_transfer_is_held_and_tracked_again(database: Database, revert: bool):
    desk, vault, transfer_id = await paid_out(database, revert=revert)
    first, ended = await desk.newest(transfer_id), await desk.state(transfer_id)
    plan = await plan_of(desk)
    assert [row.id for row in plan.transfers] == [transfer_id]
    await rewind(desk).apply(plan)
    row, sent = await desk.transfer(transfer_id), await desk.newest(transfer_id)
    assert (row.state, sent.state) == ("in_flight", "broadcast")
    assert (sent.txid, sent.block_hash) == (first.txid, None)
    held = 600 + row.costs_max
    balance = await desk.balance(vault)
    # Nothing of what it received is on the new chain, and what is held for the transfer is owed.
    assert (balance.available, balance.reserved, balance.owed) == (0, held, held)
    assert len(await desk.claims()) == 1
    alarms = {row.code for row in await desk.open_alarms()}
    assert alarms == {AlarmCode.VAULT_OWES, AlarmCode.REORG_TOO_DEEP}
    assert await desk.frozen(vault) == FROZEN_REASON
    await desk.work()
    assert (await desk.reconcile()).is_clean
    # The same bytes are sent again, and are included once the vault has the money for them.
    (address, *_) = await desk.addresses(vault)
    await desk.node.fund(Address(address.address), FUNDS)
    await settle_down(desk)
    done = await desk.settle(transfer_id)
    sent = await desk.newest(transfer_id)
    assert (done.state, sent.state, sent.txid) == (ended, first.state, first.txid)
    await settle_down(desk)
    assert (await desk.reconcile()).is_clean
    assert len(await desk.transactions(transfer_id)) == 1
    unfreezing = desk.services.unfreezing
    await unfreezing.unfreeze(vault.id, "all is well", by="ada", despite_difference=False)
    balance = await desk.balance(vault)
    spent = (0 if revert else 600) + total(sent.costs)
    assert (balance.available, balance.reserved, balance.owed) == (FUNDS - spent, 0, 0)
    assert await desk.open_alarms() == []


async def test_a_plan_that_is_outdated_changes_nothing(database: Database):
    world, vault = await forked_deep(database, COINS)
    plan = await plan_of(world)
    await rewind(world).apply(plan)
    with pytest.raises(Conflict) as refused:
        await rewind(world).apply(plan)
    assert refused.value.code == "rewind_outdated"
    assert (await world.balance(vault)).available == 0


async def test_a_node_that_is_behind_proves_nothing(database: Database):
    world = World(database, COINS, start_height=0)
    vault = await world.new_vault()
    address = await world.new_address(vault)
    await world.node.mine(3)
    await world.pay(address, 9)
    await world.node.mine(4)
    await world.follow()
    world.node.chain = world.node.chain[:3]
    with pytest.raises(Conflict) as refused:
        await plan_of(world)
    assert refused.value.code == "node_behind"
    # A person may say so: the chain ends there.
    done = await rewound(world, to=2)
    assert [row.amount for row in done.plan.deposits] == [9]
    assert await world.deposit_states() == [(9, "reversed")]
    assert (await world.balance(vault)).available == 0


async def test_nothing_to_do(database: Database):
    world = World(database, COINS)
    await world.node.mine(3)
    await world.follow()
    plan = await plan_of(world)
    assert plan.is_empty
    assert (plan.blocks, plan.position, plan.common) == (0, world.node.tip, world.node.tip)
