"""The messages: canonical, strict, and the same after a round trip."""

import sys
from dataclasses import fields, replace
from hashlib import sha256
from typing import Any

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from chains.effects import Allow, Call, Delegate, Pay, Sign
from chains.model import Address, AssetId, NetworkId, Signature, UnsignedTx
from chains.outcomes import Bound, write
from signer.agreement import (
    Action,
    costs_to_json,
    effect_to_json,
    parse_costs,
    parse_effect,
    set_digest,
)
from signer.messages import (
    CallRefused,
    frame,
    parse_request,
    parse_response,
    refusal,
    request,
    result,
)
from signer.wire import (
    MESSAGE_BYTES_MAX,
    Agreed,
    Approval,
    Attestation,
    Consent,
    Core,
    MalformedMessage,
    Mandate,
    Need,
    Notice,
    Place,
    Purpose,
    Receipt,
    Refusal,
    RefusalCode,
    SignRequest,
    Status,
    Verdict,
    approval_message,
    canonical_json,
    opinion_to_json,
    outcome_to_json,
    parse_json,
    parse_opinion,
    parse_outcome,
    parse_time,
    read_json,
    tx_digest,
)
from tests.support.signer import MANDATE, changed

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | TEXT,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(codec="ascii"), max_size=8), inner, max_size=4)
    ),
    max_leaves=20,
)
CORE = MANDATE.core
CONSENT = Consent(MANDATE, (Approval("ada", bytes(64)),))
REQUEST = SignRequest(
    Purpose.PAY, UnsignedTx(CORE.network, b"\1\2", Address("0xabc")), (CONSENT, CONSENT)
)
RECEIPT = Receipt(
    purpose=Purpose.CANCEL,
    transfers=("t1", "t2"),
    mandates=(bytes(32), bytes(32)),
    tx_digest=bytes(32),
    signatures=(Signature(b"k", b"s"),),
    records=(Place(7, 6), Place(8, 7)),
    head=bytes(32),
    checkpoint="log\n1\n",
    signed_at=CORE.requested_at,
)
REFUSAL = Refusal("t1", RefusalCode.NEEDS_APPROVALS, "approvals", "no", (Need("risk", 2),))
WHOLE = Refusal(None, RefusalCode.LOCKED, "locked", "no")
AGREED = Agreed("t1", bytes(32), "rule")


@given(JSON)
@settings(max_examples=50, deadline=None)
def test_canonical_bytes_are_those_of_rfc8785(value):
    assert canonical_json(value) == rfc8785.dumps(value)


@given(JSON)
@settings(max_examples=50, deadline=None)
def test_only_canonical_bytes_are_read(value):
    data = canonical_json(value)
    assert parse_json(data) == value
    for other in (b" " + data, data + b"\n"):
        with pytest.raises(MalformedMessage):
            parse_json(other)


@pytest.mark.parametrize(
    "data",
    [
        b"", b"{", b'{"a":1,"a":1}', b'{"b":1,"a":2}', b'{"a": 1}', b"1.0", b"1e3", b"-0", b"01",
        b"NaN", b"Infinity", b'"\\u0041"', b'"\\/"', b'"\xff"', b'"\\ud800"', b"\xef\xbb\xbf1",
        b"9" * 10_000,
    ],
)  # fmt: skip
def test_other_spellings_are_refused(data):
    with pytest.raises(MalformedMessage):
        parse_json(data)


@pytest.mark.parametrize(
    "message",
    [
        (REQUEST, SignRequest.parse),
        (RECEIPT, Receipt.parse),
        (REFUSAL, Refusal.parse),
        (WHOLE, Refusal.parse),
        (AGREED, Agreed.parse),
        (Attestation(CORE.network, "v1", "m/0'", Address("a"), bytes(64)), Attestation.parse),
        (
            Status(
                False, 3, 9, bytes(32), bytes(32), (Notice("w", "m"),), bytes(32), "k", "a\n", 2
            ),
            Status.parse,
        ),
        (Status(True, 0, 0, bytes(32), b"", ()), Status.parse),
    ],
    ids=lambda message: type(message[0]).__name__,
)
def test_round_trip(message):
    value, parse = message
    assert parse(parse_json(canonical_json(value.to_json()))) == value


@pytest.mark.parametrize("outcome", [RECEIPT, REFUSAL, WHOLE])
def test_outcomes_round_trip(outcome):
    assert parse_outcome(outcome_to_json(outcome)) == outcome


@pytest.mark.parametrize("opinion", [AGREED, REFUSAL])
def test_opinions_round_trip(opinion):
    assert parse_opinion(opinion_to_json(opinion)) == opinion


def test_a_request_names_1_to_64_mandates():
    row = REQUEST.to_json()
    for count in (0, 65):
        with pytest.raises(MalformedMessage):
            SignRequest.parse({**row, "consents": row["consents"][:1] * count})
    assert len(SignRequest.parse({**row, "consents": row["consents"][:1] * 64}).consents) == 64


