"""The signer's memory: one append-only chain of records, each fsynced before it has an effect.

A record is canonical JSON; its head is SHA-256 over the head before it, its number and its bytes.
The newest head is sealed with the signer's log key, so a record that was changed, removed or added
behind the signer's back is noticed on opening; that the end is missing shows wherever somebody
holds a later receipt (`expect`) or a longer copy of the log. Everything else that the guard knows
is looked up here: the columns beside the record are computed from it by SQLite, so that there is
no second truth to disagree with.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, NamedTuple

from signer.canonical import canonical_json
from signer.errors import DiskFailed, JournalBehind, JournalDamaged, JournalFault
from signer.keychain import OwnKey
from signer.seals import check_seal, seal_message
from signer.statements import Notice

GENESIS: Final = bytes(32)
_RECORD_DOMAIN: Final = b"custody-wallet/journal/v1\n"
_FORMAT: Final = 1
_SCHEMA: Final = """
CREATE TABLE journal (
    sequence INTEGER PRIMARY KEY,
    head BLOB NOT NULL,
    body TEXT NOT NULL,
    kind TEXT GENERATED ALWAYS AS (json_extract(body, '$.kind')) STORED,
    transfer TEXT GENERATED ALWAYS AS (json_extract(body, '$.transfer')) STORED,
    vault TEXT GENERATED ALWAYS AS (json_extract(body, '$.vault')) STORED,
    at TEXT GENERATED ALWAYS AS (json_extract(body, '$.at')) STORED,
    identity TEXT GENERATED ALWAYS AS (json_extract(body, '$.identity')) STORED,
    change_account TEXT GENERATED ALWAYS AS (json_extract(body, '$.change.account')) STORED,
    change_index INTEGER GENERATED ALWAYS AS (json_extract(body, '$.change.index')) STORED
);
CREATE INDEX journal_transfer ON journal (transfer) WHERE kind IN ('signed', 'complete');
CREATE INDEX journal_identity ON journal (identity) WHERE kind = 'signed';
CREATE INDEX journal_change ON journal (change_account, change_index)
    WHERE change_account IS NOT NULL;
CREATE INDEX journal_spent ON journal (vault, at) WHERE kind = 'signed';
CREATE INDEX journal_vault ON journal (vault) WHERE kind = 'vault';
CREATE INDEX journal_rare ON journal (kind)
    WHERE kind IN ('policy', 'recovered', 'pinned', 'clock');
CREATE TABLE seal (one INTEGER PRIMARY KEY CHECK (one = 1), signature BLOB NOT NULL);
"""
_DISK_ERRORS: Final = frozenset(
    {
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_NOMEM,
    }
)
_CONTRADICTION: Final = """
SELECT sequence FROM journal WHERE
    kind IS NOT json_extract(body, '$.kind')
    OR transfer IS NOT json_extract(body, '$.transfer')
    OR vault IS NOT json_extract(body, '$.vault')
    OR at IS NOT json_extract(body, '$.at')
    OR identity IS NOT json_extract(body, '$.identity')
    OR change_account IS NOT json_extract(body, '$.change.account')
    OR change_index IS NOT json_extract(body, '$.change.index')
