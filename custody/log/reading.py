"""What anybody may have of the log: its checkpoint with cosignatures, its tiles, and proofs.

Reads rows only; the key is elsewhere. Whoever asks for a proof is asked by the API who they are,
because a leaf's bytes say what was logged.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from custody.db.session import Database, ReadSession
from custody.errors import NotFound
from custody.log import repository
from custody.log.leaf import Kind, Leaf
from custody.log.tiles import Tile, tiles_of
from signer.proof import Proof
from signer.tree import inclusion_path

_NO_LOG = "This house keeps no transparency log, or has signed nothing of it yet."


class LogReader:
    """`origin`: None where no log is kept."""

    def __init__(self, database: Database, origin: str | None) -> None:
        self._database = database
        self._origin = origin

    @property
    def is_kept(self) -> bool:
        return self._origin is not None

    async def checkpoint(self) -> str:
        """The newest, with what witnesses signed of it. Raises NotFound log_not_kept."""
        async with self._database.read() as session:
            return await self._noted(session, await self._newest(session))

    async def tile(self, path: str) -> bytes:
        """By its path behind `tile/`. Raises NotFound log_not_kept, log_tile_not_found."""
        tile = Tile.parse(path)
        async with self._database.read() as session:
            newest = await self._newest(session)
            if tile is None or not tile.exists(newest):
                raise NotFound("log_tile_not_found", "The log has no such tile.")
            return await self._tile(session, tile)

    async def proof(self, kind: Kind, name: str) -> str:
        """That it is in the log, with its leaf's bytes (C2SP tlog-proof), under the checkpoint that
        most witnesses signed. Raises NotFound log_not_kept, log_entry_not_found."""
        async with self._database.read() as session:
            found = await self.proof_in(session, kind, name)
        if found is None:
            raise NotFound("log_entry_not_found", "That is not in the log, or not signed yet.")
        return found[0]

    async def proof_in(self, session: ReadSession, kind: Kind, name: str) -> tuple[str, int] | None:
        """The same, with how many witnesses signed its checkpoint. None if it is not there yet."""
        if self._origin is None:
            raise NotFound("log_not_kept", _NO_LOG)
        row = await repository.entry(session, self._origin, kind, name)
        best = None
        if row is not None:
            best = await repository.best_checkpoint(session, self._origin, row.number)
        if row is None or best is None:
            return None
        number, size = row.number, best.size
        places = repository.asked(lambda node: inclusion_path(number, size, node))
        nodes = await repository.nodes(session, self._origin, places)
        leaf = Leaf(row.kind, row.name, row.digest, row.salt)
        note = await self._noted(session, size)
        path = inclusion_path(number, size, nodes)
        lines = await repository.cosignatures(session, self._origin, size)
        return Proof(number, path, note, leaf.data).text(), len(lines)

    async def export(self, folder: Path) -> int:
        """Write the files that any static server can serve: only those that are not there, and the
        checkpoint last. Returns how many leaves they have. Raises NotFound log_not_kept and
        OSError."""
        async with self._database.read() as session:
            size = await self._newest(session)
            note = await self._noted(session, size)
            for tile in self._missing(folder, size):
                _write(folder / "tile" / tile.path, await self._tile(session, tile))
        _write(folder / "checkpoint", note.encode())
        return size

    def _missing(self, folder: Path, size: int) -> Iterator[Tile]:
        for tile in tiles_of(size):
            if not (folder / "tile" / tile.path).exists():
                yield tile

    async def _newest(self, session: ReadSession) -> int:
        newest = None
        if self._origin is not None:
            newest = await repository.newest_checkpoint(session, self._origin)
        if newest is None:
            raise NotFound("log_not_kept", _NO_LOG)
        return newest.size

    async def _noted(self, session: ReadSession, size: int) -> str:
        assert self._origin is not None
        note = await repository.checkpoint(session, self._origin, size)
        lines = await repository.cosignatures(session, self._origin, size)
        return "".join([note, *(f"{row.line}\n" for row in lines)])

    async def _tile(self, session: ReadSession, tile: Tile) -> bytes:
        assert self._origin is not None
        nodes = await repository.nodes(session, self._origin, repository.asked(tile.data))
        return tile.data(nodes)


def _write(path: Path, data: bytes) -> None:
    """Never half of it: a server may read while we write."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    part.write_bytes(data)
    part.replace(path)
