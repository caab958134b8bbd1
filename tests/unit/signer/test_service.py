"""The eight steps against somebody who has the database, the API's secrets and the socket.

Each attempt is refused with its own code, writes one record that says so, and leaves the signer
working. The transactions are real in form; the codec says of each what the test wants it to say.
"""

from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest

from chains.effects import Pay
from chains.model import (
    Address,
    AssetId,
    NetworkId,
    UnsignedTx,
)
from signer.errors import Refused
from signer.inforce import PolicyInForce
from signer.wire import Action, Approval, Consent, Need, Verdict, canonical_json
from tests.support.networks import find_network
from tests.support.signer import (
    ADA,
    ADMINISTRATORS,
    BOB,
    EVE,
    NOON,
    PINNED,
    Bench,
    Person,
    agreed,
    aimed,
    caller,
    changed,
    native,
    outcome_word,
    paying,
    policy_document,
    refused_and_logged,
    rule,
    script,
    sign_policy,
)

ETH, BTC = native("ethereum-local"), native("bitcoin-regtest")
EVM_LOCAL, BSC_LOCAL = NetworkId("eip155:31337"), NetworkId("eip155:31338")
TWO = policy_document(rule("two", needs=[("treasury", 2)]))


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path / "s")


@pytest.fixture
def four_eyes(tmp_path):
    return Bench(tmp_path / "s", document=TWO)


def payment(amount=100, address="someone", asset=ETH):
    return [address, asset, amount]


