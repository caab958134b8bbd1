"""One transaction for several transfers: all of it or nothing, and who is in the way is named."""

import itertools
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chains.costs import CostKind
from chains.effects import Pay
from chains.model import Address
from signer.agreement import set_digest
from signer.wire import Purpose, Receipt, SignRequest
from tests.support.signer import (
    ADA,
    BOB,
    CALLER,
    Bench,
    agreed,
    calling_off,
    changed,
    is_repetition,
    native,
    outcome_word,
    paying,
    policy_document,
    rule,
    script,
    sign_policy,
    window,
)

ETH = native("ethereum-local")
HOUR = 3600


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path / "s")


def three(bench, **changes):
    return [bench.mandate(transfer=f"t{n}", amount=100 + n, **changes) for n in (1, 2, 3)]


def ask(bench, *mandates, **changes):
    return bench.sign(paying(*map(agreed, mandates), **changes))


def call_off(bench, *mandates, **changes):
    return bench.sign(calling_off(*mandates, **changes))


def said(outcome):
    """The word, and who is in the way."""
    return outcome_word(outcome), outcome.transfer


# A batch


def test_three_transfers_in_one_transaction(bench):
    mandates = three(bench)
    receipt = ask(bench, *mandates)
    assert receipt.transfers == ("t1", "t2", "t3")
    assert receipt.mandates == tuple(mandate.digest for mandate in mandates)
    assert len(receipt.signatures) == 1
    records = bench.log()[-3:]
    assert [record["transfer"] for record in records] == ["t1", "t2", "t3"]
    assert [place.sequence for place in receipt.records] == [
        receipt.sequence - 2,
        receipt.sequence - 1,
        receipt.sequence,
    ]
    assert receipt.head == bench.session.journal.head
    named = set_digest(Purpose.PAY, ["t3", "t1", "t2"]).hex()
    assert {record["set"] for record in records} == {named}
    assert [record["core"] for record in records] == [m.core.digest.hex() for m in mandates]
    assert [record["payload"] is None for record in records] == [False, True, True]


def test_the_order_of_a_retry_makes_no_difference(bench):
    mandates = three(bench)
    first = ask(bench, *mandates)
    tx = script(*mandates)
    for order in itertools.permutations(mandates):
        bench.restart()
        assert ask(bench, *order, tx=tx) == first
    assert bench.session.journal.sequence == first.sequence


def test_a_retry_is_what_was_decided_whatever_is_shown_this_time(bench):
    """The signature has left the house. What the receipt names is what was recorded."""
    mandate = bench.mandate()
    first = bench.send(mandate)
    tx = script(mandate)
    for other in (mandate, changed(mandate, fee_max=99), bench.mandate(amount=1)):
        assert bench.sign(paying(agreed(other), tx=tx)) == first


STRANGERS: dict[str, dict[str, Any]] = {
    "another vault": {"vault": "v2", "client": "c2", "source": "v2"},
    "another client": {"client": "c2"},
    "another network": {"alias": "bsc-local"},
    "another address": {"source_path": "m/44'/60'/0'/0/1"},
}


@pytest.mark.parametrize("who", STRANGERS)
def test_one_source_pays_for_all(bench, who):
    changes = dict(STRANGERS[who])
    first = bench.mandate()
    second = bench.mandate(changes.pop("alias", "ethereum-local"), transfer="t2", **changes)
    assert said(ask(bench, first, second)) == ("mismatch/together", "t2")
    assert outcome_word(ask(bench, first)) == "signed"


@pytest.mark.parametrize("version", [1, 2])
def test_a_transfer_stands_in_a_request_once(bench, version):
    """Twice, or in two versions, it would lend its bounds twice."""
    first = bench.mandate()
    second = replace(first, version=version)
    assert said(ask(bench, first, second)) == ("malformed/transfer-twice", "t1")


LIES = {
    "one payment for two alike": ([0, 2], "mismatch/effects", "t2"),
    "a payment more": ([0, 1, 2, 2], "mismatch/effects", None),
    "a payment less": ([0, 1], "mismatch/effects", "t3"),
    "one instead of another": ([0, 0, 2], "mismatch/destination", "t2"),
    "another order": ([2, 0, 1], "signed", None),
}


