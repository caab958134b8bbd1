"""EIP-55 against its vectors and against eth_account; every refusal has its own error."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest
from coincurve import PrivateKey
from eth_account import Account
from hypothesis import given
from hypothesis import strategies as st

from chains.errors import InvalidAddress, WrongChecksum, WrongNetwork, ZeroAddress
from chains.evm import address

VECTORS = Path(__file__).parents[2] / "vectors" / "evm"
CHECKSUMMED = json.loads((VECTORS / "eip55.json").read_text())["cases"]


@pytest.mark.parametrize("text", CHECKSUMMED)
def test_eip55_vectors(text: str) -> None:
    assert address.parse(text) == text
    assert address.checksum(bytes.fromhex(text[2:])) == text
    assert address.parse(text.lower()) == text
    assert address.parse("0x" + text[2:].upper()) == text
    assert address.canonical(text.lower()) == text
    assert address.to_bytes(address.parse(text)) == bytes.fromhex(text[2:])


@given(st.sampled_from(CHECKSUMMED), st.data())
def test_eip55_one_letter_of_the_other_case_is_refused(text: str, data: st.DataObject) -> None:
    letters = [place for place in range(2, 42) if text[place].isalpha()]
    place = data.draw(st.sampled_from(letters))
    changed = text[:place] + text[place].swapcase() + text[place + 1 :]
    if changed[2:] in (changed[2:].lower(), changed[2:].upper()):
        return
    with pytest.raises(WrongChecksum):
        address.parse(changed)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", InvalidAddress),
        ("0x", InvalidAddress),
        ("0x" + "11" * 19, InvalidAddress),
        ("0x" + "11" * 21, InvalidAddress),
        ("0x" + "1" * 39, InvalidAddress),
        ("11" * 20, InvalidAddress),
        ("0X" + "11" * 20, InvalidAddress),
        ("0x" + "1g" * 20, InvalidAddress),
        ("0x" + "\u0661" * 40, InvalidAddress),
        (" 0x" + "11" * 20, InvalidAddress),
        ("0x" + "11" * 20 + "\n", InvalidAddress),
        ("vitalik.eth", InvalidAddress),
        ("0x" + "00" * 20, ZeroAddress),
        ("5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", InvalidAddress),
        ("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD", WrongChecksum),
        ("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", WrongNetwork),
        ("bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080", WrongNetwork),
        ("BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4", WrongNetwork),
        ("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", WrongNetwork),
        ("TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t", WrongNetwork),
        ("41a614f803b6fd780986a42c78ec9c7f77e6ded13c", WrongNetwork),
        ("0x41a614f803b6fd780986a42c78ec9c7f77e6ded13c", WrongNetwork),
        ("TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6u", InvalidAddress),
        ("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA", WrongNetwork),
        ("1" * 5000, InvalidAddress),
    ],
)
def test_refusals(text: str, error: type[InvalidAddress]) -> None:
    with pytest.raises(InvalidAddress) as caught:
        address.parse(text)
    assert type(caught.value) is error


@given(st.text(max_size=60))
def test_any_text_is_an_address_or_an_error_of_ours(text: str) -> None:
    with contextlib.suppress(InvalidAddress):
        assert address.parse(address.parse(text)) == address.parse(text)


@given(st.binary(min_size=32, max_size=32).filter(lambda b: 0 < int.from_bytes(b, "big") < 2**255))
def test_derivation_agrees_with_eth_account(secret: bytes) -> None:
    ours = address.derive(PrivateKey(secret).public_key.format())
    assert ours == Account.from_key(secret).address


@pytest.mark.parametrize("spelled", ["0x12", "", "0x" + "zz" * 20])
def test_a_node_that_misspells_is_noticed(spelled: str) -> None:
    with pytest.raises(ValueError, match="not an EVM address"):
        address.canonical(spelled)
