"""Custody follows a node that has the state of twenty blocks: it never stops, and loses nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from coincurve import PrivateKey

from chains.block import Reading
from chains.devnet.evm import AnvilNode
from chains.evm.adapter import EvmAdapter
from chains.model import Address, AddressType, OwnedAddress
from custody.alarms.codes import AlarmCode
from custody.db.session import Database
from custody.deposits.minimums import NONE
from custody.following.follow import NetworkFollower
from custody.following.readings import Range, ranges
from custody.following.rescan import Rescan
from custody.reconcile.service import Reconciliation
from custody.vaults.service import Vaults
from tests.support import evm
from tests.support.custody import World, without_hashes
from tests.support.evm import ETHER, STOPS, pays
from tests.support.networks import find_network

pytestmark = pytest.mark.engine

KEPT = 20
NETWORK = find_network("ethereum-local")


class House(World):
    """Custody's own parts at a real node."""

    def at(self, adapter: EvmAdapter) -> None:
        self.real = adapter
        codecs = {self.network.id: adapter.codec}
        self.vaults = Vaults(self.database, self.signer, codecs, self.clock)
        self.follower = NetworkFollower(
            self.database, self.writer, self.network, adapter, self.clock
        )

    async def open_codes(self) -> set[str]:
        return {alarm.code for alarm in await self.open_alarms()}

    async def read_as(self) -> list[Range]:
        async with self.database.read() as session:
            return without_hashes(await ranges(session, self.network.id))

    async def equals_chain(self) -> bool:
        service = Reconciliation(
            self.database,
            self.ledger,
            {self.network.id: self.network},
            {self.network.id: self.real},
            self.clock,
        )
        return (await service.run()).is_clean


@pytest_asyncio.fixture
async def engine(tmp_path: Path) -> AsyncIterator[evm.World]:
    """For its contracts."""
    node = AnvilNode(NETWORK, tmp_path / "node")
    await node.start()
    adapter = EvmAdapter(NETWORK, node.url, timeout_s=30.0)
    key = PrivateKey()
    public_key = key.public_key.format()
    address = adapter.codec.derive_address(public_key, AddressType.EVM)
    path = adapter.codec.address_path(AddressType.EVM, 0, 0)
    try:
        owner = OwnedAddress(address, AddressType.EVM, path, public_key)
        yield evm.World(NETWORK, node, adapter, key, owner)
    finally:
        await adapter.close()
        await node.stop()


async def test_catching_up_with_a_node_that_prunes(engine: evm.World, sqlite_url: str) -> None:
    database = Database(sqlite_url)
    house = House(database, NETWORK.alias)
    house.at(engine.adapter)
    node = engine.node
    vault = await house.new_vault()
    ours = Address((await house.new_address(vault)).address)
    generous = await engine.deploy(pays(ours, 7) + STOPS)
    await node.mine(KEPT)
    node.prune(KEPT)
    await node.fund(ours, ETHER)
    await node.mine()
    await house.follow()
    started = (await engine.adapter.tip()).height

    # Custody is down while the node goes on for longer than it remembers.
    await node.fund(ours, 2 * ETHER)
    await engine.call(generous, 100)
    await node.mine(2 * KEPT)
    await engine.call(generous, 100)
    await node.fund(ours, 3 * ETHER)
    await node.mine()
    await house.follow()
    tip = await engine.adapter.tip()
    assert house.follower.status.position == tip, "it never stops"
    gaps = [each for each in await house.read_as() if each.reading is not Reading.COMPLETE]
    # The block in which the contract paid. Those without transactions need no trace.
    assert gaps[-1] == Range(started + 1, started + 1, Reading.WITHOUT_INTERNAL)
    assert AlarmCode.READING_GAP in await house.open_codes()
    await node.finalize()
    await house.follow()
    found = sorted(amount for amount, _ in await house.deposit_states())
    assert found == [7, ETHER, 2 * ETHER, 3 * ETHER], "one of the contract's payments is not seen"
    assert not await house.equals_chain()
    assert await house.frozen(vault) is None, "a surplus freezes nobody"

    # An archive node takes its place, and the range is looked at again.
    node.heal()
    rescan = Rescan(database, house.ledger, NETWORK, engine.adapter, house.clock, NONE)
    await rescan.blocks(gaps[0].first, gaps[-1].last)
    assert {each.reading for each in await house.read_as()} == {Reading.COMPLETE}
    assert AlarmCode.READING_GAP not in await house.open_codes()
    await house.follow()
    assert (await house.balance(vault)).available == 6 * ETHER + 14 == await node.balance(ours)
    assert await house.equals_chain()
    await database.close()
