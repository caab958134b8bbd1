"""What a node says that addresses hold at its tip, for one round over a network's vaults.

Where coins are counted, an answer is a walk through the node's whole set of them, however few
addresses are asked for. So there all vaults' addresses are one question, whose answer they share;
a second look is a second walk, shared by all who need one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from chains.adapter import ChainAdapter
from chains.model import Address, AssetId, BlockRef


@dataclass(frozen=True, slots=True)
class Counted:
    """`balances`, by asset and address, were true at some moment from block `after` to `until`."""

    after: BlockRef
    until: BlockRef
    balances: Mapping[AssetId, Mapping[Address, int]]

    def sums(self, addresses: Sequence[Address]) -> dict[AssetId, int] | None:
        """By asset, over `addresses`; None if one of them was not counted."""
        if any(each not in found for found in self.balances.values() for each in addresses):
            return None
        return {
            asset: sum(found[each] for each in addresses) for asset, found in self.balances.items()
        }


class Counting:
    """`everyone`: all addresses of all vaults. Leaving the context ends walks that nobody awaits
    any more."""

    def __init__(self, adapter: ChainAdapter, native: AssetId, everyone: Sequence[Address]) -> None:
        self._adapter = adapter
        self._native = native
        self._everyone = everyone
        self._shared: dict[int, asyncio.Task[Counted]] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for task in self._shared.values():
            task.cancel()
        await asyncio.gather(*self._shared.values(), return_exceptions=True)

    async def look(
        self, number: int, addresses: Sequence[Address], assets: Sequence[AssetId]
    ) -> Counted:
        """The first look of a vault is number 0, its second number 1. Raises NodeError."""
        if not self._adapter.codec.traits.coins:
            return await self._count(addresses, assets)
        if number not in self._shared:
            walk = self._count(self._everyone, [self._native])
            self._shared[number] = asyncio.create_task(walk)
        # Who runs out of time leaves the walk to the others.
        return await asyncio.shield(self._shared[number])

    async def _count(self, addresses: Sequence[Address], assets: Sequence[AssetId]) -> Counted:
        after = await self._adapter.tip()
        balances = {asset: await self._adapter.balances(addresses, asset) for asset in assets}
        return Counted(after, await self._adapter.tip(), balances)
