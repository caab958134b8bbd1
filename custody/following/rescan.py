"""Looks at blocks again and repairs what was missed: deposits, foreign debits, coins, spent coins.

For an operator who has reason to believe that something is missing (a node that answered wrongly, a
restored database). It adds and never removes; what is there already stays as it is. It may run
beside the follower, in any process.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from chains.adapter import ChainAdapter
from chains.answers import found
from chains.block import Block
from chains.families import traits_of
from chains.model import BlockRef, NetworkId, TxId
from chains.networks import Network
from custody.alarms.codes import AlarmCode
from custody.alarms.service import clear_alarm
from custody.db.session import Database
from custody.deposits.deciding import Found
from custody.deposits.minimums import Minimums
from custody.deposits.recording import Recorder
from custody.errors import Invalid, NotFound
from custody.following import chain_repository, readings
from custody.following.blocks import Chain, lock_chain
from custody.following.finality import credit_height
from custody.following.finding import find
from custody.ledger.service import Ledger
from custody.transactions import repository as transactions
from custody.vaults.repository import lock_vaults
from custody.vaults.suspense import give_way
from custody.vaults.watchlist import WatchList

_CHUNK_BLOCKS = 16


@dataclass(slots=True)
class Rescanned:
    """`deposits`, `debits`: ids of those that were missing. `coins`: how many were missing.
    `skipped`: heights at which the node's block is not the one we follow."""

    deposits: list[str] = field(default_factory=list)
    debits: list[str] = field(default_factory=list)
    coins: int = 0
    skipped: list[int] = field(default_factory=list)


class Rescan:
    def __init__(
        self,
        database: Database,
        ledger: Ledger,
        network: Network,
        adapter: ChainAdapter,
        clock: Callable[[], datetime],
        minimums: Minimums,
    ) -> None:
        self._minimums = minimums
        self._database = database
        self._ledger = ledger
        self._network = network
        self._adapter = adapter
        self._clock = clock
        self._watchlist = WatchList(network.id)

    async def transaction(self, txid: TxId) -> Rescanned:
        """The block that the transaction is in. Raises NotFound(transaction_not_in_block)."""
        [answer] = await self._adapter.statuses([txid])
        status = found(answer)
        if status.block is None:
            raise NotFound("transaction_not_in_block", "The node sees it in no block.")
        return await self.blocks(status.block.height, status.block.height)

    async def blocks(self, first: int, last: int) -> Rescanned:
        """The heights from `first` to `last`, both included.

        Raises Invalid(height_invalid) unless they are in order and not above the follower, and
        WrongChain: what lies below the blocks that we remember is believed without proof.
        """
        await self._adapter.check()
        position = await self._position()
        if not 0 <= first <= last <= position.height:
            raise Invalid("height_invalid", f"0 to {position.height}, the smaller first.")
        done = Rescanned()
        end = last
        height = first
        while height <= end:
            heights = range(height, min(height + _CHUNK_BLOCKS, end + 1))
            fetched = [block for at in heights if (block := await self._adapter.block(at))]
            coins_before = done.coins
            position = await self._apply(fetched, last, done)
            if done.coins > coins_before:
                # A coin found late may have been spent in any block up to where the follower
                # stands; from there on the follower itself knows the coin.
                end = max(end, position.height)
            height = heights.stop
        await self._note_read(first, last)
        return done

    async def _note_read(self, first: int, last: int) -> None:
        """Where nothing is unread between these blocks and those that were followed, transactions
        of which nobody knows when they were made are looked for in all blocks since `first`: the
        operator chose it."""
        async with self._database.write() as session:
            read = await readings.ranges(session, self._network.id)
            if readings.joined([each for each in read if each.last >= first]):
                await transactions.note_made_above(session, self._network.id, first - 1)

    async def _apply(self, fetched: Sequence[Block], last: int, done: Rescanned) -> BlockRef:
        """One chunk: everything up to `last`, spent coins only above it."""
        async with self._database.write() as session:
            chain = await lock_chain(session, self._network, self._watchlist, self._clock())
            position = await chain_repository.position(session, self._network.id)
            assert position is not None
            blocks = await self._ours(chain, fetched, position, done)
            reread = [block for block in blocks if block.ref.height <= last]
            await self._improve(chain, reread)
            found = [
                each
                for each in await find(chain, blocks)
                if each.block.height <= last or each.movement.units < 0
            ]
            if traits_of(self._network).coins:
                done.coins += await _add_missing_coins(chain, found)
                await chain.spend_coins(blocks)
            await chain.note_sightings(blocks)
            recorder = Recorder(session, self._network, chain.now, self._minimums)
            creditable = credit_height(self._network, position, chain.follower.final_height)
            await recorder.add(found, creditable)
            await lock_vaults(session, {vault for vault, _ in recorder.gained})
            await recorder.write(self._ledger)
            await give_way(session, self._ledger, self._network.id, recorder.gained, chain.now)
            done.deposits += recorder.pending
            done.debits += recorder.debited
            return position

    async def _improve(self, chain: Chain, reread: Sequence[Block]) -> None:
        """What could be seen now that could not be seen before is a gap no more."""
        session, network = chain.session, self._network.id
        await readings.improve(session, network, reread, chain.now)
        if not await readings.ranges(session, network, readings.GAPS):
            await clear_alarm(session, AlarmCode.READING_GAP, chain.now, network=network)

    async def _ours(
        self, chain: Chain, fetched: Sequence[Block], position: BlockRef, done: Rescanned
    ) -> list[Block]:
        """Those that lie on the chain we follow: the very blocks we remember, and all below."""
        network: NetworkId = self._network.id
        heights = [block.ref.height for block in fetched]
        hashes = await chain_repository.hashes_at(chain.session, network, heights)
        oldest = await chain_repository.oldest_height(chain.session, network)
        ours = []
        for block in fetched:
            height = block.ref.height
            if hashes.get(height) == block.ref.hash or height < oldest:
                ours.append(block)
            elif height <= position.height:
                done.skipped.append(height)
        return ours

    async def _position(self) -> BlockRef:
        async with self._database.read() as session:
            position = await chain_repository.position(session, self._network.id)
        if position is None:
            raise Invalid("height_invalid", "Nothing of this network has been followed yet.")
        return position


async def _add_missing_coins(chain: Chain, found: Sequence[Found]) -> int:
    made = [each for each in found if each.movement.units > 0]
    txids = {each.movement.txid for each in made}
    known = await chain_repository.coin_places(chain.session, chain.network.id, txids)
    missing = [each for each in made if each.outpoint not in known]
    await chain.add_coins(missing)
    return len(missing)
