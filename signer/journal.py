"""The signer's memory: one append-only chain of records, each fsynced before it has an effect.

A record is canonical JSON with a random salt, so that nobody guesses it from its published hash.
It is a link of a chain and a leaf of a tree (`signer.chain`). The journal's end is sealed with a
checkpoint that the signer's log key signs, so a record that was changed, removed or added behind
the signer's back is noticed on opening; that the end is missing shows wherever somebody holds a
later receipt (`expect`), a later checkpoint or a longer copy of the log. Everything else that the
guard knows is looked up here: the columns beside the record are computed from it by SQLite, so that
there is no second truth to disagree with. `nodes` are those of the tree that the record completes,
its own leaf first; they are compared on opening, and make a proof a matter of a few look-ups.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from secrets import token_hex
from typing import Any, Final

from signer.canonical import canonical_json
from signer.chain import RECOVERED, End, Record, beginning, check_seal
from signer.checkpoint import signed_note
from signer.errors import DiskFailed, JournalBehind, JournalDamaged, JournalFault
from signer.keychain import OwnKey
from signer.statements import Notice
from signer.tree import HASH_BYTES, Nodes, frontier_of

_FORMAT: Final = 2
_SALT_BYTES: Final = 16
_COLUMNS: Final = {
    "kind": "TEXT",
    "transfer": "TEXT",
    "vault": "TEXT",
    "at": "TEXT",
    "identity": "TEXT",
    "change_account": "TEXT",
    "change_index": "INTEGER",
}
"""What look-ups go by: fields of a record's body, of which `change` has some of its own."""
_FIELDS: Final = {name: f"json_extract(body, '$.{name.replace('_', '.')}')" for name in _COLUMNS}
_SCHEMA: Final = f"""
CREATE TABLE journal (
    sequence INTEGER PRIMARY KEY, head BLOB NOT NULL, nodes BLOB NOT NULL, body TEXT NOT NULL,
    {", ".join(f"{n} {t} GENERATED ALWAYS AS ({_FIELDS[n]}) STORED" for n, t in _COLUMNS.items())}
);
CREATE INDEX journal_transfer ON journal (transfer) WHERE kind IN ('signed', 'complete');
CREATE INDEX journal_identity ON journal (identity) WHERE kind = 'signed';
CREATE INDEX journal_change ON journal (change_account, change_index)
    WHERE change_account IS NOT NULL;
CREATE INDEX journal_spent ON journal (vault, at) WHERE kind = 'signed';
CREATE INDEX journal_vault ON journal (vault) WHERE kind = 'vault';
CREATE INDEX journal_rare ON journal (kind)
    WHERE kind IN ('policy', 'recovered', 'pinned', 'clock');
CREATE TABLE seal (one INTEGER PRIMARY KEY CHECK (one = 1), checkpoint TEXT NOT NULL);
"""
_CONTRADICTION: Final = "SELECT sequence FROM journal WHERE " + " OR ".join(  # noqa: S608
    f"{name} IS NOT {field}" for name, field in _FIELDS.items()
)
_DISK_ERRORS: Final = frozenset(
    getattr(sqlite3, f"SQLITE_{name}")
    for name in ("FULL", "IOERR", "CANTOPEN", "READONLY", "BUSY", "NOMEM")
)