@pytest.mark.parametrize("field", ["transfers", "mandates", "records"])
def test_a_receipt_has_a_record_and_a_mandate_for_each_transfer(field):
    row = RECEIPT.to_json()
    for values in (row[field][:1], [*row[field], row[field][0]], []):
        with pytest.raises(MalformedMessage):
            Receipt.parse({**row, field: values})
    with pytest.raises(MalformedMessage):
        Receipt.parse({**row, "transfers": [], "mandates": [], "records": []})


WRONG: tuple[Any, ...] = (True, -1, 2**53, "", "\n", "\ud800", "x" * 5000, [], {}, [{}], {"a": 1})


def edits(row):
    """Every field removed, renamed, and given a value of each wrong kind."""
    for field in row:
        rest = {name: value for name, value in row.items() if name != field}
        yield rest
        yield {**rest, f"{field}_": row[field]}
        for wrong in WRONG:
            if wrong != row[field] and (field, wrong) != ("costs_max", []):
                yield {**row, field: wrong}


@pytest.mark.parametrize("row", list(edits(MANDATE.to_json())))
def test_a_mandate_with_any_wrong_field_is_refused(row):
    with pytest.raises(MalformedMessage):
        Mandate.parse(row)


@pytest.mark.parametrize("row", list(edits(CORE.to_json())))
def test_a_core_with_any_wrong_field_is_refused(row):
    with pytest.raises(MalformedMessage):
        Core.parse(row)


BOUNDS = write([Bound(AssetId("x"), at_least=1), Bound(AssetId("y"), at_most=0)])
EFFECTS = (
    Pay(Address("a"), AssetId("x"), 1),
    Pay(Address("a"), AssetId("x"), 1, "memo"),
    Allow(Address("a"), AssetId("x"), None, None),
    Allow(Address("a"), AssetId("x"), 2**256 - 1, CORE.requested_at),
    Call(Address("a"), "f(uint256)", (("n", "1"), ("n", "2")), 0, BOUNDS),
    Sign("eip712", "example.org", b"\0"),
    Delegate(Address("a"), Address("b"), None, None),
    Delegate(Address("a"), Address("b"), "eip155:1", 7),
)


@pytest.mark.parametrize("effect", EFFECTS, ids=lambda effect: type(effect).__name__)
def test_every_effect_round_trips_and_is_read_strictly(effect):
    row = effect_to_json(effect)
    assert parse_effect(parse_json(canonical_json(row))) == effect
    for name in row:
        with pytest.raises(MalformedMessage):
            parse_effect({each: value for each, value in row.items() if each != name})
        with pytest.raises(MalformedMessage):
            parse_effect({**row, name: [1]})
    with pytest.raises(MalformedMessage):
        parse_effect({**row, "more": 1})


def test_no_two_effects_have_one_digest():
    digests = {replace(CORE, effects=(effect,)).digest for effect in EFFECTS}
    assert len(digests) == len(EFFECTS)


def test_a_payment_of_nothing_and_a_core_that_does_nothing_are_refused():
    row = CORE.to_json()
    with pytest.raises(MalformedMessage):
        Core.parse({**row, "effects": []})
    row["effects"][0]["amount"] = "0"
    with pytest.raises(MalformedMessage):
        Core.parse(row)


COSTS = [
    {"asset": "a", "kind": "fee", "amount": "1"},
    {"asset": "a", "kind": "rent", "amount": "1"},
    {"asset": "b", "kind": "fee", "amount": "1"},
]


def test_costs_have_one_spelling():
    assert costs_to_json(parse_costs(COSTS)) == COSTS
    for other in (
        COSTS[::-1],
        [*COSTS, COSTS[0]],
        [{**COSTS[0], "amount": "0"}],
        [{**COSTS[0], "kind": "bribe"}],
    ):
        with pytest.raises(MalformedMessage):
            parse_costs(other)


def test_an_older_mandate_is_refused_in_words():
    with pytest.raises(MalformedMessage, match="format 2"):
        Mandate.parse({**MANDATE.to_json(), "format": 1})


@pytest.mark.parametrize(
    "amount", ["-1", "+1", "01", "1.0", "1e3", " 1", "١", "", "0x1", str(2**256), 1]
)
def test_an_amount_has_one_spelling(amount):
    row = MANDATE.to_json()
    row["costs_max"][0]["amount"] = amount
    with pytest.raises(MalformedMessage):
        Mandate.parse(row)


@pytest.mark.parametrize(
    "time",
    [
        "2026-03-04T12:00:00", "2026-03-04T12:00:00+00:00", "2026-03-04T12:00:00.0Z",
        "2026-03-04 12:00:00Z", "2026-3-4T12:00:00Z", "2026-02-30T12:00:00Z", "20260304T120000Z",
        "2026-03-04T24:00:00Z", "2026-03-04T12:00:60Z", "2026-W10-3T12:00:00Z", "now",
        "0001-01-01T00:00+01", "9999-12-31T23:59-01",
    ],
)  # fmt: skip
def test_a_time_has_one_spelling(time):
    with pytest.raises(MalformedMessage):
        parse_time(time)


