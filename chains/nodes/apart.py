"""Questions of others, asked apart from all that payments need: about what is final already, for
auditors, and what apps want to know of the chain.

No payment waits for the answers, and none says anything about a node's health. A node that gives
its blocks' receipts to nobody, or a block of a kind that we do not know, must not take a node out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chains.adapter import ChainAdapter, ProvesInclusion, Relays
from chains.answers import Answers
from chains.errors import ChainError, InclusionUnproven, NodeError, NodeUnfit
from chains.inclusion import Proof, Said
from chains.model import BlockRef, TxId
from chains.networks import Finality
from chains.transaction import TxStatus


@dataclass(frozen=True, slots=True)
class Apart:
    """A node. `check`: raises ChainError unless it serves our chain."""

    name: str
    adapter: ChainAdapter
    check: Callable[[], Awaitable[None]]


async def final_height(adapter: ChainAdapter, finality: Finality) -> int | None:
    """Up to where a node would call blocks final; None if it calls none so."""
    heights = []
    if finality.node and (said := await adapter.finalized()) is not None:
        heights.append(said.height)
    if finality.confirmations is not None:
        heights.append((await adapter.tip()).height - finality.confirmations + 1)
    height = max(heights, default=-1)
    return height if height >= 0 else None


async def prove(nodes: Sequence[Apart], txids: Sequence[TxId], block: BlockRef) -> Answers[Proof]:
    """Of one node after the other, until one has proven it."""
    answers: dict[TxId, Proof | ChainError] = {}
    for node in nodes:
        waiting = [each for each in txids if isinstance(answers.get(each), ChainError | None)]
        if not waiting:
            break
        found = await _prove(node, waiting, block)
        answers.update(zip(waiting, found, strict=True))
    return [answers[each] for each in txids]


async def _prove(node: Apart, txids: Sequence[TxId], block: BlockRef) -> Answers[Proof]:
    if not isinstance(node.adapter, ProvesInclusion):
        return [InclusionUnproven("this chain's blocks prove no transaction")] * len(txids)
    try:
        await node.check()
        return await node.adapter.prove(txids, block)
    except ChainError as error:
        return [error] * len(txids)


async def relay(nodes: Sequence[Apart], method: str, params: Sequence[object]) -> Any:
    """Of one node after the other, until one has answered. Raises NodeError, the first one's."""
    trouble: NodeError | None = None
    for node in nodes:
        try:
            await node.check()
            if isinstance(node.adapter, Relays):
                return await node.adapter.relay(method, params)
        except NodeError as error:
            trouble = trouble or error
    raise trouble or NodeUnfit("no node of this network is asked such things")


async def say(
    nodes: Sequence[Apart], txids: Sequence[TxId], finality: Finality
) -> Mapping[TxId, Sequence[Said]]:
    """Of each transaction what each node says that knows a block of it, in their order."""
    told = await asyncio.gather(*(_say(node, txids, finality) for node in nodes))
    return {txid: [each[txid] for each in told if txid in each] for txid in dict.fromkeys(txids)}


async def _say(node: Apart, txids: Sequence[TxId], finality: Finality) -> dict[TxId, Said]:
    try:
        await node.check()
        height = await final_height(node.adapter, finality)
        statuses = await node.adapter.statuses(txids)
    except ChainError:
        return {}
    return {
        txid: Said(node.name, status.block, height)
        for txid, status in zip(txids, statuses, strict=True)
        if isinstance(status, TxStatus) and status.block is not None and height is not None
    }
