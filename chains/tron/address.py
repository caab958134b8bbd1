"""TRON addresses: 21 bytes (0x41 and the last 20 of Keccak-256 of the public key).

People write them as base58check (T and 33 characters more), nodes as 42 hexadecimal digits. The
canonical form here is base58check. Pure; knows nothing of transactions.
"""

from __future__ import annotations

import string
from typing import Final

from coincurve import PublicKey
from embit import base58, bech32

from chains.base58 import encode_check
from chains.errors import InvalidAddress, WrongChecksum, WrongNetwork, ZeroAddress
from chains.hashes import keccak256, sha256d
from chains.model import Address
from chains.tron import ADDRESS_PREFIX, RETIRED_TESTNET_PREFIX

ADDRESS_BYTES: Final = 21
_TEXT_LENGTH: Final = 34
_TEXT_LENGTH_MAX: Final = 128
_CHECKSUM_BYTES: Final = 4
_HEX: Final = frozenset(string.hexdigits)
_BITCOIN_PREFIXES: Final = ("bc", "tb", "bcrt")
_SOLANA_BYTES: Final = 32


def from_public_key(public_key: bytes) -> Address:
    """The address of a 33-byte compressed secp256k1 point. Raises ValueError if it is none."""
    if len(public_key) != 33:
        raise ValueError("not a compressed secp256k1 public key")
    point = PublicKey(public_key).format(compressed=False)
    return to_text(ADDRESS_PREFIX + keccak256(point[1:])[-20:])


def to_text(raw: bytes) -> Address:
    """Base58check of the 21 bytes. Their prefix makes it 34 characters that begin with T."""
    assert is_address(raw), "not a TRON address"
    return Address(encode_check(raw))


def to_bytes(address: Address) -> bytes:
    """The 21 bytes of an address in canonical form. Raises InvalidAddress for any other text."""
    raw = _from_base58(address)
    if not is_address(raw):
        raise WrongNetwork("not a TRON address")
    return raw


def is_address(raw: bytes) -> bool:
    return len(raw) == ADDRESS_BYTES and raw.startswith(ADDRESS_PREFIX)


def parse(text: str) -> Address:
    """Base58check, or 42 hexadecimal digits with or without 0x, to the canonical form.

    Raises InvalidAddress, WrongChecksum, WrongNetwork or ZeroAddress.
    """
    raw = _from_hex(text) or _from_base58(text)
    if len(raw) == ADDRESS_BYTES and raw.startswith(RETIRED_TESTNET_PREFIX):
        raise WrongNetwork("an address of a retired TRON test network")
    if not is_address(raw):
        raise WrongNetwork("a valid address, but with the prefix of another network")
    if raw == ADDRESS_PREFIX + bytes(20):
        raise ZeroAddress("the zero address: what is sent there is lost")
    return to_text(raw)


def _from_hex(text: str) -> bytes | None:
    """The bytes of hexadecimal text of an address's length; None for anything else."""
    digits = text[2:] if text[:2] in ("0x", "0X") else text
    if not digits or not _HEX.issuperset(digits):
        return None
    if len(digits) == 40:
        raise WrongNetwork(
            "20 bytes without TRON's 41 in front: an address of an EVM network",
            advice="the same digits may belong to somebody else on TRON; ask for the T... form",
        )
    if len(digits) == 2 * ADDRESS_BYTES and digits[:2].lower() in ("41", "a0"):
        return bytes.fromhex(digits)
    if digits is not text:
        raise InvalidAddress("hexadecimal, but not 21 bytes that begin with 41")
    return None


def _from_base58(text: str) -> bytes:
    """The payload of base58check text. Raises InvalidAddress, WrongChecksum or WrongNetwork."""
    if not text or len(text) > _TEXT_LENGTH_MAX:
        raise InvalidAddress("not a TRON address")
    if _is_bech32(text):
        raise WrongNetwork("an address of a bitcoin network")
    try:
        raw: bytes = base58.decode(text)
    except ValueError as error:
        raise InvalidAddress("not base58: a character no address has") from error
    payload, checksum = raw[:-_CHECKSUM_BYTES], raw[-_CHECKSUM_BYTES:]
    if len(raw) > _CHECKSUM_BYTES and sha256d(payload)[:_CHECKSUM_BYTES] == checksum:
        return payload
    if len(raw) == _SOLANA_BYTES:
        raise WrongNetwork("32 bytes in base58: an address of Solana")
    if len(raw) == ADDRESS_BYTES + _CHECKSUM_BYTES:
        raise WrongChecksum("the checksum does not match: a character is wrong")
    if len(text) == _TEXT_LENGTH and text.startswith("T"):
        raise WrongChecksum("the checksum does not match: a character is wrong")
    raise InvalidAddress("not a TRON address")


def _is_bech32(text: str) -> bool:
    if not text.lower().startswith(tuple(f"{prefix}1" for prefix in _BITCOIN_PREFIXES)):
        return False
    _, prefix, _ = bech32.bech32_decode(text)
    return prefix in _BITCOIN_PREFIXES