@pytest.mark.parametrize("lie", LIES)
def test_the_transaction_pays_the_sum_of_what_was_agreed(bench, lie):
    chosen, expected, transfer = LIES[lie]
    mandates = [
        bench.mandate(transfer=f"t{n}", effects=(Pay(Address(who), ETH, 100),))
        for n, who in enumerate("aab" if "alike" in lie else "abc", 1)
    ]
    effects = [mandate.core.effects[0] for mandate in mandates]
    payments = [[effects[at].address, ETH, effects[at].amount] for at in chosen]
    outcome = ask(bench, *mandates, payments=payments)
    assert outcome_word(outcome) == expected
    assert expected == "signed" or outcome.transfer == transfer


def test_costs_are_bounded_share_by_share_and_kind_by_kind(bench):
    mandates = [
        bench.mandate(
            transfer=f"t{n}", costs_max={(ETH, CostKind.FEE): 10, (ETH, CostKind.RENT): 5}
        )
        for n in (1, 2)
    ]
    assert said(ask(bench, *mandates, fee_max=21)) == ("mismatch/fee", "t1")
    assert said(ask(bench, *mandates, fee_max=10, rent=11)) == ("mismatch/rent", "t1")
    made = [["account", "someone", 11]]
    assert said(ask(bench, *mandates, fee_max=1, creates=made)) == ("mismatch/rent", None)
    assert outcome_word(ask(bench, *mandates, fee_max=20, rent=10)) == "signed"


def test_what_one_agreed_to_is_not_there_for_anothers_share(bench):
    """By size: who has two outputs of three pays two thirds, whatever the others would."""
    one = bench.mandate(transfer="t1", fee_max=3)
    two = tuple(Pay(Address(who), ETH, 100) for who in "bc")
    other = bench.mandate(transfer="t2", effects=two, fee_max=1_000)
    assert said(ask(bench, one, other, fee_max=12)) == ("mismatch/fee", "t1")
    assert said(ask(bench, other, one, fee_max=12)) == ("mismatch/fee", "t1")
    assert outcome_word(ask(bench, one, other, fee_max=10)) == "signed"


def test_what_nothing_bounds_is_refused_unless_the_rule_names_it(tmp_path):
    bench = Bench(tmp_path / "s")
    mandate = bench.mandate()
    refused = bench.send(mandate, uncapped=["l1-data"])
    assert outcome_word(refused) == "denied/cost-limit"
    named = [
        {"network": mandate.core.network, "kind": kind, "amount": "100"}
        for kind in ("fee", "l1-data")
    ]
    bench.session.publisher.publish(
        sign_policy(policy_document(rule("named", costs=named), version=2))
    )
    offered = bench.mandate()
    assert outcome_word(bench.send(offered, uncapped=["l1-data"])) == "signed"
    assert outcome_word(call_off(bench, offered, uncapped=["l1-data"])) == "signed"
    capped = bench.mandate(transfer="t2")
    assert outcome_word(bench.send(capped, nonce=1)) == "signed"
    assert outcome_word(call_off(bench, capped, nonce=1)) == "signed"
    sly = call_off(bench, capped, nonce=1, uncapped=["l1-data"])
    assert said(sly) == ("mismatch/uncapped-cost", "t2")


def test_one_refused_and_named_so_that_the_others_can_go(tmp_path):
    """Each kind of obstacle names its transfer; without it the rest is signed."""
    bench = Bench(tmp_path / "s", document=policy_document(rule("two", needs=[("treasury", 2)])))
    now = bench.clock.now
    obstacles: dict[str, dict[str, Any]] = {
        "expired/mandate": {"expires_at": now},
        "basis/other-basis": {"basis": bytes(32)},
        "not-yet/ahead": {"offered_at": now + timedelta(minutes=6)},
        "denied/cost-limit": {"fee_max": 10**18 + 1},
    }
    for number, (word, changes) in enumerate(obstacles.items()):
        names = [f"{number}-{n}" for n in (1, 2, 3)]
        mandates = [bench.mandate(transfer=name) for name in names]
        mandates[1] = changed(mandates[1], **changes)
        consents = [agreed(mandate, ADA, BOB) for mandate in mandates]
        refused = bench.sign(paying(*consents, nonce=number, fee_max=3))
        assert said(refused) == (word, names[1])
        del consents[1]
        assert outcome_word(bench.sign(paying(*consents, nonce=number))) == "signed"


