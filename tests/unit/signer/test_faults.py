"""A fault inside one request is that request's refusal, and a record; the others are answered."""

import struct
from functools import reduce
from importlib import import_module
from itertools import count

import pytest

from signer.errors import malformed
from tests.support.signer import (
    Bench,
    agreed,
    caller,
    native,
    outcome_word,
    paying,
    policy_document,
    rule,
    window,
)


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path / "s")


FAULTS = [AssertionError, KeyError, struct.error, RecursionError, OverflowError, MemoryError]
PLACES = [
    "signer.service:step2_decode",
    "signer.service:step3_check_mandates",
    "signer.service:step4_compare",
    "signer.judging:facts_of",
    "signer.guard:Guard.check",
    "signer.judging:evaluate",
    "signer.judging:spends_of",
    "signer.usage:taken_of",
    "signer.service:step7_sign",
    "signer.service:step8_receipt",
]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_bug_that_one_request_meets_is_that_ones_refusal(tmp_path, monkeypatch, place, fault):
    """Whatever it is and wherever: the others of the batch are signed, and the log tells of all."""
    limit = window(native("ethereum-local"), 3600, 10**6)
    bench = Bench(tmp_path / "s", document=policy_document(rule("w", windows=[limit])))
    mandates = [bench.mandate(transfer=f"t{n}") for n in range(3)]
    requests = [paying(agreed(m), nonce=m.core.transfer) for m in mandates]
    module, _, name = place.partition(":")
    *owners, attribute = name.split(".")
    owner = reduce(getattr, owners, import_module(module))
    calls, real = count(), getattr(owner, attribute)

    def failing(*arguments, **options):
        if next(calls) == 1:
            raise fault("secret")
        return real(*arguments, **options)

    with monkeypatch.context() as patched:
        patched.setattr(owner, attribute, failing)
        outcomes = bench.sign(*requests)
    words = [outcome_word(outcome) for outcome in outcomes]
    assert sorted(words) == ["signed", "signed", "unavailable/fault"]
    (refused,) = [outcome for outcome in outcomes if outcome_word(outcome) != "signed"]
    assert "secret" not in refused.message
    (row,) = [row for row in bench.log() if row["kind"] == "refused"]
    assert (row["transfer"], row["detail"]) == (refused.transfer, "fault")
    (again,) = [r for r in requests if r.transfers == (refused.transfer,)]
    assert outcome_word(bench.sign(again)) == "signed"


def test_a_request_that_can_not_be_read_is_its_own_refusal(bench):
    good = [paying(agreed(m)) for m in [bench.mandate()]]
    outcomes = bench.session.signer.sign(caller(), [malformed("request", "amount"), *good])
    assert [outcome_word(outcome) for outcome in outcomes] == ["malformed/request", "signed"]
    assert outcomes[0].transfer is None
    assert [row["message"] for row in bench.log() if row["kind"] == "refused"] == ["amount"]
