"""What must hold for every TRON transfer, and for every damage done to one."""

from hashlib import sha256

import pytest
from coincurve import PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from chains.devnet.tron_server import wire
from chains.effects import Pay
from chains.errors import ChainError, CodecError, InvalidAddress
from chains.model import Address, BlockRef, UnsignedTx
from chains.tron import AMOUNT_MAX, address, build, parse
from chains.tron.codec import TronCodec
from tests.support.networks import find_network
from tests.support.tron import owned, sign

NETWORK = find_network("tron")
CODEC = TronCodec(NETWORK)
KEY = PrivateKey(b"\x0b" * 32)
OWNER = owned(KEY).address

raw_addresses = st.binary(min_size=20, max_size=20).map(lambda tail: b"\x41" + tail)
addresses = raw_addresses.map(address.to_text)
amounts = st.one_of(st.integers(1, 300), st.integers(1, AMOUNT_MAX))
times = st.integers(1, 1 << 43)
blocks = st.builds(
    lambda height, tail: BlockRef(height, height.to_bytes(8).hex() + tail.hex()),
    st.integers(0, 1 << 40),
    st.binary(min_size=24, max_size=24),
)


@st.composite
def transfers(draw) -> tuple[Pay, BlockRef, int, int, bytes]:
    payment = Pay(draw(addresses), NETWORK.native.id, draw(amounts))
    reference, expiration, timestamp = draw(blocks), draw(times), draw(times)
    payload = build.build_transfer(
        OWNER,
        payment.address,
        payment.amount,
        reference=reference,
        expiration_ms=expiration,
        timestamp_ms=timestamp,
    )
    return payment, reference, expiration, timestamp, payload


@given(transfers())
def test_parse_of_build_is_what_was_meant(made):
    payment, _, _, _, payload = made
    tx = UnsignedTx(NETWORK.id, payload)
    summary = CODEC.summarize(tx)
    assert (summary.sources, summary.effects) == ((OWNER,), (payment,))
    assert summary.unexplained == ()
    (needed,) = CODEC.signing_inputs(tx)
    assert (needed.address, needed.message) == (OWNER, sha256(payload).digest())


@given(transfers())
def test_an_independent_reader_sees_the_same(made):
    payment, reference, expiration, timestamp, payload = made
    found = wire.read_transaction(sign(CODEC, UnsignedTx(NETWORK.id, payload), KEY).raw)
    (contract,) = found.contracts
    assert contract.transfer == wire.Transfer(
        address.to_bytes(OWNER), address.to_bytes(payment.address), payment.amount
    )
    assert (found.expiration_ms, found.timestamp_ms) == (expiration, timestamp)
    assert found.reference_bytes == reference.height.to_bytes(8)[6:]
    assert found.reference_hash == bytes.fromhex(reference.hash)[8:16]
    assert found.raw_data == payload


@given(transfers(), st.data())
@settings(max_examples=300)
def test_any_changed_byte_changes_what_is_signed_or_is_refused(made, data):
    payload = made[-1]
    at = data.draw(st.integers(0, len(payload) - 1))
    bit = data.draw(st.integers(0, 7))
    damaged = payload[:at] + bytes([payload[at] ^ 1 << bit]) + payload[at + 1 :]
    before = CODEC.signing_inputs(UnsignedTx(NETWORK.id, payload))
    try:
        after = CODEC.signing_inputs(UnsignedTx(NETWORK.id, damaged))
    except CodecError:
        return
    assert after != before


@given(transfers(), st.binary(min_size=1, max_size=12), st.data())
def test_nothing_can_be_slipped_in(made, extra, data):
    """Inserted bytes are refused, unexplained, or a different transaction in canonical form."""
    payload = made[-1]
    at = data.draw(st.integers(0, len(payload)))
    padded = payload[:at] + extra + payload[at:]
    try:
        raw = parse.raw_data(padded)
    except CodecError:
        return
    assert raw.SerializeToString(deterministic=True) == padded


@given(st.binary(max_size=300))
def test_arbitrary_bytes_never_surprise(payload):
    try:
        CODEC.summarize(UnsignedTx(NETWORK.id, payload))
    except CodecError:
        return


@given(raw_addresses)
def test_addresses_survive_every_spelling(raw):
    text = address.to_text(raw)
    assert address.to_bytes(text) == raw
    if any(raw[1:]):
        assert address.parse(text) == address.parse(raw.hex()) == text


@given(addresses, st.integers(0, 33), st.sampled_from("123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdef"))
def test_a_wrong_character_is_noticed(text, at, other):
    wrong = text[:at] + other + text[at + 1 :]
    if wrong != text:
        with pytest.raises(InvalidAddress):
            address.parse(wrong)


@given(st.text(max_size=60))
def test_arbitrary_text_is_an_address_or_an_error(text):
    try:
        found = address.parse(text)
    except ChainError:
        return
    assert address.parse(found) == found
    assert isinstance(found, str)
    assert address.to_bytes(Address(found))
