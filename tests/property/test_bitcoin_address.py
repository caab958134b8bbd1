"""The fast encoders against embit's slow ones, and typing errors of every kind."""

from __future__ import annotations

import pytest
from embit import base58 as embit_base58
from embit import script
from embit.networks import NETWORKS
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from chains import base58
from chains.bitcoin import bech32
from chains.bitcoin.address import AddressFormat
from chains.errors import InvalidAddress
from tests.unit.bitcoin.support import MAIN

FORMAT = AddressFormat(MAIN)
SCRIPTS = st.one_of(
    st.binary(min_size=20, max_size=20).map(lambda h: b"\x00\x14" + h),
    st.binary(min_size=32, max_size=32).map(lambda h: b"\x00\x20" + h),
    st.binary(min_size=32, max_size=32).map(lambda h: b"\x51\x20" + h),
    st.binary(min_size=20, max_size=20).map(lambda h: b"\x76\xa9\x14" + h + b"\x88\xac"),
    st.binary(min_size=20, max_size=20).map(lambda h: b"\xa9\x14" + h + b"\x87"),
)


@given(SCRIPTS)
@settings(max_examples=150, deadline=None)
def test_embit_writes_the_same_address(output: bytes) -> None:
    assert FORMAT.address_of(output) == script.Script(output).address(NETWORKS["main"])


@given(SCRIPTS)
@settings(max_examples=150, deadline=None)
def test_an_address_leads_back_to_its_script(output: bytes) -> None:
    address = FORMAT.address_of(output)
    assert address is not None
    try:
        parsed = FORMAT.parse(address)
    except InvalidAddress:
        assume(False)  # all zero, or no point on the curve
    assert parsed.address == address
    assert FORMAT.script_of(address) == output
    if address.startswith("bc1"):
        assert FORMAT.parse(address.upper()) == parsed


@given(SCRIPTS, st.data())
@settings(max_examples=150, deadline=None)
def test_one_wrong_character_never_passes(output: bytes, data: st.DataObject) -> None:
    address = FORMAT.address_of(output)
    assert address is not None
    alphabet = bech32.CHARSET if address.startswith("bc1") else base58.ALPHABET
    at = data.draw(st.integers(0, len(address) - 1))
    wrong = data.draw(st.sampled_from(sorted(set(alphabet) - {address[at]})))
    with pytest.raises(InvalidAddress):
        FORMAT.parse(address[:at] + wrong + address[at + 1 :])


@given(st.text(max_size=100))
@settings(max_examples=150, deadline=None)
def test_any_text_is_an_address_or_an_invalid_one(text: str) -> None:
    with pytest.raises(InvalidAddress):
        FORMAT.parse(text)


@given(st.binary(max_size=4).map(lambda zeros: bytes(len(zeros))), st.binary(max_size=40))
@settings(max_examples=200, deadline=None)
def test_base58_is_embits(zeros: bytes, payload: bytes) -> None:
    data = zeros + payload
    text = base58.encode_check(data)
    assert text == embit_base58.encode_check(data)
    assert base58.decode_check(text, len(data)) == data
    for other in (len(data) - 1, len(data) + 1):
        if other >= 0:
            with pytest.raises(ValueError, match=r"\w"):
                base58.decode_check(text, other)
