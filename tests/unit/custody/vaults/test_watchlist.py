"""Never a miss, rarely a false alarm, little memory: the fingerprints and the watch list."""

from __future__ import annotations

import asyncio
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chains.block import Movement
from chains.model import Address, AssetId, NetworkId, TxId
from custody.db.session import Database
from custody.vaults import fingerprints
from custody.vaults.fingerprints import FingerprintSet
from custody.vaults.watchlist import WatchList, outpoint_key, parse_outpoint
from tests.support.custody import World


@settings(max_examples=50, deadline=None)
@given(members=st.sets(st.text(max_size=9)), others=st.sets(st.text(max_size=9)))
def test_it_is_a_set(members: set[str], others: set[str]):
    found = FingerprintSet()
    found.add_all(members)
    found.add_all(members)
    assert len(found) == len(members)
    assert all(each in found for each in members)
    asked = list(members | others)
    assert list(found.matching(asked)) == [each for each in asked if each in members]


def test_full_of_collisions(monkeypatch: pytest.MonkeyPatch):
    """Fingerprints that all want the same few slots, and one that is the mark of an empty slot."""
    monkeypatch.setattr(fingerprints, "hash", lambda text: int(text) % 8 << 40, raising=False)
    found = FingerprintSet()
    found.add_all(str(number) for number in (0, 1, 2, 3, 8, 11))
    assert len(found) == 4
    assert [number for number in range(16) if str(number) in found] == [0, 1, 2, 3, 8, 9, 10, 11]


def test_an_address_takes_at_most_32_bytes():
    found = FingerprintSet()
    found.add_all(f"bcrt1q{number:036d}" for number in range(100_000))
    assert len(found) == 100_000
    assert sys.getsizeof(found._slots) < 100_000 * 32
    assert f"bcrt1q{7:036d}" in found
    assert list(found.matching(f"other{number:037d}" for number in range(100_000))) == []


@settings(max_examples=30, deadline=None)
@given(
    network=st.sampled_from(["bip122:ab", "eip155:1"]),
    txid=st.text("0123456789abcdef", min_size=64, max_size=64),
)
def test_outpoint_keys_are_read_back(network: str, txid: str):
    assert parse_outpoint(outpoint_key(NetworkId(network), txid, 12)) == (txid, 12)


def credit(address: str) -> Movement:
    return Movement(TxId("t"), "output:0", Address(address), AssetId("a"), 1)


async def refresh(database: Database, watchlist: WatchList) -> int:
    async with database.read() as session:
        await watchlist.refresh(session)
    return len(watchlist)


async def test_it_takes_in_what_is_new_on_its_network(database: Database):
    world, elsewhere = World(database), World(database, "ethereum-local")
    vault = await world.new_vault()
    elsewhere.signer.accounts = world.signer.accounts
    watchlist = WatchList(world.network.id)
    assert await refresh(database, watchlist) == 0
    first = await world.new_address(vault)
    foreign = await elsewhere.new_address(vault)
    assert await refresh(database, watchlist) == 1
    second = await world.new_address(vault, change=True)
    credits_ = [credit(each.address) for each in (second, foreign, first)] + [credit("other")]
    assert [each.address for each in watchlist.movements(credits_)] == [first.address]
    assert await refresh(database, watchlist) == 2
    found = {each.address for each in watchlist.movements(credits_)}
    assert found == {first.address, second.address}


async def test_what_becomes_visible_out_of_order_is_not_missed(database: Database):
    """Two transactions number their addresses; the one with the smaller number commits last. The
    second waits for the first (PostgreSQL), so that a reader never sees a gap."""
    world = World(database)
    vault = await world.new_vault()
    watchlist = WatchList(world.network.id)
    entered, leave = asyncio.Event(), asyncio.Event()

    async def dawdle(session: object, rows: object) -> None:
        entered.set()
        await leave.wait()

    network = world.network.id
    slow = asyncio.create_task(world.vaults.create_addresses(vault.id, network, within=dawdle))
    await entered.wait()
    quick = asyncio.create_task(world.vaults.create_addresses(vault.id, network, change=True))
    await asyncio.sleep(0.2)
    before = await refresh(database, watchlist)
    leave.set()
    await asyncio.gather(slow, quick)
    assert before == 0
    assert await refresh(database, watchlist) == 2
