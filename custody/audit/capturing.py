"""Keeps the proof that a block has a transaction of ours, while nodes still have the block.

Nothing waits for it: a transaction is final, and its money settled, whether it comes or not. What
failed is tried again, more and more seldom. Until then nodes' words alone are kept, so that what
was said at the time is not lost with the node.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog

from chains.errors import ChainError
from chains.inclusion import Proof, Said
from chains.model import BlockRef
from chains.networks import Network
from chains.nodes.adapter import Nodes
from custody.alarms.codes import AlarmCode
from custody.alarms.service import clear_alarm, raise_alarm
from custody.audit import proof_repository
from custody.audit.proof_repository import Wanted
from custody.db.leases import Lease
from custody.db.session import Database
from signer.wire import canonical_json

TOGETHER: Final = 64
LATE: Final = timedelta(hours=1)
"""Then a person is called: nodes prune."""
GIVEN_UP: Final = timedelta(days=30)
"""No node of ours has the block any more."""
_SILENT: Final = "nothing_said"
_TELL_EVERY: Final = timedelta(minutes=1)
_FIRST_S: Final = 5
_MOST_S: Final = 3600

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Found:
    """What nodes answered about one transaction. `keeps`: it is worth a row, which gets `number`.
    `ends`: nothing more is wanted. `error`: else the code of what is missing."""

    wanted: Wanted
    number: int
    said: Sequence[Said]
    proof: Proof | None
    keeps: bool
    ends: bool
    error: str


class Capturing:
    """Of one network."""

    def __init__(
        self, database: Database, network: Network, nodes: Nodes, clock: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._network = network
        self._nodes = nodes
        self._clock = clock
        self._late: bool | None = None
        self._told_at: datetime | None = None

    async def begin(self, lease: Lease) -> None:
        """Want what an older program, or a time before there were proofs, left without one."""
        async with self._database.write() as session:
            await lease.check(session)
            now = self._clock()
            found = await proof_repository.want_forgotten(session, self._network.id, now)
        if found:
            log.info("proofs_wanted", network=self._network.id, number=found)

    async def step(self, lease: Lease) -> int:
        """Ask for what is due, block by block. Returns how many were looked at."""
        wanted = await self._due()
        blocks: dict[BlockRef, list[Wanted]] = defaultdict(list)
        gone = []
        for each in wanted:
            gone.append(each) if each.block is None else blocks[each.block].append(each)
        if gone:
            async with self._database.write() as session:
                await lease.check(session)  # it becomes final again, and is wanted again then
                await proof_repository.done(session, [each.id for each in gone])
        for block, several in blocks.items():
            await self._capture(lease, block, several)
        await self._tell(lease)
        return len(wanted)

    async def _due(self) -> Sequence[Wanted]:
        now = self._clock()
        async with self._database.look() as look:  # as a rule there is nothing
            if not await proof_repository.is_any_due(look, self._network.id, now):
                return ()
        async with self._database.read() as session:
            return await proof_repository.due(session, self._network.id, now, TOGETHER)

    async def _capture(self, lease: Lease, block: BlockRef, wanted: Sequence[Wanted]) -> None:
        """All that one block has of ours: its proofs are kept with one write."""
        txids = [each.txid for each in wanted]
        said = await self._nodes.said(txids, self._network.finality)
        proofs = await self._nodes.prove(txids, block)
        async with self._database.write() as session:
            await lease.check(session)
            now = self._clock()
            before = await proof_repository.kept_of(session, [each.id for each in wanted], block)
            found = [
                self._look(each, said[each.txid], proof, before[each.id], now)
                for each, proof in zip(wanted, proofs, strict=True)
            ]
            rows = [_row(block, each, now) for each in found if each.keeps]
            await proof_repository.keep(session, rows)
            await proof_repository.done(session, [each.wanted.id for each in found if each.ends])
            later = [_put_off(each, now) for each in found if not each.ends]
            await proof_repository.put_off(session, later)

    def _look(
        self,
        wanted: Wanted,
        said: Sequence[Said],
        proof: Proof | ChainError,
        before: int,
        now: datetime,
    ) -> _Found:
        """`before`: how many proofs of this block are kept already."""
        refused = isinstance(proof, ChainError)
        proven = None if isinstance(proof, ChainError) else proof
        complete = bool(said) and not (refused and self._nodes.proves)
        return _Found(
            wanted=wanted,
            number=before + 1,
            said=said,
            proof=proven,
            keeps=bool(said) and not (refused and before),
            ends=complete or now - wanted.since > GIVEN_UP,
            error=proof.code if isinstance(proof, ChainError) and self._nodes.proves else _SILENT,
        )

    async def _tell(self, lease: Lease) -> None:
        """Raise the alarm, or clear it, looking now and then. Writes only when that has changed."""
        network, now = self._network.id, self._clock()
        if self._told_at is not None and timedelta() <= now - self._told_at < _TELL_EVERY:
            return
        self._told_at = now
        async with self._database.read() as session:
            _, since = (await proof_repository.oldest(session)).get(network, (0, None))
        late = since is not None and now - since > LATE
        if late == self._late:
            return
        words = "proofs of final transactions could not be had from the nodes for an hour"
        async with self._database.write() as session:
            await lease.check(session)
            if late:
                await raise_alarm(session, AlarmCode.PROOFS_LATE, words, now, network=network)
            else:
                await clear_alarm(session, AlarmCode.PROOFS_LATE, now, network=network)
        self._late = late


def _put_off(found: _Found, now: datetime) -> dict[str, object]:
    wanted = found.wanted
    return {
        "transaction_id": wanted.id,
        "last_error": found.error,
        "due_at": now + timedelta(seconds=min(_MOST_S, _FIRST_S << min(wanted.attempts, 12))),
        "attempts": wanted.attempts + 1,
    }


def _row(block: BlockRef, found: _Found, now: datetime) -> dict[str, object]:
    told = [
        {
            "name": each.node,
            "height": each.block.height,
            "hash": each.block.hash,
            "final_height": each.final_height,
        }
        for each in found.said
    ]
    return {
        "transaction_id": found.wanted.id,
        "block_hash": block.hash,
        "number": found.number,
        "captured_at": now,
        "said": canonical_json(told).decode(),
        "proof": None if found.proof is None else canonical_json(found.proof).decode(),
    }
