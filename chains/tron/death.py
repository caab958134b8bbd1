"""Proves that a TRON transaction can never be included any more.

A block may contain a transaction only if it descends from the transaction's reference block and
its parent is earlier than the expiration (java-tron `Manager.validateTapos`, `validateCommon`).
So once a final block is as late as the expiration, only the blocks between those two could hold
it. They are read from the node's solidified chain, linked by their parents' hashes and searched one
by one. That a node does not know a transaction proves nothing, since it may lag behind or keep no
history, and what hangs on the answer is paying twice; that it does know it is enough to wait.
"""

from __future__ import annotations

from chains.errors import DeathUnproven, NodeUnavailable
from chains.model import BlockRef, SignedTx, TxId
from chains.tron import REFERENCE_WINDOW, parse
from chains.tron.build import reference_hash
from chains.tron.rpc import TronRpc


async def prove_dead(rpc: TronRpc, tx: SignedTx, final: BlockRef) -> str | None:
    """The reason in words, or None if `tx` is included or still could be. Raises DeathUnproven
    where it has expired and its life can't be read whole."""
    raw = parse.raw_data(parse.signed_transaction(tx.raw).raw_data)
    header = await rpc.solid_header(final.height)
    if header.ref != final:
        raise NodeUnavailable(f"the node does not have the final block {final.height}")
    if header.timestamp_ms < raw.expiration:
        return None
    last = await _first_as_late(rpc, raw.expiration, final.height)
    reference = await _reference(rpc, raw.ref_block_bytes, raw.ref_block_hash, last)
    if reference is None:
        raise DeathUnproven("it has expired, and its reference block is not in the final chain")
    if await _is_in_blocks(rpc, tx.txid, raw.expiration, reference, last):
        return None
    if await rpc.knows(tx.txid) or await rpc.info(tx.txid) is not None:
        raise DeathUnproven("it has expired, and the node knows it although no block showed it")
    return (
        f"it expired by block {last}, which is final, and no block since {reference.height} has it"
    )


async def _first_as_late(rpc: TronRpc, time_ms: int, high: int) -> int:
    """The height of the first block not earlier than `time_ms`; the one at `high` is not."""
    low = 0
    while low < high:
        middle = (low + high) // 2
        if (await rpc.solid_header(middle)).timestamp_ms < time_ms:
            low = middle + 1
        else:
            high = middle
    return low


async def _reference(
    rpc: TronRpc, height_bytes: bytes, hash_bytes: bytes, before: int
) -> BlockRef | None:
    """The block below `before` that the transaction names. A reference is good for one window,
    and a transaction lives at most a day, which is less: so it is one of the last two."""
    newest = before - 1 - (before - 1 - int.from_bytes(height_bytes)) % REFERENCE_WINDOW
    for height in (newest, newest - REFERENCE_WINDOW):
        if height >= 0:
            ref = (await rpc.solid_header(height)).ref
            if reference_hash(ref.hash) == hash_bytes:
                return ref
    return None


async def _is_in_blocks(
    rpc: TronRpc, txid: TxId, expiration_ms: int, after: BlockRef, last: int
) -> bool:
    """Whether a block above `after` holds it, up to the first that is as late as its expiration,
    which must be the one at `last`: several nodes may have helped to find that."""
    previous = after
    is_over = False
    for height in range(after.height + 1, last + 1):
        block = await rpc.solid_block(height)
        if block.parent_hash != previous.hash:
            raise NodeUnavailable("the chain changed while it was being searched")
        if any(one.txid == txid for one in block.transactions):
            return True
        previous, is_over = block.ref, block.timestamp_ms >= expiration_ms
    if not is_over:
        raise NodeUnavailable("the chain changed while it was being searched")
    return False
