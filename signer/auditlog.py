"""The audit log: the journal as JSON lines, for people and for other machines.

One line per record, in order, and after each append a seal. Whoever has the file and the log key
can verify it alone; a copy of it restores a lost journal. The journal stays the truth: the file is
brought up to date from it, so a crash between the two loses nothing.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from signer.canonical import (
    MalformedMessage,
    canonical_json,
    exact_fields,
    integer,
    octets,
    parse_json,
)
from signer.errors import JournalBehind, JournalDamaged
from signer.journal import GENESIS, Journal, Record, check_gap, next_head
from signer.seals import check_seal

_TAIL_BYTES: Final = 8 * 1024 * 1024
_LINE_BYTES_MAX: Final = 4 * 1024 * 1024


class Verified(NamedTuple):
    """How far a log is good: its newest record."""

    sequence: int
    head: bytes


class AuditLog:
    """The file beside the journal. One writer."""

    def __init__(self, path: Path, journal: Journal) -> None:
        """Brings the file up to date. Raises JournalBehind if it knows more than the journal."""
        self._path = path
        self._journal = journal
        self._written, sealed = _last_line(path)
        if self._written > journal.sequence:
            raise JournalBehind(
                f"{path} goes up to record {self._written}, the journal to {journal.sequence}"
            )
        if not sealed:
            self._write()
        self.append()

    def append(self) -> None:
        """Write what the journal has and the file has not."""
        if self._written != self._journal.sequence:
            self._write()

    def _write(self) -> None:
        journal = self._journal
        lines = [_line(*row) for row in journal.raw_since(self._written)]
        seal = {"seal": journal.seal().hex(), "sequence": journal.sequence}
        lines.append(canonical_json(seal) + b"\n")
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "ab") as file:
            file.write(b"".join(lines))
        self._written = journal.sequence


def verify_log(path: Path, log_key: bytes) -> Verified:
    """Every link of the chain and every seal. Raises JournalDamaged; an incomplete last line is
    no damage, a last record without seal is."""
    sequence, head, sealed = 0, GENESIS, 0
    for row in _rows(path):
        if "seal" in row:
            check_seal(log_key, sequence, head, _sealed(row, sequence))
            sealed = sequence
            continue
        record = _read_record(row)
        if record.sequence != sequence + 1:
            check_gap(sequence, record.sequence, record.body)
        if record.head != next_head(head, record.sequence, canonical_json(record.body)):
            raise JournalDamaged(f"record {record.sequence} was changed")
        sequence, head = record.sequence, record.head
    if sealed != sequence:
        raise JournalDamaged(f"records after {sealed} are not sealed")
    return Verified(sequence, head)


def records_of(path: Path) -> Iterator[Record]:
    """The records of a log that was verified."""
    return (_read_record(row) for row in _rows(path) if "seal" not in row)


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open("rb") as file:
        for number, line in enumerate(iter(lambda: file.readline(_LINE_BYTES_MAX), b""), 1):
            if not line.endswith(b"\n"):
                if file.read(1):
                    raise JournalDamaged(f"line {number} is too long")
                return
            try:
                row = parse_json(line[:-1])
            except MalformedMessage as error:
                raise JournalDamaged(f"line {number}: {error}") from error
            if not isinstance(row, dict):
                raise JournalDamaged(f"line {number} is no record")
            yield row


def _read_record(row: dict[str, Any]) -> Record:
    try:
        fields = exact_fields(row, frozenset({"sequence", "head", "body"}))
        if not isinstance(fields["body"], dict):
            raise MalformedMessage("body")
        return Record(integer(fields["sequence"]), octets(fields["head"], 32), fields["body"])
    except MalformedMessage as error:
        raise JournalDamaged(f"not a record: {error}") from error


def _sealed(row: dict[str, Any], sequence: int) -> bytes:
    try:
        fields = exact_fields(row, frozenset({"seal", "sequence"}))
        if integer(fields["sequence"]) != sequence:
            raise MalformedMessage("seals another record")
        return octets(fields["seal"], 64)
    except MalformedMessage as error:
        raise JournalDamaged(f"the seal after record {sequence}: {error}") from error


def _line(sequence: int, head: bytes, body: str) -> bytes:
    """Canonical, since the body is and the names are in order."""
    return f'{{"body":{body},"head":"{head.hex()}","sequence":{sequence}}}\n'.encode()


def _last_line(path: Path) -> tuple[int, bool]:
    """The number in the last whole line, 0 without a file, and whether nothing lacks a seal. Cuts
    off a line torn by a crash."""
    if not path.exists():
        return 0, True
    with path.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _TAIL_BYTES))
        tail = file.read()
        whole = tail[: tail.rfind(b"\n") + 1]
        file.truncate(size - (len(tail) - len(whole)))
    if not whole:
        return 0, True
    try:
        row = json.loads(whole[:-1].rsplit(b"\n", 1)[-1])
        return integer(row["sequence"]), "seal" in row
    except (ValueError, TypeError, KeyError) as error:
        raise JournalDamaged(f"{path} does not end in a record") from error
