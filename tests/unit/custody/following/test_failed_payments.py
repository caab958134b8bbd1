"""A payment of ours that failed and took money all the same: a contract may give it to somebody
else. Its transfer is not paid, so nobody agreed to what left."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chains.block import Block
from custody.alarms.codes import AlarmCode
from custody.db.session import Database
from tests.support.custody import World
from tests.support.transfer_rows import add_transaction, add_transfer
from tests.unit.custody.following.test_foreign_debits import debits, settle, states, stolen
from tests.unit.custody.reconcile.scene import funded, transfer

ALIAS = "ethereum-local"


def diverted(world: World) -> None:
    """Whatever is included fails, and is gone all the same."""
    real = world.adapter.block

    async def block(height: int) -> Block:
        found = await real(height)
        assert found is not None
        failed = tuple(each._replace(failure="moved nothing") for each in found.included)
        return replace(found, included=failed)

    world.adapter.block = block  # type: ignore[method-assign]


async def test_what_left_with_it_is_a_foreign_debit(database: Database):
    world, vault = await funded(database, ALIAS)
    await transfer(world, vault, 30_000, 2_000)
    diverted(world)
    await world.node.mine()
    await world.follow()
    assert await states(world) == [(30_000, "excess", "pending")]
    assert await world.frozen(vault) == AlarmCode.FOREIGN_DEBIT
    await settle(world)
    assert await states(world) == [(30_000, "excess", "booked")]


@pytest.mark.parametrize("final", [False, True])
async def test_what_custody_had_forgotten_explains_its_costs_alone(database: Database, final: bool):
    world, vault = await funded(database, ALIAS)
    diverted(world)
    txid = await stolen(world, vault)
    if final:
        await settle(world)
    (address, *_) = await world.addresses(vault)
    async with database.write() as session:
        await add_transfer(
            session,
            "trf_1",
            client=vault.client_id,
            vault=vault.id,
            network=world.network.id,
            asset=world.native,
            destination="thief",
            amount=60_000,
            fee_max=world.node.fee,
            now=world.clock(),
        )
        await add_transaction(
            session,
            "txn_1",
            ["trf_1"],
            network=world.network.id,
            vault=vault.id,
            payload=b"",
            txid=txid,
            source=address.address,
            now=world.clock(),
        )
    await world.node.mine()
    await world.follow()
    standing = {row.place: row.state for row in await debits(world)}
    assert standing["cost:fee"] == "reversed"
    assert standing["output:0"] == ("booked" if final else "pending")
