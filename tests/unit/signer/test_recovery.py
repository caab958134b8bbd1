"""Going on after the journal was lost, in full or in part."""

import json
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from signer.errors import JournalBehind, JournalDamaged
from signer.policy import Usage, Window
from signer.recovery import LostVault, Skip, read_vaults, recover
from signer.session import LOG_KEY, root_of
from signer.state import StateDirectory
from signer.wire import MalformedMessage
from tests.support.signer import (
    ENTROPY,
    PINNED,
    Bench,
    native,
    outcome_word,
    policy_document,
    rule,
    sign_policy,
    window,
)

ETH = native("ethereum-local")
HOUR = 3600
DOCUMENT = policy_document(rule("w", windows=[window(ETH, HOUR, 1000)]))


def log_key():
    from signer.keystore import Contents

    return root_of(Contents(bytearray(ENTROPY), PINNED)).own_key(LOG_KEY)


class Lost(Bench):
    """Two transfers were signed; `backup` is the journal as it was after the first."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, document=DOCUMENT)
        self.first = self.send(self.mandate(transfer="t1"))
        self.session.close()
        self.backup = shutil.copy(self.state.journal, folder.with_suffix(".backup"))
        self.session = self.open()
        self.session.vaults.open("c1", "v3")
        self.lost_mandate = self.mandate(transfer="t2")
        self.second = self.send(self.lost_mandate, nonce=2)


@pytest.fixture
def bench(tmp_path):
    return Lost(tmp_path / "s")


def restore_backup(bench):
    bench.session.close()
    for file in bench.state.path.glob("journal.sqlite*"):
        file.unlink()
    shutil.copy(bench.backup, bench.state.journal)


def test_a_restored_backup_beside_the_newer_log_does_not_open(bench):
    restore_backup(bench)
    with pytest.raises(JournalBehind):
        bench.open()


def test_a_copy_of_the_log_gives_everything_back(bench, tmp_path):
    shutil.copy(bench.state.log, tmp_path / "copy.jsonl")
    restore_backup(bench)
    recover(bench.state, log_key(), tmp_path / "copy.jsonl", None, bench.clock.now).close()
    bench.session = bench.open()
    bench.session.guard.expect(bench.second.sequence, bench.second.head)
    assert bench.send(bench.lost_mandate, nonce=2) == bench.second
    assert outcome_word(bench.send(bench.lost_mandate, nonce=3)) == "conflict/both-could-confirm"
    usage = bench.session.guard.usage(Window("v1", ETH, None, HOUR), bench.clock.now, "x")
    assert usage == Usage(220, 2)
    assert bench.session.vaults.open("c1", "v3") == 2


def test_the_log_in_place_gives_everything_back_too(bench):
    restore_backup(bench)
    recover(bench.state, log_key(), bench.state.log, None, bench.clock.now).close()
    bench.session = bench.open()
    assert bench.session.journal.sequence == bench.second.sequence


def test_from_a_log_alone_on_a_new_machine(bench, tmp_path):
    bench.session.close()
    state = StateDirectory(tmp_path / "new")
    state.path.mkdir()
    recover(state, log_key(), bench.state.log, None, bench.clock.now).close()
    other = Bench(state.path, clock=bench.clock)
    assert other.send(bench.lost_mandate, nonce=2) == bench.second


@pytest.mark.parametrize("edit", ["cut", "changed", "foreign"])
def test_a_log_that_does_not_verify_restores_nothing(bench, tmp_path, edit):
    lines = bench.state.log.read_bytes().splitlines(keepends=True)
    if edit == "cut":
        del lines[2]
    if edit == "changed":
        lines[-2] = lines[-2].replace(b'"t2"', b'"t3"')
    copy = tmp_path / "copy.jsonl"
    copy.write_bytes(b"".join(lines))
    restore_backup(bench)
    key = log_key()
    if edit == "foreign":
        key._secret = bytearray(32)
        from signer import curves

        key.public_key = curves.ed25519_public_key(key._secret)
    before = bench.state.journal.read_bytes()
    with pytest.raises(JournalDamaged):
        recover(bench.state, key, copy, None, bench.clock.now)
    assert bench.state.journal.read_bytes() == before


def test_a_log_that_branched_off_is_not_the_continuation(bench, tmp_path):
    copy = tmp_path / "copy.jsonl"
    shutil.copy(bench.state.log, copy)
    restore_backup(bench)
    bench.state.log.unlink()
    bench.session = bench.open()
    bench.send(bench.mandate(transfer="t7"), nonce=7)
    bench.session.close()
    with pytest.raises(JournalDamaged, match="continue"):
        recover(bench.state, log_key(), copy, None, bench.clock.now)


VAULTS = (LostVault("c1", "v1", 0), LostVault("c2", "v2", 1), LostVault("c1", "v3", 2))


def skipped(bench, **changes):
    """Recovered without the log: record `second` stays lost."""
    restore_backup(bench)
    skip = Skip(bench.second.sequence, changes.pop("policy_version", 1), VAULTS)
    bench.clock.advance(60)
    recover(bench.state, log_key(), None, skip, bench.clock.now).close()
    bench.session = bench.open()
    return bench


def test_what_was_requested_before_the_recovery_is_never_signed_again(bench):
    skipped(bench)
    bench.session.guard.expect(bench.second.sequence, bench.second.head)
    for nonce in (2, 3):
        assert (
            outcome_word(bench.send(bench.lost_mandate, nonce=nonce)) == "conflict/before-recovery"
        )
    assert bench.send(bench.mandate(transfer="t1", requested_at=bench.clock.now)) != bench.first
    bench.clock.advance(2 * HOUR)
    assert outcome_word(bench.send(bench.mandate(transfer="t9"), nonce=9)) == "signed"


def test_windows_count_as_full_until_they_lie_behind_the_recovery(bench):
    skipped(bench)
    soon = bench.clock.now + timedelta(minutes=6)
    bench.clock.advance(6 * 60)
    refused = bench.send(bench.mandate(transfer="t9", requested_at=soon), nonce=9)
    assert outcome_word(refused) == "denied/usage-unknown"
    bench.clock.advance(HOUR)
    assert outcome_word(bench.send(bench.mandate(transfer="t9"), nonce=9)) == "signed"


def test_lost_vaults_keep_their_numbers_and_new_ones_get_others(bench):
    skipped(bench)
    assert bench.session.vaults.open("c1", "v3") == 2
    assert bench.session.vaults.open("c5", "v5") == 3


def test_an_older_policy_does_not_come_back(bench):
    skipped(bench, policy_version=5)
    from signer.errors import Refused

    with pytest.raises(Refused) as raised:
        bench.session.publisher.publish(sign_policy(policy_document(version=4)))
    assert raised.value.detail == "policy-rollback"
    assert bench.session.publisher.publish(sign_policy(policy_document(version=5))) == 5


def test_a_vault_list_that_contradicts_the_journal_is_refused(bench):
    restore_backup(bench)
    for wrong in (LostVault("c9", "v1", 0), LostVault("c1", "v1", 7), LostVault("c1", "v8", 1)):
        skip = Skip(bench.second.sequence, 1, (wrong,))
        with pytest.raises(JournalDamaged):
            recover(bench.state, log_key(), None, skip, bench.clock.now)


def test_the_old_log_is_kept_and_the_new_one_verifies(bench):
    from signer.auditlog import verify_log

    skipped(bench)
    assert verify_log(bench.state.log, log_key().public_key).sequence == 8
    kept = list(bench.state.path.glob("audit.before-*.jsonl"))
    assert len(kept) == 1
    assert verify_log(kept[0], log_key().public_key).head == bench.second.head


def test_a_list_of_vaults_is_read_strictly(tmp_path):
    file = tmp_path / "vaults.jsonl"
    row = {"client": "c1", "vault": "v1", "account": 0}
    file.write_text(json.dumps(row) + "\n")
    assert read_vaults(file) == (LostVault("c1", "v1", 0),)
    for wrong in ("nonsense", json.dumps({**row, "x": 1}), json.dumps({**row, "account": -1})):
        file.write_text(wrong + "\n")
        with pytest.raises(MalformedMessage):
            read_vaults(file)
    file.write_text(f"{json.dumps(row)}\n{json.dumps(row)}\n")
    with pytest.raises(MalformedMessage):
        read_vaults(file)
