"""The audit log: the journal as JSON lines, for people and for other machines.

One line per record, in order, and after each append a seal: the checkpoint then. Whoever has the
file and the log key can verify it alone (`signer.logfile`); a copy of it restores a lost journal.
The journal stays the truth: a line that a full disk or a crash left torn is cut off before the next
is written, and whatever the file lacks, also if somebody cut or changed it, is written again from
the journal.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from signer.canonical import (
    MalformedMessage,
    canonical_json,
)
from signer.chain import check_seal
from signer.checkpoint import parse_checkpoint
from signer.errors import JournalBehind, JournalDamaged
from signer.journal import Journal
from signer.logfile import LINE_BYTES_MAX, followed, lines_of, record_of, row_of, seal_of
from signer.statements import Notice

_CHUNK_BYTES: Final = 1024 * 1024


class _Extent(NamedTuple):
    """How far the file says what the journal says: bytes, the newest record in them, whether
    a seal ends them, and that last line."""

    length: int = 0
    sequence: int = 0
    sealed: bool = True
    last_line: bytes = b""


class AuditLog:
    """The file beside the journal. One writer."""

    def __init__(self, path: Path, journal: Journal) -> None:
        """Brings the file up to date, or warns that it can't be. Raises JournalBehind if it knows
        more than the journal, JournalDamaged if it is of another format."""
        self._path = path
        self._journal = journal
        self._unwritable = ""
        self._mended = ""
        self._good = _Extent()
        self._torn = False
        """Whether bytes after the good ones may be ours: a write failed or a crash cut it off."""
        self._adopt(opening=True)
        with suppress(OSError):  # `notices` says so, and nothing is given out meanwhile
            self.append()

    def append(self) -> None:
        """Write what the journal has and the file has not. Raises OSError; then the file counts
        as it was before."""
        try:
            if self._was_touched():
                self._adopt(opening=False)
            if self._torn or self._good.sequence != self._journal.sequence or not self._good.sealed:
                self._write()
        except OSError as error:
            self._unwritable = error.strerror or type(error).__name__
            self._cut()
            raise
        self._unwritable = ""

    def notices(self) -> tuple[Notice, ...]:
        """What an operator should know of the file, after one more try to mend it."""
        with suppress(OSError):
            self.append()
        found = []
        if self._unwritable:
            message = f"the audit log can't be written, so nothing is signed: {self._unwritable}"
            found.append(Notice("log-unwritable", message))
        if self._mended:
            found.append(Notice("log-mended", self._mended))
        return tuple(found)

    def _was_touched(self) -> bool:
        """Whether somebody else cut, lengthened or replaced the file since our last write. A
        change of the same length is found by `log verify`, or at the next opening."""
        good = self._good
        try:
            with self._path.open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                if size < good.length or (size > good.length and not self._torn):
                    return True
                file.seek(good.length - len(good.last_line))
                return file.read(len(good.last_line)) != good.last_line
        except FileNotFoundError:
            return good.length > 0

    def _adopt(self, *, opening: bool) -> None:
        """Find out how far the file is good. One that says something else than the journal is
        kept under another name, as evidence, and a new one begun."""
        try:
            with self._path.open("rb") as file:
                if opening:
                    _check_format(file)
                good, differs = _compare(file, self._journal)
                size = file.seek(0, os.SEEK_END)
                if differs and opening:
                    _check_no_more(file, good, self._journal)
        except FileNotFoundError:
            good, differs, size = _Extent(), False, 0
        kept = set_aside(self._path, "changed", self._journal.sequence) if differs else None
        if kept is not None:
            good, size = _Extent(), 0
            self._mended = f"the audit log was changed; it is kept as {kept.name} and written anew"
        elif not opening:
            self._mended = "the audit log was cut by somebody else; it is mended from the journal"
        self._good, self._torn = good, size > good.length

    def _cut(self) -> None:
        """Back to the good part, which takes no room. If that fails, the next write does it."""
        if self._torn:
            with suppress(OSError):
                os.truncate(self._path, self._good.length)
                self._torn = False

    def _write(self) -> None:
        good, journal = self._good, self._journal
        self._torn = True
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "wb", buffering=0) as file:
            file.truncate(good.length)
            file.seek(good.length)
            last_line = good.last_line
            if good.sequence != journal.sequence or not good.sealed:
                _write_all(file, _chunks(_line(*row) for row in journal.raw_since(good.sequence)))
                last_line = _seal_line(journal)
                _write_all(file, (last_line,))
            self._good = _Extent(file.tell(), journal.sequence, True, last_line)
        self._torn = False


def set_aside(path: Path, why: str, sequence: int) -> Path:
    """The file under a name that says why and when; what was set aside earlier stays."""
    number = 0
    while True:
        repeated = f"-{number}" if number else ""
        kept = path.with_suffix(f".{why}-{sequence}{repeated}.jsonl")
        if not kept.exists():
            return path.rename(kept)
        number += 1


def _compare(file: BinaryIO, journal: Journal) -> tuple[_Extent, bool]:
    """How far the file agrees with the journal, and whether it goes on with something else. A
    line torn at the end is nothing else. The newest seal must be the journal's own."""
    good, expected = _Extent(), journal.raw_since(0)
    awaited = next(expected, None)
    for line in lines_of(file):
        if not line.endswith(b"\n"):
            return good, len(line) > LINE_BYTES_MAX
        if awaited is not None and line == _line(*awaited):
            good = _Extent(good.length + len(line), awaited[0], False, line)
            awaited = next(expected, None)
        elif _is_seal_of(line, good.sequence, journal) and (awaited or line == _seal_line(journal)):
            good = good._replace(length=good.length + len(line), sealed=True, last_line=line)
        else:
            return good, True
    return good, False


