"""Values of Solidity's contract ABI and their bytes, both ways, in the one canonical form. Pure.

"Formal Specification of the Encoding": a head with a word, or an offset, for each value, and behind
it the tails in the order of their heads. Contracts follow offsets wherever they lead: two values
may share a tail, and one may lie outside of what another reader sees. So nothing is followed here.
Each offset must be exactly where the tail before it ends, all padding is zero, and nothing is left
at the end; then what is read encodes to the same bytes again, and only that does.

A value is an int, a bool, octets, a string, or a tuple of values. An address is its 20 octets.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from chains.contracts.types import FEE_BYTES, PATH, WORD, Kind, Type
from chains.errors import MalformedTransaction

Value = int | bool | bytes | str | tuple["Value", ...]

ADDRESS_BYTES: Final = 20
POOLS_MAX: Final = 8
"""That a path leads through."""


def decode(types: Sequence[Type], data: bytes) -> tuple[Value, ...]:
    """Raises MalformedTransaction where `encode` would not give exactly these bytes."""
    values, end = _sequence(types, data, 0)
    if end != len(data):
        raise MalformedTransaction(f"{len(data) - end} octets behind the last value")
    return values


def encode(types: Sequence[Type], values: Sequence[Value]) -> bytes:
    """Raises ValueError for a value that is none of its type."""
    if len(types) != len(values):
        raise ValueError(f"{len(values)} values for {len(types)} types")
    heads, tails = [], []
    tail = sum(each.head for each in types)
    for each, value in zip(types, values, strict=True):
        octets = _encoded(each, value)
        if each.is_dynamic:
            heads.append(tail.to_bytes(WORD, "big"))
            tails.append(octets)
            tail += len(octets)
        else:
            heads.append(octets)
    return b"".join((*heads, *tails))


def _sequence(types: Iterable[Type], data: bytes, start: int) -> tuple[tuple[Value, ...], int]:
    """The values whose heads begin at `start`, and where the last tail ends."""
    types = tuple(types)
    at, values = start, list[Value]()
    tail = start + sum(each.head for each in types)
    for each in types:
        if each.is_dynamic:
            if start + _number(data, at) != tail:
                raise MalformedTransaction("an offset that does not lead to the next tail")
            value, tail = _dynamic(each, data, tail)
        elif each.members:
            value, _ = _sequence(_elements(each, each.size), data, at)
        else:
            value = _single(each, _word(data, at))
        values.append(value)
        at += each.head
    return tuple(values), tail


def _dynamic(type_: Type, data: bytes, at: int) -> tuple[Value, int]:
    if type_.kind in (Kind.BYTES, Kind.STRING, Kind.PATH):
        return _octets(type_, data, at)
    if type_.kind is Kind.TUPLE or type_.size is not None:
        return _sequence(_elements(type_, type_.size), data, at)
    count, at = _number(data, at), at + WORD
    if count * type_.element.head > len(data) - at:
        raise MalformedTransaction("an array of more elements than there are octets for")
    return _sequence(_elements(type_, count), data, at)


def _octets(type_: Type, data: bytes, at: int) -> tuple[Value, int]:
    length, at = _number(data, at), at + WORD
    end = at + length
    after = end + -length % WORD
    if after > len(data) or any(data[end:after]):
        raise MalformedTransaction(f"{type_.name} cut off, or not padded with zeros")
    if type_.kind is Kind.BYTES:
        return data[at:end], after
    if type_.kind is Kind.PATH:
        return _path(data[at:end]), after
    try:
        return data[at:end].decode(), after
    except UnicodeDecodeError as error:
        raise MalformedTransaction("a string that is not UTF-8") from error


def _path(octets: bytes) -> tuple[Value, ...]:
    """A token, then for each pool its fee and the next token (Uniswap v3, `Path.sol`)."""
    step = FEE_BYTES + ADDRESS_BYTES
    pools, over = divmod(len(octets) - ADDRESS_BYTES, step)
    if over or not 0 < pools <= POOLS_MAX:
        raise MalformedTransaction(f"not a path through 1 to {POOLS_MAX} pools")
    steps = [octets[at : at + step] for at in range(ADDRESS_BYTES, len(octets), step)]
    fees = tuple(int.from_bytes(each[:FEE_BYTES], "big") for each in steps)
    tokens = tuple(each[FEE_BYTES:] for each in steps)
    return octets[:ADDRESS_BYTES], fees, tokens[:-1], tokens[-1]


def _packed(value: tuple[Value, ...]) -> bytes:
    """The inverse: of each word the octets that count."""
    if len(value) != len(PATH.members):
        raise ValueError("not the parts of a path")
    first, fees, through, last = value
    if not isinstance(fees, tuple) or not isinstance(through, tuple):
        raise ValueError("not the lists of a path")
    if not 0 < len(fees) <= POOLS_MAX or len(through) != len(fees) - 1:
        raise ValueError(f"a path leads through 1 to {POOLS_MAX} pools, a token between any two")
    fee_type, address = PATH.members[1][1].element, PATH.members[0][1]
    parts = [_encoded(address, first)[-ADDRESS_BYTES:]]
    for fee, token in zip(fees, (*through, last), strict=True):
        parts.append(_encoded(fee_type, fee)[-FEE_BYTES:])
        parts.append(_encoded(address, token)[-ADDRESS_BYTES:])
    return b"".join(parts)


def _single(type_: Type, word: bytes) -> Value:
    """A word that is the value of a type without parts."""
    match type_.kind:
        case Kind.ADDRESS:
            value: Value = word[-ADDRESS_BYTES:]
        case Kind.BYTES_N:
            value = word[: type_.size]
        case Kind.BOOL:
            value = word == _TRUE
        case Kind.INT:
            value = int.from_bytes(word, "big", signed=True)
        case _:
            value = int.from_bytes(word, "big")
    try:
        again = _encoded(type_, value)
    except ValueError:
        again = b""
    if again != word:
        raise MalformedTransaction(f"a word that is no {type_.name}")
    return value


def _encoded(type_: Type, value: Value) -> bytes:
    """Without the offset of a dynamic type."""
    match type_.kind, value:
        case Kind.BOOL, bool():
            return _TRUE if value else bytes(WORD)
        case Kind.UINT | Kind.INT, int() if not isinstance(value, bool):
            return _integer(type_, value)
        case Kind.ADDRESS, bytes() if len(value) == ADDRESS_BYTES:
            return value.rjust(WORD, b"\0")
        case Kind.BYTES_N, bytes() if len(value) == type_.size:
            return value.ljust(WORD, b"\0")
        case Kind.BYTES, bytes():
            return _measured(value)
        case Kind.STRING, str():
            return _measured(value.encode())
        case Kind.PATH, tuple():
            return _measured(_packed(value))
        case Kind.TUPLE, tuple():
            return encode(_elements(type_, None), value)
        case Kind.ARRAY, tuple() if type_.size in (None, len(value)):
            octets = encode(_elements(type_, len(value)), value)
            return octets if type_.size else len(value).to_bytes(WORD, "big") + octets
    raise ValueError(f"not a value of {type_.name}")


def _integer(type_: Type, value: int) -> bytes:
    signed, bits = type_.kind is Kind.INT, type_.size or 0
    try:
        value.to_bytes(bits // 8, "big", signed=signed)
        return value.to_bytes(WORD, "big", signed=signed)
    except OverflowError:
        raise ValueError(f"more than {type_.name} holds") from None


def _measured(octets: bytes) -> bytes:
    length = len(octets)
    return length.to_bytes(WORD, "big") + octets + bytes(-length % WORD)


def _elements(type_: Type, count: int | None) -> tuple[Type, ...]:
    if type_.kind is Kind.ARRAY:
        return (type_.element,) * (count or 0)
    return tuple(each for _, each in type_.members)


def _number(data: bytes, at: int) -> int:
    return int.from_bytes(_word(data, at), "big")


def _word(data: bytes, at: int) -> bytes:
    if at + WORD > len(data):
        raise MalformedTransaction("calldata that ends within a value")
    return data[at : at + WORD]


_TRUE: Final = (1).to_bytes(WORD, "big")
