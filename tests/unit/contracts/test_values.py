"""Calldata in its one form, both ways: eth_abi writes the same bytes, and nothing else is read."""

from __future__ import annotations

import random
from typing import Any

import pytest
from eth_abi.abi import decode as eth_decode
from eth_abi.abi import encode as eth_encode

from chains.contracts.types import WORD, Kind, Type, parse_type
from chains.contracts.values import Value, decode, encode
from chains.errors import MalformedTransaction

_SINGLE = ("uint8", "uint256", "int24", "int256", "bool", "address", "bytes4", "bytes32")
_MEASURED = ("bytes", "string")
LISTS = 3000
MUTATIONS = 6000


def _type(dice: random.Random, depth: int = 0) -> Type:
    roll = dice.random()
    if depth < 3 and roll < 0.25:
        size = None if dice.random() < 0.5 else dice.randint(1, 3)
        return Type(Kind.ARRAY, size, (("", _type(dice, depth + 1)),))
    if depth < 3 and roll < 0.45:
        members = [(f"m{at}", _type(dice, depth + 1)) for at in range(dice.randint(1, 3))]
        return Type(Kind.TUPLE, None, tuple(members))
    return parse_type(dice.choice(_SINGLE + _MEASURED))


def _value(type_: Type, dice: random.Random) -> Value:
    size = type_.size or 0
    match type_.kind:
        case Kind.ARRAY:
            count = size or dice.randint(0, 3)
            return tuple(_value(type_.element, dice) for _ in range(count))
        case Kind.TUPLE:
            return tuple(_value(each, dice) for _, each in type_.members)
        case Kind.UINT:
            return dice.choice((0, 1, 2**size - 1, dice.getrandbits(size)))
        case Kind.INT:
            return dice.choice((0, -1, 2 ** (size - 1) - 1, -(2 ** (size - 1))))
        case Kind.BOOL:
            return dice.random() < 0.5
        case Kind.ADDRESS:
            return dice.randbytes(20)
        case Kind.BYTES_N:
            return dice.randbytes(size)
        case Kind.BYTES:
            return dice.randbytes(dice.choice((0, 1, 31, 32, 33, 70)))
        case _:
            return "".join(dice.choice("abcäß水") for _ in range(dice.randint(0, 40)))


def _theirs(type_: Type, value: Any) -> Any:
    """As eth_abi takes it: addresses in hexadecimal."""
    if type_.kind is Kind.ADDRESS:
        return "0x" + value.hex()
    if type_.kind is Kind.ARRAY:
        return [_theirs(type_.element, each) for each in value]
    if type_.kind is Kind.TUPLE:
        pairs = zip(type_.members, value, strict=True)
        return tuple(_theirs(each, part) for (_, each), part in pairs)
    return value


def _drawn(dice: random.Random) -> tuple[list[Type], list[Value]]:
    types = [_type(dice) for _ in range(dice.randint(0, 4))]
    return types, [_value(each, dice) for each in types]


def test_eth_abi_writes_the_same_bytes_and_they_are_read_back() -> None:
    dice = random.Random(1)
    for _ in range(LISTS):
        types, values = _drawn(dice)
        ours = encode(types, values)
        theirs = eth_encode(
            [each.name for each in types],
            [_theirs(each, value) for each, value in zip(types, values, strict=True)],
        )
        assert ours == theirs
        assert decode(types, ours) == tuple(values)


def test_what_is_read_encodes_to_the_same_bytes_and_eth_abi_takes_more() -> None:
    """Octets changed, words moved, ends cut off or added."""
    dice = random.Random(2)
    laxer = 0
    for _ in range(MUTATIONS):
        types, values = _drawn(dice)
        data = _mutated(encode(types, values), dice)
        try:
            found = decode(types, data)
        except MalformedTransaction:
            laxer += _is_taken_by_eth_abi(types, data)
        else:
            assert encode(types, found) == data
    assert laxer > MUTATIONS // 100


