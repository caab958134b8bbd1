"""Allowances, calls, messages and delegations at the signer: agreed, decoded, and still refused by
every rule that does not name them."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from chains.effects import Allow, Call, Delegate, Pay, Sign
from chains.model import Address
from chains.outcomes import Bound, write
from tests.support.signer import (
    ADA,
    BOB,
    NOON,
    Bench,
    agreed,
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
OTHERS = {
    "allow": Allow(Address("someone"), ETH, 100, None),
    "call": Call(Address("someone"), "deposit", (("to", "me"),), 100),
    "sign": Sign("eip-712", "app", b"permit"),
    "delegate": Delegate(Address("me"), Address("someone"), "eip155:31337", 7),
}
UNLIMITED = Allow(Address("someone"), ETH, None, None)
PAID = Pay(Address("someone"), ETH, 100)
MESSAGES = {"eip-712": ["app"]}


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path / "s")


def publish(bench, *rules):
    version = bench.session.guard.in_force.version + 1
    bench.session.publisher.publish(sign_policy(policy_document(*rules, version=version)))


@pytest.mark.parametrize("action", OTHERS)
@pytest.mark.parametrize("beside", [(), (PAID,)], ids=["alone", "beside a payment"])
def test_what_no_rule_names_is_refused_though_all_agreed(bench, action, beside):
    """By a rule for payments, by one for all other actions, and under two approvals too."""
    effects = (*beside, OTHERS[action])
    refused = "denied/no-rule"
    assert outcome_word(bench.send(bench.mandate(effects=effects), ADA, BOB)) == refused
    rest = [name for name in ("transfer", *OTHERS) if name != action]
    publish(
        bench, rule("rest", actions=rest, messages=MESSAGES), rule("large", needs=[("treasury", 2)])
    )
    assert outcome_word(bench.send(bench.mandate(effects=effects), ADA, BOB)) == refused


@pytest.mark.parametrize("action", OTHERS)
def test_what_a_rule_names_is_signed(bench, action):
    publish(bench, rule("named", actions=["transfer", action], messages=MESSAGES))
    mandate = bench.mandate(effects=(OTHERS[action],))
    assert outcome_word(bench.send(mandate)) == "signed"


@pytest.mark.parametrize(
    "lie",
    [
        {"others": []},
        {"payments": [["someone", ETH, 100, None]], "others": []},
        {"payments": [["someone", ETH, 100, None]]},
    ],
    ids=["it does nothing", "it pays instead", "it pays too"],
)
@pytest.mark.parametrize("action", OTHERS)
def test_the_transaction_does_just_what_was_agreed(bench, action, lie):
    publish(bench, rule("named", actions=["transfer", *OTHERS], messages=MESSAGES))
    mandate = bench.mandate(effects=(OTHERS[action],))
    assert outcome_word(bench.send(mandate, **lie)).startswith("mismatch/")


@pytest.mark.parametrize(
    ("effect", "changes"),
    [
        (OTHERS["allow"], {"amount": None}),
        (OTHERS["allow"], {"spender": Address("somebody")}),
        (OTHERS["allow"], {"expires_at": NOON + timedelta(days=1)}),
        (OTHERS["call"], {"arguments": (("to", "you"),)}),
        (OTHERS["sign"], {"content": b"permits"}),
        (OTHERS["delegate"], {"chain": None}),
        (OTHERS["delegate"], {"nonce": 8}),
        (OTHERS["delegate"], {"account": Address("you")}),
        (PAID, {"memo": "7"}),
    ],
    ids=lambda each: next(iter(each)) if isinstance(each, dict) else type(each).__name__,
)
def test_every_part_of_an_effect_is_agreed_to(bench, effect, changes):
    publish(bench, rule("named", actions=["transfer", *OTHERS], messages=MESSAGES))
    agreed = bench.mandate(effects=(effect,))
    other = bench.mandate(effects=(replace(effect, **changes),))
    assert outcome_word(bench.send(agreed, **_done_by(other))).startswith("mismatch/")
    assert outcome_word(bench.send(agreed)) == "signed"


def test_other_bounds_of_a_call_are_another_agreement(bench):
    """No byte says them: whose approvals were for others has agreed to nothing here."""
    publish(bench, rule("named", needs=[("treasury", 2)], actions=["transfer", "call"]))
    least, less = (write([Bound(ETH, at_least=units)]) for units in (10, 9))
    call = OTHERS["call"]
    assert isinstance(call, Call)
    strict = bench.mandate(effects=(replace(call, outcome=least),))
    looser = bench.mandate(effects=(replace(call, outcome=less),))
    assert strict.core.digest != looser.core.digest
    misused = replace(agreed(strict, ADA, BOB), mandate=looser)
    assert outcome_word(bench.sign(paying(misused))) == "unauthenticated/approval-signature"
    assert outcome_word(bench.send(strict, ADA, BOB)) == "signed"


def _done_by(mandate):
    """What the transaction of `mandate` does, as changes to the script of another."""
    row = json.loads(script(mandate).payload)
    return {name: row[name] for name in ("payments", "others")}


def test_an_unlimited_allowance_fills_the_windows_of_its_asset(bench):
    """Whoever got it may take all of it, so nothing is left for standing permissions."""
    limits = [window(ETH, 3600, 10**20)]
    small = rule("small", windows=limits, actions=["transfer", "allow"])
    large = rule("large", needs=[("treasury", 2)], actions=["transfer", "allow"])
    large["grant"]["unlimited"] = [ETH]
    publish(bench, small, large)
    unlimited = bench.mandate(effects=(UNLIMITED,))
    assert outcome_word(bench.send(unlimited)) == "needs-approvals/approvals"
    assert outcome_word(bench.send(unlimited, ADA, BOB)) == "signed"
    assert outcome_word(bench.send(bench.mandate(transfer="t2"), nonce=1)) == (
        "needs-approvals/approvals"
    )
    bench.clock.advance(3600)
    assert outcome_word(bench.send(bench.mandate(transfer="t3"), nonce=2)) == "signed"
