"""How old an answer is: up to which block it was read, and whether the node still answers."""

from __future__ import annotations

from datetime import datetime, timedelta

from pydantic import Field

from api.nodes import NodeState, NodeView
from api.schemas import View, with_example
from custody.db.tables import BlockRow

LAG = timedelta(minutes=1)
"""How far the newest block we have applied may lie back while the node has a higher one, and how
old the node's last answer may be."""

AS_OF_EXAMPLE = {
    "height": 812,
    "hash": "4c1f1e0d5f2a9b7c6d8e0f1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e",
    "time": "2026-03-02T06:00:07.120000Z",
    "node": "reachable",
    "node_answered_at": "2026-03-02T06:00:09.481000Z",
    "stale": False,
}


class AsOf(View):
    """The block that the answer is true for. Until the first block was read, height is null."""

    model_config = with_example(AS_OF_EXAMPLE)

    height: int | None = Field(description="newest block applied to the ledger")
    hash: str | None
    time: datetime | None = Field(description="when that block was applied here")
    node: NodeState
    node_answered_at: datetime | None = Field(description="when the node last told its head")
    stale: bool = Field(
        description="the node is away, silent or below our block, or we are behind it"
    )


def as_of(block: BlockRow | None, node: NodeView, now: datetime) -> AsOf:
    """`block`: the newest that was applied."""
    return AsOf(
        height=None if block is None else block.height,
        hash=None if block is None else block.hash,
        time=None if block is None else block.connected_at,
        node=node.state,
        node_answered_at=node.answered_at,
        stale=bool(doubts(block, node, now)),
    )


def doubts(block: BlockRow | None, node: NodeView, now: datetime) -> list[str]:
    """Codes of why an answer that rests on `block` may be out of date. A node may have answered
    before we applied the block: only a later answer shows that it is below us."""
    if node.state is not NodeState.REACHABLE or node.tip is None or node.answered_at is None:
        return [f"node_{node.state}"]
    found = []
    if now - node.answered_at > LAG:
        found.append("node_silent")
    if block is None:
        found.append("nothing_applied")
    elif node.tip.height > block.height and now - block.connected_at > LAG:
        found.append("behind")
    elif node.tip.height < block.height and node.answered_at >= block.connected_at:
        found.append("node_below")
    return found