CHANGES: dict[str, Any] = {
    "transfer": "t2",
    "retry_of": None,
    "client": "c2",
    "vault": "v2",
    "network": "eip155:31338",
    "action": Action.CALL,
    "initiator": "ada",
    "source_path": "m/44'/60'/1'/0/0",
    "source_address": None,
    "effects": (),
    "requested_at": MANDATE.expires_at,
    "version": 2,
    "costs_max": {},
    "basis": bytes(32),
    "offered_at": MANDATE.expires_at,
    "expires_at": MANDATE.offered_at,
}


def test_the_changes_leave_no_field_out():
    names = {field.name for kind in (Core, Mandate) for field in fields(kind)}
    assert CHANGES.keys() == names - {"core"}


@pytest.mark.parametrize("field", CHANGES)
def test_every_field_of_a_mandate_is_in_its_digest(field):
    other = changed(MANDATE, **{field: CHANGES[field]})
    assert other.digest != MANDATE.digest
    assert (other.core.digest != CORE.digest) == (field in CORE.to_json())


def test_every_field_of_a_payment_is_in_the_digest():
    for changes in ({"address": "0xdee"}, {"asset": "x"}, {"amount": 1}, {"memo": "x"}):
        effects = (replace(CORE.effects[0], **changes),)
        assert changed(MANDATE, effects=effects).digest != MANDATE.digest


def test_the_digests_are_what_the_documentation_says():
    def expected(what, value):
        tag = f"custody-wallet/{what}/v2\n".encode()
        return sha256(tag + rfc8785.dumps(value)).digest()

    assert MANDATE.digest == expected("mandate", MANDATE.to_json())
    assert CORE.digest == expected("core", CORE.to_json())
    assert set_digest(Purpose.PAY, ["b", "a"]) == expected("set", ["pay", ["a", "b"]])
    assert set_digest(Purpose.CANCEL, ["a", "b"]) == expected("set", ["cancel", ["a", "b"]])


def test_approving_and_rejecting_are_different_bytes():
    digest = MANDATE.digest
    assert approval_message(digest, Verdict.APPROVE) != approval_message(digest, Verdict.REJECT)


def test_a_transactions_digest_covers_all_that_a_codec_reads():
    tx = REQUEST.tx
    others = {
        tx_digest(replace(tx, network=NetworkId("eip155:1"))),
        tx_digest(replace(tx, payload=b"\1\3")),
        tx_digest(replace(tx, sender=None)),
        tx_digest(replace(tx, sender=Address("0xabd"))),
        tx_digest(tx),
    }
    assert len(others) == 5


def test_requests_and_responses_round_trip():
    assert parse_request(request("sign", {"a": 1})) == ("sign", {"a": 1})
    assert parse_response(result([1, "x"])) == [1, "x"]
    with pytest.raises(CallRefused) as raised:
        parse_response(refusal(RefusalCode.LOCKED, "locked", "locked up"))
    assert (raised.value.code, raised.value.detail) == (RefusalCode.LOCKED, "locked")


@pytest.mark.parametrize(
    "body",
    [
        {"version": 2, "call": "x"},
        {"version": 1, "call": "x", "arguments": {}},
        {"version": True, "call": "x", "arguments": {}},
        {"version": 2, "call": "x", "arguments": []},
        {"version": 2, "call": 1, "arguments": {}},
        {"version": 2, "call": "x", "arguments": {}, "more": 1},
        [],
    ],
)
def test_envelopes_are_strict(body):
    with pytest.raises(MalformedMessage):
        parse_request(canonical_json(body))


@pytest.mark.parametrize("size", [0, MESSAGE_BYTES_MAX + 1])
def test_a_frame_has_bounds(size):
    with pytest.raises(MalformedMessage):
        frame(bytes(size))


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'[{"]]":'])
def test_deep_nesting_is_refused_whatever_the_recursion_limit(opening: bytes):
    """Libraries raise it to where the decoder would overflow the C stack: the process would die."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(1_000_000)
    try:
        with pytest.raises(ValueError, match="nested too deeply"):
            read_json(opening * 100_000)
    finally:
        sys.setrecursionlimit(before)


def test_brackets_in_text_and_many_beside_each_other_are_no_nesting():
    assert read_json(b'["' + b"[" * 10_000 + b'"]') == ["[" * 10_000]
    assert len(read_json(b"[" + b",".join([b'{"a":[]}'] * 10_000) + b"]")) == 10_000
    assert read_json(b"[" * 32 + b"]" * 32) is not None
    with pytest.raises(ValueError, match="nested too deeply"):
        read_json(b"[" * 33 + b"]" * 33)


IDS = (
    "transfer", "retry_of", "client", "vault", "network", "initiator", "source_path",
    "source_address",
)  # fmt: skip


@pytest.mark.parametrize("field", IDS)
def test_every_id_of_a_mandate_is_ascii(field):
    for lookalike in ("\u3164", "\u0131", " "):
        row = MANDATE.to_json()
        row["core"][field] += lookalike
        with pytest.raises(MalformedMessage):
            Mandate.parse(row)
    assert Mandate.parse(MANDATE.to_json()) == MANDATE
