"""How much one caller may have under way at a time, in this process."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from chains.evm.eip1193.faults import LIMITED, RpcFault

ASKS_MAX: Final = 16
"""Requests for transfers that wait for an answer."""
READS_MAX: Final = 32
"""Questions to nodes."""


CONNECTIONS_MAX: Final = 32
"""WebSockets."""
PATIENCE_S: Final = 8.0
"""Until a program is told to come back: viem gives up after 10 seconds."""


class Bounds:
    """One per process. `who`: the id of a key or token."""

    def __init__(self, patience_s: float = PATIENCE_S) -> None:
        self.patience_s = patience_s
        self._busy: Counter[tuple[str, str]] = Counter()

    def patience_until(self) -> float:
        """By the loop's clock, for a request that comes now."""
        return asyncio.get_running_loop().time() + self.patience_s

    @contextmanager
    def asking(self, who: str) -> Iterator[None]:
        """Raises RpcFault."""
        with self._within("ask", who, ASKS_MAX):
            yield

    @contextmanager
    def reading(self, who: str) -> Iterator[None]:
        """Raises RpcFault."""
        with self._within("read", who, READS_MAX):
            yield

    @contextmanager
    def connected(self, who: str) -> Iterator[None]:
        """Raises RpcFault."""
        with self._within("connect", who, CONNECTIONS_MAX):
            yield

    @contextmanager
    def _within(self, what: str, who: str, most: int) -> Iterator[None]:
        if self._busy[what, who] >= most:
            raise RpcFault(LIMITED, f"at most {most} such requests at a time: wait for an answer")
        self._busy[what, who] += 1
        try:
            yield
        finally:
            self._busy[what, who] -= 1
            if not self._busy[what, who]:
                del self._busy[what, who]