def _mutated(data: bytes, dice: random.Random) -> bytes:
    octets = bytearray(data)
    roll = dice.randrange(4)
    if roll == 0 or not octets:
        return bytes(octets) + dice.randbytes(dice.choice((1, WORD)))
    if roll == 1:
        return bytes(octets[: dice.randrange(len(octets))])
    at = dice.randrange(len(octets) // WORD) * WORD
    if roll == 2:
        octets[at + dice.randrange(WORD)] ^= 1 << dice.randrange(8)
        return bytes(octets)
    other = dice.randrange(len(octets) // WORD) * WORD
    octets[at : at + WORD] = octets[other : other + WORD]
    return bytes(octets)


def _is_taken_by_eth_abi(types: list[Type], data: bytes) -> bool:
    try:
        eth_decode([each.name for each in types], data)
    except Exception:  # of many kinds, OverflowError among them
        return False
    return True


def _word(number: int) -> bytes:
    return number.to_bytes(WORD, "big")


BYTES = [parse_type("bytes")]
STRING = [parse_type("string")]
SECOND_TAIL = _word(64) + _word(64) + _word(1) + b"a".ljust(WORD, b"\0")


@pytest.mark.parametrize(
    ("types", "data"),
    [
        pytest.param(BYTES * 2, SECOND_TAIL, id="two values in one tail"),
        pytest.param(
            BYTES * 2,
            _word(96) + _word(64) + (_word(0)) * 2,
            id="tails in another order",
        ),
        pytest.param(BYTES, _word(64) + _word(0) + _word(0), id="a gap"),
        pytest.param(BYTES, _word(32) + _word(1) + b"ab".ljust(32, b"\0"), id="pad"),
        pytest.param(BYTES, _word(32) + _word(1) + b"a", id="no padding"),
        pytest.param(BYTES, _word(32) + _word(2**255), id="a length beyond"),
        pytest.param(BYTES, _word(2**256 - 32) + _word(0), id="an offset beyond"),
        pytest.param([parse_type("uint8[]")], _word(32) + _word(2**200), id="a count beyond"),
        pytest.param([parse_type("bytes[1024]")], _word(32) + _word(0), id="heads beyond"),
        pytest.param([parse_type("address")], b"\1" + bytes(31), id="a dirty address"),
        pytest.param([parse_type("bool")], _word(2), id="a bool that is neither"),
        pytest.param([parse_type("uint8")], _word(256), id="more than a type holds"),
        pytest.param([parse_type("int8")], _word(128), id="a sign that is not extended"),
        pytest.param([parse_type("bytes4")], _word(1), id="octets behind bytes4"),
        pytest.param(STRING, _word(32) + _word(1) + b"\xff".ljust(32, b"\0"), id="8"),
        pytest.param([parse_type("uint8")], _word(1) + b"\0", id="an octet more"),
        pytest.param([], b"\0", id="an octet for nothing"),
    ],
)
def test_another_form_is_refused(types: list[Type], data: bytes) -> None:
    with pytest.raises(MalformedTransaction):
        decode(types, data)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("uint8", 256),
        ("uint8", -1),
        ("uint8", True),
        ("int8", 128),
        ("bool", 1),
        ("address", bytes(19)),
        ("bytes4", bytes(5)),
        ("bytes", "text"),
        ("string", b"octets"),
        ("uint8[2]", (1,)),
        ("uint8[]", 1),
    ],
)
def test_a_value_of_another_type_is_not_written(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=r"not a value of|more than"):
        encode([parse_type(name)], [value])


def test_reading_takes_time_by_the_length_and_not_by_what_it_claims() -> None:
    """Arrays within arrays that all claim to be long end at the first word that is not there."""
    deep = parse_type("uint8[]" + "[1024]" * 7)
    with pytest.raises(MalformedTransaction):
        decode([deep], _word(32) * 300)