def test_approvals_are_missing_for_one_of_two(tmp_path):
    bench = Bench(tmp_path / "s", document=policy_document(rule("two", needs=[("treasury", 2)])))
    first, second = bench.mandate(transfer="t1"), bench.mandate(transfer="t2")
    consents = agreed(first, ADA, BOB), agreed(second, ADA)
    refused = bench.sign(paying(*consents))
    assert said(refused) == ("needs-approvals/approvals", "t2")
    borrowed = replace(consents[1], approvals=consents[0].approvals)
    refused = bench.sign(paying(consents[0], borrowed))
    assert said(refused) == ("unauthenticated/approval-signature", "t2")
    complete = agreed(second, ADA, BOB)
    assert outcome_word(bench.sign(paying(consents[0], complete))) == "signed"


def test_nothing_of_a_refused_request_is_recorded_but_the_refusal(bench):
    mandates = three(bench)
    mandates[2] = changed(mandates[2], expires_at=bench.clock.now)
    before = bench.session.journal.sequence
    ask(bench, *mandates)
    assert bench.session.journal.sequence == before + 1
    assert bench.log()[-1]["transfers"] == ["t1", "t2", "t3"]
    assert all(not bench.session.guard.history(m.core.transfer).signed for m in mandates)


# Versions


def test_raised_bounds_need_consent_to_them(tmp_path):
    bench = Bench(tmp_path / "s", document=policy_document(rule("two", needs=[("treasury", 2)])))
    first = bench.mandate()
    consent = agreed(first, ADA, BOB)
    assert outcome_word(bench.sign(paying(consent))) == "signed"
    dearer = changed(first, version=2, fee_max=30)
    assert outcome_word(bench.sign(paying(consent, fee_max=30))) == "mismatch/fee"
    old = replace(agreed(dearer), approvals=consent.approvals)
    assert outcome_word(bench.sign(paying(old))) == "unauthenticated/approval-signature"
    assert outcome_word(bench.sign(paying(agreed(dearer, ADA)))) == "needs-approvals/approvals"
    assert outcome_word(bench.sign(paying(agreed(dearer, ADA, BOB), nonce=1))) == (
        "conflict/both-could-confirm"
    )
    receipt = bench.sign(paying(agreed(dearer, ADA, BOB)))
    assert receipt.mandates == (dearer.digest,)
    assert outcome_word(bench.sign(paying(consent, fee_max=5))) == "signed"


CORES: dict[str, dict[str, Any]] = {
    "payee": {"effects": (Pay(Address("thief"), ETH, 100),)},
    "amount": {"effects": (Pay(Address("someone"), ETH, 101),)},
    "memo": {"effects": (Pay(Address("someone"), ETH, 100, "7"),)},
    "initiator": {"initiator": "eve"},
    "retry of": {"retry_of": "t0"},
    "time": {"requested_at": "later"},
}


@pytest.mark.parametrize("aspect", CORES)
def test_what_a_transfer_is_never_changes(bench, aspect):
    """Other words under the same name are another transfer, also where a key is shared."""
    mandate = bench.mandate()
    assert outcome_word(bench.send(mandate)) == "signed"
    changes = dict(CORES[aspect])
    if aspect == "time":
        changes["requested_at"] = bench.clock.now + timedelta(seconds=1)
    other = bench.mandate(version=2, **changes)
    assert outcome_word(bench.send(other, fee_max=9)) == "conflict/another-core"
    assert outcome_word(call_off(bench, other)) == "conflict/nothing-to-cancel"
    assert outcome_word(bench.send(replace(mandate, version=2), fee_max=9)) == "signed"


# Partners


