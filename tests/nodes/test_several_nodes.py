"""Several real nodes: one goes away in the middle of following, one shows another chain."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
from eth_account import Account
from pydantic import SecretStr

from chains.devnet.evm import AnvilNode
from chains.devnet.faults import FaultProxy
from chains.errors import PrivateNodesAway
from chains.model import BlockRef, Broadcast, SignedTx, TxId
from chains.nodes import NODE_TAKEN_OUT, WITNESS_DISAGREES
from chains.nodes.adapter import Nodes
from chains.transport.endpoint import Endpoint, Endpoints, Role
from custody.bootstrap import connect
from tests.support.networks import find_network

pytestmark = pytest.mark.engine

NETWORK = find_network("ethereum-local")
TIMEOUT_S = 30.0


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[AnvilNode]:
    started = AnvilNode(NETWORK, tmp_path / "node")
    await started.start()
    yield started
    await started.stop()


@pytest.fixture
async def proxies(node: AnvilNode) -> AsyncIterator[list[FaultProxy]]:
    made = [FaultProxy(node.url) for _ in range(2)]
    for proxy in made:
        await proxy.start()
    yield made
    for proxy in made:
        await proxy.stop()


def nodes_at(*urls: str | Endpoint) -> Nodes:
    return connect(NETWORK, Endpoints.of(urls), TIMEOUT_S)


def witness(url: str) -> Endpoint:
    return Endpoint(SecretStr(url), role=Role.WITNESS)


async def test_one_node_after_the_other_goes_away(
    node: AnvilNode, proxies: list[FaultProxy]
) -> None:
    first, second = proxies
    nodes = nodes_at(first.url, second.url)
    address = await node.outside_address()
    await node.mine(3)
    for gone, there in ((first, second), (second, first)):
        gone.go_away()
        tip = await nodes.tip()
        found = await nodes.block(tip.height)
        assert found is not None and found.ref == tip
        assert await nodes.balance(address, NETWORK.native.id, tip) == await node.balance(address)
        gone.heal()
        there.drop_reply()  # the question is asked again as a whole
        assert (await nodes.block(tip.height)) == found
    await nodes.close()


async def test_a_witness_of_the_same_chain_agrees_and_one_of_another_does_not(
    node: AnvilNode, proxies: list[FaultProxy], tmp_path: Path
) -> None:
    other = AnvilNode(NETWORK, tmp_path / "other")
    await other.start()
    try:
        await node.mine(70)  # the other one has blocks of its own at these heights
        await other.mine(70)
        nodes = nodes_at(proxies[0].url, witness(proxies[1].url))
        final = await nodes.finalized()
        assert final is not None

        async def ours(height: int) -> BlockRef | None:
            return await nodes.block_ref(height)

        assert nodes.witnesses is not None
        assert await nodes.witnesses.agree(final, ours) is not None
        assert nodes.troubles() == ()
        await nodes.close()

        nodes = nodes_at(proxies[0].url, witness(other.url))
        assert nodes.witnesses is not None
        assert await nodes.witnesses.agree(final, ours) is None
        assert [each.code for each in nodes.troubles()] == [WITNESS_DISAGREES]
        await nodes.close()
    finally:
        await other.stop()


async def test_a_node_of_another_network_is_not_asked(node: AnvilNode, tmp_path: Path) -> None:
    other = AnvilNode(find_network("bsc-local"), tmp_path / "bsc")
    await other.start()
    nodes = nodes_at(other.url, node.url)
    try:
        await node.mine(2)
        assert await nodes.tip() == await nodes.block_ref((await nodes.tip()).height)
        [trouble] = nodes.troubles()
        assert trouble.code == NODE_TAKEN_OUT and "31338" in trouble.message
    finally:
        await nodes.close()
        await other.stop()


async def knows(node: AnvilNode, txid: TxId) -> bool:
    asked = {"jsonrpc": "2.0", "id": 1, "method": "eth_getTransactionByHash", "params": [txid]}
    async with httpx2.AsyncClient() as client:
        answer = await client.post(node.url, json=asked)
    return answer.json()["result"] is not None


async def test_what_is_private_reaches_no_other_node(
    node: AnvilNode, proxies: list[FaultProxy], tmp_path: Path
) -> None:
    """The private node is away, then it is back; the public one never has the transaction."""
    public = AnvilNode(NETWORK, tmp_path / "public")
    await public.start()
    relay = Endpoint(SecretStr(proxies[0].url), role=Role.PRIVATE)
    nodes, signer = nodes_at(public.url, relay), Account.create()
    try:
        for each in (node, public):
            await each.fund(signer.address, 10**18)
            await each.mine()
        made = signer.sign_transaction(
            {
                "chainId": NETWORK.number("chain_id"),
                "nonce": 0,
                "to": signer.address,
                "value": 1,
                "gas": 21_000,
                "maxFeePerGas": 10**11,
                "maxPriorityFeePerGas": 10**9,
                "type": 2,
            }
        )
        call = SignedTx(NETWORK.id, TxId(made.hash.to_0x_hex()), made.raw_transaction, private=True)
        proxies[0].go_away()
        (away,) = await nodes.broadcast([call])
        assert isinstance(away, PrivateNodesAway)
        proxies[0].heal()
        assert await nodes.broadcast([call]) == [Broadcast.ACCEPTED]
        assert await knows(node, call.txid)
        assert not await knows(public, call.txid)
    finally:
        await nodes.close()
        await public.stop()
