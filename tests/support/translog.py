"""A transparency log on a database, and what a stranger computes of a tree, by the definition."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from sqlalchemy import select

from custody.db.leases import Leases
from custody.db.log_tables import LogCheckpointRow, LogEntryRow
from custody.db.session import Database
from custody.log import repository
from custody.log.key import LogKey, Published, new_key
from custody.log.leaf import Leaf
from custody.log.reading import LogReader
from custody.log.writing import LogWriter
from signer.checkpoint import Checkpoint, parse_checkpoint

ORIGIN = "house.example/log/1"


def root_of(leaves: Sequence[bytes]) -> bytes:
    """RFC 6962, section 2.1, as it stands there, over hashes of leaves."""
    if not leaves:
        return sha256().digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    return sha256(b"\1" + root_of(leaves[:k]) + root_of(leaves[k:])).digest()


def hash_of(data: bytes) -> bytes:
    return sha256(b"\0" + data).digest()


@dataclass
class Log:
    """`folder` has the key and what was published last; it outlives the database."""

    database: Database
    folder: Path
    origin: str = ORIGIN
    now: datetime = field(default_factory=lambda: datetime(2030, 1, 1, tzinfo=UTC))

    def __post_init__(self) -> None:
        self.key_file = self.folder / "log.key"
        if not self.key_file.exists():
            self.key_file.touch(mode=0o600)
            self.key_file.write_bytes(new_key())
        self.key = LogKey.load(self.key_file, self.origin)
        self.published = Published(self.key_file)
        self.writer = LogWriter(self.database, self.key, self.published, lambda: self.now)
        self.reader = LogReader(self.database, self.origin)

    async def step(self) -> int:
        async with Leases(self.database).hold("transparency") as lease:
            assert lease is not None
            return await self.writer.step(lease)

    async def bundle(self, name: str) -> bytes:
        """One was handed out. Its digest."""
        digest = sha256(name.encode()).digest()
        async with self.database.write() as session:
            await repository.note_bundle(session, digest, f"tfr_{name}", self.now)
        return digest

    async def rows(self) -> Sequence[LogEntryRow]:
        async with self.database.read() as session:
            row = LogEntryRow
            mine = select(row).where(row.origin == self.origin).order_by(row.number)
            return await session.all(mine)

    async def leaves(self) -> list[bytes]:
        """Their hashes, from what is said of each."""
        rows = await self.rows()
        return [hash_of(Leaf(each.kind, each.name, each.digest, each.salt).data) for each in rows]

    async def checkpoints(self) -> list[Checkpoint]:
        async with self.database.read() as session:
            row = LogCheckpointRow
            mine = select(row.note).where(row.origin == self.origin).order_by(row.size)
            return [parse_checkpoint(note) for note in await session.all(mine)]