class Journal:
    """One file, one process, one thread. Writes happen inside `transaction` only."""

    def __init__(self, path: Path, log_key: OwnKey) -> None:
        """Opens or creates, and verifies every record. Raises JournalDamaged, DiskFailed."""
        self._log_key = log_key
        self._writing = False
        self._unwritable = ""
        self._end = beginning(log_key.public_key)
        self._ended: tuple[End, ...] = ()
        """Where origins ended because of a recovery, oldest first."""
        self._seal = ""
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
    def end(self) -> End:
        """Of all records, also of those that are not durable yet."""
        return self._end

    @property
    def sequence(self) -> int:
        """The number of the newest record; 0 before the first."""
        return self._end.sequence

    @property
    def head(self) -> bytes:
        """Of the newest record."""
        return self._end.head

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
        before = self._end, self._ended, self._seal
        self._writing = True
        try:
            self._database.execute("BEGIN IMMEDIATE")
            yield
            wrote = self._end != before[0]
            if wrote:
                self._write_seal()
            self._database.execute("COMMIT")
            if wrote:
                self._unwritable = ""
        except BaseException as error:
            if isinstance(error, sqlite3.Error):
                self._unwritable = str(error)
            self._end, self._ended, self._seal = before
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
            raise
        finally:
            self._writing = False

    def append(self, body: dict[str, Any]) -> Record:
        """The next record. Durable when the transaction ends, and not before."""
        return self._append(self.sequence + 1, _salted(body))

    def skip_past(self, through: int, body: dict[str, Any]) -> Record:
        """A `recovered` record after number `through`, up to which others may hold receipts that
        this journal has lost. It begins a new origin."""
        assert body["kind"] == RECOVERED
        sequence = max(self.sequence, through) + 1
        lost = {"after": self.sequence, "through": through, "log": self._end.told()}
        return self._append(sequence, _salted({**body, **lost}))

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

    def seal(self) -> str:
        """The newest checkpoint, as a signed note; empty before the first record."""
        return self._seal

    def seal_of(self, end: End) -> str:
        """A checkpoint for what was the end of one of this journal's origins."""
        checkpoint = end.checkpoint()
        signature = self._log_key.sign(checkpoint.text())
        return signed_note(checkpoint, self.log_key, signature)

    def end_of(self, sequence: int) -> End:
        """Where the origin of this record ends: here, or where a recovery ended it."""
        return next((end for end in self._ended if sequence <= end.sequence), self._end)

    def ends(self) -> tuple[End, ...]:
        """Of every origin, oldest first; the last one goes on."""
        return (*self._ended, self._end)

    def end_at(self, sequence: int) -> End:
        """As it was when this record was the newest."""
        if sequence == 0:
            return beginning(self.log_key)
        last = self.end_of(sequence)
        (head,) = self._one("SELECT head FROM journal WHERE sequence = ?", sequence) or (b"",)
        tree = frontier_of(sequence - last.first + 1, self.nodes_of(last))
        return End(sequence, head, last.origin, tree)

    def nodes_of(self, end: End) -> Nodes:
        """Look-ups in the tree of an origin, up to its end."""

        def node(level: int, position: int) -> bytes:
            sequence = end.first - 1 + ((position + 1) << level)
            row = self._one("SELECT nodes FROM journal WHERE sequence = ?", sequence)
            if row is None:
                raise JournalDamaged(f"record {sequence} is missing")
            return bytes(row[0][level * HASH_BYTES : (level + 1) * HASH_BYTES])

        return node

    def record_at(self, sequence: int) -> tuple[str, bytes] | None:
        """Kind and canonical bytes of one record."""
        row = self._one("SELECT kind, body FROM journal WHERE sequence = ?", sequence)
        return None if row is None else (row[0], row[1].encode())

    def of_transfer(self, transfer: str) -> list[Record]:
        """What was signed for a transfer, and which approvals of it became complete when."""
        return list(self._records("transfer = ? AND kind IN ('signed', 'complete')", transfer))

    def signed_as(self, identity: str) -> list[Record]:
        """The decisions to sign one transaction, in whatever container, for whichever mandate."""
        return list(self._records("kind = 'signed' AND identity = ?", identity))

    def leaf_of(self, sequence: int) -> int:
        """Which leaf of its origin's tree a record is."""
        return sequence - self.end_of(sequence).first

    def highest_change(self, account: str) -> int:
        """The highest index of an address of the account that change was signed to; -1 before the
        first."""
        query = "SELECT max(change_index) FROM journal WHERE change_account = ?"
        (highest,) = self._one(query, account) or (None,)
        return -1 if highest is None else int(highest)

    def signed_since(self, vault: str, at: str) -> Iterator[Record]:
        """What was signed for a vault, by its records after `at` (RFC 3339), in the order in which
        it was."""
        return self._records("kind = 'signed' AND vault = ? AND at > ?", vault, at)

    def newest_at(self) -> str | None:
        """The time of the newest record (RFC 3339)."""
        row = self._one("SELECT at FROM journal ORDER BY sequence DESC LIMIT 1")
        return None if row is None else str(row[0])

    def vault(self, vault: str) -> Record | None:
        return next(self._records("kind = 'vault' AND vault = ?", vault), None)

    def accounts_next(self) -> int:
        """The smallest account number above all that were given out."""
        query = "SELECT max(json_extract(body, '$.account')) FROM journal WHERE kind = 'vault'"
        (largest,) = self._one(query + " AND vault IS NOT NULL") or (None,)
        return 0 if largest is None else int(largest) + 1

    def rare(self, kind: str) -> list[Record]:
        """All records of kind `policy`, `recovered`, `pinned` or `clock`; or, without an index, of
        another: a start, which has read them all before, asks for it once."""
        rare = "kind IN ('policy', 'recovered', 'pinned', 'clock')"
        return list(self._records(f"kind = ?1 AND ({rare} OR ?1 = 'stopped')", kind))

    def _append(self, sequence: int, body: dict[str, Any]) -> Record:
        assert self._writing, "records are written inside a transaction"
        data = canonical_json(body)
        end, nodes = self._end.next(sequence, data, body["kind"])
        self._database.execute(
            "INSERT INTO journal (sequence, head, nodes, body) VALUES (?, ?, ?, ?)",
            (sequence, end.head, nodes, data.decode()),
        )
        self._move(end)
        return Record(sequence, end.head, body)

    def _move(self, end: End) -> None:
        if end.origin != self._end.origin:
            self._ended = (*self._ended, self._end)
        self._end = end

    def _write_seal(self) -> None:
        self._seal = self.seal_of(self._end)
        self._database.execute("INSERT OR REPLACE INTO seal VALUES (1, ?)", (self._seal,))

    def _verify(self) -> None:
        """Every link of the chain, every node of the tree, the seal under their end, and that what
        look-ups go by, columns and indexes, tells the same as the records."""
        for sequence, head, nodes, kind, text in self._database.execute(
            "SELECT sequence, head, nodes, kind, body FROM journal ORDER BY sequence"
        ):
            end, completed = self._end.next(sequence, text.encode(), kind)
            if (head, nodes) != (end.head, completed):
                raise JournalDamaged(f"record {sequence} was changed")
            self._move(end)
        (self._seal,) = self._one("SELECT checkpoint FROM seal") or ("",)
        if self.sequence:
            check_seal(self.log_key, self._end, self._seal)
        elif self._seal:
            raise JournalDamaged("all records are gone")
        contradiction = self._one(_CONTRADICTION)
        if contradiction is not None:
            raise JournalDamaged(f"a column contradicts record {contradiction[0]}")
        (sound,) = self._one("PRAGMA integrity_check") or ("",)
        if sound != "ok":
            raise JournalDamaged("an index does not agree with the records")

    def _records(self, where: str, *values: object) -> Iterator[Record]:
        """In their order. `where`: words of ours, which name an index."""
        query = f"SELECT sequence, head, body FROM journal WHERE {where} ORDER BY sequence"  # noqa: S608
        for sequence, head, body in self._database.execute(query, values):
            yield Record(sequence, bytes(head), json.loads(body))

    def _one(self, query: str, *values: object) -> tuple[Any, ...] | None:
        row: tuple[Any, ...] | None = self._database.execute(query, values).fetchone()
        return row