def _check_no_more(file: BinaryIO, good: _Extent, journal: Journal) -> None:
    """Raises JournalBehind if what follows on the good part has a higher number than any record of
    the journal, or was sealed by us: then another journal went on from here."""
    file.seek(good.length)
    end = journal.end_at(good.sequence)
    for line in lines_of(file):
        with suppress(JournalDamaged, MalformedMessage):
            row = row_of(line)
            if "checkpoint" not in row:
                record = record_of(row)
                if record.sequence > journal.sequence:
                    raise JournalBehind(
                        f"{file.name} goes up to record {record.sequence} at least,"
                        f" the journal to {journal.sequence}"
                    )
                end = followed(end, record)
            elif end.sequence > good.sequence:
                check_seal(journal.log_key, end, seal_of(row, end.sequence))
                raise JournalBehind(f"{file.name} has another record {end.sequence}, sealed by us")


def _check_format(file: BinaryIO) -> None:
    """Raises JournalDamaged for a log whose records have no salt: those of format 1 had none."""
    first = file.readline(LINE_BYTES_MAX)
    file.seek(0)
    with suppress(MalformedMessage):
        body = row_of(first).get("body")
        if isinstance(body, dict) and "salt" not in body:
            raise JournalDamaged(f"{file.name} is of format 1, but this program reads 2")


def _is_seal_of(line: bytes, sequence: int, journal: Journal) -> bool:
    """Whether it says so. To check the root and signature of every old one would take a start
    minutes where there are a million; `log verify` does."""
    origin = journal.end_of(sequence)
    with suppress(MalformedMessage, JournalDamaged):
        told = parse_checkpoint(seal_of(row_of(line), sequence))
        return (told.origin, told.size) == (origin.origin, sequence - origin.first + 1)
    return False


def _line(sequence: int, head: bytes, body: str) -> bytes:
    """Canonical, since the body is and the names are in order."""
    return f'{{"body":{body},"head":"{head.hex()}","sequence":{sequence}}}\n'.encode()


def _seal_line(journal: Journal) -> bytes:
    row = {"checkpoint": journal.seal(), "sequence": journal.sequence}
    return canonical_json(row) + b"\n"


def _chunks(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Joined to writes of a sensible size."""
    chunk = bytearray()
    for line in lines:
        chunk += line
        if len(chunk) >= _CHUNK_BYTES:
            yield bytes(chunk)
            chunk.clear()
    if chunk:
        yield bytes(chunk)


def _write_all(file: BinaryIO, chunks: Iterable[bytes]) -> None:
    """Every byte, however little of them the system takes at a time. Raises OSError."""
    for chunk in chunks:
        left = memoryview(chunk)
        while left:
            left = left[file.write(left) :]
