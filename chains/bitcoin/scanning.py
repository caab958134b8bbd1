"""Counts what lies at addresses, by walks through the node's whole set of coins."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

from chains.bitcoin.node import NodeView
from chains.errors import NodeUnavailable
from chains.model import Address, BlockRef

_SCRIPTS_MAX: Final = 300_000
"""In one question; bitcoind takes no request above 32 MiB (src/httpserver.cpp, MAX_SIZE)."""
_TIMEOUT_S: Final = 600.0
_POLL_S: Final = 0.1


class Scanner:
    """One per node, which does one walk at a time."""

    def __init__(self, node: NodeView) -> None:
        self._node = node
        self._scanning = asyncio.Lock()

    async def balances(
        self, scripts: Mapping[bytes, Address], at: BlockRef | None
    ) -> dict[Address, int]:
        """Satoshi at each address, all at one tip. Raises NodeUnavailable if that is not `at`."""
        amounts: dict[Address, int] = {}
        async with self._scanning:
            for first in range(0, len(scripts), _SCRIPTS_MAX):
                part = list(scripts.items())[first : first + _SCRIPTS_MAX]
                counted, tip = await self._scan(dict(part))
                if at is not None and at != tip:
                    raise NodeUnavailable("the node counts at its tip only, and the tip has moved")
                amounts |= counted
                at = tip
        return amounts

    async def _scan(self, scripts: Mapping[bytes, Address]) -> tuple[dict[Address, int], BlockRef]:
        while True:
            counted = await self._node.scan(scripts, _TIMEOUT_S)
            if counted is not None:
                return counted
            await asyncio.sleep(_POLL_S)  # the node does one scan at a time, not only for us
