"""Segwit addresses: bech32 (BIP-173) and bech32m (BIP-350). Pure; knows no network by itself.

Encoding is on the path of every output of every block and of every address we derive. The checksum
is linear over GF(2), so it is the XOR of one table entry per pair of characters; decoding, which
people's input takes, follows the specification's own reference shape.
"""

from __future__ import annotations

from functools import cache
from typing import Final

CHARSET: Final = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_VALUES: Final = {character: value for value, character in enumerate(CHARSET)}
_GENERATORS: Final = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_BECH32: Final = 1
_BECH32M: Final = 0x2BC830A3
_CHECKSUM_LENGTH: Final = 6
_TEXT_LENGTH_MAX: Final = 90
_PAIRS: Final = tuple(high + low for high in CHARSET for low in CHARSET)


class BadChecksum(ValueError):
    """Has the form of a segwit address, but the checksum does not fit."""


class SegwitEncoder:
    """Encodes witness programs of 20 and 32 bytes for one human-readable part."""

    def __init__(self, hrp: str) -> None:
        self._prefixes = {
            (version, length): _prefix(hrp, version, length)
            for version, length in ((0, 20), (0, 32), (1, 32))
        }

    def encode(self, version: int, program: bytes) -> str:
        """The address of a version 0 or 1 program, in lower case."""
        text, checksum = self._prefixes[version, len(program)]
        pieces = [text]
        for group, tables in zip(_groups(program), _tables(len(program)), strict=True):
            for shift, table in zip((30, 20, 10, 0), tables, strict=True):
                pair = group >> shift & 1023
                pieces.append(_PAIRS[pair])
                checksum ^= table[pair]
        if len(program) == 32:
            pieces[-2:] = ()
        pieces += (_PAIRS[checksum >> 20], _PAIRS[checksum >> 10 & 1023], _PAIRS[checksum & 1023])
        return "".join(pieces)


def decode(text: str) -> tuple[str, int, bytes]:
    """Human-readable part, witness version and program.

    Raises BadChecksum, also for the checksum of the other encoding, else ValueError.
    """
    if text.lower() != text and text.upper() != text:
        raise ValueError("mixes upper and lower case")
    hrp, separator, tail = text.lower().rpartition("1")
    if not separator or not hrp or len(text) > _TEXT_LENGTH_MAX:
        raise ValueError("no segwit address")
    if not all(33 <= ord(character) <= 126 for character in hrp):
        raise ValueError("a character that no human-readable part may have")
    try:
        values = [_VALUES[character] for character in tail]
    except KeyError:
        raise ValueError("a character that is not bech32") from None
    if len(values) < _CHECKSUM_LENGTH + 1:
        raise ValueError("too short for a segwit address")
    version = values[0]
    if _polymod([*_expand(hrp), *values]) != (_BECH32 if version == 0 else _BECH32M):
        raise BadChecksum("wrong bech32 checksum")
    return hrp, version, _program(version, values[1:-_CHECKSUM_LENGTH])


def _program(version: int, values: list[int]) -> bytes:
    """BIP-173: at most four bits of padding, all zero; 2 to 40 bytes; version 0 has 20 or 32."""
    number = 0
    for value in values:
        number = number << 5 | value
    padding = len(values) * 5 % 8
    if padding > 4 or number & ((1 << padding) - 1):
        raise ValueError("wrong padding")
    length = len(values) * 5 // 8
    if version > 16 or not 2 <= length <= 40 or (version == 0 and length not in (20, 32)):
        raise ValueError("no witness program of this version and length")
    return (number >> padding).to_bytes(length, "big")


def _expand(hrp: str) -> list[int]:
    return [ord(c) >> 5 for c in hrp] + [0] + [ord(c) & 31 for c in hrp]


def _step(state: int) -> int:
    """The checksum's state after one more zero character."""
    top = state >> 25
    state = (state & 0x1FFFFFF) << 5
    for bit, generator in enumerate(_GENERATORS):
        if top >> bit & 1:
            state ^= generator
    return state


def _polymod(values: list[int]) -> int:
    state = 1
    for value in values:
        state = _step(state) ^ value
    return state


def _groups(program: bytes) -> list[int]:
    """The program in groups of 5 bytes, which are 8 characters each; the last padded with zeros.

    `_tables` is built for the same groups.
    """
    if len(program) == 20:
        number = int.from_bytes(program, "big")
        mask = (1 << 40) - 1
        return [number >> 120, number >> 80 & mask, number >> 40 & mask, number & mask]
    padded = program + b"\0\0\0"
    return [int.from_bytes(padded[at : at + 5], "big") for at in range(0, len(padded), 5)]


def _prefix(hrp: str, version: int, length: int) -> tuple[str, int]:
    """The text before the program, and the checksum the whole would have if it were all zero."""
    characters = -(-length * 8 // 5)
    constant = _BECH32 if version == 0 else _BECH32M
    zeros = [0] * (characters + _CHECKSUM_LENGTH)
    return f"{hrp}1{CHARSET[version]}", _polymod([*_expand(hrp), version, *zeros]) ^ constant


@cache
def _tables(length: int) -> tuple[tuple[tuple[int, ...], ...], ...]:
    """For each pair of characters of a program of `length` bytes, what it adds to the checksum."""
    characters = -(-length * 8 // 5)
    pairs = [
        _pair_table(characters - first - 2 + _CHECKSUM_LENGTH) for first in range(0, characters, 2)
    ]
    pairs += [(0,)] * (-len(pairs) % 4)  # padding of the last group, always zero
    return tuple(tuple(pairs[at : at + 4]) for at in range(0, len(pairs), 4))


def _pair_table(distance: int) -> tuple[int, ...]:
    """The checksum's difference for each pair that is followed by `distance` characters."""
    bits = []
    for bit in range(10):
        state = 1 << bit % 5
        for _ in range(distance + bit // 5):
            state = _step(state)
        bits.append(state)
    table = [0]
    for state in bits:
        table += [state ^ entry for entry in table]
    return tuple(table)
