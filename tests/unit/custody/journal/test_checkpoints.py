"""A signer's log that does not continue what it signed: people are called, and can prove it."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from unittest.mock import AsyncMock

import pytest
from sqlalchemy import select

from custody.alarms.codes import AlarmCode
from custody.db.session import Database
from custody.db.tables import AlarmRow, SignerCheckpointRow
from custody.journal import repository
from custody.journal.checkpoints import CheckpointWatch
from signer.checkpoint import open_checkpoint
from signer.journal import Journal
from signer.keychain import OwnKey
from signer.proving import prove_consistency
from signer.wire import Place, Purpose, Receipt, Status, canonical_json
from tests.support.custody import Clock

AT = "2026-03-04T12:00:00Z"


class LogSigner:
    """A real journal, and of the signer's calls those that tell of it."""

    def __init__(self, path: Path, fill: int = 1) -> None:
        self.path = path
        self._key = OwnKey(bytearray([fill] * 32))
        self.journal = Journal(path, self._key)
        self.asked = 0

    def append(self, number: int) -> None:
        with self.journal.transaction():
            for _ in range(number):
                self.journal.append({"kind": "refused", "at": AT})

    def set_back(self, backup: Path) -> None:
        self.journal.close()
        shutil.copy(backup, self.path)
        self.journal = Journal(self.path, self._key)

    def back_up(self, backup: Path) -> Path:
        self.journal.close()
        shutil.copy(self.path, backup)
        self.journal = Journal(self.path, self._key)
        return backup

    def status(self) -> Status:
        end, key = self.journal.end, self._key.public_key
        empty = Status(False, 1, end.sequence, end.head, bytes(32), ())
        return replace(empty, log_key=key, checkpoint=self.journal.seal())

    async def prove_consistency(self, origin: str, old: int, new: int) -> tuple[bytes, ...] | None:
        self.asked += 1
        return prove_consistency(self.journal, origin, old, new)


@pytest.fixture
def signer(tmp_path: Path) -> LogSigner:
    made = LogSigner(tmp_path / "journal.sqlite")
    made.append(5)
    return made


async def look(database: Database, signer: LogSigner, status: Status | None = None) -> list[str]:
    """What alarms there are afterwards."""
    await CheckpointWatch(database, signer, Clock()).look(status or signer.status())
    async with database.read() as session:
        rows = await session.all(select(AlarmRow).order_by(AlarmRow.id))
    assert {row.code for row in rows} <= {AlarmCode.LOG_CONTRADICTED.value}
    return [row.message for row in rows]


async def kept(database: Database) -> list[SignerCheckpointRow]:
    async with database.read() as session:
        return list(await repository.checkpoint_rows(session))


def size_of(row: SignerCheckpointRow) -> int:
    return open_checkpoint(row.note, row.log_key).size


async def test_a_log_that_grows_is_believed_with_its_proof(database: Database, signer: LogSigner):
    for size in (5, 6, 9, 30):
        signer.append(size - signer.journal.sequence) if size > 5 else None
        assert await look(database, signer) == []
        (row,) = await kept(database)
        assert (size_of(row), row.note) == (size, signer.journal.seal())
    assert signer.asked == 3
    assert await look(database, signer) == []
    assert signer.asked == 3, "nothing new, nothing asked"


async def test_an_empty_or_locked_signer_says_nothing(database: Database, tmp_path: Path):
    assert await look(database, LogSigner(tmp_path / "empty.sqlite")) == []
    assert await kept(database) == []


async def test_a_later_word_that_arrives_first_is_no_contradiction(
    database: Database, signer: LogSigner
):
    earlier = signer.status()
    signer.append(4)
    assert await look(database, signer) == []
    assert await look(database, signer, earlier) == []
    assert [size_of(row) for row in await kept(database)] == [9]


