"""The chain of records: durable as a whole, and damage is noticed."""

import json
import shutil
import sqlite3

import pytest

from signer.auditlog import AuditLog
from signer.canonical import canonical_json
from signer.checkpoint import open_checkpoint
from signer.errors import JournalBehind, JournalDamaged
from signer.journal import Journal
from signer.keychain import OwnKey
from signer.logfile import records_of, verify_log
from signer.tree import leaf_hash
from tests.support.signer import Bench


def log_key(fill: int = 1) -> OwnKey:
    return OwnKey(bytearray([fill] * 32))


def signed(number: int, **changes):
    body = {
        "kind": "signed",
        "at": f"2026-03-04T12:00:{number:02}Z",
        "transfer": f"t{number}",
        "vault": "v1",
        "spends": [],
    }
    return {**body, **changes}


LOSS = {"after": 10, "kind": "recovered", "through": 98}


@pytest.fixture
def path(tmp_path):
    """A closed journal of ten records."""
    file = tmp_path / "journal.sqlite"
    journal = Journal(file, log_key())
    for number in range(10):
        with journal.transaction():
            journal.append(signed(number))
    journal.close()
    return file


def tamper(path, statement, *values):
    database = sqlite3.connect(path)
    database.execute(statement, values)
    database.commit()
    database.close()


def test_it_opens_where_it_ended(path):
    first = Journal(path, log_key())
    end = first.sequence, first.head
    first.close()
    second = Journal(path, log_key())
    assert (second.sequence, second.head) == end
    assert end[0] == 10
    second.close()


def test_a_transaction_is_all_or_nothing(path):
    journal = Journal(path, log_key())
    end = journal.sequence, journal.head

    def fails():
        with journal.transaction():
            journal.append(signed(11))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fails()
    assert (journal.sequence, journal.head) == end
    assert journal.of_transfer("t11") == []
    with journal.transaction():
        journal.append(signed(12))
    journal.close()
    assert Journal(path, log_key()).sequence == 11


def test_nothing_is_written_outside_a_transaction(path):
    with pytest.raises(AssertionError):
        Journal(path, log_key()).append(signed(11))


@pytest.mark.parametrize(
    ("statement", "values"),
    [
        ("DELETE FROM journal WHERE sequence = 10", ()),
        ("DELETE FROM journal WHERE sequence = 5", ()),
        ("DELETE FROM journal WHERE sequence = 1", ()),
        ("DELETE FROM journal", ()),
        ("DELETE FROM seal", ()),
        ("UPDATE journal SET body = replace(body, 't4', 't6') WHERE sequence = 5", ()),
        ("UPDATE journal SET body = body || ' ' WHERE sequence = 10", ()),
        ("UPDATE journal SET head = zeroblob(32) WHERE sequence = 10", ()),
        ("UPDATE journal SET sequence = 99 WHERE sequence = 10", ()),
        ("UPDATE journal SET nodes = zeroblob(32) WHERE sequence = 9", ()),
        ("UPDATE journal SET nodes = nodes || zeroblob(32) WHERE sequence = 9", ()),
        ("UPDATE journal SET nodes = substr(nodes, 1, 64) WHERE sequence = 8", ()),
        ("UPDATE journal SET nodes = substr(nodes, 1, 96) || zeroblob(32) WHERE sequence = 8", ()),
        ("UPDATE seal SET checkpoint = replace(checkpoint, '10', '11')", ()),
        ("UPDATE seal SET checkpoint = ''", ()),
        ("INSERT INTO journal VALUES (11, zeroblob(32), x'', ?)", (json.dumps(signed(11)),)),
        ("INSERT INTO journal VALUES (99, zeroblob(32), x'', ?)", (json.dumps(LOSS),)),
        ("PRAGMA user_version = 7", ()),
    ],
)
def test_a_change_behind_its_back_is_noticed(path, statement, values):
    tamper(path, statement, *values)
    with pytest.raises(JournalDamaged):
        Journal(path, log_key())


def test_a_chain_that_somebody_else_continued_is_noticed(path, tmp_path):
    """Whoever can write the file can compute hashes, but not the seal."""
    other = Journal(path, log_key())
    other._log_key = log_key(2)
    with other.transaction():
        other.append(signed(11))
    other.close()
    with pytest.raises(JournalDamaged, match="seal"):
        Journal(path, log_key())


def rewrite_schema(path, old, new):
    database = sqlite3.connect(path)
    database.execute("PRAGMA writable_schema = ON")
    database.execute("UPDATE sqlite_schema SET sql = replace(sql, ?, ?)", (old, new))
    database.commit()
    database.close()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("IN ('signed', 'complete')", "IN ('complete')"),
        ("'$.transfer'", "'$.nothing'"),
        ("kind = 'signed'", "kind = 'unsigned'"),
    ],
)
def test_tables_that_hide_records_from_look_ups_are_noticed(path, old, new):
    rewrite_schema(path, old, new)
    with pytest.raises(JournalDamaged, match="tables"):
        Journal(path, log_key())