def test_a_transfer_may_change_its_partners_as_long_as_a_key_is_shared(bench):
    first, second, third = three(bench)
    assert outcome_word(ask(bench, first, second, conflict_keys=["a"])) == "signed"
    assert said(ask(bench, second, third, conflict_keys=["b"])) == (
        "conflict/both-could-confirm",
        "t2",
    )
    assert outcome_word(ask(bench, second, third, conflict_keys=["a", "b"])) == "signed"
    assert outcome_word(ask(bench, second, conflict_keys=["a"], fee_max=1)) == "signed"
    assert said(ask(bench, second, conflict_keys=["b"], fee_max=2)) == (
        "conflict/both-could-confirm",
        "t2",
    )


def test_partners_do_not_tie_a_third_to_them(bench):
    """A{1}, B{1,2}, C{2}: A and C pay different transfers, so both may be in blocks."""
    first, second, _ = three(bench)
    assert outcome_word(ask(bench, first, conflict_keys=["1"])) == "signed"
    assert outcome_word(ask(bench, first, second, conflict_keys=["1", "2"])) == "signed"
    assert outcome_word(ask(bench, second, conflict_keys=["2"])) == "signed"


def test_the_same_bytes_are_signed_for_one_set_and_one_purpose_ever(bench):
    mandates = [
        bench.mandate(transfer=f"t{n}", effects=(Pay(Address("x"), ETH, 5),)) for n in (1, 2, 3)
    ]
    tx = script(*mandates[:2])
    first = ask(bench, *mandates[:2], tx=tx)
    assert isinstance(first, Receipt)
    for other in (mandates[1:], mandates[:1], [mandates[0], mandates[2]], mandates):
        changed_tx = replace(tx)
        outcome = ask(bench, *other, tx=changed_tx)
        assert outcome_word(outcome) in ("conflict/another-set", "mismatch/effects")
    assert outcome_word(ask(bench, *mandates[1:], tx=tx)) == "conflict/another-set"
    empty = script(mandates[0], payments=[])
    assert outcome_word(bench.sign(calling_off(mandates[0], tx=empty))) == "signed"
    both = SignRequest(Purpose.PAY, empty, (agreed(mandates[0]),))
    assert outcome_word(bench.sign(both)) == "mismatch/effects"
    apart = calling_off(*mandates[:2], tx=empty)
    assert outcome_word(bench.sign(apart)) == "conflict/another-set"
    assert is_repetition(ask(bench, *mandates[:2], tx=tx), first)


def test_without_binding_keys_one_transaction_ever_and_a_retry_is_another_transfer(bench):
    mandate = bench.mandate("tron-local")
    assert outcome_word(bench.send(mandate, nonce=None)) == "signed"
    assert outcome_word(bench.send(mandate, nonce=None, fee_max=1)) == "conflict/both-could-confirm"
    assert outcome_word(call_off(bench, mandate, nonce=None)) == "conflict/both-could-confirm"
    again = bench.mandate("tron-local", transfer="t2", retry_of="t1")
    assert outcome_word(bench.send(again, nonce=None, identity="two")) == "signed"
    assert bench.log()[-1]["retry_of"] == "t1"
    assert bench.log()[-1]["document"]["core"]["retry_of"] == "t1"


# Windows


def test_the_transfers_of_one_request_are_counted_together(tmp_path):
    """Neither of them alone is above the limit."""
    document = policy_document(rule("w", windows=[window(ETH, HOUR, 220)]))
    bench = Bench(tmp_path / "s", document=document)
    first, second = bench.mandate(transfer="t1"), bench.mandate(transfer="t2", amount=101)
    assert said(ask(bench, first, second)) == ("denied/window-amount", "t1")
    assert said(ask(bench, second, first)) == ("denied/window-amount", "t2")
    third = bench.mandate(transfer="t3")
    assert outcome_word(ask(bench, first, third)) == "signed"
    assert said(ask(bench, second, nonce=1)) == ("denied/window-amount", "t2")


def test_the_transfers_of_one_request_are_counted_one_by_one(tmp_path):
    document = policy_document(rule("w", windows=[window(ETH, HOUR, 10**6, count=2)]))
    bench = Bench(tmp_path / "s", document=document)
    assert said(ask(bench, *three(bench))) == ("denied/window-count", "t1")
    assert outcome_word(ask(bench, *three(bench)[:2])) == "signed"


