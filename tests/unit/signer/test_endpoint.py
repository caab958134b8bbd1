"""Messages in, messages out: whatever arrives, an answer leaves and the signer goes on."""

import json
import random

import pytest

from signer.endpoint import Endpoint
from signer.messages import CallRefused, parse_response, request
from signer.wire import (
    BATCH_MAX,
    Attestation,
    Consent,
    Notice,
    Receipt,
    Refusal,
    RefusalCode,
    Status,
    canonical_json,
    parse_outcome,
)
from tests.support.networks import find_network
from tests.support.signer import (
    ADA,
    BOB,
    CALLER,
    Bench,
    agreed,
    caller,
    outcome_word,
    paying,
    policy_document,
    rule,
    sign_policy,
)

EVM, SOLANA = find_network("ethereum-local").id, find_network("solana-local").id


UNLOCKED = Notice("memory-not-locked", "memory is not locked")


class Wire:
    """A bench behind its endpoint."""

    def __init__(self, folder):
        self.bench = Bench(folder)
        self.endpoint = Endpoint(lambda: (UNLOCKED,))
        self.endpoint.session = self.bench.session

    def call(self, name, who=CALLER, **arguments):
        return parse_response(self.endpoint.answer(who, request(name, arguments)))

    def refused(self, name, who=CALLER, **arguments):
        with pytest.raises(CallRefused) as raised:
            self.call(name, who, **arguments)
        return f"{raised.value.code.value}/{raised.value.detail}"


@pytest.fixture
def wire(tmp_path):
    return Wire(tmp_path / "s")


def sign_arguments(bench, count=1):
    mandates = [bench.mandate(transfer=f"t{n}") for n in range(count)]
    return [paying(agreed(m), nonce=m.core.transfer).to_json() for m in mandates]


def test_signing_over_the_wire(wire):
    rows = wire.call("sign", requests=sign_arguments(wire.bench, 3))
    assert [outcome_word(parse_outcome(row)) for row in rows] == ["signed"] * 3


def test_signing_in_order_over_the_wire(wire):
    asked = sign_arguments(wire.bench, 3)
    asked[1] = {**asked[1], "purpose": "nothing"}
    rows = wire.call("sign_in_order", requests=asked, follows=[1, 2])
    words = [outcome_word(parse_outcome(row)) for row in rows]
    assert words == ["signed", "malformed/request", "unavailable/behind"]
    for follows in ([0], [3], [2, 1], "1", None):
        assert wire.refused("sign_in_order", requests=asked, follows=follows) == "malformed/message"


def test_status_tells_what_to_pin_and_what_to_worry_about(wire):
    status = Status.parse(wire.call("status"))
    assert (status.locked, status.policy_version, status.sequence) == (False, 1, 3)
    assert (len(status.attestation_key), len(status.log_key)) == (32, 32)
    assert status.warnings == (UNLOCKED,)


def test_a_locked_signer_says_so_and_nothing_else(wire):
    wire.endpoint.lock()
    assert Status.parse(wire.call("status")).locked
    for call in (
        "sign",
        "open_vault",
        "account_key",
        "policy",
        "publish_policy",
        "attest",
        "records",
    ):
        assert wire.refused(call) == "locked/locked"


def test_vaults_and_keys(wire):
    bench = wire.bench
    assert wire.call("open_vault", client="c1", vault="v3")["account"] == 2
    assert wire.refused("open_vault", client="c2", vault="v3") == "unknown-vault/other-client"
    key = wire.call("account_key", vault="v1", network=EVM, address_type="evm")
    assert key.startswith("xpub")
    keys = wire.call(
        "public_keys", vault="v1", network=SOLANA, address_type="solana", start=5, count=3
    )
    derive = bench.codecs[SOLANA].derive_address
    kind = find_network("solana-local").address_types[0]
    addresses = [derive(bytes.fromhex(k), kind) for k in keys]
    assert addresses == [bench.address("solana-local", index=n) for n in (5, 6, 7)]


@pytest.mark.parametrize(
    ("call", "arguments", "expected"),
    [
        ("account_key", {"vault": "v9"}, "unknown-vault/vault"),
        ("account_key", {"network": "eip155:1"}, "malformed/network-not-enabled"),
        ("account_key", {"address_type": "p2tr"}, "malformed/address-type"),
        ("account_key", {"address_type": "solana", "network": SOLANA}, "malformed/address-type"),
        ("account_key", {"address_type": "weird"}, "malformed/message"),
        ("account_key", {"extra": 1}, "malformed/message"),
        ("public_keys", {"start": 0, "count": 0}, "malformed/range"),
        ("public_keys", {"start": 0, "count": 10_001}, "malformed/range"),
        ("public_keys", {"start": 2**31 - 1, "count": 2}, "malformed/range"),
        ("public_keys", {"start": -1, "count": 1}, "malformed/message"),
    ],
)
def test_questions_about_keys_that_have_no_answer(wire, call, arguments, expected):
    base = {"vault": "v1", "network": EVM, "address_type": "evm"}
    assert wire.refused(call, **{**base, **arguments}) == expected


