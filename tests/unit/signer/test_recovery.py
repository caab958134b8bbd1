"""Going on after the journal was lost, in full or in part."""

import json
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from signer.ceremonies.recovery import LostVault, Skip, pin, read_vaults, recover
from signer.errors import JournalBehind, JournalDamaged, PinnedAlready, Refused
from signer.journal import Journal
from signer.logfile import verify_log
from signer.policy import SignedPolicy, Usage, Window
from signer.session import LOG_KEY, root_of
from signer.state import StateDirectory
from signer.wire import MalformedMessage
from tests.support.signer import (
    ADA,
    ADMINISTRATORS,
    BOB,
    NOON,
    PINNED,
    SEED,
    Bench,
    Person,
    administrators_json,
    is_repetition,
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

    return root_of(Contents(bytearray(SEED), PINNED)).own_key(LOG_KEY)


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
    usage = bench.session.guard.usage(Window("v1", ETH, None, HOUR), bench.clock.now, ["x"])
    assert usage == Usage(220, 2)
    assert bench.session.vaults.open("c1", "v3").account == 2


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


def skipped(bench, *policies, version=1):
    """Recovered without the log: record `second` stays lost, and the policies that are not in
    `policies`."""
    restore_backup(bench)
    skip = Skip(bench.second.sequence, version, VAULTS, policies)
    bench.clock.advance(60)
    recover(bench.state, log_key(), None, skip, bench.clock.now, PINNED).close()
    bench.session = bench.open()
    return bench


LAST = sign_policy(DOCUMENT)
"""The policy that is in the backup too."""


def test_what_was_requested_before_the_recovery_is_never_signed_again(bench):
    skipped(bench, LAST)
    bench.session.guard.expect(bench.second.sequence, bench.second.head)
    for nonce in (2, 3):
        assert (
            outcome_word(bench.send(bench.lost_mandate, nonce=nonce)) == "conflict/before-recovery"
        )
    known = bench.mandate(transfer="t1", requested_at=NOON)
    assert is_repetition(bench.send(known), bench.first)
    assert outcome_word(bench.send(known, fee_max=9)) == "conflict/before-recovery"
    bench.clock.advance(2 * HOUR)
    assert outcome_word(bench.send(bench.mandate(transfer="t9"), nonce=9)) == "signed"


def test_windows_count_as_full_until_they_lie_behind_the_recovery(bench):
    skipped(bench, LAST)
    soon = bench.clock.now + timedelta(minutes=6)
    bench.clock.advance(6 * 60)
    refused = bench.send(bench.mandate(transfer="t9", requested_at=soon), nonce=9)
    assert outcome_word(refused) == "denied/usage-unknown"
    bench.clock.advance(HOUR)
    assert outcome_word(bench.send(bench.mandate(transfer="t9"), nonce=9)) == "signed"


def test_lost_vaults_keep_their_numbers_and_new_ones_get_others(bench):
    skipped(bench)
    assert bench.session.vaults.open("c1", "v3").account == 2
    assert bench.session.vaults.open("c5", "v5").account == 3


# Which policy is in force afterwards

ZOE = Person("zoe")
NEW = (Person("new-1"), Person("new-2"))
WITH_ZOE = policy_document(rule("r", needs=[("treasury", 1)]), people=(ADA, BOB, ZOE))


class Replaced(Bench):
    """The backup is of version 1, under which zoe may approve. Version 2 removed her and named
    other administrators, who signed version 3."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, document=WITH_ZOE)
        self.session.close()
        self.backup = shutil.copy(self.state.journal, folder.with_suffix(".backup"))
        self.session = self.open()
        named, treasury = administrators_json(2, NEW), rule("r", needs=[("treasury", 1)])
        second = policy_document(treasury, version=2, administrators=named)
        third = policy_document(treasury, version=3, administrators=named)
        self.policies = (sign_policy(second), sign_policy(third, NEW))
        for policy in self.policies:
            self.session.publisher.publish(policy)
        self.second = self.send(self.mandate(transfer="late"), ADA, nonce=3)

    def said(self, *approvers, version):
        """What comes of a new transfer, after everything that a recovery makes wait."""
        self.clock.advance(2 * HOUR)
        mandate = self.mandate(transfer=f"new-{self.clock.now}")
        return outcome_word(self.send(mandate, *approvers, nonce=mandate.core.transfer))

    def published(self, signed):
        try:
            return self.session.publisher.publish(signed)
        except Refused as refused:
            return refused.detail

    def codes(self):
        return {warning.code for warning in self.session.status(()).warnings}


@pytest.fixture
def replaced(tmp_path):
    return Replaced(tmp_path / "s")


def pin_anew(bench, administrators=PINNED):
    bench.session.close()
    try:
        pin(bench.state, log_key(), PINNED, administrators, bench.clock.now)
    finally:
        bench.session = bench.open()


def test_without_the_last_policy_none_is_in_force_and_nobody_older_counts(replaced):
    skipped(replaced, version=3)
    assert replaced.session.guard.in_force.policy is None
    assert replaced.session.publisher.current() is None
    assert replaced.codes() == {"policy-void"}
    for approver in (ZOE, ADA):
        for version in (1, 2, 3):
            assert replaced.said(approver, version=version) == "denied/no-policy"
    for administrators in (ADMINISTRATORS, NEW):
        for version in (1, 2, 3, 4):
            signed = sign_policy(policy_document(version=version), administrators)
            assert replaced.published(signed) == "no-administrators"
    replaced.restart()
    assert replaced.codes() == {"policy-void"}


def test_the_way_back_is_a_pinning_at_the_signer(replaced):
    skipped(replaced, version=3)
    pin_anew(replaced)
    with pytest.raises(PinnedAlready):
        pin_anew(replaced)
    assert replaced.published(sign_policy(policy_document(version=3))) == "policy-rollback"
    assert replaced.published(sign_policy(policy_document(version=4), NEW)) == "policy-unsigned"
    assert replaced.published(sign_policy(policy_document(version=4))) == 4
    assert replaced.said(ADA, version=4) == "signed"
    assert replaced.codes() == set()
    replaced.restart()
    assert replaced.session.guard.in_force.policy.version == 4
    assert verify_log(replaced.state.log, log_key().public_key)


def test_a_second_recovery_voids_a_pinning_too(replaced):
    skipped(replaced, version=3)
    pin_anew(replaced)
    replaced.backup = shutil.copy(replaced.state.journal, replaced.backup)
    replaced.session.publisher.publish(sign_policy(policy_document(version=4)))
    skipped(replaced, version=4)
    assert replaced.published(sign_policy(policy_document(version=5))) == "no-administrators"


def test_with_the_last_policies_the_last_is_in_force(replaced):
    skipped(replaced, *reversed(replaced.policies), version=3)
    assert replaced.session.guard.in_force.policy.version == 3
    assert replaced.said(ZOE, version=3) == "unauthenticated/approver-unknown"
    assert replaced.said(ADA, version=3) == "signed"
    assert replaced.published(sign_policy(policy_document(version=4))) == "policy-unsigned"
    assert replaced.published(sign_policy(policy_document(version=4), NEW)) == 4
    with pytest.raises(PinnedAlready):
        pin_anew(replaced)
    replaced.restart()
    assert replaced.session.guard.in_force.policy.version == 4


def test_the_last_policy_that_the_backup_has_is_not_written_twice(bench):
    skipped(bench, LAST)
    assert len([body for body in bench.log() if body["kind"] == "policy"]) == 1
    assert bench.session.publisher.current() == LAST


def test_who_keeps_all_policies_may_give_them_all(replaced):
    """Found by a game: the backup was of version 2, and version 1 was given too."""
    replaced.session.close()
    replaced.backup = shutil.copy(replaced.state.journal, replaced.backup)
    replaced.session = replaced.open()
    skipped(replaced, sign_policy(WITH_ZOE), *replaced.policies, version=3)
    assert replaced.session.publisher.current() == replaced.policies[-1]
    assert len([body for body in replaced.log() if body["kind"] == "policy"]) == 3


def test_another_policy_of_the_version_that_the_backup_has_is_refused(replaced):
    other = sign_policy(policy_document(rule("other"), version=1))
    with pytest.raises(Refused) as raised:
        skipped(replaced, other, *replaced.policies, version=3)
    assert raised.value.detail == "policy-rollback"


@pytest.mark.parametrize(
    ("brought", "detail"),
    [
        pytest.param((0,), "not-the-last", id="not the last"),
        pytest.param((1,), "policy-unsigned", id="one that names its signers is missing"),
    ],
)
def test_policies_that_do_not_lead_to_the_last_change_nothing(replaced, brought, detail):
    with pytest.raises(Refused) as raised:
        skipped(replaced, *(replaced.policies[n] for n in brought), version=3)
    assert raised.value.detail == detail
    assert Journal(replaced.state.journal, log_key()).sequence == 3


def test_forged_policies_are_no_last_policies(replaced):
    forged = SignedPolicy(policy_document(version=3), dict.fromkeys(LAST.signatures, bytes(64)))
    with pytest.raises(Refused, match="does not verify"):
        skipped(replaced, forged, version=3)


def test_before_a_first_pinning_there_is_nothing_to_void(tmp_path):
    state = StateDirectory(tmp_path / "new")
    state.path.mkdir()
    pin(state, log_key(), None, PINNED, NOON)
    with pytest.raises(PinnedAlready):
        pin(state, log_key(), None, PINNED, NOON)
    with pytest.raises(PinnedAlready):
        pin(StateDirectory(state.path), log_key(), PINNED, PINNED, NOON)


def test_a_vault_list_that_contradicts_the_journal_is_refused(bench):
    restore_backup(bench)
    for wrong in (LostVault("c9", "v1", 0), LostVault("c1", "v1", 7), LostVault("c1", "v8", 1)):
        skip = Skip(bench.second.sequence, 1, (wrong,))
        with pytest.raises(JournalDamaged):
            recover(bench.state, log_key(), None, skip, bench.clock.now)


def test_the_old_log_is_kept_and_the_new_one_verifies(bench):
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