def test_a_cheaper_transaction_is_judged_by_the_dearest_that_may_confirm(tmp_path):
    """It fits alone; but what was signed before may be the one, and takes more."""
    document = policy_document(
        rule("w", windows=[window(ETH, HOUR, 300)], mandate_lifetime_s=24 * HOUR)
    )
    bench = Bench(tmp_path / "s", document=document)
    mandate = bench.mandate(fee_max=100, expires_at=bench.clock.now + timedelta(hours=9))
    assert outcome_word(bench.send(mandate)) == "signed"
    bench.clock.advance(HOUR)
    other = bench.mandate(transfer="t2", amount=120)
    assert outcome_word(bench.send(other, nonce=1)) == "signed"
    cheap = changed(mandate, version=2, fee_max=10)
    assert outcome_word(bench.send(cheap)) == "denied/window-amount"


# A consent without a transaction


def test_a_consent_alone_gets_the_verdict_and_records_nothing(tmp_path):
    bench = Bench(tmp_path / "s", document=policy_document(rule("two", needs=[("treasury", 2)])))
    mandate = bench.mandate()
    before = bench.session.journal.sequence

    def consider(*approvers, **changes):
        consent = agreed(changed(mandate, **changes), *approvers)
        (opinion,) = bench.session.signer.consider(CALLER, [consent])
        return opinion

    agreement = consider(ADA, BOB)
    assert (agreement.transfer, agreement.mandate, agreement.rule) == ("t1", mandate.digest, "two")
    assert said(consider(ADA)) == ("needs-approvals/approvals", "t1")
    assert said(consider(ADA, BOB, basis=bytes(32))) == ("basis/other-basis", "t1")
    assert said(consider(ADA, BOB, vault="v2")) == ("unknown-vault/vault", "t1")
    assert said(consider(ADA, BOB, expires_at=bench.clock.now)) == ("expired/mandate", "t1")
    assert bench.session.journal.sequence == before
    assert outcome_word(bench.send(mandate, ADA, BOB)) == "signed"


def test_a_consent_alone_starts_the_time_lock_once(tmp_path):
    document = policy_document(rule("t", needs=[("treasury", 1)], time_lock_s=600))
    bench = Bench(tmp_path / "s", document=document)
    mandate = bench.mandate()
    consents = [agreed(mandate, ADA)]
    for _ in range(2):
        (opinion,) = bench.session.signer.consider(CALLER, consents)
        assert said(opinion) == ("not-yet/time-lock", "t1")
    assert [row["kind"] for row in bench.log()].count("complete") == 1
    bench.restart()
    bench.clock.advance(600)
    assert outcome_word(bench.send(mandate, ADA)) == "signed"


def test_time_locks_start_for_all_of_a_request(tmp_path):
    document = policy_document(rule("t", needs=[("treasury", 1)], time_lock_s=600))
    bench = Bench(tmp_path / "s", document=document)
    consents = [agreed(mandate, ADA) for mandate in three(bench)]
    assert said(bench.sign(paying(*consents))) == ("not-yet/time-lock", "t1")
    bench.clock.advance(600)
    assert outcome_word(bench.sign(paying(*consents))) == "signed"


def test_a_time_lock_counts_under_the_same_basis_only(tmp_path):
    locked = rule("t", needs=[("treasury", 1)], time_lock_s=600)
    bench = Bench(tmp_path / "s", document=policy_document(locked))
    mandate = bench.mandate()
    assert outcome_word(bench.send(mandate, ADA)) == "not-yet/time-lock"
    bench.clock.advance(600)
    publish = bench.session.publisher.publish
    longer = rule("t", needs=[("treasury", 1)], time_lock_s=601)
    publish(sign_policy(policy_document(longer, version=2)))
    assert outcome_word(bench.send(mandate, ADA)) == "basis/other-basis"
    offered = bench.mandate(version=2, requested_at=mandate.core.requested_at)
    assert outcome_word(bench.send(offered, ADA)) == "not-yet/time-lock"
    deny = rule("no", effect="deny", clients=["other"])
    publish(sign_policy(policy_document(deny, longer, version=3)))
    bench.clock.advance(601)
    assert outcome_word(bench.send(offered, ADA)) == "signed"
