"""Recursive Length Prefix (Yellow Paper, appendix B): one encoding for each value, both ways.

Our own because the signer reads it: the usual library brings some 270 modules along. `decode`
accepts exactly the bytes that `encode` makes, so that two different transactions can never share a
meaning. Pure. Knows nothing of transactions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from chains.errors import MalformedTransaction

Item = bytes | list["Item"]

_SHORT_MAX: Final = 55
_STRING: Final = 0x80
_LONG_STRING: Final = 0xB7
_LIST: Final = 0xC0
_LONG_LIST: Final = 0xF7
_DEPTH_MAX: Final = 16
"""Deepest nesting that is read: transactions need 4, and endless nesting exhausts the stack."""


def encode(item: bytes | Sequence[Item]) -> bytes:
    if isinstance(item, bytes):
        if len(item) == 1 and item[0] < _STRING:
            return item
        return _prefix(len(item), _STRING) + item
    body = b"".join(encode(member) for member in item)
    return _prefix(len(body), _LIST) + body


def encode_int(value: int) -> bytes:
    """Big-endian without leading zeros, as integers enter `encode`; zero is the empty string."""
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def decode(data: bytes) -> Item:
    """The one item that `data` is. Raises MalformedTransaction."""
    item, end = _decode_at(data, 0, 0)
    if end != len(data):
        raise MalformedTransaction("RLP: bytes after the end")
    return item


def decode_int(item: Item, maximum: int) -> int:
    """The inverse of `encode_int`, at most `maximum`. Raises MalformedTransaction."""
    if not isinstance(item, bytes):
        raise MalformedTransaction("RLP: a list where a number belongs")
    if item[:1] == b"\0":
        raise MalformedTransaction("RLP: a number with leading zeros")
    value = int.from_bytes(item, "big")
    if value > maximum:
        raise MalformedTransaction("RLP: a number out of range")
    return value


def _prefix(length: int, base: int) -> bytes:
    if length <= _SHORT_MAX:
        return bytes([base + length])
    spelled = encode_int(length)
    return bytes([base + _SHORT_MAX + len(spelled)]) + spelled


def _decode_at(data: bytes, start: int, depth: int) -> tuple[Item, int]:
    """The item that begins at `start`, and where it ends."""
    if depth > _DEPTH_MAX:
        raise MalformedTransaction("RLP: nested too deeply")
    if start >= len(data):
        raise MalformedTransaction("RLP: ends too early")
    first = data[start]
    if first < _STRING:
        return data[start : start + 1], start + 1
    if first < _LIST:
        begin, end = start + 1, start + 1 + first - _STRING
        if first > _LONG_STRING or end > len(data):
            begin, end = _extent(data, start, _STRING, _LONG_STRING)
        if end - begin == 1 and data[begin] < _STRING:
            raise MalformedTransaction("RLP: a small byte with a prefix")
        return data[begin:end], end
    position, end = _extent(data, start, _LIST, _LONG_LIST)
    members: list[Item] = []
    while position < end:
        member, position = _decode_at(data, position, depth + 1)
        members.append(member)
    if position != end:
        raise MalformedTransaction("RLP: a member that is longer than its list")
    return members, end


def _extent(data: bytes, start: int, short: int, long: int) -> tuple[int, int]:
    """Where the content of the item at `start` begins and ends."""
    first = data[start]
    if first <= long:
        begin, length = start + 1, first - short
    else:
        begin = start + 1 + first - long
        spelled = data[start + 1 : begin]
        length = int.from_bytes(spelled, "big")
        if spelled[:1] == b"\0" or length <= _SHORT_MAX:
            raise MalformedTransaction("RLP: a length that is not in its shortest form")
    if begin + length > len(data):
        raise MalformedTransaction("RLP: ends too early")
    return begin, begin + length
