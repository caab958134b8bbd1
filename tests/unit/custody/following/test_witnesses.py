"""Nothing is credited, settled or called dead that a witness has not agreed to; on each kind of
finality, and across restarts."""

from __future__ import annotations

import pytest

from chains.errors import NodeUnavailable
from chains.nodes.adapter import Nodes
from chains.nodes.witnesses import SILENT_S, Witnesses
from custody.alarms.codes import AlarmCode
from custody.db.session import Database
from custody.following import chain_repository
from custody.workers.nodewatch import NodeWatch
from tests.support.custody import World
from tests.support.fake_adapter import FakeAdapter
from tests.support.fake_chain import FakeNode

NETWORKS = ["bitcoin-regtest", "ethereum-local", "bsc-local"]
"""One for each kind of finality: confirmations, the node's word, both."""


class Witnessed(World):
    """A world whose node has one witness, at first of the same chain."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.witness = FakeAdapter(self.node)
        self.seconds = 0.0
        self.restart()

    def restart(self) -> None:
        if hasattr(self, "witness"):
            self.witnesses = Witnesses(
                [("witness", self.witness)], self.network.finality, clock=lambda: self.seconds
            )
            nodes = Nodes([("node", self.adapter)], self.witnesses)
            self.watch = NodeWatch(self.database, self.network.id, nodes, self.clock)
        super().restart()

    async def settle(self, blocks: int = 6) -> None:
        await self.node.mine(blocks)
        await self.node.finalize()
        await self.follow()
        await self.watch.look()

    async def codes(self) -> list[str]:
        return [row.code for row in await self.open_alarms()]

    async def final_height(self) -> int | None:
        async with self.database.read() as session:
            return await chain_repository.newest_final_height(session, self.network.id)


@pytest.mark.parametrize("alias", NETWORKS)
async def test_a_deposit_waits_for_a_silent_witness(database: Database, alias: str) -> None:
    world = Witnessed(database, alias)
    address = await world.new_address(await world.new_vault())
    await world.settle()
    before = await world.final_height()
    assert before is not None, "an agreeing witness holds nothing up"

    def silent(call: str) -> None:
        raise NodeUnavailable("away")

    world.witness.before = silent
    await world.pay(address, 7_000)
    await world.settle()
    assert await world.deposit_states() == [(7_000, "pending")]
    assert await world.codes() == []
    world.restart()  # what is agreed to is not remembered
    world.seconds += SILENT_S
    await world.settle()
    world.seconds += SILENT_S
    await world.settle()
    assert await world.deposit_states() == [(7_000, "pending")]
    assert await world.final_height() == before
    assert await world.codes() == [AlarmCode.WITNESS_SILENT]
    world.witness.before = lambda call: None
    await world.follow()
    await world.watch.look()
    assert await world.deposit_states() == [(7_000, "credited")]
    assert await world.codes() == []


@pytest.mark.parametrize("alias", NETWORKS)
async def test_a_deposit_waits_while_a_witness_disagrees(database: Database, alias: str) -> None:
    """Our node shows a chain of its own, with a payment that the world never saw."""
    world = Witnessed(database, alias)
    address = await world.new_address(await world.new_vault())
    elsewhere = FakeNode(world.network, seed=99)
    world.witness._node = elsewhere
    await world.pay(address, 7_000)
    for _ in range(3):
        await elsewhere.mine(6)
        await elsewhere.finalize()
        await world.settle()
    assert await world.deposit_states() == [(7_000, "pending")]
    assert await world.final_height() is None
    assert await world.codes() == [AlarmCode.WITNESS_DISAGREES]
    world.witness._node = world.node
    await world.settle()
    assert await world.deposit_states() == [(7_000, "credited")]
    assert await world.codes() == []


async def test_a_witness_that_is_behind_is_followed_block_by_block(database: Database) -> None:
    world = Witnessed(database, "ethereum-local")
    address = await world.new_address(await world.new_vault())
    slow = FakeNode(world.network)
    world.witness._node = slow
    for amount in (1_000, 2_000, 3_000):
        await world.pay(address, amount)
        await world.settle(2)
        slow.chain = list(world.node.chain[:-2])  # as far as before the payment
        slow.final_height = slow.chain[-1].ref.height
    await world.follow()
    states = dict(await world.deposit_states())
    assert states == {1_000: "credited", 2_000: "credited", 3_000: "pending"}


async def test_an_alarm_of_another_process_is_taken_back(database: Database) -> None:
    world = Witnessed(database)
    world.witness._node = FakeNode(world.network, seed=99)
    await world.witness._node.mine(20)
    await world.settle(10)
    assert await world.codes() == [AlarmCode.WITNESS_DISAGREES]
    world.restart()
    world.witness._node = world.node
    await world.settle()
    assert await world.codes() == []
