"""Appends what is to be logged and signs how far the log goes: one process at a time, by lease.

In this order, so that a crash anywhere loses nothing and no two trees are ever signed: leaves are
committed; the signed checkpoint is written to a file beside the key; its row is stored, and with it
it is public. A file that says more than the database, or something else, shows that the database
was put back: then nothing is appended or signed until a person has looked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from secrets import token_bytes
from typing import Final

import structlog

from custody.alarms.codes import AlarmCode
from custody.alarms.service import clear_alarm, raise_alarm
from custody.db.leases import Lease
from custody.db.session import Database, ReadSession, WriteSession
from custody.log import repository
from custody.log.key import LogKey, Published
from custody.log.leaf import SALT_BYTES, Kind, Leaf, text_digest
from custody.log.repository import Found
from signer.checkpoint import Checkpoint, open_checkpoint, parse_checkpoint
from signer.tree import ProofInvalid, leaf_hash
from signer.wire import MalformedMessage

TOGETHER: Final = 256
"""Of a kind, appended in one transaction."""
OVERLAP: Final = timedelta(hours=1)
"""Clocks of processes that hand out bundles differ by less."""

log = structlog.get_logger()


class Stopped(Exception):
    """The log may not go on: the message says why, for people."""


async def tell_stopped(database: Database, why: str, now: datetime) -> None:
    """Call a person; again and again, it is one alarm."""
    async with database.write() as session:
        await raise_alarm(session, AlarmCode.TRANSPARENCY_STOPPED, why, now)


class LogWriter:
    """Of one process, which leads, and one origin."""

    def __init__(
        self,
        database: Database,
        key: LogKey,
        published: Published,
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._key = key
        self._published = published
        self._clock = clock
        self._since: datetime | None = None
        self._goes_on = False

    @property
    def key(self) -> LogKey:
        return self._key

    async def step(self, lease: Lease) -> int:
        """Append what waits and sign it. Returns how many leaves there are. Raises Stopped if the
        database is not what was published, LeaseLost."""
        await self.check()
        await self._go_on()
        size = await self._append(lease)
        await self._sign(lease, size)
        return size

    async def check(self) -> None:
        """That the rows continue what was published from here. Raises Stopped."""
        origin = self._key.origin
        try:
            note = self._published.read(origin)
            said = None if note is None else open_checkpoint(note, self._key.public)
        except (OSError, ValueError, ProofInvalid) as error:
            raise Stopped(f"the last published checkpoint can't be read: {error}") from None
        async with self._database.read() as session:
            newest = await repository.newest_checkpoint(session, origin)
            if newest is not None:
                await self._compare(session, self._opened(newest.note))
                if said is None:
                    raise Stopped(
                        f"the log {origin} has been published, and what was published last is not"
                        " kept beside the key"
                    )
            if said is not None:
                if said.origin != origin:
                    raise Stopped(f"what is kept beside the key is of {said.origin}")
                await self._compare(session, said)

    async def compare(self, said: Checkpoint) -> None:
        """That our tree continues this one, of our origin. Raises Stopped."""
        async with self._database.read() as session:
            await self._compare(session, said)

    async def _go_on(self) -> None:
        if self._goes_on:
            return
        async with self._database.write() as session:
            await clear_alarm(session, AlarmCode.TRANSPARENCY_STOPPED, self._clock())
        self._goes_on = True

    def _opened(self, note: str) -> Checkpoint:
        try:
            return open_checkpoint(note, self._key.public)
        except (MalformedMessage, ProofInvalid) as error:
            raise Stopped(f"a stored checkpoint is not signed by the log key: {error}") from None

    async def _compare(self, session: ReadSession, said: Checkpoint) -> None:
        origin = self._key.origin
        size = await repository.size(session, origin)
        if said.size > size:
            raise Stopped(f"{said.size} leaves of {origin} were published, and {size} are here")
        tree = await repository.frontier(session, origin, said.size)
        if tree.root() != said.root:
            raise Stopped(f"{origin} was published with another root for {said.size} leaves")

    async def _append(self, lease: Lease) -> int:
        """In transactions of some hundred leaves. A leaf's number follows the one before it in the
        transaction that the lease alone may make."""
        started = self._clock()
        while True:
            async with self._database.write() as session:
                await lease.check(session)
                size = await repository.size(session, self._key.origin)
                found = await self._waiting(session, size)
                if found:
                    await self._store(session, size, found)
            if not found:
                self._since = started - OVERLAP
                return size
            log.info("log_grown", origin=self._key.origin, size=size + len(found))

    async def _waiting(self, session: WriteSession, size: int) -> list[Found]:
        origin = self._key.origin
        if size == 0 and (before := await self._before(session)) is not None:
            return [before]
        found = await repository.waiting(session, origin, self._since, TOGETHER)
        for note in await repository.signer_notes(session):
            said = parse_checkpoint(note)
            name = f"{said.origin} {said.size}"
            if await repository.entry(session, origin, Kind.SIGNER_CHECKPOINT, name) is None:
                found.append(Found(Kind.SIGNER_CHECKPOINT, name, text_digest(said.text())))
        return found

    async def _before(self, session: ReadSession) -> Found | None:
        """The log that this one continues: what is kept beside the key outlives the database."""
        note = next(self._published.others(self._key.origin), None)
        note = note or await repository.other_origin(session, self._key.origin)
        if note is None:
            return None
        said = parse_checkpoint(note)
        return Found(Kind.CONTINUES, f"{said.origin} {said.size}", text_digest(said.text()))

    async def _store(self, session: WriteSession, size: int, found: Sequence[Found]) -> None:
        origin, now, rows = self._key.origin, self._clock(), []
        tree = await repository.frontier(session, origin, size)
        for number, (kind, name, digest) in enumerate(found, size):
            leaf = Leaf(kind, name, digest, token_bytes(SALT_BYTES))
            tree, nodes = tree.grown(leaf_hash(leaf.data))
            rows.append(
                {
                    "origin": origin,
                    "number": number,
                    "kind": str(kind),
                    "name": name,
                    "digest": digest,
                    "salt": leaf.salt,
                    "nodes": nodes,
                    "created_at": now,
                }
            )
        await repository.append(session, rows)

    async def _sign(self, lease: Lease, size: int) -> None:
        origin = self._key.origin
        async with self._database.read() as session:
            newest = await repository.newest_checkpoint(session, origin)
            if size == (0 if newest is None else parse_checkpoint(newest.note).size):
                return
            tree = await repository.frontier(session, origin, size)
        note = self._key.sign(Checkpoint(origin, size, tree.root()))
        self._published.write(origin, note)
        async with self._database.write_short() as session:
            await lease.check(session)
            await repository.store_checkpoint(session, origin, size, note, self._clock())
