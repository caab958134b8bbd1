"""Why contracts refused, as compilers encode it: expected octets are eth_abi's."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from eth_abi.abi import encode

from chains.contracts import reverts
from chains.contracts.functions import Function
from chains.evm.address import spell
from chains.hashes import keccak256

PAYER = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"


def data(signature: str, *values: object) -> bytes:
    types = signature.partition("(")[2].removesuffix(")")
    return keccak256(signature.encode())[:4] + encode(types.split(","), values)


def told(octets: bytes, errors: Iterable[Function] = ()) -> str:
    return reverts.told(octets, spell, errors)


def test_what_a_contract_says_is_told():
    said = "ERC20: transfer amount exceeds allowance"
    assert told(data("Error(string)", said)) == f"it says: {said}"


@pytest.mark.parametrize(("code", "words"), [(0x11, "above or below"), (0x12, "division by zero")])
def test_a_panic_has_words(code: int, words: str):
    assert words in told(data("Panic(uint256)", code))


def test_a_panic_that_nobody_knows_keeps_its_number():
    assert "0x99" in told(data("Panic(uint256)", 0x99))


def test_a_standard_error_names_its_arguments():
    made = data("ERC20InsufficientAllowance(address,uint256,uint256)", PAYER, 3, 9)
    said = f"ERC20InsufficientAllowance(spender {PAYER}, allowance 3, needed 9)"
    assert told(made) == said


def test_a_described_error_is_read_by_its_description():
    made = data("Late(uint256)", 7)
    assert "nothing describes" in told(made)
    assert told(made, [reverts._error("Late", deadline="uint256")]) == "Late(deadline 7)"


@pytest.mark.parametrize(
    "octets",
    [
        data("Error(string)", "no")[:-1],
        data("Error(string)", "no") + b"\0",
        data("Panic(uint256)", 1) + b"\1",
        b"\x01\x02",
        data("Other(uint256)", 1),
    ],
)
def test_what_is_not_read_whole_is_shown_as_octets(octets: bytes):
    said = told(octets)
    assert f"0x{octets[:4].hex()}" in said
    assert "nothing describes" in said


def test_nothing_is_told_as_nothing():
    assert told(b"") == "it reverted and said nothing"


def test_what_is_said_moves_no_cursor():
    said = told(data("Error(string)", "paid\x1b[2K\rall \u202ewell"))
    assert said.isprintable()
    assert "\x1b" not in said


def test_what_is_said_ends():
    said = told(data("Error(string)", "x" * 5_000))
    assert len(said) < 2 * reverts.TEXT_MAX
