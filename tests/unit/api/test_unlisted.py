"""What came and is no money, as a client sees it: bounded, marked, and hidden where it imitates."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from chains.block import Block, Movement
from chains.model import Address, AssetId, BlockRef, TxId
from custody.deposits.deciding import Holding, Owner
from custody.following.blocks import lock_chain
from custody.following.unlisted import KEPT_MAX, looks_like, set_apart
from custody.vaults.watchlist import WatchList
from tests.support.networks import find_network
from tests.unit.api.counter import OUTSIDE, Counter

NETWORK = find_network("ethereum-local")
FAKE = AssetId(f"{NETWORK.id}/erc20:0x3535353535353535353535353535353535353535")
SENDER = Address("0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359")


def imitating(address: str) -> Address:
    return Address(address[:6] + "0" * 32 + address[-4:])


async def ours(counter: Counter) -> Address:
    page = await counter.get(f"/v1/vaults/{counter.vault_id}/addresses?network={NETWORK.alias}")
    return Address(page["items"][0]["address"])


async def arrive(
    counter: Counter, came: Sequence[tuple[Address, int]], *, height: int = 5, first: int = 0
) -> None:
    """Each a transaction of its own in one block: who is said to have sent how much."""
    mine = await ours(counter)
    owner = Owner(counter.vault_id, counter.client_id, None, Holding.SPENDABLE)
    moved = [
        Movement(TxId(f"0x{height}-{first + at}"), "transfer:0", address, FAKE, change)
        for at, (sender, units) in enumerate(came)
        for address, change in ((sender, -units), (mine, units))
    ]
    block = Block(BlockRef(height, f"0xb{height}"), "0xa", 0, tuple(moved))
    touched = [each for each in moved if each.address == mine]
    async with counter.database.write() as session:
        chain = await lock_chain(session, NETWORK, WatchList(NETWORK.id), counter.clock())
        await set_apart(chain, [(block, touched)], {mine: owner})


async def shown(counter: Counter, query: str = "") -> list[tuple[str, str | None]]:
    items = (await counter.get(f"/v1/unlisted?network={NETWORK.alias}{query}"))["items"]
    return [(each["amount_base_units"], each["mark"]) for each in items]


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("0xAb12" + "0" * 32 + "cDeF", "0xaB12" + "1" * 32 + "CdEf", True),
        ("0xab12" + "0" * 32 + "cdef", "0xab12" + "0" * 32 + "cdef", False),
        ("0xab12" + "0" * 32 + "cdef", "0xab12" + "1" * 32 + "cdee", False),
        ("0xab12" + "0" * 32 + "cdef", "0xab13" + "1" * 32 + "cdef", False),
    ],
)
def test_what_people_take_for_the_same(one: str, other: str, alike: bool) -> None:
    assert looks_like(one, other) is alike


async def test_marked_is_hidden_until_it_is_asked_for(counter: Counter) -> None:
    body = counter.transfer(NETWORK.alias, amount="0.000000001")
    assert (await counter.send(body)).status_code == 201
    payee, mine = OUTSIDE[NETWORK.alias], await ours(counter)
    poison = [(imitating(payee), 0), (imitating(payee), 9), (imitating(mine), 8)]
    await arrive(counter, [(SENDER, 7), (SENDER, 0), (Address(payee), 6), *poison])
    assert sorted(await shown(counter)) == [("6", None), ("7", None)]
    assert ("0", "zero") in await shown(counter, "&mark=zero")
    alike = [each for each in await shown(counter, "&mark=look_alike") if each[1]]
    assert sorted(alike) == [("0", "look_alike"), ("8", "look_alike"), ("9", "look_alike")]
    assert len(await shown(counter, "&mark=look_alike&mark=zero")) == 6
    assert (await counter.get("/v1/deposits"))["items"] == []


async def test_so_much_is_kept_of_each_sort_and_the_rest_is_counted(counter: Counter) -> None:
    await arrive(counter, [(SENDER, 0)] * (KEPT_MAX + 2), height=5)
    await arrive(counter, [(SENDER, 1)] * KEPT_MAX, height=6)
    await arrive(counter, [(SENDER, 1)] * 3, height=7)
    await arrive(counter, [(SENDER, 1)] * KEPT_MAX, height=6)  # read again: they are known
    assert len(await shown(counter, "&limit=1000")) == KEPT_MAX
    assert len(await shown(counter, "&limit=1000&mark=zero")) == 2 * KEPT_MAX
    (beyond,) = (await counter.get("/v1/unlisted"))["beyond"]
    assert (beyond["address"], beyond["count"]) == (await ours(counter), 5)
    assert beyond["first_height"] == 5


async def test_it_is_shown_to_its_own_client(counter: Counter) -> None:
    await arrive(counter, [(SENDER, 1)] * (KEPT_MAX + 1))
    other = (await counter.post("/v1/clients", {"name": "Other"}, "admin"))["id"]
    for client, count in ((other, 0), (counter.client_id, 1)):
        key = await counter.new_key("read", client_id=client)
        found = await counter.get("/v1/unlisted?limit=1", key)
        assert (len(found["items"]), len(found["beyond"])) == (count, count)
    key = await counter.new_key("read", client_id=other)
    answer = await counter.call("GET", f"/v1/unlisted?vault_id={counter.vault_id}", key=key)
    assert answer.status_code == 404
