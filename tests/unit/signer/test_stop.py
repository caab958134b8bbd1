"""The emergency stop: one administrator says so, for one log and one version of the policy."""

from dataclasses import fields, replace

import pytest

from signer.errors import JournalDamaged, Refused
from signer.inforce import PolicyInForce
from signer.policy import PolicyUnsigned, SignedPolicy, Stop, stop_message, verify_policy
from signer.wire import MalformedMessage, Receipt, Verdict, approval_message
from tests.support.signer import (
    ADA,
    ADMINISTRATORS,
    CALLER,
    MANDATE,
    PINNED,
    Bench,
    Person,
    agreed,
    calling_off,
    outcome_word,
    paying,
    policy_document,
    rule,
    sign_policy,
)

OPEN = rule("open")
ADMIN = ADMINISTRATORS[0]


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path / "s", document=policy_document(OPEN))


def stop_of(bench: Bench, by: Person = ADMIN, **changes: object) -> Stop:
    """Signed by `by` as it is said; `changes` are made before."""
    said = {
        "origin": bench.session.journal.end.origin,
        "policy_version": bench.session.guard.in_force.version,
        "administrator": by.name,
        "reason": "a laptop was stolen",
        **changes,
    }
    return Stop(**said, signature=by.key.sign(stop_message(**said)))  # type: ignore[arg-type]


def stop(bench: Bench, said: Stop) -> int:
    return bench.session.publisher.stop(said)


def ask(bench: Bench, transfer: str) -> str:
    return outcome_word(bench.sign(paying(agreed(bench.mandate(transfer=transfer)))))


def refusal(bench: Bench, said: Stop) -> str:
    before = bench.session.journal.sequence
    with pytest.raises(Refused) as refused:
        stop(bench, said)
    assert not bench.session.guard.in_force.is_stopped
    assert bench.session.journal.sequence == before
    return f"{refused.value.code}/{refused.value.detail}"


@pytest.mark.parametrize("by", ADMINISTRATORS, ids=lambda each: each.name)
def test_any_one_administrator_stops_it_at_once(bench, by):
    assert ask(bench, "t1") == "signed"
    assert stop(bench, stop_of(bench, by)) == 1
    assert ask(bench, "t2") == "stopped/emergency-stop"
    (opinion,) = bench.session.signer.consider(CALLER, [agreed(bench.mandate(transfer="t3"))])
    assert outcome_word(opinion) == "stopped/emergency-stop"
    status = bench.session.status(())
    assert status.is_stopped
    (notice,) = [each for each in status.warnings if each.code == "stopped"]
    assert by.name in notice.message
    assert "a laptop was stolen" in notice.message


def test_a_cancel_and_a_retry_pass_and_nothing_else(bench):
    """What was signed must be assumed to have left; calling it off pays nobody."""
    mandate = bench.mandate(transfer="t1")
    request = paying(agreed(mandate))
    paid = bench.sign(request)
    assert isinstance(paid, Receipt)
    stop(bench, stop_of(bench))
    assert isinstance(bench.sign(request), Receipt)
    assert outcome_word(bench.sign(calling_off(mandate))) == "signed"
    again = paying(agreed(mandate), nonce=7)
    assert outcome_word(bench.sign(again)).startswith("stopped/")


def test_only_a_newer_policy_of_the_quorum_ends_it(bench):
    stop(bench, stop_of(bench))
    publish = bench.session.publisher.publish
    publish(sign_policy(policy_document(OPEN)))  # what is in force already: changes nothing
    assert ask(bench, "t1") == "stopped/emergency-stop"
    following = policy_document(OPEN, version=2)
    with pytest.raises(Refused):
        publish(sign_policy(following, ADMINISTRATORS[:1]))
    assert ask(bench, "t1") == "stopped/emergency-stop"
    publish(sign_policy(following))
    assert ask(bench, "t1") == "signed"
    assert not bench.session.status(()).is_stopped


def test_a_stop_that_was_ended_is_never_good_again(bench):
    said = stop_of(bench)
    stop(bench, said)
    bench.session.publisher.publish(sign_policy(policy_document(OPEN, version=2)))
    assert refusal(bench, said) == "denied/stop-version"
    assert ask(bench, "t1") == "signed"


def test_it_outlives_a_restart(bench):
    stop(bench, stop_of(bench))
    bench.restart()
    assert bench.session.guard.in_force.is_stopped
    assert ask(bench, "t1") == "stopped/emergency-stop"
    bench.session.publisher.publish(sign_policy(policy_document(OPEN, version=2)))
    bench.restart()
    assert ask(bench, "t1") == "signed"


