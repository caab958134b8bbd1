"""That a block has our transaction, proven from the engines' own answers and checked by others'
code: bitcoind itself, py-trie, and the local TRON chain's tree."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import httpx2
import pytest
import rlp
from trie.hexary import HexaryTrie

from chains.adapter import ProvesInclusion
from chains.answers import found
from chains.bitcoin.transaction import parse_transaction
from chains.devnet.tron_server.chain import merkle_root
from chains.errors import ChainError, InclusionUnproven, NodeUnavailable
from chains.hashes import keccak256, sha256d
from chains.inclusion import Proof
from chains.model import BlockRef, SignedTx, TxId
from tests.conformance.world import World
from tests.support import families
from tests.support.single import one

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.engine]


async def paid(world: World) -> tuple[SignedTx, BlockRef]:
    """A payment in a final block that others share."""
    if not isinstance(world.adapter, ProvesInclusion):
        pytest.skip("blocks of this chain prove nothing")
    purse, outside = world.purse(), await world.node.outside_address()
    await purse.receive()
    signed = await purse.signed(outside, world.coin)
    await world.settled(signed, outside, world.coin)
    status = await one(world.adapter.statuses, signed.txid)
    await world.node.finalize()
    assert status.block is not None
    return signed, status.block


async def prove(world: World, txid: TxId, block: BlockRef) -> Proof:
    assert isinstance(world.adapter, ProvesInclusion)
    (proof,) = await world.adapter.prove([txid], block)
    return found(proof)


async def asked(world: World, method: str, *params: Any) -> Any:
    async with httpx2.AsyncClient() as client:
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        return (await client.post(world.node.url, json=body)).json()["result"]


async def test_a_payment_is_proven_to_others(world: World) -> None:
    signed, block = await paid(world)
    proof = await prove(world, signed.txid, block)
    await CHECKS[world.network.family](world, signed, block, proof)


async def test_what_a_block_has_not_is_not_proven(world: World) -> None:
    signed, block = await paid(world)
    assert isinstance(world.adapter, ProvesInclusion)
    other = TxId(signed.txid[:-4] + "beef")
    mine, none = await world.adapter.prove([signed.txid, other], block)
    found(mine)
    assert isinstance(none, InclusionUnproven)
    elsewhere = BlockRef(block.height, block.hash[:-4] + "beef")
    with pytest.raises((InclusionUnproven, NodeUnavailable)) as refused:
        found((await world.adapter.prove([signed.txid], elsewhere))[0])
    assert isinstance(refused.value, ChainError)


async def _bitcoin(world: World, signed: SignedTx, block: BlockRef, proof: Proof) -> None:
    """With bitcoind's own proof, whose partial tree has the same hashes, and with its headers."""
    told = bytes.fromhex(await asked(world, "gettxoutproof", [signed.txid], block.hash))
    assert told[:80].hex() == proof["header"]
    for each in [*proof["branch"], *proof["coinbase_branch"]]:
        assert bytes.fromhex(each) in told
    root = bytes.fromhex(signed.txid)[::-1]
    first = bytes.fromhex(parse_transaction(bytes.fromhex(proof["coinbase"])).txid())[::-1]
    for leaf, index, branch in (
        (root, proof["index"], proof["branch"]),
        (first, 0, proof["coinbase_branch"]),
    ):
        node = leaf
        for level, each in enumerate(map(bytes.fromhex, branch)):
            node = sha256d(each + node if index >> level & 1 else node + each)
        assert node == bytes.fromhex(proof["header"])[36:68]
    hashed = [sha256d(bytes.fromhex(each))[::-1].hex() for each in proof["headers"]]
    assert hashed == [
        await asked(world, "getblockhash", block.height + at + 1) for at in range(len(hashed))
    ]
    assert len(hashed) == (world.network.finality.confirmations or 0) - 1


async def _evm(world: World, signed: SignedTx, block: BlockRef, proof: Proof) -> None:
    """With py-trie, from the roots that the header names."""
    header = bytes.fromhex(proof["header"])
    assert "0x" + keccak256(header).hex() == block.hash
    fields = rlp.decode(header)
    key = rlp.encode(proof["index"])
    nodes = [rlp.decode(bytes.fromhex(each)) for each in proof["transaction_nodes"]]
    assert HexaryTrie.get_from_proof(fields[4], key, nodes) == signed.raw
    nodes = [rlp.decode(bytes.fromhex(each)) for each in proof["receipt_nodes"]]
    receipt = HexaryTrie.get_from_proof(fields[5], key, nodes)
    body = receipt if receipt[0] > 0x7F else receipt[1:]
    assert rlp.decode(body)[0] == b"\x01"


async def _tron(world: World, signed: SignedTx, block: BlockRef, proof: Proof) -> None:
    """With the local chain's own tree: this block has one leaf beside its empty neighbours."""
    raw = bytes.fromhex(proof["header"]["raw_data"])
    assert block.hash == (block.height.to_bytes(8) + sha256(raw).digest()[8:]).hex()
    whole = bytes.fromhex(proof["transaction"])
    assert whole.startswith(signed.raw)
    assert (proof["index"], proof["count"], proof["branch"]) == (0, 1, [])
    assert merkle_root([sha256(whole).digest()]) in raw
    parent = block.hash
    for at, each in enumerate(proof["headers"], block.height + 1):
        raw = bytes.fromhex(each["raw_data"])
        assert bytes.fromhex(parent) in raw
        parent = (at.to_bytes(8) + sha256(raw).digest()[8:]).hex()
    assert len(proof["headers"]) >= 18


CHECKS = {families.BITCOIN: _bitcoin, families.EVM: _evm, families.TRON: _tron}
