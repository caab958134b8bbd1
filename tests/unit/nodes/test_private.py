"""What only the private nodes may see reaches no other node, whatever they say."""

from __future__ import annotations

import pytest

from chains.errors import (
    BroadcastRejected,
    ChainError,
    NodeLimited,
    NodeUnavailable,
    PrivateNodesAway,
    WrongChain,
)
from chains.model import Broadcast, SignedTx, TxId
from chains.nodes import NODE_TAKEN_OUT
from tests.unit.nodes.test_nodes import NETWORK, TX, World, failing, world

__all__ = ["world"]

HIDDEN = SignedTx(NETWORK.id, TxId("h"), b"raw", private=True)


async def test_what_is_private_goes_to_the_private_nodes_alone(world: World) -> None:
    public, secret, other = world.adapters(3)
    nodes = world.together([public], private=world.together([secret, other]))
    assert await nodes.broadcast([TX, HIDDEN]) == [Broadcast.ACCEPTED] * 2
    assert (public.sent_to, secret.sent_to, other.sent_to) == ([TX], [HIDDEN], [HIDDEN])
    await nodes.close()


@pytest.mark.parametrize(
    ("says", "found"),
    [
        (NodeUnavailable("silence"), PrivateNodesAway),
        (NodeLimited("slow down", delay_s=9), PrivateNodesAway),
        (WrongChain("another one"), PrivateNodesAway),
        (BroadcastRejected("low fee"), BroadcastRejected),
    ],
)
async def test_what_they_do_not_take_goes_nowhere_else(
    world: World, says: ChainError, found: type[ChainError]
) -> None:
    """However often it is tried, and the others' are taken all the same."""
    public, secret = world.adapters(2)
    nodes = world.together([public], private=world.together([secret]))
    secret.fails = failing(says, "broadcast")
    for _ in range(3):
        hidden, shown = await nodes.broadcast([HIDDEN, TX])
        assert type(hidden) is found
        assert shown is Broadcast.ACCEPTED
        world.clock.now += 100
    assert HIDDEN not in public.sent_to
    await nodes.close()


async def test_one_of_another_chain_is_told_like_any_other_node(world: World) -> None:
    public, secret = world.adapters(2)
    nodes = world.together([public], private=world.together([secret]))
    secret.fails = failing(WrongChain("another one"), "check")
    await nodes.broadcast([HIDDEN])
    (trouble,) = nodes.troubles()
    assert trouble.code == NODE_TAKEN_OUT and "another one" in trouble.message
    assert secret.sent_to == []
    await nodes.close()


async def test_without_private_nodes_all_goes_to_all(world: World) -> None:
    (public,) = adapters = world.adapters(1)
    assert await world.together(adapters).broadcast([HIDDEN]) == [Broadcast.ACCEPTED]
    assert public.sent_to == [HIDDEN]


async def test_private_nodes_are_asked_nothing_else(world: World) -> None:
    public, secret = world.adapters(2)
    nodes = world.together([public], private=world.together([secret]))
    await nodes.tip()
    await nodes.statuses([HIDDEN.txid])
    assert set(secret.calls) == set()
    await nodes.close()
