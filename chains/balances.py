"""The balances of many addresses, where each is a question of its own. Knows no chain."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, Protocol

from chains.model import Address, AssetId, BlockRef

CONCURRENCY: Final = 8
"""Questions to one node at a time."""


class Restrained(NamedTuple):
    """`units`: of a balance, what the token's issuer lets nobody move. `code`: as which error a
    payment of it would fail (`balance_frozen`, `token_paused`)."""

    units: int
    code: str


class Counts(Protocol):
    """The part of `chains.adapter.ChainAdapter` that answers for one address."""

    async def balance(
        self, address: Address, asset: AssetId, at: BlockRef | None = None
    ) -> int: ...


async def each_balance(
    adapter: Counts, addresses: Sequence[Address], asset: AssetId, at: BlockRef | None
) -> Mapping[Address, int]:
    """Ask `adapter` for one address after the other, several at a time."""
    slots = asyncio.Semaphore(CONCURRENCY)

    async def ask(address: Address) -> int:
        async with slots:
            return await adapter.balance(address, asset, at)

    amounts = await asyncio.gather(*(ask(each) for each in addresses))
    return dict(zip(addresses, amounts, strict=True))