def test_columns_that_contradict_their_records_are_noticed(path):
    """The tables are as they should be, but were filled while they were not."""
    rewrite_schema(path, "'$.transfer'", "'$.nothing'")
    tamper(path, "UPDATE journal SET body = body")
    tamper(path, "REINDEX")
    rewrite_schema(path, "'$.nothing'", "'$.transfer'")
    with pytest.raises(JournalDamaged, match="column"):
        Journal(path, log_key())


def test_an_index_without_its_entries_is_noticed(path):
    rewrite_schema(path, "IN ('signed', 'complete')", "IN ('complete')")
    tamper(path, "REINDEX")
    rewrite_schema(path, "IN ('complete')", "IN ('signed', 'complete')")
    with pytest.raises(JournalDamaged, match="index"):
        Journal(path, log_key())


@pytest.mark.parametrize("keep", [100, 4096, 5000, 8192])
def test_a_truncated_file_is_noticed(path, keep):
    with path.open("r+b") as file:
        file.truncate(keep)
    with pytest.raises(JournalDamaged):
        Journal(path, log_key())


def test_it_is_only_for_its_owner(path):
    assert path.stat().st_mode & 0o777 == 0o600


def test_expectations_of_others(path):
    journal = Journal(path, log_key())
    heads = {sequence: head for sequence, head, _ in journal.raw_since(0)}
    journal.expect(0, bytes(32))
    for sequence, head in heads.items():
        journal.expect(sequence, head)
    for wrong in ((11, heads[10]), (10, heads[9]), (10**9, bytes(32))):
        with pytest.raises(JournalBehind):
            journal.expect(*wrong)


# The log file


@pytest.fixture
def logged(path):
    """The journal with its log."""
    journal = Journal(path, log_key())
    log = AuditLog(path.with_name("audit.jsonl"), journal)
    return journal, log, path.with_name("audit.jsonl")


def test_the_log_holds_every_record_and_verifies_alone(logged):
    journal, log, file = logged
    with journal.transaction():
        journal.append(signed(11))
    log.append()
    good = verify_log(file, log_key().public_key)
    assert good == journal.end
    assert good.sequence == 11
    assert [r.body["transfer"] for r in records_of(file)][-1] == "t11"


def test_the_log_catches_up_after_a_crash(logged):
    journal, _, file = logged
    with journal.transaction():
        journal.append(signed(11))
    whole = file.read_bytes()
    for cut in (len(whole), len(whole) - 1, len(whole) - 40, len(whole) - 300, 5, 0):
        file.write_bytes(whole[:cut])
        AuditLog(file, journal)
        assert verify_log(file, log_key().public_key).sequence == 11
    file.unlink()
    AuditLog(file, journal)
    assert verify_log(file, log_key().public_key).sequence == 11


def test_a_log_that_knows_more_than_the_journal_stops_it(logged, tmp_path):
    """A journal restored from a backup beside its newer log."""
    _, _, file = logged
    with pytest.raises(JournalBehind):
        AuditLog(file, Journal(tmp_path / "older.sqlite", log_key()))


def lines_of(file):
    return file.read_bytes().splitlines(keepends=True)


@pytest.mark.parametrize(
    "edit",
    [
        pytest.param(lambda lines: lines[1:], id="first line missing"),
        pytest.param(lambda lines: [*lines[:4], *lines[5:]], id="a record missing"),
        pytest.param(lambda lines: lines[:-1], id="the seal missing"),
        pytest.param(lambda lines: [*lines[:3], lines[4], lines[3], *lines[5:]], id="swapped"),
        pytest.param(lambda lines: [*lines[:4], lines[3], *lines[4:]], id="doubled"),
        pytest.param(
            lambda lines: [*lines[:4], lines[4].replace(b"t4", b"t5"), *lines[5:]], id="changed"
        ),
        pytest.param(lambda lines: [*lines[:4], b"{}\n", *lines[4:]], id="something else"),
        pytest.param(lambda lines: [*lines[:4], b"\n", *lines[4:]], id="an empty line"),
        pytest.param(lambda lines: [*lines, b'{"checkpoint":"","sequence":10}\n'], id="false seal"),
    ],
)
def test_a_changed_log_does_not_verify(logged, edit):
    _, _, file = logged
    file.write_bytes(b"".join(edit(lines_of(file))))
    with pytest.raises(JournalDamaged):
        verify_log(file, log_key().public_key)


def test_a_log_of_another_signer_does_not_verify(logged):
    with pytest.raises(JournalDamaged):
        verify_log(logged[2], log_key(2).public_key)


