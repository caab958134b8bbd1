"""Whatever the strict readers accept, writing it gives the same bytes: they never compare the two
themselves, because taking every part in its one spelling comes to the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chains.bitcoin.psbt import parse_psbt
from chains.bitcoin.transaction import Transaction, TxInput, TxOutput, parse_transaction
from chains.errors import MalformedTransaction
from tests.unit.bitcoin.test_codec import TX

SCRIPTS = st.binary(max_size=300)
TRANSACTIONS = st.builds(
    Transaction,
    version=st.integers(-(2**31), 2**31 - 1),
    inputs=st.lists(
        st.builds(
            TxInput,
            previous=st.binary(min_size=32, max_size=32),
            position=st.integers(0, 2**32 - 1),
            sequence=st.integers(0, 2**32 - 1),
            script_sig=SCRIPTS,
            witness=st.lists(SCRIPTS, max_size=2).map(tuple),
        ),
        min_size=1,
        max_size=3,
    ).map(tuple),
    outputs=st.lists(
        st.builds(TxOutput, amount=st.integers(0, 10**12), script=SCRIPTS), min_size=1, max_size=3
    ).map(tuple),
    locktime=st.integers(0, 2**32 - 1),
)


@given(TRANSACTIONS)
def test_a_transaction_is_read_as_it_was_written(transaction: Transaction):
    assert parse_transaction(transaction.serialize()) == transaction


@given(TRANSACTIONS, st.data())
def test_other_bytes_are_another_transaction_or_none(transaction: Transaction, data: st.DataObject):
    raw = bytearray(transaction.serialize())
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(raw)))
        end = data.draw(st.integers(start, min(start + 4, len(raw))))
        raw[start:end] = data.draw(st.binary(max_size=4))
    try:
        read = parse_transaction(bytes(raw))
    except MalformedTransaction:
        return
    assert read.serialize() == raw


def test_the_witness_form_without_a_witness():
    plain = Transaction(2, (TxInput(bytes(32), 0, 0),), (TxOutput(1, b""),), 0).serialize()
    marked = plain[:4] + b"\0\1" + plain[4:-4] + b"\0" + plain[-4:]
    with pytest.raises(MalformedTransaction, match="without a witness"):
        parse_transaction(marked)


@pytest.mark.parametrize(
    "length", [b"\xfd\x01\x00", b"\xfe\x01\x00\x00\x00", b"\xff\x01" + bytes(7)]
)
def test_a_psbt_length_in_a_longer_spelling(length: bytes):
    payload = TX.payload
    assert payload[5:7] == b"\x01\x00", "the first key: one byte, the transaction"
    with pytest.raises(MalformedTransaction, match="shortest"):
        parse_psbt(payload[:5] + length + payload[6:])


def test_bytes_after_a_psbt():
    with pytest.raises(MalformedTransaction, match="followed by other bytes"):
        parse_psbt(TX.payload + b"\0")
