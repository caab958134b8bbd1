"""What blocks do to deposits, on a fake chain and both databases."""

from __future__ import annotations

import pytest

from custody.db.session import Database
from tests.support.custody import World

async def test_pending_then_credited_at_the_networks_confirmations(database: Database):
    world = World(database)
    vault = await world.new_vault()
    address = await world.new_address(vault)
    await world.follow()
    await world.node.fund(address.address, 50_000)
    await world.node.mine()
    await world.follow()
    assert await world.deposit_states() == [(50_000, "pending")]
    balance = await world.balance(vault)
    assert (balance.available, balance.pending) == (0, 50_000)
    await world.node.mine()
    await world.follow()
    assert await world.deposit_states() == [(50_000, "pending")]
    await world.node.mine()
    await world.follow()
    assert await world.deposit_states() == [(50_000, "credited")]
    balance = await world.balance(vault)
    assert (balance.available, balance.pending) == (50_000, 0)
    assert (await world.reconcile()).is_clean
