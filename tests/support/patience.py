"""Waiting for what must come, however slow the machine is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from chains.errors import NodeUnavailable

T = TypeVar("T")

LIMIT_S = 120.0
"""For what has no reason to take long at all."""


async def eventually(ask: Callable[[], Awaitable[T]]) -> T:
    """The first answer of a node that may still be too slow for who asks it."""
    async with asyncio.timeout(LIMIT_S):
        while True:
            try:
                return await ask()
            except NodeUnavailable:
                await asyncio.sleep(0.01)
