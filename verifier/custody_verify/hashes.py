"""Hash functions that Python's library lacks: Keccak-256 and RIPEMD-160, and what is made of them.

Keccak: the Keccak reference, version 3.0, sections 1.1 and 1.2, with its original padding, as
Ethereum and TRON use it. RIPEMD-160: Dobbertin, Bosselaers and Preneel (1996), appendix A;
`hashlib` has it only where OpenSSL still does.
"""

from hashlib import sha256
from typing import Final

_WORD: Final = (1 << 64) - 1
_RATE: Final = 136


def _round_constants() -> list[int]:
    """The bits of a shift register (x^8 + x^6 + x^5 + x^4 + 1), seven for each round."""
    register, constants = 1, []
    for _ in range(24):
        constant = 0
        for power in range(7):
            constant |= (register & 1) << ((1 << power) - 1)
            register = (register << 1) ^ (0x171 if register & 0x80 else 0)
        constants.append(constant)
    return constants


_ROUNDS: Final = _round_constants()


def _permute(lanes: list[int]) -> None:
    """Keccak-f[1600]; lane (x, y) is at x + 5 y."""
    for constant in _ROUNDS:
        columns = [
            lanes[x] ^ lanes[x + 5] ^ lanes[x + 10] ^ lanes[x + 15] ^ lanes[x + 20]
            for x in range(5)
        ]
        for at in range(25):
            lanes[at] ^= columns[(at + 4) % 5] ^ _left64(columns[(at + 1) % 5], 1)
        x, y, current = 1, 0, lanes[1]
        for step in range(24):
            x, y = y, (2 * x + 3 * y) % 5
            at = x + 5 * y
            current, lanes[at] = lanes[at], _left64(current, (step + 1) * (step + 2) // 2 % 64)
        for row in range(0, 25, 5):
            five = lanes[row : row + 5]
            for x in range(5):
                lanes[row + x] = five[x] ^ (~five[(x + 1) % 5] & five[(x + 2) % 5] & _WORD)
        lanes[0] ^= constant


def _left64(word: int, by: int) -> int:
    return (word << by | word >> (64 - by)) & _WORD


def keccak256(data: bytes) -> bytes:
    padded = bytearray(data + bytes(_RATE - len(data) % _RATE))
    padded[len(data)] ^= 0x01
    padded[-1] ^= 0x80
    lanes = [0] * 25
    for start in range(0, len(padded), _RATE):
        for at in range(_RATE // 8):
            begin = start + 8 * at
            lanes[at] ^= int.from_bytes(padded[begin : begin + 8], "little")
        _permute(lanes)
    return b"".join(lane.to_bytes(8, "little") for lane in lanes[:4])


_RHO: Final = [int(word, 16) for word in "74d1a6f3c0952eb8"]
_SHIFTS: Final = "befc5879bdef6798cdbf6997cfbd7877dfeb7768dedc5569ebce8655fcfe9986fcdd9586ebcb8655"
"""A digit for each round and message word."""
_LEFT_CONSTANTS: Final = (0, 0x5A827999, 0x6ED9EBA1, 0x8F1BBCDC, 0xA953FD4E)
_RIGHT_CONSTANTS: Final = (0x50A28BE6, 0x5C4DD124, 0x6D703EF3, 0x7A6D76E9, 0)


def _mix(number: int, x: int, y: int, z: int) -> int:
    return (x ^ y ^ z, x & y | ~x & z, (x | ~y) ^ z, x & z | y & ~z, x ^ (y | ~z))[number]


def _left32(word: int, by: int) -> int:
    word &= 0xFFFFFFFF
    return (word << by | word >> (32 - by)) & 0xFFFFFFFF


def ripemd160(data: bytes) -> bytes:
    padded = data + b"\x80" + bytes(-(len(data) + 9) % 64) + (8 * len(data)).to_bytes(8, "little")
    state = [0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0]
    for start in range(0, len(padded), 64):
        words = [
            int.from_bytes(padded[at : at + 4], "little") for at in range(start, start + 64, 4)
        ]
        left = _line(state, words, [*range(16)], _LEFT_CONSTANTS, range(5))
        begin = [(9 * at + 5) % 16 for at in range(16)]
        right = _line(state, words, begin, _RIGHT_CONSTANTS, range(4, -1, -1))
        state = [
            (state[(at + 1) % 5] + left[(at + 2) % 5] + right[(at + 3) % 5]) & 0xFFFFFFFF
            for at in range(5)
        ]
    return b"".join(word.to_bytes(4, "little") for word in state)


def _line(
    state: list[int], words: list[int], order: list[int], constants: tuple[int, ...], mixes: range
) -> list[int]:
    a, b, c, d, e = state
    for number, mix in enumerate(mixes):
        for word in order:
            mixed = a + _mix(mix, b, c, d) + words[word] + constants[number]
            a = (_left32(mixed, int(_SHIFTS[16 * number + word], 16)) + e) & 0xFFFFFFFF
            a, b, c, d, e = e, a, b, _left32(c, 10), d
        order = [_RHO[word] for word in order]
    return [a, b, c, d, e]


def sha256d(data: bytes) -> bytes:
    return sha256(sha256(data).digest()).digest()


def hash160(data: bytes) -> bytes:
    return ripemd160(sha256(data).digest())