LIMIT 1
"""


class Record(NamedTuple):
    """`body` is the decoded JSON object."""

    sequence: int
    head: bytes
    body: dict[str, Any]


def next_head(head: bytes, sequence: int, body: bytes) -> bytes:
    """What record `sequence` with these canonical bytes makes of the head before it."""
    return sha256(_RECORD_DOMAIN + head + sequence.to_bytes(8, "big") + body).digest()


class Journal:
    """One file, one process, one thread. Writes happen inside `transaction` only."""

    def __init__(self, path: Path, log_key: OwnKey) -> None:
        """Opens or creates, and verifies every record. Raises JournalDamaged, DiskFailed."""
        self._log_key = log_key
        self._writing = False
        self._unwritable = ""
        self.sequence, self.head = 0, GENESIS
        self._database = sqlite3.connect(path, isolation_level=None)
        try:
            path.chmod(0o600)
            _prepare(self._database)
            _check_schema(self._database)
            self._verify()
        except sqlite3.DatabaseError as error:
            self.close()
            if _is_disks(error):
                raise DiskFailed(f"{path} can't be opened: {error}") from error
            raise JournalDamaged(f"{path} is not a sound database") from error
        except JournalFault:
            self.close()
            raise

    def notices(self) -> tuple[Notice, ...]:
        """What an operator should mend: that the last transaction could not be written."""
        if not self._unwritable:
            return ()
        message = f"the journal can't be written, so nothing is signed: {self._unwritable}"
        return (Notice("journal-unwritable", message),)

    @property
    def log_key(self) -> bytes:
        """What seals are checked with."""
        return self._log_key.public_key

    def close(self) -> None:
        self._database.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All appends inside are durable when this returns, or none is. Raises sqlite3.Error."""
        assert not self._writing
        before = self.sequence, self.head
        self._writing = True
        try:
            self._database.execute("BEGIN IMMEDIATE")
            yield
            wrote = self.sequence != before[0]
            if wrote:
                self._seal()
            self._database.execute("COMMIT")
            if wrote:
                self._unwritable = ""
        except BaseException as error:
            if isinstance(error, sqlite3.Error):
                self._unwritable = str(error)
            self.sequence, self.head = before
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
            raise
        finally:
            self._writing = False

    def append(self, body: dict[str, Any]) -> Record:
        """The next record. Durable when the transaction ends, and not before."""
        return self._append(self.sequence + 1, body)

    def skip_past(self, through: int, body: dict[str, Any]) -> Record:
        """A `recovered` record after number `through`, up to which others may hold receipts that
        this journal has lost."""
        assert body["kind"] == "recovered"
        sequence = max(self.sequence, through) + 1
        return self._append(sequence, {**body, "after": self.sequence, "through": through})

    def restore(self, sequence: int, head: bytes, body: dict[str, Any]) -> None:
        """Append a record from a verified copy of the log. Raises JournalDamaged if it does not
        follow on the newest."""
        if sequence <= self.sequence or self._append(sequence, body).head != head:
            raise JournalDamaged(f"record {sequence} of the copy does not continue this journal")

    def expect(self, sequence: int, head: bytes) -> None:
        """Compare with somebody's newest receipt. Raises JournalBehind if it is none of ours."""
        if sequence == 0:
            return
        row = self._one("SELECT head FROM journal WHERE sequence = ?", sequence)
        if row is not None and row[0] == head:
            return
        if any(record.body["through"] >= sequence for record in self.rare("recovered")):
            return
        raise JournalBehind(f"there is a receipt for record {sequence} that is not in the journal")

    def raw_since(self, sequence: int) -> Iterator[tuple[int, bytes, str]]:
        """Number, head and canonical body of each record after `sequence`, in order."""
        query = "SELECT sequence, head, body FROM journal WHERE sequence > ? ORDER BY sequence"
        return self._database.execute(query, (sequence,))

    def looked_at(self, after: int, limit: int) -> Iterator[tuple[int, bytes, str, str]]:
        """Number, head, kind and canonical body of the next `limit` records after `after`."""
        query = (
            "SELECT sequence, head, kind, body FROM journal"
            " WHERE sequence > ? ORDER BY sequence LIMIT ?"
        )
        return self._database.execute(query, (after, limit))

    def seal(self) -> bytes:
        """The log key's signature under the newest head; empty before the first record."""
        row = self._one("SELECT signature FROM seal")
        return b"" if row is None else bytes(row[0])

    def of_transfer(self, transfer: str) -> list[Record]:
        """What was signed for a transfer, and which approvals of it became complete when."""
        query = (
            "SELECT sequence, head, body FROM journal"
            " WHERE transfer = ? AND kind IN ('signed', 'complete') ORDER BY sequence"
        )
        return list(map(_record, self._database.execute(query, (transfer,))))

    def signed_as(self, identity: str) -> list[Record]:
        """The decisions to sign one transaction, in whatever container, for whichever mandate."""
        query = (
            "SELECT sequence, head, body FROM journal"
            " WHERE kind = 'signed' AND identity = ? ORDER BY sequence"
        )
        return list(map(_record, self._database.execute(query, (identity,))))

    def highest_change(self, account: str) -> int | None:
        """The highest index of an address of the account that change was signed to."""
        query = "SELECT max(change_index) FROM journal WHERE change_account = ?"
        (highest,) = self._one(query, account) or (None,)
        return None if highest is None else int(highest)

    def signed_since(self, vault: str, at: str) -> Iterator[Record]:
        """What was signed for a vault, by its records after `at` (RFC 3339), in the order in which
        it was."""
        query = (
            "SELECT sequence, head, body FROM journal"
            " WHERE kind = 'signed' AND vault = ? AND at > ? ORDER BY sequence"
        )
        return map(_record, self._database.execute(query, (vault, at)))

    def newest_at(self) -> str | None:
        """The time of the newest record (RFC 3339)."""
        row = self._one("SELECT at FROM journal ORDER BY sequence DESC LIMIT 1")
        return None if row is None else str(row[0])

    def vault(self, vault: str) -> Record | None:
        row = self._one(
            "SELECT sequence, head, body FROM journal WHERE kind = 'vault' AND vault = ?", vault
        )
        return None if row is None else _record(row)

    def accounts_next(self) -> int:
        """The smallest account number above all that were given out."""
        query = "SELECT max(json_extract(body, '$.account')) FROM journal WHERE kind = 'vault'"
        (largest,) = self._one(query + " AND vault IS NOT NULL") or (None,)
        return 0 if largest is None else int(largest) + 1

    def rare(self, kind: str) -> list[Record]:
        """All records of kind `policy`, `recovered`, `pinned` or `clock`."""
        query = (
            "SELECT sequence, head, body FROM journal WHERE kind = ?"
            " AND kind IN ('policy', 'recovered', 'pinned', 'clock') ORDER BY sequence"
        )
        return list(map(_record, self._database.execute(query, (kind,))))

    def _append(self, sequence: int, body: dict[str, Any]) -> Record:
        assert self._writing, "records are written inside a transaction"
        data = canonical_json(body)
        head = next_head(self.head, sequence, data)
        self._database.execute(
            "INSERT INTO journal (sequence, head, body) VALUES (?, ?, ?)",
            (sequence, head, data.decode()),
        )
        self.sequence, self.head = sequence, head
        return Record(sequence, head, body)

    def _seal(self) -> None:
        signature = self._log_key.sign(seal_message(self.sequence, self.head))
        self._database.execute("INSERT OR REPLACE INTO seal VALUES (1, ?)", (signature,))

    def _verify(self) -> None:
        """Every link of the chain, the seal under its end, and that what look-ups go by, columns
        and indexes, tells the same as the records."""
        for sequence, head, text in self._database.execute(
            "SELECT sequence, head, body FROM journal ORDER BY sequence"
        ):
            if sequence != self.sequence + 1:
                check_gap(self.sequence, sequence, json.loads(text))
            if head != next_head(self.head, sequence, text.encode()):
                raise JournalDamaged(f"record {sequence} was changed")
            self.sequence, self.head = sequence, head
        if self.sequence:
            check_seal(self._log_key.public_key, self.sequence, self.head, self.seal())
        elif self.seal():
            raise JournalDamaged("all records are gone")
        contradiction = self._one(_CONTRADICTION)
        if contradiction is not None:
            raise JournalDamaged(f"a column contradicts record {contradiction[0]}")
        (sound,) = self._one("PRAGMA integrity_check") or ("",)
        if sound != "ok":
            raise JournalDamaged("an index does not agree with the records")

    def _one(self, query: str, *values: object) -> tuple[Any, ...] | None:
        row: tuple[Any, ...] | None = self._database.execute(query, values).fetchone()
        return row