def _salted(body: dict[str, Any]) -> dict[str, Any]:
    return {**body, "salt": token_hex(_SALT_BYTES)}


def _is_disks(error: sqlite3.Error) -> bool:
    """Whether the disk failed, and not what is written on it. The low byte is the primary code."""
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in _DISK_ERRORS


def _prepare(database: sqlite3.Connection) -> None:
    """WAL with a full fsync per commit; no second process may even read while we serve."""
    for pragma in ("locking_mode = EXCLUSIVE", "journal_mode = WAL", "synchronous = FULL"):
        database.execute(f"PRAGMA {pragma}")
    (format_found,) = database.execute("PRAGMA user_version").fetchone()
    if format_found == 0:
        database.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = {_FORMAT}; COMMIT;")
    elif format_found != _FORMAT:
        raise JournalDamaged(
            f"the journal is of format {format_found}, but this program reads {_FORMAT}"
        )


def _check_schema(database: sqlite3.Connection) -> None:
    """The tables are exactly those that this program makes. A column computed from another field,
    or an index that leaves records out, would hide what was signed. Raises JournalDamaged."""
    query = "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY name"
    with closing(sqlite3.connect(":memory:")) as ours:
        ours.executescript(_SCHEMA)
        if database.execute(query).fetchall() != ours.execute(query).fetchall():
            raise JournalDamaged("the journal's tables are not as this program makes them")
