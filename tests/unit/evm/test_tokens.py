"""What contracts say of themselves, which is whatever their authors like."""

from __future__ import annotations

from typing import Any

import pytest
from eth_abi.abi import encode

from chains.assets import TokenSaid
from chains.errors import NodeMisbehaved, NodeUnavailable
from chains.evm import tokens
from chains.evm.rpc import RpcError

REVERTED = RpcError(3, "execution reverted")
WORD = "0x" + "00" * 31 + "06"


def string(text: str | bytes) -> str:
    raw = text.encode() if isinstance(text, str) else text
    return "0x" + encode(["bytes"], [raw]).hex()


def words(symbol: Any, decimals: Any = WORD) -> TokenSaid:
    return tokens.said(symbol, string("A name"), decimals)


def test_a_usual_token() -> None:
    assert words(string("USDC")) == TokenSaid("USDC", "A name", 6)


def test_a_token_older_than_the_standard_says_32_bytes() -> None:
    """As MKR and SAI do."""
    assert words("0x" + b"MKR".ljust(32, b"\0").hex()).symbol == "MKR"


@pytest.mark.parametrize(
    "answer",
    [
        "0x",
        "0x00",
        "0x" + "00" * 32,
        string(""),
        string("A" * 65),
        string("A" * 10_000),
        string("US\nDC"),
        string("US\x1b[31mDC"),
        string("US\u202eDC"),
        string("US\u0421DC"),
        string(b"\xff\xfe"),
        string(" USDC"),
        string("USDC\0"),
        "0x" + "00" * 31 + "40" + string("USDC")[66:],
        "0x" + "00" * 31 + "20" + "ff" * 32 + "41" * 32,
        "0x" + "00" * 31 + "20" + "00" * 31 + "20" + "41" * 4,
        "no hex",
        None,
        7,
        REVERTED,
    ],
)
def test_what_can_not_be_shown_is_no_word(answer: Any) -> None:
    assert words(answer).symbol is None


@pytest.mark.parametrize(
    ("answer", "decimals"),
    [
        ("0x" + "00" * 32, 0),
        ("0x" + "00" * 31 + "ff", 255),
        ("0x" + "00" * 30 + "0100", None),
        ("0x" + "ff" * 32, None),
        ("0x", None),
        ("0x06", None),
        (REVERTED, None),
    ],
)
def test_decimals_are_a_byte_or_nothing(answer: Any, decimals: int | None) -> None:
    assert words(string("X"), answer).decimals == decimals


def test_a_node_that_does_not_answer_is_no_contract_that_says_nothing() -> None:
    with pytest.raises(NodeUnavailable):
        words(NodeUnavailable("away"))
    with pytest.raises(NodeMisbehaved):
        tokens.word("0x")
