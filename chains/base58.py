"""Base58Check: bitcoin addresses before segwit, and TRON's. Pure; knows no address type."""

from __future__ import annotations

from typing import Final

from chains.hashes import sha256d

ALPHABET: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_VALUES: Final = {character: value for value, character in enumerate(ALPHABET)}
_CHECKSUM_BYTES: Final = 4
_STEP: Final = 58**2
_PAIRS: Final = tuple(high + low for high in ALPHABET for low in ALPHABET)


class BadChecksum(ValueError):
    """All characters are base58, but the last four bytes do not belong to the others."""


def encode_check(payload: bytes) -> str:
    """Base58 of `payload` followed by the first four bytes of its double SHA-256."""
    data = payload + sha256d(payload)[:_CHECKSUM_BYTES]
    number = int.from_bytes(data, "big")
    pairs = []
    while number:
        number, pair = divmod(number, _STEP)
        pairs.append(_PAIRS[pair])
    zeros = len(data) - len(data.lstrip(b"\0"))
    return "1" * zeros + "".join(reversed(pairs)).lstrip("1")


def decode_check(text: str, length: int) -> bytes:
    """The payload of `length` bytes. Raises ValueError, or BadChecksum where only that is wrong."""
    total = length + _CHECKSUM_BYTES
    if not 0 < len(text) <= total * 2:
        raise ValueError("no base58 text of this length")
    number = 0
    for character in text:
        value = _VALUES.get(character)
        if value is None:
            raise ValueError("not a base58 character")
        number = number * 58 + value
    if number.bit_length() > total * 8:
        raise ValueError("longer than expected")
    data = number.to_bytes(total, "big")
    if len(data) - len(data.lstrip(b"\0")) != len(text) - len(text.lstrip("1")):
        raise ValueError("shorter or longer than expected")
    payload, checksum = data[:-_CHECKSUM_BYTES], data[-_CHECKSUM_BYTES:]
    if sha256d(payload)[:_CHECKSUM_BYTES] != checksum:
        raise BadChecksum("wrong base58 checksum")
    return payload
