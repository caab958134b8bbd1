"""The bytes that token contracts of all families share, against another's encoder."""

from __future__ import annotations

import pytest
from eth_abi.abi import encode
from hypothesis import given
from hypothesis import strategies as st

from chains import abi
from chains.abi import Order, Verb
from chains.hashes import keccak256

PAYEE = bytes.fromhex("35" * 20)
A, B, C = "aa" * 20, "bb" * 20, "cc" * 20
WORD = "00" * 12


def call(signature: str, *arguments: object) -> bytes:
    types = signature.partition("(")[2].removesuffix(")").split(",")
    return keccak256(signature.encode())[:4] + encode(types, arguments)


@given(st.binary(min_size=20, max_size=20), st.integers(0, abi.UNITS_MAX))
def test_what_others_encode_is_what_we_encode_and_read(payee: bytes, units: int) -> None:
    data = call("transfer(address,uint256)", "0x" + payee.hex(), units)
    assert abi.transfer(payee, units) == data
    assert abi.order(data) == Order(Verb.PAY, payee, units)
    asked = call("balanceOf(address)", "0x" + payee.hex())
    assert abi.balance_of(payee) == asked and abi.order(asked) is None


def test_an_allowance_of_all_has_no_end() -> None:
    for units, allowed in ((7, 7), (0, 0), (abi.UNITS_MAX, None)):
        told = abi.order(call("approve(address,uint256)", "0x" + PAYEE.hex(), units))
        assert told == Order(Verb.ALLOW, PAYEE, units) and told.allowed == allowed


def test_an_allowance_on_top_of_another_has_no_words() -> None:
    """It allows more than it says."""
    told = call("increaseAllowance(address,uint256)", "0x" + PAYEE.hex(), 7)
    assert abi.order(told) is None


GOOD = abi.transfer(PAYEE, 5)


@pytest.mark.parametrize("dirty", [b"\x41", b"\x01", b"\xff"])
@pytest.mark.parametrize("at", [4, 10, 15])
def test_an_address_has_nothing_before_it(at: int, dirty: bytes) -> None:
    """0x41 is how some wallets for TRON write it."""
    assert abi.order(GOOD[:at] + dirty + GOOD[at + 1 :]) is None


@pytest.mark.parametrize("data", [b"", GOOD[:4], GOOD[:-1], GOOD + b"\0", GOOD + bytes(32)])
def test_a_call_has_two_words_and_no_more(data: bytes) -> None:
    assert abi.order(data) is None


def test_sides_of_what_moved() -> None:
    assert list(abi.sides(A, B, 3)) == [(A, -3), (B, 3)]
    assert list(abi.sides(abi.NOBODY, B, 3)) == [(B, 3)]
    assert list(abi.sides(A, abi.NOBODY, 3)) == [(A, -3)]
    assert list(abi.sides(A, A, 3)) == list(abi.sides(A, A, 0)) == []
    assert list(abi.sides(A, B, 0)) == [(A, 0), (B, 0)]


def test_a_log_is_read_or_is_no_money() -> None:
    topics = [abi.TOPIC.hex(), WORD + A.upper(), WORD + B]
    assert abi.moved(topics, f"{7:064x}") == (A, B, 7)
    assert abi.moved([*topics, "00" * 32], f"{7:064x}") is None
    assert abi.moved(topics[:1], f"{7:064x}") is None
    assert abi.moved(topics, "") is None
    assert abi.moved([topics[0], "41" + WORD[2:] + A, topics[2]], f"{7:064x}") is None


@pytest.mark.parametrize(
    ("moves", "done"),
    [
        ([(C, A, B, 5)], True),
        ([(C, A, B, 4)], True),  # a fee was taken
        ([(C, A, C, 1), (C, A, B, 4)], True),
        ([], False),
        ([(C, A, B, 0)], False),
        ([(A, A, B, 5)], False),
        ([(C, B, A, 5)], False),
    ],
)
def test_what_was_asked_is_judged_by_its_logs(
    moves: list[tuple[str, str, str, int]], done: bool
) -> None:
    assert (abi.undone(C, A, B, 5, moves) is None) is done
    assert abi.undone(C, A, B, 0, moves) is None, "nothing was asked for"


def test_what_a_contract_says_of_itself() -> None:
    text = encode(["string"], ["Tether USD"])
    said = abi.said(b"USDT".ljust(32, b"\0"), text, 6)
    assert (said.symbol, said.name, said.decimals) == ("USDT", "Tether USD", 6)
    evil = encode(["string"], ["\x1b[2J"])
    assert abi.said(None, evil, 256) == abi.said(b"", b"\0", None)
