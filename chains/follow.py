"""Follows one chain block by block, by parent hash, through restarts, gaps and reorgs.

Sans-I/O: the caller asks `wants` which height to fetch, fetches it however it likes, and hands the
block to `feed` (or says `skip` where the chain has no block at that height, as Solana does).
The events that come back are to be applied in order and, with the follower's `refs`, stored in one
transaction; a follower made again from the stored refs continues where the stored one stopped.

Knows nothing of addresses, deposits or any chain in particular.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from chains.errors import NodeMisbehaved
from chains.model import Block, BlockRef


@dataclass(frozen=True, slots=True)
class Connected:
    """The block now extends our chain; every block before it stays."""

    block: Block


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The block at our tip is not part of the best chain any more."""

    ref: BlockRef


Event = Connected | Disconnected


class ReorgTooDeep(NodeMisbehaved):
    """The fork point lies below every block we remember: deeper than finality allows."""

    code = "reorg_too_deep"


class BlockFollower:
    """`refs` are the newest connected blocks, oldest first; `start` is the first height to fetch
    when there are none; `depth` is how many refs are remembered. The caller starts `depth` below
    the tip at first, so that a fork below the oldest ref is deeper than finality allows: it raises
    ReorgTooDeep and keeps that ref."""

    def __init__(self, start: int, depth: int, refs: Iterable[BlockRef] = ()) -> None:
        assert start >= 0 and depth >= 1
        self._refs = list(refs)[-depth:]
        self._depth = depth
        self._next = self._refs[-1].height + 1 if self._refs else start

    @property
    def refs(self) -> tuple[BlockRef, ...]:
        return tuple(self._refs)

    @property
    def position(self) -> BlockRef | None:
        """The newest connected block."""
        return self._refs[-1] if self._refs else None

    def wants(self, tip: BlockRef) -> int | None:
        """The height to fetch next, or None if we stand at the tip.

        A tip at or below our own position with another hash means the node reorganised to a
        shorter or equally long chain: the tip's height is asked for, so that `feed` sees the fork.
        """
        if self._next <= tip.height:
            return self._next
        ours = next((ref for ref in reversed(self._refs) if ref.height <= tip.height), None)
        if ours is None or ours == tip:
            return None
        return tip.height

    def feed(self, block: Block) -> tuple[Event, ...]:
        """Take the block that `wants` named. Returns what changed, oldest first.

        A block whose parent is not our tip disconnects our tip and nothing else: the height that
        `wants` names next is then one to look below it. A block that we already stand on changes
        nothing.
        """
        if not self._refs:
            return self._connect(block)
        if block.ref in self._refs[-1:]:
            return ()
        if block.ref.height >= self._next and block.parent_hash == self._refs[-1].hash:
            return self._connect(block)
        return self._disconnect()

    def skip(self, height: int) -> None:
        """The chain has no block at `height`, which `wants` named."""
        if height == self._next:
            self._next += 1

    def _connect(self, block: Block) -> tuple[Event, ...]:
        self._refs.append(block.ref)
        if len(self._refs) > self._depth:
            del self._refs[0]
        self._next = block.ref.height + 1
        return (Connected(block),)

    def _disconnect(self) -> tuple[Event, ...]:
        if len(self._refs) == 1:
            raise ReorgTooDeep(
                f"no common block within the last {self._depth}",
                advice="stop crediting; compare the node with another one before going on",
            )
        gone = self._refs.pop()
        self._next = self._refs[-1].height + 1
        return (Disconnected(gone),)
