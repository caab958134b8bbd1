"""Batches, replacements and cancels as real transactions of the real codecs, signed here."""

import pytest

from chains.effects import Pay
from chains.model import Address
from signer.wire import Purpose
from tests.integration.test_signer_chains import THEIRS, coins, completed, evm, mandate, tron
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
)

BTC = native("bitcoin-regtest")
AMOUNTS = (30_000, 30_000, 50_000)


@pytest.fixture
def bench(tmp_path):
    document = policy_document(rule("two", needs=[("treasury", 2)]))
    return Bench(tmp_path / "s", scripted=False, document=document)


def batch(bench, amounts=AMOUNTS):
    """A mandate for each amount, out of the coins of one account."""
    return [
        bench.mandate(
            "bitcoin-regtest",
            transfer=f"t{number}",
            source_path="m/84'/1'/0'",
            source_address=None,
            effects=(Pay(Address(THEIRS["bitcoin-regtest"]), BTC, amount),),
            fee_max=1_000,
        )
        for number, amount in enumerate(amounts, 1)
    ]


def approved(mandates):
    return [agreed(mandate, ADA, BOB) for mandate in mandates]


def pay(bench, mandates, **how):
    amounts = [mandate.core.effects[0].amount for mandate in mandates]
    return paying(*approved(mandates), tx=coins(bench, amounts=amounts, **how))


def test_a_batch_of_three_in_one_bitcoin_transaction(bench):
    """Two of the payments are alike: each is paid."""
    request = pay(bench, batch(bench))
    raw = completed(bench, request).raw
    assert raw
    receipt = bench.sign(request)
    assert receipt.transfers == ("t1", "t2", "t3") and len(receipt.signatures) == 2
    union = paying(*request.consents, tx=coins(bench, amounts=(30_000, 50_000)))
    assert outcome_word(bench.sign(union)) == "mismatch/effects"


def test_one_of_three_is_in_the_way_and_the_others_go(bench):
    mandates = batch(bench)
    consents = [*approved(mandates[:2]), agreed(mandates[2], ADA)]
    refused = bench.sign(paying(*consents, tx=coins(bench, amounts=AMOUNTS)))
    assert (outcome_word(refused), refused.transfer) == ("needs-approvals/approvals", "t3")
    assert completed(bench, pay(bench, mandates[:2])).raw


def test_a_dearer_transaction_with_and_without_consent_to_the_bounds(bench):
    """The coins are the same, so that one of the two is ever in a block."""
    mandates = batch(bench)
    cheap, dear = 2_000, 15_000
    assert completed(bench, pay(bench, mandates, fee_rate=cheap)).raw
    assert outcome_word(bench.sign(pay(bench, mandates, fee_rate=dear))) == "mismatch/fee"
    raised = [changed(mandate, version=2, fee_max=5_000) for mandate in mandates]
    unasked = paying(*map(agreed, raised), tx=coins(bench, amounts=AMOUNTS, fee_rate=dear))
    assert outcome_word(bench.sign(unasked)) == "needs-approvals/approvals"
    assert completed(bench, pay(bench, raised, fee_rate=dear)).raw


def test_a_cancel_returns_the_coins_within_the_bounds_of_what_was_signed(bench):
    mandates = batch(bench)

    def cancel(*which, fee_rate=3_000):
        return calling_off(*which, tx=coins(bench, amounts=(), fee_rate=fee_rate))

    assert outcome_word(bench.sign(cancel(*mandates))) == "conflict/nothing-to-cancel"
    assert completed(bench, pay(bench, mandates)).raw
    too_dear = bench.sign(cancel(*mandates, fee_rate=30_000))
    assert outcome_word(too_dear) == "mismatch/fee"
    request = cancel(*mandates)
    assert completed(bench, request).raw
    assert bench.sign(request).purpose is Purpose.CANCEL
    once_more = bench.sign(cancel(*mandates, fee_rate=6_000))
    assert outcome_word(once_more) == "signed"


def test_an_ethereum_transfer_is_called_off_by_paying_oneself_nothing(bench):
    offered = mandate(bench, "ethereum-local")
    sender = offered.core.source_address
    paid = paying(agreed(offered, ADA, BOB), tx=evm("ethereum-local", sender))
    assert completed(bench, paid).raw
    self_payment = {"to": sender, "value": 0}
    other_nonce = evm("ethereum-local", sender, nonce=4, **self_payment)
    refused = bench.sign(calling_off(offered, tx=other_nonce))
    assert outcome_word(refused) == "conflict/both-could-confirm"
    elsewhere = evm("ethereum-local", sender, value=0)
    assert outcome_word(bench.sign(calling_off(offered, tx=elsewhere))) != "signed"
    assert completed(bench, calling_off(offered, tx=evm("ethereum-local", sender, **self_payment)))


def test_a_tron_transfer_that_died_is_another_transfer(bench):
    offered = mandate(bench, "tron-local")
    sender = offered.core.source_address
    assert completed(bench, paying(agreed(offered, ADA, BOB), tx=tron(sender))).raw
    later = tron(sender, timestamp_ms=1_772_629_000_001)
    refused = bench.sign(paying(agreed(offered, ADA, BOB), tx=later))
    assert outcome_word(refused) == "conflict/both-could-confirm"
    again = changed(offered, transfer="t2", retry_of="t1")
    assert outcome_word(bench.sign(paying(agreed(again), tx=later))) == "needs-approvals/approvals"
    assert completed(bench, paying(agreed(again, ADA, BOB), tx=later)).raw
    assert bench.log()[-1]["retry_of"] == "t1"
