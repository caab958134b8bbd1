"""The messages: canonical, strict, and the same after a round trip."""

import sys
from dataclasses import replace
from typing import Any

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from chains.model import Address, NetworkId, Signature, UnsignedTx
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
    Approval,
    Attestation,
    MalformedMessage,
    Mandate,
    Need,
    Notice,
    Receipt,
    Refusal,
    RefusalCode,
    SignRequest,
    Status,
    Verdict,
    approval_message,
    canonical_json,
    outcome_to_json,
    parse_json,
    parse_outcome,
    parse_time,
    read_json,
    tx_digest,
)
from tests.support.signer import MANDATE

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | TEXT,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(codec="ascii"), max_size=8), inner, max_size=4)
    ),
    max_leaves=20,
)
REQUEST = SignRequest(
    MANDATE,
    UnsignedTx(MANDATE.network, b"\1\2", Address("0xabc")),
    (Approval("ada", bytes(64)),),
)
RECEIPT = Receipt(
    "t1", bytes(32), bytes(32), (Signature(b"k", b"s"),), 7, bytes(32), MANDATE.requested_at
)
REFUSAL = Refusal("t1", RefusalCode.NEEDS_APPROVALS, "approvals", "no", (Need("risk", 2),))


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
        (Attestation(MANDATE.network, "v1", "m/0'", Address("a"), bytes(64)), Attestation.parse),
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


@pytest.mark.parametrize("outcome", [RECEIPT, REFUSAL])
def test_outcomes_round_trip(outcome):
    assert parse_outcome(outcome_to_json(outcome)) == outcome


WRONG: tuple[Any, ...] = (True, -1, 2**53, "", "\n", "\ud800", "x" * 5000, [], {}, [{}], {"a": 1})


def edits(row):
    """Every field removed, renamed, and given a value of each wrong kind."""
    for field in row:
        rest = {name: value for name, value in row.items() if name != field}
        yield rest
        yield {**rest, f"{field}_": row[field]}
        for wrong in WRONG:
            if wrong != row[field]:
                yield {**row, field: wrong}


@pytest.mark.parametrize("row", list(edits(MANDATE.to_json())))
def test_a_mandate_with_any_wrong_field_is_refused(row):
    with pytest.raises(MalformedMessage):
        Mandate.parse(row)


@pytest.mark.parametrize(
    "amount", ["-1", "+1", "01", "1.0", "1e3", " 1", "١", "", "0x1", str(2**256), 1]
)
def test_an_amount_has_one_spelling(amount):
    row = MANDATE.to_json()
    row["fee_max"] = amount
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
    "client": "c2",
    "vault": "v2",
    "network": "eip155:31338",
    "initiator": "ada",
    "source_path": "m/44'/60'/1'/0/0",
    "source_address": None,
    "outputs": (),
    "fee_max": 21001,
    "policy_version": 4,
    "requested_at": MANDATE.expires_at,
    "expires_at": MANDATE.requested_at,
}


@pytest.mark.parametrize("field", CHANGES)
def test_every_field_of_a_mandate_is_in_its_digest(field):
    assert replace(MANDATE, **{field: CHANGES[field]}).digest() != MANDATE.digest()


def test_every_field_of_an_output_is_in_the_digest():
    for changes in ({"address": "0xdee"}, {"asset": "x"}, {"amount": 1}):
        outputs = (replace(MANDATE.outputs[0], **changes),)
        assert replace(MANDATE, outputs=outputs).digest() != MANDATE.digest()


def test_the_digest_is_what_the_documentation_says():
    from hashlib import sha256

    expected = sha256(b"custody-wallet/mandate/v1\n" + rfc8785.dumps(MANDATE.to_json())).digest()
    assert MANDATE.digest() == expected


def test_approving_and_rejecting_are_different_bytes():
    digest = MANDATE.digest()
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
        {"version": 1, "call": "x"},
        {"version": 2, "call": "x", "arguments": {}},
        {"version": True, "call": "x", "arguments": {}},
        {"version": 1, "call": "x", "arguments": []},
        {"version": 1, "call": 1, "arguments": {}},
        {"version": 1, "call": "x", "arguments": {}, "more": 1},
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


IDS = ("transfer", "client", "vault", "network", "initiator", "source_path", "source_address")


@pytest.mark.parametrize("field", IDS)
def test_every_id_of_a_mandate_is_ascii(field):
    for lookalike in ("\u3164", "\u0131", " "):
        row = MANDATE.to_json()
        row[field] += lookalike
        with pytest.raises(MalformedMessage):
            Mandate.parse(row)
    assert Mandate.parse(MANDATE.to_json()) == MANDATE
