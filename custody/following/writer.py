"""Applies blocks to deposits, foreign debits, coins and the ledger: the only writer of all that
comes from blocks.

Everything a batch of blocks changes is written in the caller's transaction, together with the
follower's refs, so a crash leaves either all of it or nothing and the follower goes on from what is
stored. Applying the same blocks again changes nothing. The row of the network's follower is locked
first; events that don't continue the stored chain are refused (OutOfStep), which is what makes a
second follower harmless.

A block that is undone after its deposits were credited cannot be taken back silently: the money may
have left. The vaults are frozen, a person is called, and the credited deposits stay as they are; if
their transactions come back in another block, they are not credited again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from chains.block import Block
from chains.families import traits_of
from chains.follow import Event
from chains.model import BlockRef
from chains.networks import Network
from custody.alarms.codes import AlarmCode
from custody.alarms.service import raise_alarm
from custody.db.session import WriteSession
from custody.debits import repository as debits
from custody.deposits import repository
from custody.deposits.deciding import Found
from custody.deposits.minimums import Minimums
from custody.deposits.recording import Recorder
from custody.deposits.states import DebitState, DepositState
from custody.following import chain_repository, readings
from custody.following.blocks import Chain, lock_chain, segments, to_add, to_undo
from custody.following.finality import Ceiling, credit_height, newest_final
from custody.following.finding import find
from custody.ledger.service import Ledger
from custody.transactions.state import State
from custody.vaults.freezes import freeze
from custody.vaults.watchlist import WatchList

_FINAL_STATES = (State.FINAL.value, State.REVERTED.value)


@dataclass(slots=True)
class Applied:
    """What a batch did. The lists hold deposit ids; what was final at once is in both `pending`
    and `credited`."""

    position: BlockRef | None = None
    final_height: int | None = None
    pending: list[str] = field(default_factory=list)
    credited: list[str] = field(default_factory=list)
    reversed: list[str] = field(default_factory=list)

    def add(self, later: Applied) -> None:
        """What was done right after it."""
        self.final_height = later.final_height
        self.pending += later.pending
        self.credited += later.credited
        self.reversed += later.reversed


class BlockWriter:
    """`minimums`: of deposits."""

    def __init__(self, ledger: Ledger, clock: Callable[[], datetime], minimums: Minimums) -> None:
        self._minimums = minimums
        self._ledger = ledger
        self._clock = clock

    async def apply(
        self,
        session: WriteSession,
        network: Network,
        events: Sequence[Event],
        watchlist: WatchList,
        finalized: BlockRef | None = None,
        ceiling: Ceiling | None = None,
    ) -> Applied:
        """Apply the follower's events, oldest first, then credit what is final.

        The blocks must have been fetched before this is called: an address given out before a
        block was fetched is then known. `finalized`: what the node calls final, for networks whose
        configuration asks it. `ceiling`: how far witnesses agree, if there are any. Raises
        OutOfStep; the transaction must then be rolled back and the follower loaded again.
        """
        chain = await lock_chain(session, network, watchlist, self._clock())
        applied = Applied()
        for gone, blocks in segments(events):
            recorder = Recorder(session, network, chain.now, self._minimums)
            count = len(gone) + len(blocks) + 1
            refs = await chain_repository.newest_refs(session, network.id, count)
            hashes = await chain_repository.hashes_at(
                session, network.id, [ref.height for ref in gone]
            )
            undone = to_undo(refs, gone, hashes)
            kept = refs[: len(refs) - len(undone)]
            added = to_add(kept, blocks)
            if undone:
                await self._undo(chain, undone, kept, recorder)
                await readings.forget_from(
                    session, network.id, undone[-1].height, kept[-1] if kept else None
                )
            found = await self._connect(chain, added)
            stands_on = kept[-1] if kept else None
            await readings.record(session, network.id, added, stands_on, chain.now)
            applied.position = added[-1].ref if added else kept[-1] if kept else None
            word = (finalized, ceiling)
            await self._finish(chain, applied.position, word, found, recorder)
            applied.pending += recorder.pending
            applied.credited += recorder.credited
            applied.reversed += recorder.reversed
        applied.final_height = chain.follower.final_height
        return applied

    async def _undo(
        self,
        chain: Chain,
        undone: Sequence[BlockRef],
        kept: Sequence[BlockRef],
        recorder: Recorder,
    ) -> None:
        hashes = {ref.hash for ref in undone}
        rows = await repository.deposits_in(chain.session, chain.network.id, hashes)
        left = await debits.standing_in(chain.session, chain.network.id, hashes)
        final_height = chain.follower.final_height
        if final_height is not None and undone[-1].height <= final_height:
            credited = {row.vault_id for row in rows if row.state == DepositState.CREDITED}
            credited |= {row.vault_id for row in left if row.state == DebitState.BOOKED}
            await self._sound_alarm(chain, undone[-1], hashes, credited)
            chain.follower.final_height = kept[-1].height if kept else None
        recorder.reverse(rows, left)
        await chain.undo(undone)

    async def _sound_alarm(
        self, chain: Chain, deepest: BlockRef, hashes: Collection[str], credited: set[str]
    ) -> None:
        """What we called final was undone. Nothing may leave the vaults that relied on it."""
        session, network = chain.session, chain.network
        paid = await repository.vaults_paid_from(session, network.id, hashes, _FINAL_STATES)
        message = f"{network.name} undid block {deepest.height}, which was final"
        code = AlarmCode.REORG_BELOW_FINALITY
        for vault in (None, *sorted(credited | paid)):
            await raise_alarm(session, code, message, chain.now, network=network.id, vault=vault)
        await freeze(session, credited | paid, code.value, chain.now)

    async def _connect(self, chain: Chain, blocks: Sequence[Block]) -> list[Found]:
        """Store blocks and coins; returns what came to us and what left, change included."""
        if not blocks:
            return []
        await chain.store(blocks)
        found = await find(chain, blocks)
        if traits_of(chain.network).coins:
            await chain.add_coins(found)
            await chain.spend_coins(blocks)
        await chain.note_sightings(blocks)
        return found

    async def _finish(
        self,
        chain: Chain,
        position: BlockRef | None,
        word: tuple[BlockRef | None, Ceiling | None],
        found: Sequence[Found],
        recorder: Recorder,
    ) -> None:
        finalized, ceiling = word
        blocks = (finalized, None if ceiling is None else ceiling.block)
        asked = {each.height for each in blocks if each is not None}
        hashes = await chain_repository.hashes_at(chain.session, chain.network.id, asked)
        final = newest_final(chain.network, position, finalized, hashes, ceiling)
        if final is not None:
            chain.finalize(final)
        creditable = credit_height(chain.network, position, chain.follower.final_height)
        await recorder.credit(creditable)
        await recorder.add(found, creditable)
        await recorder.write(self._ledger)
        if position is not None:
            await chain.prune(position)
