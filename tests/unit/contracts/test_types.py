"""Types of the contract ABI by their names, and what has no words here."""

from __future__ import annotations

import pytest

from chains.contracts.types import WORD, Kind, Type, parse_type
from chains.errors import MalformedDescription

_PAIR = (("to", parse_type("address")), ("amounts", parse_type("uint256[]")))


@pytest.mark.parametrize(
    "name", ["uint8", "uint256", "int24", "bool", "address", "bytes", "bytes1", "bytes32", "string"]
)
def test_a_plain_type_keeps_its_name(name: str) -> None:
    assert parse_type(name).name == name


@pytest.mark.parametrize(("name", "canonical"), [("uint", "uint256"), ("int", "int256")])
def test_a_short_name_is_made_long(name: str, canonical: str) -> None:
    assert parse_type(name).name == canonical


def test_arrays_and_tuples_are_named_from_inside() -> None:
    found = parse_type("tuple[2][]", _PAIR)
    assert found.name == "(address,uint256[])[2][]"
    assert found.size is None and found.element.size == 2


@pytest.mark.parametrize(
    ("name", "dynamic", "head"),
    [
        ("uint8", False, WORD),
        ("bytes", True, WORD),
        ("uint8[3]", False, 3 * WORD),
        ("uint8[3][2]", False, 6 * WORD),
        ("uint8[]", True, WORD),
        ("string[2]", True, WORD),
    ],
)
def test_what_stands_in_the_head(name: str, dynamic: bool, head: int) -> None:
    found = parse_type(name)
    assert (found.is_dynamic, found.head) == (dynamic, head)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "uint0",
        "uint7",
        "uint264",
        "uint08",
        "int255",
        "bytes0",
        "bytes33",
        "function",
        "fixed128x18",
        "ufixed",
        "uint256[0]",
        "uint256[01]",
        "uint256[-1]",
        "uint256[1025]",
        "uint256[32][33]",
        "uint256 []",
        "Uint256",
        "address payable",
        "tuple",
        "(uint256)",
        "uint256\n",
        "uint٣٢",
        "uint256" + "[]" * 9,
    ],
)
def test_what_has_no_words_is_refused(name: str) -> None:
    with pytest.raises(MalformedDescription):
        parse_type(name)


def test_only_a_tuple_has_members() -> None:
    with pytest.raises(MalformedDescription):
        parse_type("uint256", _PAIR)
    assert parse_type("tuple", _PAIR) == Type(Kind.TUPLE, None, _PAIR)
