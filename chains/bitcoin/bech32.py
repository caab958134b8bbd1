"""Segwit addresses: bech32 (BIP-173) and bech32m (BIP-350). Pure; knows no network by itself.

Encoding is on the path of every output of every block and of every address we derive. The checksum
is linear over GF(2), so it is the XOR of one table entry per byte; and the bits are dealt out to
characters all at once. Decoding, which people's input takes, follows the specification's reference.
"""

from __future__ import annotations

from functools import cache, reduce
from operator import getitem, xor
from typing import Final, NamedTuple

CHARSET: Final = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_VALUES: Final = {character: value for value, character in enumerate(CHARSET)}
_GENERATORS: Final = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_FOLDED: Final = tuple(
    reduce(xor, (each for bit, each in enumerate(_GENERATORS) if top >> bit & 1), 0)
    for top in range(32)
)
"""What the five bits that leave the checksum's state bring back into it."""
_BECH32: Final = 1
_BECH32M: Final = 0x2BC830A3
_CHECKSUM_LENGTH: Final = 6
_TEXT_LENGTH_MAX: Final = 90
_ASCII: Final = CHARSET.encode().ljust(256, b"?")
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
        tables, masks, padding, characters = _tables(len(program))
        checksum = reduce(xor, map(getitem, tables, program), checksum)
        spread = int.from_bytes(program, "big") << padding
        for low_halves, shift in masks:
            low = spread & low_halves
            spread = low | (spread ^ low) << shift
        symbols = spread.to_bytes(1 << len(masks), "big")[:characters].translate(_ASCII)
        tail = _PAIRS[checksum >> 20] + _PAIRS[checksum >> 10 & 1023] + _PAIRS[checksum & 1023]
        return text + symbols.decode("ascii") + tail


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


def _polymod(values: list[int]) -> int:
    state = 1
    for value in values:
        state = (state & 0x1FFFFFF) << 5 ^ _FOLDED[state >> 25] ^ value
    return state


def _prefix(hrp: str, version: int, length: int) -> tuple[str, int]:
    """The text before the program, and the checksum the whole would have if it were all zero."""
    zeros = [0] * (_characters(length) + _CHECKSUM_LENGTH)
    constant = _BECH32 if version == 0 else _BECH32M
    return f"{hrp}1{CHARSET[version]}", _polymod([*_expand(hrp), version, *zeros]) ^ constant


def _characters(length: int) -> int:
    return -(-length * 8 // 5)


class _Tables(NamedTuple):
    """How programs of one length become text.

    `checksums[i][b]`: what byte b at place i adds to the checksum. `masks`: each step moves the
    upper halves of all groups of bits apart from the lower ones, until every 5 bits have a byte of
    their own. `padding`: bits to append, so that the number of groups is a power of two.
    """

    checksums: tuple[tuple[int, ...], ...]
    masks: tuple[tuple[int, int], ...]
    padding: int
    characters: int


@cache
def _tables(length: int) -> _Tables:
    characters = _characters(length)
    steps = (characters - 1).bit_length()
    return _Tables(
        tuple(_byte_table(length, place) for place in range(length)),
        tuple(_half_mask(step, steps) for step in reversed(range(steps))),
        5 * (1 << steps) - 8 * length,
        characters,
    )


def _byte_table(length: int, place: int) -> tuple[int, ...]:
    """The checksum is linear, so the entry of a byte is the XOR of those of its bits."""
    table = [0]
    for bit in range(8):
        from_start = place * 8 + 7 - bit
        symbol, within = divmod(from_start, 5)
        state = 1 << 4 - within
        for _ in range(_characters(length) - 1 - symbol + _CHECKSUM_LENGTH):
            state = (state & 0x1FFFFFF) << 5 ^ _FOLDED[state >> 25]
        table += [state ^ entry for entry in table]
    return tuple(table)


def _half_mask(step: int, steps: int) -> tuple[int, int]:
    """Where the lower halves are while a group has 2 ** (step + 1) characters, and how far the
    upper ones move: a character takes 5 bits within a group and groups start every 8 per character.
    """
    half = (1 << 5 * (1 << step)) - 1
    starts = range(0, 8 << steps, 16 << step)
    return sum(half << start for start in starts), 3 << step
