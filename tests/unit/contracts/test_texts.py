"""Values as people read and write them: one text for each."""

from __future__ import annotations

from typing import Any

import pytest

from chains.contracts.functions import parse_function
from chains.contracts.texts import parse, spell
from chains.contracts.types import parse_type
from tests.unit.contracts.test_functions import SWAP


def _hex(octets: bytes) -> str:
    return "0x" + octets.hex()


def _unhex(text: str) -> bytes:
    return bytes.fromhex(text[2:])


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("uint256", 2**256 - 1, str(2**256 - 1)),
        ("int8", -1, "-1"),
        ("bool", True, "true"),
        ("address", b"\1" * 20, "0x" + "01" * 20),
        ("bytes", b"", "0x"),
        ("bytes2", b"\1\2", "0x0102"),
        ("string", "水", "水"),
        ("uint8[]", (1, 2), '["1","2"]'),
        ("bool[1][]", ((True,),), '[["true"]]'),
    ],
)
def test_a_value_has_one_text(name: str, value: Any, text: str) -> None:
    type_ = parse_type(name)
    assert spell(type_, value, _hex) == text
    assert parse(type_, text, _unhex) == value


def test_a_tuple_is_shown_with_the_names_of_its_members() -> None:
    swap = parse_function(SWAP)
    (_, params), *_ = swap.arguments
    value = (b"\1" * 20, b"\2" * 20, 500, b"\3" * 20, 1, 2, 3, 0)
    text = spell(params, value, _hex)
    assert text.startswith('{"amountIn":"2","amountOutMinimum":"3","deadline":"1","fee":"500"')
    assert parse(params, text, _unhex) == value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("uint8", 1),
        ("uint8", "01"),
        ("uint8", "1.0"),
        ("uint8", "1e3"),
        ("uint8", "-0"),
        ("uint8", "٣"),
        ("bool", "True"),
        ("bytes", "00"),
        ("bytes", "0xAA"),
        ("bytes", "0x0"),
        ("uint8[2]", ["1"]),
        ("uint8[]", {"0": "1"}),
        ("uint8[]", "7"),
        ("uint8[]", "["),
    ],
)
def test_another_spelling_is_refused(name: str, text: object) -> None:
    with pytest.raises(ValueError, match=r"is a|true or false|is decimal|is 0x|Expecting"):
        parse(parse_type(name), text, _unhex)
