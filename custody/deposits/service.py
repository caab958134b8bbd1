"""Applies blocks to deposits, coins and the ledger: the only writer of all that comes from blocks.

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

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import delete, select, update

from chains.follow import Connected, Disconnected, Event
from chains.model import Block, BlockRef
from chains.networks import NODE_FINALITY, Network
from custody.db.ids import new_id
from custody.db.session import WriteSession
from custody.db.tables import BlockRow, CoinRow, DepositRow, FollowerRow
from custody.deposits import repository
from custody.deposits.finality import Finality, judge
from custody.deposits.matching import DepositState, Found, has_coins, match_block
from custody.deposits.recording import Recorder
from custody.ledger.service import Ledger
from custody.transfers.state import State
from custody.vaults.alarms import freeze, raise_alarm
from custody.vaults.watchlist import WatchList, outpoint_key, parse_outpoint

REORG_BELOW_FINALITY = "reorg_below_finality"
_FINAL_STATES = (State.FINAL.value, State.REVERTED.value)


class OutOfStep(Exception):
    """The events don't continue the stored chain: somebody else applied blocks meanwhile."""


@dataclass(slots=True)
class Applied:
    """What a batch did. The lists hold deposit ids."""

    position: BlockRef | None = None
    final_height: int | None = None
    pending: list[str] = field(default_factory=list)
    credited: list[str] = field(default_factory=list)
    reversed: list[str] = field(default_factory=list)


class Deposits:
    def __init__(self, ledger: Ledger, clock: Callable[[], datetime]) -> None:
        self._ledger = ledger
        self._clock = clock

    async def apply(
        self,
        session: WriteSession,
        network: Network,
        events: Sequence[Event],
        watchlist: WatchList,
        finalized: BlockRef | None = None,
    ) -> Applied:
        """Apply the follower's events, oldest first, then credit what is final.

        `finalized`: what the node calls final, for networks whose configuration asks it. Raises
        OutOfStep; the transaction must then be rolled back and the follower loaded again.
        """
        follower = await lock_follower(session, network)
        await watchlist.refresh(session)
        applied = Applied()
        for gone, blocks in _segments(events):
            await self._segment(session, network, follower, gone, blocks, watchlist, applied)
            await self._finish(session, network, follower, finalized, applied)
        return applied

    async def _segment(
        self,
        session: WriteSession,
        network: Network,
        follower: FollowerRow,
        gone: Sequence[BlockRef],
        blocks: Sequence[Block],
        watchlist: WatchList,
        applied: Applied,
    ) -> None:
        """Undo `gone`, then connect `blocks`."""
        refs = await repository.newest_refs(session, network.id, len(gone) + len(blocks) + 1)
        undone = _undone(refs, gone)
        refs = refs[: len(refs) - len(undone)]
        added = _added(refs, blocks)
        recorder = Recorder(session, self._ledger, network, self._clock())
        if undone:
            await self._undo(session, network, follower, undone, refs, watchlist, recorder)
        if added:
            await self._connect(session, network, follower, added, watchlist, recorder)
        applied.position = added[-1].ref if added else (refs[-1] if refs else None)
