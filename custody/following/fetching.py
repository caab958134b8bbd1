"""Fetches blocks, some before they are wanted, as many side by side as the node can bear.

A node that traces one block a second answers nine questions at once too late for all of them. So
after each failure fewer blocks are asked for at a time, then each with a longer time; after many
successes in a row it is tried again with less caution.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from chains.adapter import ChainAdapter
from chains.block import Block
from chains.errors import NodeError
from chains.follow import BlockFollower
from chains.patience import patient

AHEAD_BLOCKS = 8
"""Blocks fetched before they are wanted."""
PATIENCE_MAX = 8
"""How many times the usual time limit a block may take at most."""
EASE_AFTER = 64
"""Blocks in a row after which more is asked of the node again."""


@dataclass(frozen=True, slots=True)
class Effort:
    """`ahead`: blocks asked for beside the one that is wanted. `patience`: times the time limit."""

    ahead: int = AHEAD_BLOCKS
    patience: int = 1
    successes: int = 0

    def failed(self) -> Effort:
        """Fewer side by side first; a longer time only for a block that is alone."""
        if self.ahead:
            return replace(self, ahead=self.ahead // 2, successes=0)
        return replace(self, patience=min(2 * self.patience, PATIENCE_MAX), successes=0)

    def succeeded(self) -> Effort:
        if self.successes + 1 < EASE_AFTER:
            return replace(self, successes=self.successes + 1)
        if self.patience > 1:
            return Effort(self.ahead, self.patience // 2)
        return Effort(min(self.ahead + 1, AHEAD_BLOCKS), self.patience)


class BlockSource:
    """One per follower. What was fetched in advance may be forgotten at any time."""

    def __init__(self, adapter: ChainAdapter) -> None:
        self._adapter = adapter
        self._ahead: dict[int, asyncio.Task[Block | None]] = {}
        self.effort = Effort()

    async def get(self, follower: BlockFollower, height: int, last: int) -> Block | None:
        """The block at `height`; others up to `last` may be fetched. Raises what the adapter does.

        A block fetched in advance may belong to a chain that is gone by now: what would undo ours
        is asked for again, and everything else fetched in advance is forgotten.
        """
        try:
            block = await self._get(follower, height, last)
        except NodeError:
            self.effort = self.effort.failed()
            await self.forget()
            raise
        self.effort = self.effort.succeeded()
        return block

    async def forget(self) -> None:
        """Stop fetching in advance."""
        tasks = list(self._ahead.values())
        self._ahead.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _get(self, follower: BlockFollower, height: int, last: int) -> Block | None:
        in_advance = height in self._ahead
        with patient(self.effort.patience):
            for coming in range(height, min(height + self.effort.ahead, last) + 1):
                if coming not in self._ahead:
                    self._ahead[coming] = asyncio.create_task(self._adapter.block(coming))
            block = await self._ahead.pop(height)
            if block is not None and follower.undoes(block):
                await self.forget()
                if in_advance:
                    block = await self._adapter.block(height)
        return block