LIES: dict[str, tuple[dict[str, Any], str]] = {
    "another destination": ({"payments": [payment(address="thief")]}, "mismatch/destination"),
    "another amount": ({"payments": [payment(101)]}, "mismatch/amount"),
    "a smaller amount": ({"payments": [payment(99)]}, "mismatch/amount"),
    "another asset": ({"payments": [payment(asset="eip155:31337/erc20:0x1")]}, "mismatch/asset"),
    "an extra output": ({"payments": [payment(), payment(1, "thief")]}, "mismatch/effects"),
    "the same output twice": ({"payments": [payment(), payment()]}, "mismatch/effects"),
    "the output split in two": ({"payments": [payment(50), payment(50)]}, "mismatch/effects"),
    "no output": ({"payments": []}, "mismatch/effects"),
    "a greater fee": ({"fee_max": 11}, "mismatch/fee"),
    "another network's transaction": ({"network": BSC_LOCAL}, "mismatch/network"),
    "calldata that the codec cannot explain": (
        {"unexplained": ["68 bytes of calldata"]},
        "unexplained/transaction",
    ),
    "another payer": ({"sources": ["0xother"]}, "mismatch/source"),
    "a second payer": ({"sources": ["SELF", "0xother"]}, "mismatch/source"),
    "nobody pays": ({"sources": []}, "mismatch/source"),
    "another signer": (
        {"inputs": [["0xother", "ecdsa-recoverable", None]]},
        "mismatch/source",
    ),
    "a second signer": (
        {"inputs": [["SELF", "ecdsa-recoverable", None], ["0xother", "ecdsa-recoverable", None]]},
        "mismatch/source",
    ),
    "another path claimed": (
        {"inputs": [["SELF", "ecdsa-recoverable", "m/44'/60'/1'/0/0"]]},
        "mismatch/source",
    ),
    "nothing to sign": ({"inputs": []}, "mismatch/source"),
    "change where there is none": (
        {"change": [["SELF", 1, "m/44'/60'/0'/0/0"]]},
        "mismatch/return",
    ),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_transaction_that_is_not_the_mandate(bench, lie):
    changes, expected = LIES[lie]
    mandate = bench.mandate()
    own = {name: aimed(value, mandate.core.source_address) for name, value in changes.items()}
    refused_and_logged(bench, bench.send(mandate, **own), expected)


def test_the_same_payments_in_another_order_are_the_same(bench):
    outputs = tuple(Pay(Address(a), ETH, n) for a, n in (("a", 1), ("b", 2), ("a", 3)))
    mandate = bench.mandate(effects=outputs)
    shuffled = [payment(3, "a"), payment(1, "a"), payment(2, "b")]
    assert outcome_word(bench.send(mandate, payments=shuffled)) == "signed"
    swapped = [payment(3, "b"), payment(1, "a"), payment(2, "a")]
    assert outcome_word(bench.send(mandate, payments=swapped)) == "mismatch/amount"


MANDATES = {
    "another vault's keys": (
        lambda b: b.mandate(source="v2", vault="v1"),
        "mismatch/path",
    ),
    "another client's vault": (lambda b: b.mandate(source="v2", vault="v2"), "unknown-vault/vault"),
    "a vault that is not open": (lambda b: b.mandate(vault="v9"), "unknown-vault/vault"),
    "a client of another name": (lambda b: b.mandate(client="c2"), "unknown-vault/vault"),
    "another address at the path": (
        lambda b: b.mandate(source_address=Address("0xother")),
        "mismatch/not-ours",
    ),
    "the address of another index": (
        lambda b: b.mandate(source_path=b.path(index=1)),
        "mismatch/not-ours",
    ),
    "no paying address": (lambda b: b.mandate(source_address=None), "mismatch/source"),
    "the account instead of an address": (
        lambda b: b.mandate(source_path="m/44'/60'/0'"),
        "mismatch/path",
    ),
    "a path of another shape": (
        lambda b: b.mandate(source_path="m/44'/60'/0'/0/0/0"),
        "mismatch/path",
    ),
    "a path of another chain": (
        lambda b: b.mandate(source_path="m/44'/195'/0'/0/0"),
        "mismatch/path",
    ),
    "a path in another spelling": (
        lambda b: b.mandate(source_path="m/44h/60h/0h/0/0"),
        "mismatch/path",
    ),
    "no path": (lambda b: b.mandate(source_path="somewhere"), "mismatch/path"),
    "an action that no rule names": (lambda b: b.mandate(action=Action.CALL), "denied/no-rule"),
    "an expired mandate": (
        lambda b: b.mandate(expires_at=b.clock.now),
        "expired/mandate",
    ),
    "a mandate that rests on other rules": (
        lambda b: b.mandate(basis=bytes(32)),
        "basis/other-basis",
    ),
    "a mandate that lives too long": (
        lambda b: b.mandate(expires_at=b.clock.now + timedelta(days=9)),
        "denied/mandate-lifetime",
    ),
    "a mandate from the future": (
        lambda b: b.mandate(requested_at=b.clock.now + timedelta(minutes=6)),
        "not-yet/ahead",
    ),
    "a mandate that was offered in the future": (
        lambda b: b.mandate(offered_at=b.clock.now + timedelta(minutes=6)),
        "not-yet/ahead",
    ),
    "a fee beyond every rule": (lambda b: b.mandate(fee_max=10**18 + 1), "denied/cost-limit"),
}


@pytest.mark.parametrize("case", MANDATES)
def test_a_mandate_that_claims_too_much(bench, case):
    make, expected = MANDATES[case]
    refused_and_logged(bench, bench.send(make(bench)), expected)


def test_a_network_that_is_not_enabled_here(tmp_path):
    bench = Bench(tmp_path / "s", networks=[find_network("ethereum-local")])
    mandate = bench.mandate(network=BSC_LOCAL)
    refused_and_logged(bench, bench.send(mandate), "malformed/network-not-enabled")


def test_main_network_bytes_under_a_local_mandate(bench):
    mandate = bench.mandate()
    tx = script(mandate, network="eip155:1")
    refused_and_logged(bench, bench.sign(paying(agreed(mandate), tx=tx)), "mismatch/network")


@pytest.mark.parametrize("payload", [b"", b"garbage", b"{}", b"[]", b'{"network":1}', b"\xff" * 99])
def test_bytes_that_are_no_transaction(bench, payload):
    mandate = bench.mandate()
    outcome = bench.sign(paying(agreed(mandate), tx=UnsignedTx(mandate.core.network, payload)))
    assert outcome.code.value == "malformed"
    refused_and_logged(bench, outcome, outcome_word(outcome))


def test_one_bad_request_does_not_harm_the_others_of_its_batch(bench):
    mandates = [bench.mandate(transfer=f"t{n}") for n in range(3)]
    requests = [paying(agreed(m), nonce=m.core.transfer) for m in mandates]
    requests[1] = replace(requests[1], tx=UnsignedTx(EVM_LOCAL, b"garbage"))
    words = [outcome_word(outcome) for outcome in bench.sign(*requests)]
    assert words == ["signed", "malformed/transaction_malformed", "signed"]


def test_what_a_decoder_says_is_cleaned_before_it_is_shown(bench):
    outcome = bench.send(bench.mandate(), unexplained=["\x1b[2J evil\n" + "x" * 5000])
    assert outcome.message.isprintable()
    assert len(outcome.message) <= 1000


# Approvals


def test_two_pairs_of_eyes(four_eyes):
    assert outcome_word(four_eyes.send(four_eyes.mandate(), ADA, BOB)) == "signed"
    record = four_eyes.log()[-1]
    assert (record["rule"], record["approvers"], record["policy"]) == ("two", ["ada", "bob"], 1)


def test_a_decision_names_the_policy_and_the_approvals_that_it_rests_on(four_eyes):
    """By digests: the documents themselves are shown by whoever has to show them."""
    mandate = four_eyes.mandate()
    four_eyes.send(mandate, BOB, ADA)
    record = four_eyes.log()[-1]
    document = four_eyes.session.publisher.current().document
    assert record["policy_digest"] == sha256(document).hexdigest()
    given = [
        ["ada", ADA.approve(mandate).signature.hex()],
        ["bob", BOB.approve(mandate).signature.hex()],
    ]
    assert record["approvals"] == sha256(canonical_json(given)).hexdigest()


def test_missing_approvals_are_named(four_eyes):
    outcome = four_eyes.send(four_eyes.mandate(), ADA)
    assert outcome.needs == (Need("treasury", 1),)
    refused_and_logged(four_eyes, outcome, "needs-approvals/approvals")


OTHERS: dict[str, dict[str, Any]] = {
    "transfer": {"transfer": "t2"},
    "vault": {"vault": "v2"},
    "client": {"client": "c2"},
    "network": {"network": BSC_LOCAL},
    "amount": {"effects": (Pay(Address("someone"), ETH, 101),)},
    "destination": {"effects": (Pay(Address("thief"), ETH, 100),)},
    "asset": {"effects": (Pay(Address("someone"), AssetId("x"), 100),)},
    "fee": {"fee_max": 11},
    "path": {"source_path": "m/44'/60'/0'/0/1"},
    "initiator": {"initiator": "eve"},
    "basis": {"basis": bytes(32)},
    "version": {"version": 2},
    "retry of": {"retry_of": "t0"},
    "offered at": {"offered_at": NOON - timedelta(seconds=1)},
    "expiry": {"expires_at": "later"},
}


@pytest.mark.parametrize("aspect", OTHERS)
def test_an_approval_of_another_mandate_counts_nowhere(four_eyes, aspect):
    mandate = four_eyes.mandate()
    changes = dict(OTHERS[aspect])
    if aspect == "expiry":
        changes["expires_at"] = mandate.expires_at + timedelta(seconds=1)
    approvals = tuple(p.approve(changed(mandate, **changes)) for p in (ADA, BOB))
    outcome = four_eyes.sign(paying(Consent(mandate, approvals)))
    refused_and_logged(four_eyes, outcome, "unauthenticated/approval-signature")


def test_an_approval_under_an_older_policy_is_not_revived(four_eyes):
    """A group changed meanwhile; who approved then did not approve this."""
    mandate = four_eyes.mandate()
    same = rule("two", needs=[("treasury", 2)])
    deny = rule("no", effect="deny", clients=["c2"])
    publish = four_eyes.session.publisher.publish
    publish(sign_policy(policy_document(deny, same, version=2)))
    assert outcome_word(four_eyes.send(mandate, ADA, BOB, fee_max=9)) == "signed"
    publish(sign_policy(policy_document(same, version=3, people=(ADA, BOB))))
    assert outcome_word(four_eyes.send(mandate, ADA, BOB)) == "basis/other-basis"
    renewed = four_eyes.mandate(version=2)
    old = tuple(person.approve(mandate) for person in (ADA, BOB))
    outcome = four_eyes.sign(paying(Consent(renewed, old)))
    assert outcome_word(outcome) == "unauthenticated/approval-signature"
    assert outcome_word(four_eyes.send(renewed, ADA, BOB)) == "signed"


def approvals_of(*items):
    return lambda mandate: tuple(
        item.approve(mandate) if isinstance(item, Person) else item(mandate) for item in items
    )


APPROVALS = {
    "by the initiator": (
        approvals_of(Person("ada"), BOB),
        {"initiator": "ada"},
        "unauthenticated/approver-is-initiator",
    ),
    "by one key twice": (approvals_of(ADA, ADA), {}, "unauthenticated/approver-twice"),
    "by one key under two names": (
        approvals_of(ADA, lambda m: replace(ADA.approve(m), approver="bob")),
        {},
        "unauthenticated/approval-signature",
    ),
    "by a stranger": (
        approvals_of(ADA, Person("zoe")),
        {},
        "unauthenticated/approver-unknown",
    ),
    "by an administrator who is no approver": (
        approvals_of(ADA, ADMINISTRATORS[0]),
        {},
        "unauthenticated/approver-unknown",
    ),
    "with a rejection's signature": (
        approvals_of(ADA, lambda m: BOB.approve(m, Verdict.REJECT)),
        {},
        "unauthenticated/approval-signature",
    ),
    "with a flipped bit": (
        approvals_of(ADA, lambda m: Approval("bob", b"\1" + BOB.approve(m).signature[1:])),
        {},
        "unauthenticated/approval-signature",
    ),
    "with zeros": (
        approvals_of(ADA, lambda _: Approval("bob", bytes(64))),
        {},
        "unauthenticated/approval-signature",
    ),
}


@pytest.mark.parametrize("case", APPROVALS)
def test_approvals_that_do_not_count(four_eyes, case):
    approve, changes, expected = APPROVALS[case]
    mandate = four_eyes.mandate(**changes)
    outcome = four_eyes.sign(paying(Consent(mandate, approve(mandate))))
    refused_and_logged(four_eyes, outcome, expected)


def test_a_removed_approver_no_longer_counts(four_eyes):
    without_bob = policy_document(
        rule("two", needs=[("treasury", 2)]), version=2, people=(ADA, EVE)
    )
    four_eyes.session.publisher.publish(sign_policy(without_bob))
    mandate = four_eyes.mandate()
    outcome = four_eyes.send(mandate, ADA, BOB)
    assert outcome_word(outcome) == "unauthenticated/approver-unknown"
    assert outcome_word(four_eyes.send(mandate, ADA, EVE)) == "signed"


# Callers and state


def test_a_caller_who_is_not_on_the_list(bench):
    mandate = bench.mandate()
    with pytest.raises(Refused) as raised:
        bench.session.signer.sign(caller("uid:1", allowed=False), [paying(agreed(mandate))])
    assert raised.value.detail == "caller"
    assert bench.session.guard.history(mandate.core.transfer).signed == ()


def test_without_a_policy_nothing_is_signed(bench):
    bench.session.guard.in_force = PolicyInForce(PINNED)
    assert outcome_word(bench.send(bench.mandate())) == "denied/no-policy"


def test_the_refusal_record_holds_every_rules_reason(tmp_path):
    document = policy_document(
        rule("small", per_transfer=[{"asset": ETH, "amount": "1"}]),
        rule("other", clients=["c2"]),
    )
    bench = Bench(tmp_path / "s", document=document)
    bench.send(bench.mandate())
    reasons = " | ".join(bench.log()[-1]["reasons"])
    for word in ("small", "amount-limit", "other", "out-of-scope"):
        assert word in reasons


def test_a_signature_never_exists_before_its_record_is_durable(bench, monkeypatch):
    """The order of effects: record, commit, sign, log."""
    from signer import curves

    events = []
    journal, log = bench.session.journal, bench.session._log
    for target, name, label in (
        (journal, "append", "record"),
        (journal, "_write_seal", "commit"),
        (curves, "sign_ecdsa_recoverable", "sign"),
        (log, "append", "log"),
    ):
        original = getattr(target, name)

        def noted(*args, original=original, label=label, **kwargs):
            events.append(label)
            return original(*args, **kwargs)

        monkeypatch.setattr(target, name, noted)
    mandates = [bench.mandate(transfer=f"t{n}") for n in range(2)]
    bench.sign(*(paying(agreed(m), nonce=m.core.transfer) for m in mandates))
    assert events == ["record", "record", "commit", "sign", "sign", "log"]
