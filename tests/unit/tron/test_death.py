"""Where an expired transaction could still hide, height by height, on a chain made of numbers."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from typing import cast

import pytest

from chains.errors import NodeUnavailable
from chains.model import Address, BlockRef, SignedTx, TxId
from chains.tron import REFERENCE_WINDOW, build, death
from chains.tron import tron_pb2 as pb
from chains.tron.rpc import NodeBlock, NodeTransaction, TronRpc
from tests.support.tron import LOCAL

OWNER = Address("TY72iA3SBtrds3QLYsS7LwYfkzXwAXCRWT")
TO = Address("TFz2CJn9CJb8C4i1Gke3jmZX2fRMJxniH2")
REFERENCE = 70_000
EXPIRES_AT = 70_020
"""The first block that is as late as the expiration, and so the last that could hold it."""
FINAL = 70_100


class Chain:
    """Answers like TronRpc; every block is three seconds after the one before."""

    def __init__(self) -> None:
        self.held: dict[int, TxId] = {}
        self.broken_at = -1
        self.asked: list[int] = []

    async def header(self, height: int) -> NodeBlock:
        parent = block_hash(height - 1) if height != self.broken_at else "00" * 32
        return NodeBlock(BlockRef(height, block_hash(height)), parent, height * 3000, ())

    async def block(self, height: int) -> NodeBlock:
        self.asked.append(height)
        held = [self.held[height]] if height in self.held else []
        transactions = tuple(NodeTransaction(txid, b"", "SUCCESS") for txid in held)
        return replace(await self.header(height), transactions=transactions)


def block_hash(height: int) -> str:
    return max(height, 0).to_bytes(8).hex() + sha256(b"%d" % height).hexdigest()[16:]


def lost(reference: int = REFERENCE, expiration_ms: int = EXPIRES_AT * 3000) -> SignedTx:
    payload = build.build_transfer(
        OWNER,
        TO,
        1,
        reference=BlockRef(reference, block_hash(reference)),
        expiration_ms=expiration_ms,
        timestamp_ms=1,
    )
    raw = pb.Transaction(raw_data=payload, signature=[bytes(65)]).SerializeToString()
    return SignedTx(LOCAL.id, TxId(sha256(payload).hexdigest()), raw)


async def verdict(chain: Chain, tx: SignedTx, final: int = FINAL) -> str | None:
    ref = BlockRef(final, block_hash(final))
    return await death.prove_dead(cast(TronRpc, chain), tx, ref)


async def test_dead_when_no_block_has_it():
    chain = Chain()
    assert "70020" in str(await verdict(chain, lost()))
    assert chain.asked == list(range(REFERENCE + 1, EXPIRES_AT + 1))


@pytest.mark.parametrize("height", [REFERENCE + 1, REFERENCE + 10, EXPIRES_AT])
async def test_alive_in_any_block_that_could_hold_it(height):
    chain, tx = Chain(), lost()
    chain.held[height] = tx.txid
    assert await verdict(chain, tx) is None


async def test_another_transaction_is_not_it():
    chain, tx = Chain(), lost()
    chain.held[EXPIRES_AT] = TxId("aa" * 32)
    assert await verdict(chain, tx) is not None


async def test_the_final_block_decides_about_the_expiration():
    assert await verdict(Chain(), lost(), EXPIRES_AT - 1) is None
    assert await verdict(Chain(), lost(), EXPIRES_AT) is not None


async def test_an_expiration_between_two_blocks():
    chain, tx = Chain(), lost(expiration_ms=EXPIRES_AT * 3000 - 1)
    assert await verdict(chain, tx) is not None
    assert chain.asked[-1] == EXPIRES_AT
    chain, tx = Chain(), lost(expiration_ms=EXPIRES_AT * 3000 + 1)
    assert await verdict(chain, tx) is not None
    assert chain.asked[-1] == EXPIRES_AT + 1


async def test_a_reference_one_window_back():
    """Its two bytes name the newest block that ends so, unless the hash says the one before."""
    old = EXPIRES_AT - REFERENCE_WINDOW + 5
    chain, tx = Chain(), lost(reference=old - 10)
    chain.held[old] = tx.txid
    assert await verdict(chain, tx) is None


async def test_a_reference_of_another_chain_is_death():
    tx = lost()
    payload = pb.Transaction.FromString(tx.raw).raw_data
    raw = pb.RawData.FromString(payload)
    raw.ref_block_hash = b"elsewhen"
    moved = pb.Transaction(raw_data=raw.SerializeToString(), signature=[bytes(65)])
    chain = Chain()
    reason = await verdict(chain, replace(tx, raw=moved.SerializeToString()))
    assert "reference block" in str(reason)
    assert chain.asked == []


@pytest.mark.parametrize("height", [REFERENCE + 1, EXPIRES_AT])
async def test_blocks_that_do_not_link_prove_nothing(height):
    chain = Chain()
    chain.broken_at = height
    with pytest.raises(NodeUnavailable):
        await verdict(chain, lost())


async def test_another_final_block_than_ours():
    chain = Chain()
    with pytest.raises(NodeUnavailable):
        await death.prove_dead(cast(TronRpc, chain), lost(), BlockRef(FINAL, "00" * 32))
