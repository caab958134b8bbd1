"""Proves that a bitcoin transaction can never be included any more: another one spent its coin.

That a node does not have a transaction or a coin proves nothing: it may lag behind or have lost an
index. So the spending transaction is shown, in a block that is linked to the final one by hashes
and whose merkle root ties it together. What a node does not have only says which coin to look for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from chains.answers import Answers, answer
from chains.bitcoin.address import AddressFormat
from chains.bitcoin.blocks import find_spenders, read_block
from chains.bitcoin.codec import conflict_key
from chains.bitcoin.node import NodeView
from chains.bitcoin.transaction import parse_transaction
from chains.errors import DeathUnproven, NodeUnavailable
from chains.model import BlockRef, SignedTx, TxId
from chains.networks import Network

BLOCKS_PER_CALL: Final = 432
"""So many blocks, three days of them, are read in one go; the next call goes on from there."""


@dataclass(slots=True)
class _Search:
    """Blocks from `height` downwards are still to be read; the one there has the hash `hash`."""

    height: int
    hash: str


class Deaths:
    """Remembers how far down it has searched for whom."""

    def __init__(self, network: Network, addresses: AddressFormat, node: NodeView) -> None:
        self._network = network
        self._addresses = addresses
        self._node = node
        self._searches: dict[TxId, _Search] = {}

    async def prove(self, txs: Sequence[SignedTx], final: BlockRef) -> Answers[str | None]:
        """The reason in words, or None for one that is included or still could be. DeathUnproven
        where a coin is gone and no block that was read shows by what."""
        tip = await self._node.tip()
        if tip.height < final.height or await self._node.block_hash(final.height) != final.hash:
            return [None] * len(txs)
        spending = [parse_transaction(tx.raw).inputs for tx in txs]
        outpoints = [(each.previous_txid, each.position) for one in spending for each in one]
        coins = iter(await self._node.unspent(outpoints, mempool=False))
        missing = [
            {
                conflict_key(self._network.id, each).text: each.previous_txid
                for each in one
                if next(coins) is None
            }
            for one in spending
        ]
        proofs: Answers[str | None] = []
        for tx, keys in zip(txs, missing, strict=True):
            proofs.append(await answer(self._prove(tx, keys, final, tip)))
        return proofs

    async def _prove(
        self, tx: SignedTx, missing: dict[str, TxId], final: BlockRef, tip: BlockRef
    ) -> str | None:
        gone = await self._gone(missing, final, tip)
        if not gone:
            self._searches.pop(tx.txid, None)
            return None
        found = await self._spender(tx.txid, gone, final)
        if found is None:
            raise DeathUnproven(
                f"{min(gone)} is gone, and no block that was read shows by what",
                advice="bitcoind must keep its blocks (no -prune) and an index (-txindex=1)",
            )
        self._searches.pop(tx.txid, None)
        key, spender, height = found
        if spender == tx.txid:
            return None
        return f"{key} was spent by {spender} in block {height}"

    async def _gone(
        self, missing: dict[str, TxId], final: BlockRef, tip: BlockRef
    ) -> Mapping[str, int]:
        """Those of the missing coins that were made at or below `final` and seem to be spent there,
        with the height where each was made."""
        if not missing:
            return {}
        for height in range(final.height + 1, tip.height + 1):
            ref, raw = await self._node.block(height)
            block = await asyncio.to_thread(read_block, raw, ref, self._network, self._addresses)
            for key in block.consumed:
                missing.pop(key, None)
        made = {key: await self._node.included_height(txid) for key, txid in missing.items()}
        return {
            key: height
            for key, height in made.items()
            if height is not None and height <= final.height
        }

    async def _spender(
        self, txid: TxId, gone: Mapping[str, int], final: BlockRef
    ) -> tuple[str, TxId, int] | None:
        """Reads downwards from `final`, where a search begins, to where a coin was first made."""
        search = self._searches.setdefault(txid, _Search(final.height, final.hash))
        lowest = max(min(gone.values()), search.height - BLOCKS_PER_CALL + 1)
        for height in range(search.height, lowest - 1, -1):
            ref, raw = await self._node.block(height)
            if ref.hash != search.hash:
                del self._searches[txid]
                raise NodeUnavailable("the chain changed while it was being searched")
            spenders = await asyncio.to_thread(
                find_spenders, raw, ref, self._network, self._addresses, gone.keys()
            )
            for key, spender in spenders.items():
                return key, spender, height
            search.height, search.hash = height - 1, raw[4:36][::-1].hex()
        if search.height < min(gone.values()):
            del self._searches[txid]  # nothing: the node contradicts itself, or is more than one
        return None
