"""The merkle branch of a transaction, and the headers that stand on its block.

The branch of the coinbase goes with it: it is the leftmost, so it shows how deep the tree is, and
no inner node can pass for a transaction of 64 bytes (BIP-54). Where a level has an odd number of
hashes the last one is its own sibling, and is written out.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from chains.answers import Answers, attempt
from chains.bitcoin.blocks import merkle_root
from chains.bitcoin.rpc import BitcoinRpc, RpcRefused
from chains.bitcoin.transaction import parse_transaction
from chains.errors import InclusionUnproven, NodeUnavailable
from chains.hashes import sha256d
from chains.inclusion import Proof, proving
from chains.model import BlockRef, TxId
from chains.transport.jsonrpc import Call

_HEADER_BYTES: Final = 80
_ROOT: Final = slice(36, 68)
_PARENT: Final = slice(4, 36)


async def prove(
    rpc: BitcoinRpc, txids: Sequence[TxId], block: BlockRef, after: int
) -> Answers[Proof]:
    """With the `after` headers that follow the block. Two requests, whatever the block's size."""
    calls: list[Call] = [("getblockheader", (block.hash, False)), ("getblock", (block.hash, 1))]
    calls += [("getblockhash", (block.height + each,)) for each in range(after + 1)]
    header, listed, *hashes = _all(await rpc.batch(calls))
    if hashes[0] != block.hash:
        raise NodeUnavailable("the block is not in the node's best chain")
    with proving("a block"):
        named = [TxId(str(each)) for each in listed["tx"]]
    more: list[Call] = [("getrawtransaction", (named[0], 0, block.hash))]
    more += [("getblockheader", (each, False)) for each in hashes[1:]]
    coinbase, *following = _all(await rpc.batch(more))
    with proving("a block"):
        raw, headers = bytes.fromhex(header), [bytes.fromhex(each) for each in following]
        leaves = [bytes.fromhex(each)[::-1] for each in named]
        first = parse_transaction(bytes.fromhex(coinbase))
    if first.txid() != named[0]:
        raise InclusionUnproven("another coinbase than the block's")
    _check(raw, block, leaves, headers)
    place = {txid: index for index, txid in enumerate(named)}

    def proof(txid: TxId) -> Proof:
        if txid not in place:
            raise InclusionUnproven(f"block {block.height} has no transaction {txid}")
        index = place[txid]
        return {
            "header": raw.hex(),
            "height": block.height,
            "index": index,
            "branch": [each.hex() for each in branch(leaves, index)],
            "coinbase": coinbase,
            "coinbase_branch": [each.hex() for each in branch(leaves, 0)],
            "headers": [each.hex() for each in headers],
        }

    return [attempt(partial(proof, each)) for each in txids]


def branch(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """The siblings from the leaf up, in the byte order of the wire."""
    level, found = list(leaves), []
    while len(level) > 1:
        if len(level) % 2:
            level.append(level[-1])
        found.append(level[index ^ 1])
        level = [sha256d(level[at] + level[at + 1]) for at in range(0, len(level), 2)]
        index //= 2
    return found


def _check(raw: bytes, block: BlockRef, leaves: list[bytes], headers: list[bytes]) -> None:
    """That all of it is about this block. A list whose end is repeated has the same root
    (CVE-2012-2459). Raises InclusionUnproven."""
    hashed = sha256d(raw)
    if len(raw) != _HEADER_BYTES or hashed[::-1].hex() != block.hash:
        raise InclusionUnproven("the header of another block than the one asked for")
    if len(set(leaves)) != len(leaves) or merkle_root(leaves) != raw[_ROOT]:
        raise InclusionUnproven("the block's transactions do not give its root")
    for each in headers:
        if len(each) != _HEADER_BYTES or each[_PARENT] != hashed:
            raise NodeUnavailable("the chain moved while it was being read")
        hashed = sha256d(each)


def _all(answers: list[Any]) -> list[Any]:
    """Raises NodeUnavailable: a pruned node says "Block not available"."""
    for answer in answers:
        if isinstance(answer, RpcRefused):
            raise NodeUnavailable(f"the node does not show the block: {answer.reason}")
    return answers
