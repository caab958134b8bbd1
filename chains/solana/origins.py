"""Which blockhash a nonce value was made of: the one of the parent of the block that set it.

A worker that follows the chain sees all these blocks, so most are known. For an account that has
rested longer the node is asked which transactions touched it last, and for the headers of their
blocks. What is found proves itself, so no answer is trusted.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Final

from solders.hash import Hash
from solders.pubkey import Pubkey

from chains.errors import ChainError
from chains.solana.nonce import value_of
from chains.solana.rpc import SolanaRpc

_KEPT: Final = 4096
"""Blocks: about half an hour of them."""


class Origins:
    """One per node."""

    def __init__(self, rpc: SolanaRpc) -> None:
        self._rpc = rpc
        self._known: OrderedDict[Hash, Hash] = OrderedDict()

    def note(self, blockhash: str) -> None:
        """Of a block that was read, or of its parent."""
        origin = Hash.from_string(blockhash)
        self._known[value_of(origin)] = origin
        if len(self._known) > _KEPT:
            self._known.popitem(last=False)

    async def find(self, values: Mapping[Pubkey, Hash]) -> dict[Pubkey, Hash]:
        """For nonce accounts with their values. What the node does not show is missing: a
        transaction can be made without."""
        unknown = [key for key, value in values.items() if value not in self._known]
        if unknown:
            await self._ask(unknown)
        return {key: self._known[value] for key, value in values.items() if value in self._known}

    async def _ask(self, accounts: list[Pubkey]) -> None:
        """About the blocks with what touched the accounts last, which may be a stranger's payment
        too."""
        touched = await self._rpc.slots_of_last(accounts)
        slots = {slot for each in touched if not isinstance(each, ChainError) for slot in each}
        for parent in await self._rpc.parent_hashes(sorted(slots)):
            if not isinstance(parent, ChainError):
                self.note(parent)
