"""Addresses: what an output, a call or an account is called by people, in the one canonical form.

Only from bytes to text. What a mandate spells is compared with that: an address that nobody here
can write is equal to none, so nothing that can't be decoded ever passes.
"""

from typing import Final

from custody_verify.errors import Unreadable, reject
from custody_verify.hashes import keccak256, sha256d

_BASE58: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BECH32: Final = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_GENERATOR: Final = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_CONSTANTS: Final = {0: 1, 1: 0x2BC830A3}
"""By witness version: BIP-173 and BIP-350."""


def base58(data: bytes) -> str:
    value, digits = int.from_bytes(data, "big"), ""
    while value:
        value, digit = divmod(value, 58)
        digits = _BASE58[digit] + digits
    return "1" * (len(data) - len(data.lstrip(b"\0"))) + digits


def from_base58(text: str, length: int) -> bytes:
    """Exactly `length` bytes, and no other text for them."""
    value = 0
    for letter in text[:128]:
        reject(letter not in _BASE58, "not base58")
        value = value * 58 + _BASE58.index(letter)
    if value >> 8 * length or base58(value.to_bytes(length, "big")) != text:
        raise Unreadable("not base58, or of another length")
    return value.to_bytes(length, "big")


def base58check(data: bytes) -> str:
    return base58(data + sha256d(data)[:4])


def segwit(prefix: str, version: int, program: bytes) -> str:
    """BIP-173, with BIP-350's checksum from version 1 on."""
    bits = int.from_bytes(program, "big") << (-8 * len(program) % 5)
    count = -(-8 * len(program) // 5)
    words = [version, *(bits >> 5 * (count - 1 - at) & 31 for at in range(count))]
    spread = [*(ord(each) >> 5 for each in prefix), 0, *(ord(each) & 31 for each in prefix)]
    sum_ = _polymod([*spread, *words, 0, 0, 0, 0, 0, 0]) ^ _CONSTANTS[version]
    words += [sum_ >> 5 * (5 - at) & 31 for at in range(6)]
    return prefix + "1" + "".join(_BECH32[word] for word in words)


def _polymod(words: list[int]) -> int:
    value = 1
    for word in words:
        top = value >> 25
        value = (value & 0x1FFFFFF) << 5 ^ word
        for at in range(5):
            value ^= _GENERATOR[at] if top >> at & 1 else 0
    return value


def eip55(account: bytes) -> str:
    """20 bytes, spelled as EIP-55 says."""
    digits = account.hex()
    hashed = keccak256(digits.encode()).hex()
    pairs = zip(digits, hashed, strict=False)
    return "0x" + "".join(d.upper() if int(h, 16) > 7 else d for d, h in pairs)


def tron(account: bytes) -> str:
    """21 bytes that begin with 0x41."""
    reject(len(account) != 21 or account[0] != 0x41, "no TRON address")
    return base58check(account)


def tron_account(spelled: str) -> bytes:
    """The last 20 bytes, as contracts know it."""
    raw = from_base58(spelled, 25)
    reject(tron(raw[:21]) != spelled, "no TRON address")
    return raw[1:21]