def test_the_first_word_stands_and_nothing_is_recorded_twice(bench):
    stop(bench, stop_of(bench))
    at = bench.session.journal.sequence
    for by in ADMINISTRATORS:
        assert stop(bench, stop_of(bench, by, reason="me too")) == 1
    assert bench.session.journal.sequence == at
    assert bench.log()[-1]["stop"]["reason"] == "a laptop was stolen"


def test_nothing_else_is_a_stop_of_this_signer(bench):
    good = stop_of(bench)
    assert refusal(bench, stop_of(bench, origin="another/log")) == "denied/stop-origin"
    assert refusal(bench, stop_of(bench, policy_version=2)) == "denied/stop-version"
    assert refusal(bench, stop_of(bench, policy_version=0)) == "denied/stop-version"
    assert refusal(bench, stop_of(bench, ADA)) == "denied/stop-unsigned"
    assert refusal(bench, stop_of(bench, ADA, administrator=ADMIN.name)) == "denied/stop-unsigned"
    other = ADMINISTRATORS[1].name
    assert refusal(bench, replace(good, administrator=other)) == "denied/stop-unsigned"
    assert refusal(bench, replace(good, reason="all is well")) == "denied/stop-unsigned"
    assert refusal(bench, replace(good, signature=bytes(64))) == "denied/stop-unsigned"


def test_before_the_first_policy_there_is_nothing_to_stop():
    in_force = PolicyInForce(PINNED)
    signature = ADMIN.key.sign(stop_message("log", 0, ADMIN.name, "now"))
    made = Stop("log", 0, ADMIN.name, "now", signature)
    with pytest.raises(Refused, match="in force is 0"):
        in_force.check_stop(made, "log")


def test_its_signature_is_good_for_nothing_else_and_no_other_for_it(bench):
    said = stop_of(bench)
    for text in (said.message(), said.message().partition(b"\n")[2]):
        signed = SignedPolicy(text, {ADMIN.name: said.signature})
        with pytest.raises(PolicyUnsigned):
            verify_policy(signed, replace(PINNED, threshold=1))
    policy = sign_policy(policy_document(OPEN)).signatures[ADMIN.name]
    assert refusal(bench, replace(said, signature=policy)) == "denied/stop-unsigned"
    approval = ADMIN.key.sign(approval_message(MANDATE.digest, Verdict.REJECT))
    assert refusal(bench, replace(said, signature=approval)) == "denied/stop-unsigned"


@pytest.mark.parametrize("name", [field.name for field in fields(Stop)])
def test_each_field_is_there_once_and_is_what_it_says(bench, name):
    row = stop_of(bench).to_json()
    assert Stop.parse(row) == stop_of(bench)
    without = {key: value for key, value in row.items() if key != name}
    for changed in (without, {**row, name: None}, {**row, name: [row[name]]}, {**row, "more": 1}):
        with pytest.raises(MalformedMessage):
            Stop.parse(changed)


@pytest.mark.parametrize("reason", ["", "two\nlines", "\x1b[2J", "x" * 513])
def test_a_reason_is_one_line_that_forges_nothing(bench, reason):
    with pytest.raises(MalformedMessage):
        Stop.parse({**stop_of(bench).to_json(), "reason": reason})


def test_a_journal_with_a_stop_that_nobody_said_is_damaged(bench):
    """Whoever can write there could have it say so; then it is no journal of ours."""
    forged = replace(stop_of(bench), signature=bytes(64))
    with bench.session.guard.transaction():
        body = {"kind": "stopped", "at": "2026-03-02T12:00:00Z", "stop": forged.to_json()}
        bench.session.journal.append(body)
    with pytest.raises(JournalDamaged, match="signed by no administrator"):
        bench.restart()


def test_a_full_disk_stops_nothing_in_silence(bench, monkeypatch):
    """Not recorded, so not stopped; who asked is told so, and says it again."""

    def full(*_: object) -> None:
        raise OSError("no space left on device")

    said = stop_of(bench)
    with monkeypatch.context() as patched:
        patched.setattr(type(bench.session.journal), "append", full)
        with pytest.raises(OSError, match="no space"):
            stop(bench, said)
    assert not bench.session.guard.in_force.is_stopped
    assert stop(bench, said) == 1
    assert ask(bench, "t1") == "stopped/emergency-stop"
