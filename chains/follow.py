"""Follows one chain block by block, by parent hash, through restarts, gaps and reorgs.

Sans-I/O: the caller asks `wants` which height to fetch, fetches it however it likes, and hands the
block to `feed`. Where the node says that a height was skipped, as Solana's slots are, it says
`skip`. The events that come back are to be applied in order and, with the follower's `refs`, stored
in one transaction; a follower made again from the stored refs continues where the stored one
stopped.

That a height was skipped is a hint and never a fact: nodes say it of blocks that they lost. It is
proven by a later block whose parent is our tip. If a later block has another parent above our tip,
that parent is fetched, and what lies below it stays.

Knows nothing of addresses, deposits or any chain in particular.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from chains.block import Block
from chains.errors import BlockUnreadable, NodeMisbehaved
from chains.model import BlockRef


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
    when there are none; `depth` is how many refs are remembered. A fork below the oldest ref is
    taken for deeper than finality allows: it raises ReorgTooDeep and keeps that ref."""

    def __init__(self, start: int, depth: int, refs: Iterable[BlockRef] = ()) -> None:
        assert start >= 0 and depth >= 1
        self._refs = list(refs)[-depth:]
        self._depth = depth
        self._start = start
        self._named: BlockRef | None = None
        self._next = self._after_position()

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

        Disconnects exactly those of our blocks that the block contradicts, and connects it if its
        parent is then our tip. Otherwise the height that `wants` names next leads to the parent. A
        block that we already stand on changes nothing.
        """
        if self._holds(block.ref):
            return ()
        if not self._refs:
            return (self._connect(block),)
        parent = block.parent
        if block.ref.height > self._refs[-1].height < parent.height:
            self._named, self._next = parent, parent.height
            return ()
        events: list[Event] = self._disconnect(self._contradicted(block))
        if parent == self._refs[-1]:
            events.append(self._connect(block))
        return tuple(events)

    def undoes(self, block: Block) -> bool:
        """Whether feeding the block would disconnect any of ours."""
        return not self._holds(block.ref) and self._contradicted(block) > 0

    def skip(self, height: int) -> None:
        """The node says that there is no block at `height`, which `wants` named.

        Raises BlockUnreadable if a later block has named that very height as its parent's: the
        node does not have, or does not show, a block that exists.
        """
        named, self._named = self._named, None
        if named is not None and named.height == height:
            self._next = self._after_position()
            raise BlockUnreadable(
                "the node does not show a block that a later one names as its parent",
                height=height,
                hash_=named.hash,
            )
        if height == self._next:
            self._next += 1

    def _holds(self, ref: BlockRef) -> bool:
        """Whether it is one of ours. Looked for from the newest on: they are many where blocks are
        made in less than a second."""
        ours = next((each for each in reversed(self._refs) if each.height <= ref.height), None)
        return ours == ref

    def _contradicted(self, block: Block) -> int:
        """How many of our newest blocks can't be on one chain with `block`."""
        parent, count = block.parent, 0
        for ref in reversed(self._refs):
            if ref.height < parent.height or ref == parent:
                break
            count += 1
        return count

    def _connect(self, block: Block) -> Event:
        self._refs.append(block.ref)
        if len(self._refs) > self._depth:
            del self._refs[0]
        self._named, self._next = None, block.ref.height + 1
        return Connected(block)

    def _disconnect(self, count: int) -> list[Event]:
        if count == len(self._refs):
            raise ReorgTooDeep(
                f"no common block within the last {self._depth}",
                advice="stop crediting; compare the node with another one before going on",
            )
        gone: list[Event] = [Disconnected(self._refs.pop()) for _ in range(count)]
        self._named, self._next = None, self._after_position()
        return gone

    def _after_position(self) -> int:
        return self._refs[-1].height + 1 if self._refs else self._start
