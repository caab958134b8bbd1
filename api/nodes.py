"""What the nodes last said and how long ago, so that an answer can say how old it is.

Asked when somebody wants to know, at most once in a while and once at a time for each node. A
request waits for that only a moment: while a node is away, it gets what is known.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from chains.adapter import ChainAdapter
from chains.errors import ChainError
from chains.model import BlockRef, NetworkId

PATIENCE_S = 0.5
"""How long a request waits for a node."""


class NodeState(StrEnum):
    REACHABLE = "reachable"
    UNREACHABLE = "unreachable"
    UNKNOWN = "unknown"
    """Not asked yet, or it has not answered yet."""


@dataclass(frozen=True, slots=True)
class NodeView:
    """`tip`: the head it last told, at `answered_at`. `error`: the code of its last failure."""

    state: NodeState = NodeState.UNKNOWN
    tip: BlockRef | None = None
    answered_at: datetime | None = None
    error: str | None = None


class NodeMonitor:
    """One per process. `fresh_seconds`: an answer younger than that is not asked for again."""

    def __init__(
        self,
        adapters: Mapping[NetworkId, ChainAdapter],
        clock: Callable[[], datetime],
        fresh_seconds: float,
    ) -> None:
        self._adapters = adapters
        self._clock = clock
        self._fresh_seconds = fresh_seconds
        self._views = dict.fromkeys(adapters, NodeView())
        self._asked_seconds: dict[NetworkId, float] = {}
        self._asking: dict[NetworkId, asyncio.Task[None]] = {}

    async def view(self, network: NetworkId) -> NodeView:
        """Fresh where the node answers quickly, else what is known."""
        await asyncio.wait([self._ask(network)], timeout=PATIENCE_S)
        return self._views[network]

    async def views(self) -> Mapping[NetworkId, NodeView]:
        """Of all nodes, in the time of the slowest, or of our patience."""
        networks = list(self._adapters)
        found = await asyncio.gather(*(self.view(network) for network in networks))
        return dict(zip(networks, found, strict=True))

    async def close(self) -> None:
        """Stop asking."""
        tasks = list(self._asking.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _ask(self, network: NetworkId) -> asyncio.Task[None]:
        """The question under way, or one just begun, or the one whose answer is still fresh."""
        task = self._asking.get(network)
        now = asyncio.get_running_loop().time()
        if task is None or (
            task.done() and now - self._asked_seconds[network] > self._fresh_seconds
        ):
            task = asyncio.create_task(self._refresh(network))
            self._asking[network] = task
            self._asked_seconds[network] = now
        return task

    async def _refresh(self, network: NetworkId) -> None:
        try:
            tip = await self._adapters[network].tip()
        except ChainError as error:
            self._views[network] = replace(
                self._views[network], state=NodeState.UNREACHABLE, error=error.code
            )
        else:
            self._views[network] = NodeView(NodeState.REACHABLE, tip, self._clock())