@pytest.mark.parametrize("more", [4, 5, 20])
async def test_a_log_set_back_that_went_on_contradicts_itself(
    database: Database, signer: LogSigner, tmp_path: Path, more: int
):
    backup = signer.back_up(tmp_path / "backup")
    signer.append(4)
    assert await look(database, signer) == []
    before = signer.journal.seal()
    signer.set_back(backup)
    assert await look(database, signer) == [], "it has forgotten, and signed nothing else yet"
    signer.append(more)
    (message,) = await look(database, signer)
    assert signer.journal.end.origin in message
    (row,) = await kept(database)
    assert (row.note, row.contradiction) == (before, signer.journal.seal())
    assert row.contradiction is not None
    both = [open_checkpoint(note, row.log_key) for note in (row.note, row.contradiction)]
    assert both[0].origin == both[1].origin
    signer.append(1)
    assert len(await look(database, signer)) == 1
    assert await kept(database) != [], "what was signed first stays"
    (row,) = await kept(database)
    assert row.note == before


async def test_a_recovery_begins_a_log_of_its_own(
    database: Database, signer: LogSigner, tmp_path: Path
):
    backup = signer.back_up(tmp_path / "backup")
    signer.append(4)
    assert await look(database, signer) == []
    signer.set_back(backup)
    with signer.journal.transaction():
        signer.journal.skip_past(9, {"kind": "recovered", "at": AT})
    signer.append(2)
    assert await look(database, signer) == []
    assert sorted(size_of(row) for row in await kept(database)) == [3, 9]


async def test_another_key_or_a_false_signature_is_told(
    database: Database, signer: LogSigner, tmp_path: Path
):
    assert await look(database, signer) == []
    stranger = LogSigner(tmp_path / "other.sqlite", fill=2)
    stranger.append(1)
    assert "another key" in (await look(database, stranger))[0]
    forged = replace(signer.status(), checkpoint=stranger.journal.seal())
    assert "not signed" in (await look(database, signer, forged))[0]
    assert [size_of(row) for row in await kept(database)] == [5]


@pytest.mark.parametrize("proof", [None, (), (bytes(32),)])
async def test_a_growth_without_its_proof_is_told(
    database: Database, signer: LogSigner, proof: tuple[bytes, ...] | None
):
    class Silent(LogSigner):
        async def prove_consistency(self, *_: object) -> tuple[bytes, ...] | None:
            return proof

    assert await look(database, signer) == []
    signer.append(3)
    signer.__class__ = Silent
    assert len(await look(database, signer)) == 1
    assert [size_of(row) for row in await kept(database)] == [5]


def receipt_with(checkpoint: str) -> bytes:
    receipt = Receipt(
        purpose=Purpose.PAY,
        transfers=("t1",),
        mandates=(bytes(32),),
        tx_digest=bytes(32),
        signatures=(),
        records=(Place(1, 0),),
        head=bytes(32),
        checkpoint=checkpoint,
        signed_at=Clock().now,
    )
    return canonical_json(receipt.to_json())


@pytest.mark.parametrize("forked", [False, True])
async def test_a_receipt_is_held_against_the_log_too(
    database: Database,
    signer: LogSigner,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    forked: bool,
):
    """Of another signer with the same seed: its receipts are signed by the same key."""
    backup = signer.back_up(tmp_path / "backup")
    signer.append(2)
    note = signer.journal.seal()
    if forked:
        signer.set_back(backup)
    signer.append(7)
    monkeypatch.setattr(repository, "newest_receipt", AsyncMock(return_value=receipt_with(note)))
    assert bool(await look(database, signer)) is forked
    (row,) = await kept(database)
    assert row.note == signer.journal.seal()
    assert row.contradiction == (note if forked else None)


async def test_a_receipt_of_what_a_recovery_lost_is_no_contradiction(
    database: Database, signer: LogSigner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    backup = signer.back_up(tmp_path / "backup")
    signer.append(1)
    assert await look(database, signer) == []
    signer.append(1)
    lost = AsyncMock(return_value=receipt_with(signer.journal.seal()))
    signer.set_back(backup)
    with signer.journal.transaction():
        signer.journal.skip_past(7, {"kind": "recovered", "at": AT})
    monkeypatch.setattr(repository, "newest_receipt", lost)
    assert await look(database, signer) == []
