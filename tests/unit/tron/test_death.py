"""Where an expired transaction could still hide, height by height, on a chain made of numbers."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from typing import cast

import pytest

from chains.errors import DeathUnproven, NodeUnavailable
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
    """Answers like TronRpc; every block is three seconds after the one before. `shows`: what it
    finds by id. `lags`: by how many blocks another node, which answers every second question about
    a block, stands behind."""

    def __init__(self) -> None:
        self.held: dict[int, TxId] = {}
        self.broken_at = -1
        self.asked: list[int] = []
        self.shows: TxId | None = None
        self.info_shows: TxId | None = None
        self.lags = 0
        self._turn = 0

    async def knows(self, txid: TxId) -> bool:
        return txid == self.shows

    async def info(self, txid: TxId) -> object | None:
        return txid if txid == self.info_shows else None

    async def solid_header(self, height: int) -> NodeBlock:
        self._turn += 1
        if self.lags and self._turn % 2 and height > FINAL - self.lags:
            raise NodeUnavailable(f"no block {height} yet")
        parent = block_hash(height - 1) if height != self.broken_at else "00" * 32
        return NodeBlock(BlockRef(height, block_hash(height)), parent, height * 3000, ())

    async def solid_block(self, height: int) -> NodeBlock:
        self.asked.append(height)
        held = [self.held[height]] if height in self.held else []
        transactions = tuple(NodeTransaction(txid, b"", "SUCCESS") for txid in held)
        return replace(await self.solid_header(height), transactions=transactions)


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


async def test_a_reference_of_another_chain_proves_nothing():
    tx = lost()
    payload = pb.Transaction.FromString(tx.raw).raw_data
    raw = pb.RawData.FromString(payload)
    raw.ref_block_hash = b"elsewhen"
    moved = pb.Transaction(raw_data=raw.SerializeToString(), signature=[bytes(65)])
    chain = Chain()
    with pytest.raises(DeathUnproven, match="reference block"):
        await verdict(chain, replace(tx, raw=moved.SerializeToString()))


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


@pytest.mark.parametrize("index", ["shows", "info_shows"])
async def test_what_the_node_knows_is_not_dead_although_no_block_showed_it(index):
    chain, tx = Chain(), lost()
    setattr(chain, index, tx.txid)
    with pytest.raises(DeathUnproven):
        await verdict(chain, tx)


@pytest.mark.parametrize("lag", [10, 90, 200])
async def test_a_second_node_that_lags_is_no_proof(lag):
    """Its solidified chain ends earlier: what it does not have is not read as empty."""
    chain = Chain()
    chain.lags = lag
    with pytest.raises(NodeUnavailable):
        await verdict(chain, lost())


async def test_a_search_that_ended_too_early_is_no_proof(monkeypatch):
    """Several nodes may have helped to find where the life ends; the blocks themselves say it."""

    async def too_early(*_: object) -> int:
        return EXPIRES_AT - 5

    monkeypatch.setattr(death, "_first_as_late", too_early)
    with pytest.raises(NodeUnavailable):
        await verdict(Chain(), lost())
