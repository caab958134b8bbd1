"""The stored chain of one network and its coins: what connects, what is undone, what is watched.

Knows coins and blocks; nothing of deposits or the ledger.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from chains.block import Block, output_index
from chains.families import traits_of
from chains.follow import Connected, Disconnected, Event
from chains.model import BlockRef
from chains.networks import Network
from custody.db.ids import new_id
from custody.db.session import WriteSession
from custody.db.tables import BlockRow, CoinRow, FollowerRow
from custody.deposits.deciding import Found
from custody.following import chain_repository, sighting_repository, sightings
from custody.following.finality import Final
from custody.vaults.watchlist import WatchList, outpoint_key, parse_outpoint

log = structlog.get_logger()


class OutOfStep(Exception):
    """The events don't continue the stored chain: somebody else applied blocks meanwhile."""


@dataclass(frozen=True, slots=True)
class Chain:
    """One network's rows, under the lock of its follower."""

    session: WriteSession
    network: Network
    follower: FollowerRow
    watchlist: WatchList
    now: datetime

    async def undo(self, gone: Sequence[BlockRef]) -> None:
        """Remove blocks and the coins they made, and give back the coins they spent."""
        heights, network = [ref.height for ref in gone], self.network.id
        given_back = await chain_repository.coins_spent_at(self.session, network, heights)
        self.watchlist.watch_coins(
            outpoint_key(network, coin.txid, coin.position) for coin in given_back
        )
        await chain_repository.give_back_coins(self.session, network, heights)
        await chain_repository.forget_coins(self.session, network, heights)
        await sighting_repository.forget(self.session, network, heights)
        await chain_repository.forget_blocks(self.session, network, heights)
        if given_back:
            self._coins_changed()

    async def add_coins(self, found: Sequence[Found]) -> None:
        """Store the outputs that are ours. What else was found is no coin."""
        made = [each for each in found if each.movement.units > 0]
        await self.session.insert_missing(CoinRow, [self._coin(each) for each in made])
        if made:
            self.watchlist.watch_coins(
                outpoint_key(self.network.id, *each.outpoint) for each in made
            )
            self._coins_changed()

    async def spend_coins(self, blocks: Iterable[Block]) -> None:
        """Mark the coins of ours that the blocks spend. Call after `add_coins` for all of them: a
        coin may be spent in the block that makes it."""
        await self.session.update_each(
            CoinRow,
            ["network", "txid", "position"],
            [
                self._spent(key, block.ref.height)
                for block in blocks
                for key in self.watchlist.spends(block.consumed)
            ],
        )

    async def note_sightings(self, blocks: Sequence[Block]) -> None:
        """Which transactions of ours lie in the blocks. Call after `add_coins`."""
        await sightings.record(self.session, self.network.id, blocks, self.watchlist)

    async def store(self, blocks: Sequence[Block]) -> None:
        await self.session.insert(
            BlockRow,
            [
                {
                    "network": self.network.id,
                    "height": block.ref.height,
                    "hash": block.ref.hash,
                    "timestamp": block.timestamp,
                    "connected_at": self.now,
                }
                for block in blocks
            ],
        )

    def finalize(self, final: Final) -> None:
        """What was final stays so. Says it when another proof than before moves it on: a node that
        stopped giving its word is something that people want to know."""
        follower = self.follower
        if follower.final_height is not None and final.height <= follower.final_height:
            return
        if follower.final_by not in (None, final.by):
            log.warning(
                "finality_proven_otherwise",
                network=self.network.alias,
                by=final.by,
                before=follower.final_by,
                height=final.height,
            )
        follower.final_height, follower.final_by = final.height, final.by

    async def prune(self, position: BlockRef) -> None:
        """Forget blocks that neither the follower nor the node's finality will ask for again, and
        that show of no transaction that its life is over."""
        final = self.follower.final_height
        if final is not None:
            least = traits_of(self.network).remembered_least
            depth = max(self.network.follow_depth, least)
            oldest = min(final, position.height - depth)
            await chain_repository.forget_blocks_below(self.session, self.network.id, oldest)

    def _coins_changed(self) -> None:
        version = new_id("coi")
        self.follower.coins_version = version
        self.watchlist.wrote_coins(version)

    def _coin(self, found: Found) -> dict[str, object]:
        credit = found.movement
        height = found.block.height
        return {
            "network": self.network.id,
            "txid": credit.txid,
            "position": output_index(credit.place),
            "vault_id": found.owner.vault_id,
            "address_id": found.owner.address_id,
            "amount": credit.units,
            "own_change": found.change,
            "block_height": height,
            "mature_height": height if credit.mature_height is None else credit.mature_height,
            "spent_height": None,
        }

    def _spent(self, key: str, height: int) -> dict[str, object]:
        txid, position = parse_outpoint(key)
        return {
            "network": self.network.id,
            "txid": txid,
            "position": position,
            "spent_height": height,
        }


async def lock_chain(
    session: WriteSession, network: Network, watchlist: WatchList, now: datetime
) -> Chain:
    """Exclude every other writer of this network's blocks until the transaction ends, and bring
    the watch list up to date."""
    follower = await chain_repository.lock_follower(session, network.id)
    await watchlist.refresh(session)
    return Chain(session, network, follower, watchlist, now)


def segments(events: Iterable[Event]) -> Iterator[tuple[list[BlockRef], list[Block]]]:
    """Runs of "these blocks go, then these come"; one empty run for no events."""
    gone: list[BlockRef] = []
    come: list[Block] = []
    for event in events:
        match event:
            case Connected(block):
                come.append(block)
            case Disconnected(ref):
                if come:
                    yield gone, come
                    gone, come = [], []
                gone.append(ref)
    yield gone, come


def to_undo(
    refs: Sequence[BlockRef], gone: Sequence[BlockRef], hashes: Mapping[int, str]
) -> list[BlockRef]:
    """Those of `gone` that are still stored, newest first. `refs`: the newest stored blocks;
    `hashes`: what is stored at the heights of `gone`.

    Raises OutOfStep if one of them is stored below a block that stays.
    """
    undone: list[BlockRef] = []
    for ref in gone:
        if hashes.get(ref.height) != ref.hash:
            continue  # undone before
        if len(undone) == len(refs) or refs[-1 - len(undone)] != ref:
            raise OutOfStep(f"block {ref.height} is not the newest")
        undone.append(ref)
    return undone


def to_add(refs: Sequence[BlockRef], blocks: Sequence[Block]) -> list[Block]:
    """Those of `blocks` that are not stored yet. Raises OutOfStep unless each continues the chain
    of stored blocks."""
    added: list[Block] = []
    tip = refs[-1] if refs else None
    for block in blocks:
        if not added and block.ref in refs:
            continue
        if tip is not None and (block.parent_hash != tip.hash or block.ref.height <= tip.height):
            raise OutOfStep(f"block {block.ref.height} does not continue ours")
        added.append(block)
        tip = block.ref
    return added