def test_a_torn_last_line_is_no_damage_but_an_unsealed_record_is(logged):
    journal, log, file = logged
    whole = file.read_bytes()
    file.write_bytes(whole + b'{"body":{"kind"')
    assert verify_log(file, log_key().public_key).sequence == 10
    with journal.transaction():
        journal.append(signed(11))
    file.write_bytes(whole)
    log.append()
    file.write_bytes(b"".join(lines_of(file)[:-1]))
    with pytest.raises(JournalDamaged, match="not sealed"):
        verify_log(file, log_key().public_key)


def test_every_decision_is_in_the_log(tmp_path):
    bench = Bench(tmp_path)
    bench.send(bench.mandate())
    bench.send(bench.mandate(transfer="t2", vault="v9"))
    kinds = [(row["kind"], row.get("code")) for row in bench.log()]
    assert kinds == [
        ("vault", None),
        ("vault", None),
        ("policy", None),
        ("signed", None),
        ("refused", "unknown-vault"),
    ]
    assert bench.state.log.stat().st_mode & 0o777 == 0o600


# Format, salt, origins


def test_an_older_journal_is_refused_in_one_line(path):
    tamper(path, "PRAGMA user_version = 1")
    with pytest.raises(JournalDamaged) as refused:
        Journal(path, log_key())
    assert str(refused.value) == "the journal is of format 1, but this program reads 2"


def old_line(**body):
    return b'{"body":%s,"head":"%s","sequence":1}\n' % (canonical_json(body), b"00" * 32)


def test_an_older_log_is_refused_in_one_line(logged):
    journal, _, file = logged
    file.write_bytes(old_line(kind="vault") + b'{"seal":"00","sequence":1}\n')
    with pytest.raises(JournalDamaged) as refused:
        AuditLog(file, journal)
    assert str(refused.value).endswith("audit.jsonl is of format 1, but this program reads 2")
    with pytest.raises(JournalDamaged, match="of format 1, but this program reads 2"):
        verify_log(file, log_key().public_key)
    assert file.read_bytes().startswith(b'{"body":{"kind":"vault"}')


def test_each_record_has_a_salt_of_its_own(path):
    """The same record twice has two hashes: who knows what it says can't find it by its hash."""
    journal = Journal(path, log_key())
    with journal.transaction():
        twice = [journal.append(signed(1)) for _ in range(50)]
        twice.append(journal.skip_past(70, {"kind": "recovered", "at": signed(1)["at"]}))
    salts = {record.body["salt"] for record in twice}
    assert len(salts) == len(twice)
    assert {len(bytes.fromhex(salt)) for salt in salts} == {16}
    assert len({leaf_hash(canonical_json(record.body)) for record in twice}) == len(twice)


def test_a_recovery_begins_an_origin_that_names_the_old_one(path):
    journal = Journal(path, log_key())
    before = journal.end
    with journal.transaction():
        record = journal.skip_past(25, {"kind": "recovered", "at": "2026-03-04T12:00:00Z"})
        journal.append(signed(27))
    end = journal.end
    assert (record.sequence, end.first, end.sequence, end.tree.size) == (26, 26, 27, 2)
    assert end.origin != before.origin
    assert (record.body["after"], record.body["through"]) == (10, 25)
    assert record.body["log"] == {
        "origin": before.origin,
        "size": 10,
        "root": before.tree.root().hex(),
        "head": before.head.hex(),
    }
    assert journal.ends() == (before, end)
    assert [journal.end_of(number).origin for number in (1, 10, 26, 27)] == [
        before.origin,
        before.origin,
        end.origin,
        end.origin,
    ]
    journal.close()
    again = Journal(path, log_key())
    assert again.ends() == (before, end)
    assert open_checkpoint(again.seal(), log_key().public_key) == end.checkpoint()


def test_two_recoveries_of_one_backup_have_two_origins(path, tmp_path):
    origins = set()
    for name in ("a", "b"):
        copy = shutil.copy(path, tmp_path / name)
        journal = Journal(copy, log_key())
        with journal.transaction():
            journal.skip_past(25, {"kind": "recovered", "at": "2026-03-04T12:00:00Z"})
        origins.add(journal.end.origin)
    assert len(origins) == 2


@pytest.mark.parametrize(
    "changes",
    [{"after": 9}, {"through": 24}, {"through": "25"}, {"log": {}}, {"log": None}],
    ids=str,
)
def test_a_recovery_that_lies_about_what_was_lost_does_not_follow(path, changes):
    journal = Journal(path, log_key())
    body = {"kind": "recovered", "at": "x", "after": 10, "through": 25, "log": journal.end.told()}
    journal.end.next(26, canonical_json(body), "recovered")
    with pytest.raises(JournalDamaged):
        journal.end.next(26, canonical_json(body | changes), "recovered")


def test_a_transaction_that_fails_leaves_the_origin(path):
    journal = Journal(path, log_key())
    before = journal.ends(), journal.seal()

    def fails():
        with journal.transaction():
            journal.skip_past(25, {"kind": "recovered", "at": "2026-03-04T12:00:00Z"})
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fails()
    assert (journal.ends(), journal.seal()) == before
