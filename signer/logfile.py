"""A log as a file of JSON lines, read and verified. Who has the file and the log key needs no more.

One line per record, in order, and after each append a seal: the checkpoint then. Public: an auditor
verifies a copy with this, far from any signer. Who writes the file is `signer.auditlog`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final

from signer.canonical import (
    MalformedMessage,
    canonical_json,
    exact_fields,
    integer,
    octets,
    parse_json,
)
from signer.chain import End, Record, beginning, check_seal
from signer.errors import JournalDamaged

LINE_BYTES_MAX: Final = 16 * 1024 * 1024


def verify_log(path: Path, log_key: bytes) -> End:
    """Every link of the chain, the tree and every checkpoint; says how far the log goes. Raises
    JournalDamaged; an incomplete last line is no damage, a last record without seal is."""
    end, sealed = beginning(log_key), 0
    for end, record, _ in walk(path, log_key):
        if record is None:
            sealed = end.sequence
    if sealed != end.sequence:
        raise JournalDamaged(f"records after {sealed} are not sealed")
    return end


def walk(path: Path, log_key: bytes) -> Iterator[tuple[End, Record | None, str]]:
    """Each line of a log, verified: how far it goes with it, and the record or the checkpoint that
    it holds. Raises JournalDamaged."""
    end = beginning(log_key)
    for row in _rows(path):
        if "checkpoint" in row:
            note = seal_of(row, end.sequence)
            check_seal(log_key, end, note)
            yield end, None, note
        else:
            record = record_of(row)
            end = followed(end, record)
            yield end, record, ""


def records_of(path: Path) -> Iterator[Record]:
    """The records of a log that was verified."""
    return (record_of(row) for row in _rows(path) if "checkpoint" not in row)


def lines_of(file: BinaryIO) -> Iterator[bytes]:
    return iter(lambda: file.readline(LINE_BYTES_MAX + 1), b"")


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open("rb") as file:
        for number, line in enumerate(lines_of(file), 1):
            if len(line) > LINE_BYTES_MAX:
                raise JournalDamaged(f"line {number} is too long")
            if not line.endswith(b"\n"):
                return
            try:
                yield row_of(line)
            except MalformedMessage as error:
                raise JournalDamaged(f"line {number}: {error}") from error


def row_of(line: bytes) -> dict[str, Any]:
    """Raises MalformedMessage."""
    row = parse_json(line.removesuffix(b"\n"))
    if not isinstance(row, dict):
        raise MalformedMessage("no record")
    return row


def record_of(row: dict[str, Any]) -> Record:
    try:
        fields = exact_fields(row, frozenset({"sequence", "head", "body"}))
        body = fields["body"]
        if not isinstance(body, dict):
            raise MalformedMessage("body")
        if "salt" not in body:
            raise MalformedMessage("of format 1, but this program reads 2")
        return Record(integer(fields["sequence"]), octets(fields["head"], 32), body)
    except MalformedMessage as error:
        raise JournalDamaged(f"not a record: {error}") from error


def followed(end: End, record: Record) -> End:
    """Raises JournalDamaged."""
    body = record.body
    following, _ = end.next(record.sequence, canonical_json(body), body.get("kind", ""))
    if following.head != record.head:
        raise JournalDamaged(f"record {record.sequence} was changed")
    return following


def seal_of(row: dict[str, Any], sequence: int) -> str:
    try:
        fields = exact_fields(row, frozenset({"checkpoint", "sequence"}))
        if integer(fields["sequence"]) != sequence:
            raise MalformedMessage("seals another record")
        if not isinstance(fields["checkpoint"], str):
            raise MalformedMessage("no checkpoint")
        return fields["checkpoint"]
    except MalformedMessage as error:
        raise JournalDamaged(f"the seal after record {sequence}: {error}") from error