def check_gap(before: int, sequence: int, body: object) -> None:
    """Numbers may jump only where a recovery says so. Raises JournalDamaged."""
    recovered = isinstance(body, dict) and body.get("kind") == "recovered"
    if not recovered or not isinstance(body, dict) or body.get("after") != before:
        raise JournalDamaged(f"records between {before} and {sequence} are missing")


def _is_disks(error: sqlite3.Error) -> bool:
    """Whether the disk failed, and not what is written on it. The low byte is the primary code."""
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in _DISK_ERRORS


def _record(row: tuple[Any, ...]) -> Record:
    return Record(row[0], bytes(row[1]), json.loads(row[2]))


def _prepare(database: sqlite3.Connection) -> None:
    """WAL with a full fsync per commit; no second process may even read while we serve."""
    for pragma in ("locking_mode = EXCLUSIVE", "journal_mode = WAL", "synchronous = FULL"):
        database.execute(f"PRAGMA {pragma}")
    (format_found,) = database.execute("PRAGMA user_version").fetchone()
    if format_found == 0:
        database.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = {_FORMAT}; COMMIT;")
    elif format_found != _FORMAT:
        raise JournalDamaged(f"format {format_found}, but this program reads {_FORMAT}")


def _check_schema(database: sqlite3.Connection) -> None:
    """The tables are exactly those that this program makes. A column computed from another field,
    or an index that leaves records out, would hide what was signed. Raises JournalDamaged."""
    query = "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY name"
    with closing(sqlite3.connect(":memory:")) as ours:
        ours.executescript(_SCHEMA)
        if database.execute(query).fetchall() != ours.execute(query).fetchall():
            raise JournalDamaged("the journal's tables are not as this program makes them")