def test_an_attestation_verifies_under_the_pinned_key(wire):
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    bench = wire.bench
    told = {"network": EVM, "vault": "v1", "path": bench.path(), "address": bench.address()}
    attestation = Attestation.parse(wire.call("attest", **told))
    key = Ed25519PublicKey.from_public_bytes(Status.parse(wire.call("status")).attestation_key)
    key.verify(attestation.signature, attestation.message())
    swapped = Attestation.parse({**attestation.to_json(), "address": "0xthief"})
    with pytest.raises(InvalidSignature):
        key.verify(swapped.signature, swapped.message())


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"address": "0xthief"}, "mismatch/not-ours"),
        ({"path": "m/44'/60'/0'/0/1"}, "mismatch/not-ours"),
        ({"vault": "v2"}, "mismatch/path"),
        ({"vault": "v9"}, "unknown-vault/vault"),
        ({"path": "m/44'/60'/0'"}, "mismatch/path"),
    ],
)
def test_only_what_derives_is_attested(wire, changes, expected):
    bench = wire.bench
    told = {"network": EVM, "vault": "v1", "path": bench.path(), "address": bench.address()}
    assert wire.refused("attest", **{**told, **changes}) == expected


def test_policies_are_published_and_read_over_the_wire(wire):
    signed = sign_policy(policy_document(version=2))
    assert wire.call("publish_policy", policy=signed.to_json()) == 2
    assert wire.call("policy") == signed.to_json()
    old = sign_policy(policy_document(version=1))
    assert wire.refused("publish_policy", policy=old.to_json()) == "denied/policy-rollback"
    unsigned = sign_policy(policy_document(version=3), ())
    assert wire.refused("publish_policy", policy=unsigned.to_json()) == "denied/policy-unsigned"
    nonsense = sign_policy(b"{}")
    assert wire.refused("publish_policy", policy=nonsense.to_json()) == "malformed/policy"


def test_expectations_over_the_wire(wire):
    (row,) = wire.call("sign", requests=sign_arguments(wire.bench))
    receipt = parse_outcome(row)
    assert isinstance(receipt, Receipt)
    assert wire.call("expect", sequence=receipt.sequence, head=receipt.head.hex()) is None
    later = {"sequence": receipt.sequence + 5, "head": "00" * 32}
    assert wire.refused("expect", **later) == "unavailable/journal-behind"
    (row,) = wire.call("sign", requests=sign_arguments(wire.bench))
    assert outcome_word(parse_outcome(row)) == "unavailable/journal-behind"


def test_a_caller_who_is_not_on_the_list_gets_nothing(wire):
    stranger = caller("uid:666", allowed=False)
    for call in ("status", "sign", "policy"):
        assert wire.refused(call, stranger) == "unauthenticated/caller"
    assert wire.bench.log()[-1]["caller"] == "uid:666"


def test_there_is_no_call_to_sign_bytes(wire):
    from signer.endpoint import _CALLS

    assert set(_CALLS) == {
        "expect", "open_vault", "account_key", "public_keys", "attest", "sign", "sign_in_order",
        "consider", "records",
        "prove_record", "prove_consistency", "policy", "publish_policy", "stop",
    }  # fmt: skip
    assert wire.refused("sign_bytes", message="00") == "malformed/message"


def test_a_batch_has_a_limit(wire):
    rows = sign_arguments(wire.bench) * (BATCH_MAX + 1)
    assert wire.refused("sign", requests=rows) == "malformed/message"


def test_a_bug_of_ours_is_an_answer_that_tells_nothing(wire, monkeypatch):
    def bug(*_):
        raise RuntimeError("the seed is abandon abandon")

    monkeypatch.setattr(wire.bench.session.signer, "sign", bug)
    answer = wire.endpoint.answer(CALLER, request("sign", {"requests": []}))
    assert b"abandon" not in answer
    with pytest.raises(CallRefused) as raised:
        parse_response(answer)
    assert raised.value.code is RefusalCode.UNAVAILABLE


def test_mutated_messages_are_answered_and_sign_nothing_else(wire):
    """Whatever changes in the bytes of a request, what the approvers agreed to does not."""
    bench = wire.bench
    document = policy_document(rule("two", needs=[("treasury", 2)]), version=2)
    bench.session.publisher.publish(sign_policy(document))
    mandate = bench.mandate()
    approvals = tuple(person.approve(mandate) for person in (ADA, BOB))
    row = paying(Consent(mandate, approvals)).to_json()
    good = request("sign", {"requests": [row]})
    chooser = random.Random(7)
    for _ in range(200):
        data = bytearray(good)
        for _ in range(chooser.randint(1, 3)):
            position = chooser.randrange(len(data))
            action = chooser.randrange(3)
            if action == 0:
                data[position] ^= 1 << chooser.randrange(8)
            elif action == 1:
                del data[position]
            else:
                data.insert(position, chooser.randrange(256))
        answer = json.loads(wire.endpoint.answer(CALLER, bytes(data)))
        assert answer["version"] == 2
        for outcome in map(parse_outcome, answer.get("result", [])):
            assert isinstance(outcome, Refusal) or outcome.mandates == (mandate.digest,)
    honest = bench.mandate(transfer="honest")
    assert outcome_word(bench.send(honest, ADA, BOB)) == "signed"


@pytest.mark.parametrize(
    "body",
    [
        b"", b"\0", b"{", b"null", b"[]", b"\xff\xff", b'{"version":1}',
        canonical_json({"version": 9, "call": "status", "arguments": {}}),
        canonical_json({"version": 2, "call": "status", "arguments": {"x": 1}}),
        canonical_json({"version": 2, "call": "sign", "arguments": {"requests": 1}}),
        canonical_json({"version": 2, "call": "sign", "arguments": {}}),
        canonical_json({"version": 2, "call": "consider", "arguments": {"consents": [1]}}),
    ],
)  # fmt: skip
def test_nonsense_is_malformed_and_logged(wire, body):
    answer = json.loads(wire.endpoint.answer(CALLER, body))
    assert answer["refusal"]["code"] == "malformed"
    assert wire.bench.log()[-1]["kind"] == "rejected"
    assert wire.call("status")["locked"] is False
