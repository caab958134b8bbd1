"""A transaction that keeps transfers from being paid, and needs no new consent."""

import itertools
from dataclasses import replace
from typing import Any

import pytest

from signer.policy import Usage, Window
from signer.wire import Purpose, Receipt
from tests.support.signer import (
    ADA,
    BOB,
    Bench,
    agreed,
    calling_off,
    changed,
    native,
    outcome_word,
    paying,
    policy_document,
    rule,
    sign_policy,
    window,
)

ETH = native("ethereum-local")
HOUR = 3600


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path / "s")


def ask(bench, *mandates, **changes):
    return bench.sign(paying(*map(agreed, mandates), **changes))


def call_off(bench, *mandates, **changes):
    return bench.sign(calling_off(*mandates, **changes))


def said(outcome):
    """The word, and who is in the way."""
    return outcome_word(outcome), outcome.transfer


def test_a_cancel_needs_no_new_consent_also_while_everything_is_denied(tmp_path):
    bench = Bench(tmp_path / "s", document=policy_document(rule("two", needs=[("treasury", 2)])))
    mandates = [bench.mandate(transfer=f"t{n}") for n in (1, 2)]
    consents = [agreed(mandate, ADA, BOB) for mandate in mandates]
    assert outcome_word(bench.sign(paying(*consents))) == "signed"
    deny = policy_document(rule("stop", effect="deny"), version=2)
    bench.session.publisher.publish(sign_policy(deny))
    bench.clock.advance(10 * HOUR)
    dead = call_off(bench, *mandates)
    assert isinstance(dead, Receipt)
    assert (dead.purpose, dead.transfers) == (Purpose.CANCEL, ("t1", "t2"))
    bench.restart()
    assert call_off(bench, *mandates) == dead
    record = bench.log()[-1]
    assert (record["purpose"], record["rule"], record["approvers"]) == ("cancel", None, [])


def test_a_cancel_before_anything_was_signed(bench):
    first, second = bench.mandate(transfer="t1"), bench.mandate(transfer="t2")
    assert said(call_off(bench, first)) == ("conflict/nothing-to-cancel", "t1")
    assert outcome_word(ask(bench, first)) == "signed"
    assert said(call_off(bench, first, second)) == ("conflict/nothing-to-cancel", "t2")
    offered = replace(first, version=2)
    assert said(call_off(bench, offered)) == ("conflict/nothing-to-cancel", "t1")
    assert outcome_word(call_off(bench, first)) == "signed"


CANCELS: dict[str, tuple[dict[str, Any], str]] = {
    "without a shared key": ({"nonce": 1}, "conflict/both-could-confirm"),
    "without a key": ({"nonce": None}, "conflict/both-could-confirm"),
    "that pays": ({"payments": [["thief", ETH, 1]]}, "mismatch/effects"),
    "that does what it cancels": ({"payments": [["someone", ETH, 100]]}, "mismatch/effects"),
    "that costs more": ({"fee_max": 11}, "mismatch/fee"),
    "that makes an account": ({"creates": [["a", "b", 1]]}, "mismatch/rent"),
    "from another address": ({"sources": ["0xother"]}, "mismatch/source"),
    "that returns elsewhere": ({"change": [["thief", 1, None]]}, "mismatch/return"),
    "that cannot be explained": ({"unexplained": ["x"]}, "unexplained/transaction"),
    "that returns to itself": ({"change": "SELF"}, "signed"),
}


@pytest.mark.parametrize("how", CANCELS)
def test_a_cancel(bench, how):
    changes, expected = CANCELS[how]
    mandate = bench.mandate()
    assert outcome_word(bench.send(mandate)) == "signed"
    if changes.get("change") == "SELF":
        changes = {"change": [[mandate.core.source_address, 0, None]]}
    assert outcome_word(call_off(bench, mandate, **changes)) == expected


def test_a_cancel_costs_what_was_agreed_to_when_it_was_signed_for(bench):
    """By the version that it shows, which must be one of those; of several each its share."""
    mandate = bench.mandate(fee_max=10)
    assert outcome_word(bench.send(mandate)) == "signed"
    offered = changed(mandate, version=2, fee_max=50)
    assert outcome_word(call_off(bench, mandate, fee_max=11)) == "mismatch/fee"
    assert outcome_word(call_off(bench, offered, fee_max=11)) == "conflict/nothing-to-cancel"
    assert outcome_word(bench.send(offered)) == "signed"
    assert outcome_word(call_off(bench, mandate, fee_max=11)) == "mismatch/fee"
    assert outcome_word(call_off(bench, offered, fee_max=49)) == "signed"
    assert outcome_word(call_off(bench, offered, fee_max=51)) == "mismatch/fee"
    other = bench.mandate(transfer="t2", fee_max=7)
    assert outcome_word(bench.send(other)) == "signed"
    assert outcome_word(call_off(bench, offered, other, fee_max=15)) == "signed"
    assert outcome_word(call_off(bench, offered, other, fee_max=16)) == "mismatch/fee"


def test_a_cancel_shares_a_key_with_everything_that_was_signed(bench):
    mandate = bench.mandate()
    for keys in (["a", "b"], ["b", "c"]):
        sent = bench.send(mandate, conflict_keys=keys)
        assert outcome_word(sent) == "signed"
    assert outcome_word(call_off(bench, mandate, conflict_keys=["a"])) == (
        "conflict/both-could-confirm"
    )
    assert outcome_word(call_off(bench, mandate, conflict_keys=["a", "c"])) == "signed"
    assert outcome_word(call_off(bench, mandate, conflict_keys=["b"])) == (
        "conflict/both-could-confirm"
    ), "the cancel before it takes a and c"
    assert outcome_word(call_off(bench, mandate, conflict_keys=["a", "b"])) == "signed"


def test_a_repeated_cancel_shares_its_keys_so_that_one_is_paid_for(bench):
    mandate = bench.mandate(fee_max=10)
    assert outcome_word(bench.send(mandate, fee_max=1)) == "signed"
    for fee in range(2, 11):
        assert outcome_word(call_off(bench, mandate, fee_max=fee)) == "signed"
    assert outcome_word(call_off(bench, mandate, fee_max=11)) == "mismatch/fee"
    keys = [set(record["binding"]) for record in bench.log() if record["kind"] == "signed"]
    assert all(a & b for a, b in itertools.combinations(keys, 2))


def test_a_cancel_frees_nothing(tmp_path):
    bench = Bench(
        tmp_path / "s", document=policy_document(rule("w", windows=[window(ETH, HOUR, 300)]))
    )
    everything = Window("v1", ETH, None, HOUR)

    def held():
        return bench.session.guard.usage(everything, bench.clock.now, ())

    mandate = bench.mandate(fee_max=50)
    assert outcome_word(bench.send(mandate)) == "signed"
    assert held() == Usage(150, 1)
    for restart in (False, True):
        assert outcome_word(call_off(bench, mandate, fee_max=1 + restart)) == "signed"
        assert held() == Usage(150, 1)
        bench.restart()
        assert held() == Usage(150, 1)
    bench.clock.advance(HOUR)
    assert held() == Usage(0, 0)
