"""The log file: whatever happens to it, it verifies, and it says what the journal says."""

import os
import shutil
from contextlib import suppress

import pytest

from signer.auditlog import AuditLog
from signer.errors import DiskFailed, JournalBehind
from signer.journal import Journal
from signer.logfile import records_of, verify_log
from tests.support.full_disk import files_end_at
from tests.support.signer import Bench, outcome_word
from tests.unit.signer.test_journal import log_key, signed

KEY = log_key().public_key


class Logged:
    """A journal of ten records and its log."""

    def __init__(self, folder):
        self.journal_path, self.path = folder / "journal.sqlite", folder / "audit.jsonl"
        self.journal = Journal(self.journal_path, log_key())
        self.log = AuditLog(self.path, self.journal)
        for number in range(10):
            self.record(number)
            self.log.append()

    def record(self, number):
        with self.journal.transaction():
            self.journal.append(signed(number))

    def codes(self):
        return [notice.code for notice in self.log.notices()]

    def sound(self):
        """The newest record of the file, which verifies."""
        return verify_log(self.path, KEY).sequence


@pytest.fixture
def logged(tmp_path):
    return Logged(tmp_path)


def lines_of(path):
    return path.read_bytes().splitlines(keepends=True)


# A full disk


def room_for_the_next(logged):
    """How long the file is, and how long the next record makes it."""
    before = logged.path.stat().st_size
    logged.record(10)
    logged.log.append()
    return before, logged.path.stat().st_size


@pytest.mark.slow
def test_a_disk_that_is_full_at_any_byte_of_a_record(logged):
    """The write fails and is told; the file verifies at once; with room again it goes on."""
    before, after = room_for_the_next(logged)
    whole = logged.path.read_bytes()
    for end in range(before, after):
        os.truncate(logged.path, before)
        with files_end_at(end):
            log = AuditLog(logged.path, logged.journal)
            with pytest.raises(OSError, match="too large"):
                log.append()
            assert [notice.code for notice in log.notices()] == ["log-unwritable"]
        assert logged.sound() == 10
        assert log.notices() == ()
        assert logged.path.read_bytes() == whole


def test_a_crash_at_any_byte_of_a_record(logged, tmp_path):
    """Whatever part of the line reached the disk, opening makes the file whole."""
    before, after = room_for_the_next(logged)
    whole = logged.path.read_bytes()
    for length in range(before, after):
        logged.path.write_bytes(whole[:length])
        AuditLog(logged.path, logged.journal)
        assert logged.path.read_bytes() == whole


def test_a_file_system_that_grew_the_file_with_zeros(logged):
    whole = logged.path.read_bytes()
    logged.path.write_bytes(whole[:-300] + bytes(300))
    AuditLog(logged.path, logged.journal)
    assert logged.path.read_bytes() == whole


def test_it_opens_on_a_full_disk_and_is_whole_once_there_is_room(logged):
    logged.record(10)
    with files_end_at(logged.path.stat().st_size):
        logged.log = AuditLog(logged.path, logged.journal)
        assert logged.codes() == ["log-unwritable"]
    assert logged.codes() == []
    assert logged.sound() == 11


def test_a_torn_end_that_could_not_be_cut_is_cut_later(logged, monkeypatch):
    def refuses(*_):
        raise OSError(30, "read-only")

    logged.record(10)
    with monkeypatch.context() as broken, files_end_at(logged.path.stat().st_size + 5):
        broken.setattr(os, "truncate", refuses)
        with pytest.raises(OSError, match="too large"):
            logged.log.append()
    assert not logged.path.read_bytes().endswith(b"\n")
    logged.log.append()
    assert logged.sound() == 11
    assert logged.codes() == []


@pytest.mark.parametrize("name", ["journal.sqlite-wal", "audit.jsonl"])
def test_a_signer_whose_disk_is_full_at_any_point(tmp_path, name):
    """The larger of its files can't grow beyond some byte. Each answer is a signature or
    `not-durable`; the same with room again is the signature, and everything verifies."""
    bench = Bench(tmp_path / "s")
    is_log = name == "audit.jsonl"
    for number in range(60 if is_log else 0):
        bench.send(bench.mandate(transfer=f"early{number}", amount=1), nonce=-1 - number)
    first, words = bench.session.journal.sequence, []
    for number, room in enumerate(range(0, 4500, 449) if is_log else range(0, 36_000, 2999)):
        if is_log:
            bench.restart()  # which empties the write-ahead log
        size = (bench.state.path / name).stat().st_size
        mandate = bench.mandate(transfer=f"t{number}", amount=1)
        with files_end_at(size + room):
            words.append(outcome_word(bench.send(mandate, nonce=number)))
            status = bench.session.status(())
        codes = {warning.code for warning in status.warnings}
        assert codes == ({_WARNING[name]} if words[-1] != "signed" else set())
        assert outcome_word(bench.send(mandate, nonce=number)) == "signed"
        assert bench.session.status(()).warnings == ()
        assert verify_log(bench.state.log, status.log_key).sequence == first + number + 1
    assert set(words) == {"signed", "unavailable/not-durable"}
    bench.restart()
    assert bench.session.journal.sequence == first + len(words)


