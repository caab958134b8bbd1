"""Requests that follow one another in a batch: what comes after one that is not signed is not
looked at, and there is no signature of it."""

from dataclasses import replace

import pytest

from chains.model import UnsignedTx
from signer import curves
from signer.batches import positions
from signer.curves import SigningFailed
from signer.wire import MalformedMessage, Receipt
from tests.support.signer import CALLER, Bench, agreed, outcome_word, paying

BEHIND = "unavailable/behind"


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path / "s")


def requests_for(bench, number):
    mandates = [bench.mandate(transfer=f"t{n}") for n in range(number)]
    return [paying(agreed(each), nonce=each.core.transfer) for each in mandates]


def garbage(request):
    return replace(request, tx=UnsignedTx(request.tx.network, b"garbage"))


def words(bench, requests, follows):
    outcomes = bench.session.signer.sign(CALLER, requests, follows)
    return [outcome_word(outcome) for outcome in outcomes]


def test_all_that_follow_are_signed_with_the_first(bench):
    assert words(bench, requests_for(bench, 4), {1, 2, 3}) == ["signed"] * 4


def test_what_follows_a_refusal_is_not_looked_at(bench):
    asked = requests_for(bench, 5)
    asked[1] = garbage(asked[1])
    before = len(bench.log())
    refused = "malformed/transaction_malformed"
    assert words(bench, asked, {1, 2, 3}) == ["signed", refused, BEHIND, BEHIND, "signed"]
    added = [record["transfer"] for record in bench.log()[before:]]
    assert added == ["t0", "t1", "t4"], "nothing is recorded of what was not looked at"
    other = paying(agreed(bench.mandate(transfer="t2")), nonce="another")
    assert outcome_word(bench.sign(other)) == "signed", "so other bytes may take its place"


def test_rows_beside_each_other_do_not_wait_for_each_other(bench):
    asked = requests_for(bench, 6)
    asked[0] = garbage(asked[0])
    found = words(bench, asked, {1, 2, 4, 5})
    assert found[1:] == [BEHIND, BEHIND, "signed", "signed", "signed"]


def test_there_is_no_signature_behind_one_that_fails(bench, monkeypatch):
    """It was decided for, all the same: asked again, each gets its own."""
    asked = requests_for(bench, 3)
    real, calls = curves.sign_ecdsa_recoverable, []

    def failing(*args):
        calls.append(args)
        if len(calls) == 2:
            raise SigningFailed
        return real(*args)

    monkeypatch.setattr(curves, "sign_ecdsa_recoverable", failing)
    assert words(bench, asked, {1, 2}) == ["signed", "unavailable/signing-failed", BEHIND]
    assert len(calls) == 2
    outcomes = bench.session.signer.sign(CALLER, asked, {1, 2})
    assert all(isinstance(each, Receipt) for each in outcomes)
    assert sorted(each.sequence for each in outcomes) == [each.sequence for each in outcomes]


@pytest.mark.parametrize("value", [None, [0], [3], [-1], [1, 1], [2, 1], ["1"], [True], [1, 2, 3]])
def test_positions_that_are_none(value):
    with pytest.raises(MalformedMessage):
        positions(value, 3)
    assert positions([1, 2], 3) == {1, 2}
