"""Proofs that a block has transactions, and what became of them, under the block's own hash.

Nodes give none out: both tries are built anew from the block and its receipts. Header hash and both
roots must come out as the block has them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any

from chains.answers import Answers, attempt
from chains.errors import InclusionUnproven, NodeUnavailable
from chains.evm import envelopes
from chains.evm.rpc import NodeConnection
from chains.evm.trie import IndexTrie
from chains.hashes import keccak256
from chains.inclusion import Proof, proving
from chains.model import BlockRef, TxId


async def prove(node: NodeConnection, txids: Sequence[TxId], block: BlockRef) -> Answers[Proof]:
    """Two requests, of the whole block: they are shrunk where they are decoded."""
    with proving("a block"):
        whole = await node.call("eth_getBlockByHash", block.hash, True, reader=shrunk_block)
        if whole is None:
            raise NodeUnavailable("the node does not have the block")
        told = await node.call("eth_getBlockReceipts", block.hash, reader=shrunk_receipts)
        if told is None:
            raise NodeUnavailable("the node does not have the block's receipts")
        return await asyncio.to_thread(_prove, whole, told, txids, block)


def shrunk_block(found: Any) -> Any:
    """Of eth_getBlockByHash with whole transactions: bytes in hex, hashes, roots."""
    if found is None:
        return None
    return {
        "header": envelopes.header(found).hex(),
        "roots": [found["transactionsRoot"], found["receiptsRoot"]],
        "transactions": [envelopes.transaction(each).hex() for each in found["transactions"]],
    }


def shrunk_receipts(found: Any) -> Any:
    """Of eth_getBlockReceipts: each as bytes in hex, in the block's order."""
    if found is None:
        return None
    ordered = sorted(found, key=lambda each: int(each["transactionIndex"], 16))
    return [envelopes.receipt(each).hex() for each in ordered]


def _prove(whole: Any, told: Any, txids: Sequence[TxId], block: BlockRef) -> Answers[Proof]:
    header = bytes.fromhex(whole["header"])
    if "0x" + keccak256(header).hex() != block.hash:
        raise InclusionUnproven("the header's fields do not give the block's hash")
    raws = [bytes.fromhex(each) for each in whole["transactions"]]
    tries = IndexTrie(raws), IndexTrie([bytes.fromhex(each) for each in told])
    if ["0x" + each.root.hex() for each in tries] != whole["roots"]:
        raise InclusionUnproven("the block's transactions or receipts do not give its roots")
    place = {TxId("0x" + keccak256(raw).hex()): index for index, raw in enumerate(raws)}
    transactions, receipts = tries

    def proof(txid: TxId) -> Proof:
        if txid not in place:
            raise InclusionUnproven(f"block {block.height} has no transaction {txid}")
        index = place[txid]
        return {
            "header": header.hex(),
            "index": index,
            "transaction_nodes": [each.hex() for each in transactions.proof(index)],
            "receipt_nodes": [each.hex() for each in receipts.proof(index)],
        }

    return [attempt(partial(proof, each)) for each in txids]