_WARNING = {"journal.sqlite-wal": "journal-unwritable", "audit.jsonl": "log-unwritable"}


def test_a_journal_that_cant_be_opened_for_lack_of_room_is_not_called_damaged(tmp_path):
    with files_end_at(0), pytest.raises(DiskFailed):
        Journal(tmp_path / "journal.sqlite", log_key())
    Journal(tmp_path / "journal.sqlite", log_key()).close()


# Somebody else writes


TOUCHED = {
    "cut in half": lambda path: os.truncate(path, path.stat().st_size // 2),
    "cut by a byte": lambda path: os.truncate(path, path.stat().st_size - 1),
    "emptied": lambda path: os.truncate(path, 0),
    "removed": lambda path: path.unlink(),
    "another end": lambda path: path.write_bytes(path.read_bytes()[:-9] + b"00000000\n"),
    "a line added": lambda path: path.write_bytes(path.read_bytes() + b'{"checkpoint":""}\n'),
    "a record added": lambda path: path.write_bytes(path.read_bytes() + forged(99)),
}


def forged(sequence):
    return b'{"body":{},"head":"%s","sequence":%d}\n' % (b"00" * 32, sequence)


@pytest.mark.parametrize("touch", TOUCHED.values(), ids=TOUCHED.keys())
def test_what_somebody_does_to_the_file_is_noticed_while_serving_and_mended(logged, touch):
    touch(logged.path)
    assert logged.codes() == ["log-mended"]
    assert logged.sound() == 10
    logged.record(10)
    logged.log.append()
    assert logged.sound() == 11
    assert [record.body["transfer"] for record in records_of(logged.path)][-1] == "t10"


def test_the_next_signature_mends_it_too(tmp_path):
    bench = Bench(tmp_path / "s")
    bench.state.log.unlink()
    assert outcome_word(bench.send(bench.mandate())) == "signed"
    assert len(bench.log()) == 4


@pytest.mark.parametrize("edit", [b"t4", b"signed"])
def test_a_log_changed_while_nobody_served_is_kept_and_written_anew(logged, edit):
    changed = logged.path.read_bytes().replace(edit, b"x" * len(edit))
    logged.path.write_bytes(changed)
    logged.log = AuditLog(logged.path, logged.journal)
    assert logged.codes() == ["log-mended"]
    assert logged.sound() == 10
    (kept,) = logged.path.parent.glob("audit.changed-*.jsonl")
    assert kept.read_bytes() == changed
    logged.path.write_bytes(changed)
    AuditLog(logged.path, logged.journal)
    assert len(list(logged.path.parent.glob("audit.changed-*.jsonl"))) == 2


def test_a_log_that_went_on_differently_and_was_sealed_by_us_stops_it(logged, tmp_path):
    """Two signers, or a backup that signed: the log proves that the journal isn't all there is."""
    backup = shutil.copytree(tmp_path, tmp_path / "backup")
    logged.record(10)
    logged.log.append()
    journal = Journal(backup / "journal.sqlite", log_key())
    for number in (21, 22):
        with journal.transaction():
            journal.append(signed(number))
    with pytest.raises(JournalBehind, match="sealed by us"):
        AuditLog(logged.path, journal)
    lines = lines_of(logged.path)
    logged.path.write_bytes(b"".join(lines[:-1]))
    with suppress(OSError):
        AuditLog(logged.path, journal)
    assert verify_log(logged.path, KEY).sequence == 12


def test_a_line_longer_than_any_record_is_not_read_whole(logged, monkeypatch):
    for module in ("auditlog", "logfile"):
        monkeypatch.setattr(f"signer.{module}.LINE_BYTES_MAX", 4096)
    logged.path.write_bytes(logged.path.read_bytes() + b"x" * 10_000)
    logged.log = AuditLog(logged.path, logged.journal)
    assert logged.codes() == ["log-mended"]
    assert logged.sound() == 10
