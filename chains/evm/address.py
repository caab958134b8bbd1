"""EVM addresses: 20 bytes, spelled in hexadecimal with the checksum of EIP-55.

The canonical form is the EIP-55 spelling, always; nothing else of an address is stored, compared
or signed anywhere. Pure. Knows other networks' formats only well enough to say "wrong network".
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from coincurve import PublicKey
from embit import base58

from chains.errors import InvalidAddress, WrongChecksum, WrongNetwork, ZeroAddress
from chains.evm import ADDRESS_BYTES
from chains.hashes import keccak256
from chains.model import Address

_HEX: Final = re.compile(r"0x[0-9a-fA-F]{40}", re.ASCII)
_TRON_HEX: Final = re.compile(r"(0x)?41[0-9a-fA-F]{40}", re.ASCII)
_BECH32: Final = re.compile(r"(bc|tb|bcrt)1[02-9ac-hj-np-z]{6,87}", re.ASCII | re.IGNORECASE)
_CACHED: Final = 1 << 16
_BIT_6: Final = int.from_bytes(b"\x40" * 2 * ADDRESS_BYTES, "big")


@lru_cache(maxsize=_CACHED)
def checksum(address: bytes) -> Address:
    """The canonical spelling of 20 bytes (EIP-55, "Specification")."""
    return spell(address)


def spell(address: bytes) -> Address:
    """`checksum` for addresses that nobody will ask for again soon."""
    assert len(address) == ADDRESS_BYTES
    return _spell(address.hex().encode())


def _spell(digits: bytes) -> Address:
    """Of 40 digits in lower case.

    All at once, each a byte of one number. In ASCII only the letters a to f have the bit 0x40, and
    without 0x20 they are capitals; a hash's digit above 7 has 0x40 or 0x08.
    """
    hashed = int.from_bytes(keccak256(digits)[:ADDRESS_BYTES].hex().encode(), "big")
    letters = int.from_bytes(digits, "big")
    capitals = letters & (hashed | hashed << 3) & _BIT_6
    return Address("0x" + (letters - (capitals >> 1)).to_bytes(2 * ADDRESS_BYTES, "big").decode())


@lru_cache(maxsize=_CACHED)
def canonical(spelled: str) -> Address:
    """`0x` and 40 digits as a node spells them, to the canonical form. Raises ValueError.

    For answers of a node, which has no reason to mistype; people's input goes to `parse`.
    """
    if not _HEX.fullmatch(spelled):
        raise ValueError("not an EVM address")
    return _spell(spelled[2:].lower().encode())


def parse(text: str) -> Address:
    """What a person typed, to the canonical form.

    One-case spellings carry no checksum and pass; mixed case must be EIP-55.
    Raises InvalidAddress, WrongChecksum, WrongNetwork or ZeroAddress.
    """
    if not _HEX.fullmatch(text):
        raise _other_network(text) or InvalidAddress("an address is 0x and 40 hexadecimal digits")
    digits = text[2:]
    address = checksum(bytes.fromhex(digits))
    if digits not in (digits.lower(), digits.upper()) and text != address:
        raise WrongChecksum("the upper and lower case letters don't fit the address (EIP-55)")
    if not int(digits, 16):
        raise ZeroAddress("nobody holds the key of the zero address")
    return address


def to_bytes(address: Address) -> bytes:
    """The 20 bytes of a canonical address."""
    return bytes.fromhex(address[2:])


def derive(public_key: bytes) -> Address:
    """Of a compressed 33-byte secp256k1 point (Yellow Paper, equation 327)."""
    return spell(keccak256(PublicKey(public_key).format(compressed=False)[1:])[-ADDRESS_BYTES:])


def _other_network(text: str) -> WrongNetwork | None:
    if _BECH32.fullmatch(text):
        return WrongNetwork("an address of a bitcoin network")
    if _TRON_HEX.fullmatch(text):
        return WrongNetwork("an address of TRON in hexadecimal")
    try:
        decoded = base58.decode(text) if len(text) < 64 else b""
        checked = base58.decode_check(text) if len(decoded) == 25 else b""
    except ValueError:
        return None
    if len(decoded) == 32:
        return WrongNetwork("32 bytes in base58: an address of Solana")
    if checked[:1] == b"\x41":
        return WrongNetwork("an address of TRON")
    return WrongNetwork("an address of a bitcoin network") if checked else None
