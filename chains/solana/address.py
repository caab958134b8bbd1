"""Solana addresses: the 32 bytes of an ed25519 key, or of a program-derived account, in base58.

They carry no checksum and no network: a mistyped address is mostly one too, only nobody's, and the
same address is valid on every cluster. Whether somebody may hold its key shows in the bytes: a
program-derived address is not on the curve, and nor are half of the mistyped ones. Pure; knows
nothing of transactions.

Error messages never repeat the text: people also paste keys.
"""

from __future__ import annotations

import re
from typing import Final

from embit import base58, bech32
from solders.pubkey import Pubkey

from chains.errors import InvalidAddress, WrongNetwork, ZeroAddress
from chains.hashes import sha256d
from chains.model import Address, AddressType, ParsedAddress
from chains.solana import ADDRESS_BYTES, INCINERATOR, RESERVED_ACCOUNTS, SYSTEM_PROGRAM

_TEXT_LENGTH_MAX: Final = 128
_SECRET_KEY_BYTES: Final = 64
_CHECKED_BYTES: Final = 25
_EVM: Final = re.compile(r"(0[xX])?(41)?[0-9a-fA-F]{40}")
_BITCOIN_PREFIXES: Final = ("bc", "tb", "bcrt")


def from_public_key(public_key: bytes) -> Address:
    """The address of a 32-byte ed25519 public key. Raises ValueError if it is none."""
    if len(public_key) != ADDRESS_BYTES:
        raise ValueError("an ed25519 public key has 32 bytes")
    key = Pubkey(public_key)
    if not key.is_on_curve():
        raise ValueError("not a point of the curve")
    return Address(str(key))


def parse(text: str) -> ParsedAddress:
    """Base58 of 32 bytes, its one canonical form; on and off the curve told apart.

    Raises InvalidAddress, WrongNetwork or ZeroAddress.
    """
    key = Pubkey(_decode(text))
    address = Address(str(key))
    if address == SYSTEM_PROGRAM:
        raise ZeroAddress("the system program (32 zero bytes): what is sent there is lost")
    if address == INCINERATOR:
        raise ZeroAddress("the incinerator: what is sent there is burned")
    if address in RESERVED_ACCOUNTS:
        raise InvalidAddress("an account of the network itself, which can't receive")
    on_curve = key.is_on_curve()
    return ParsedAddress(address, AddressType.SOLANA if on_curve else AddressType.SOLANA_OFF_CURVE)


def to_key(address: Address) -> Pubkey:
    """The 32 bytes of an address in canonical form. Raises InvalidAddress for any other text."""
    return Pubkey(_decode(address))


def _decode(text: str) -> bytes:
    if not text or len(text) > _TEXT_LENGTH_MAX:
        raise InvalidAddress("not a Solana address: 32 to 44 base58 characters expected")
    if _EVM.fullmatch(text):
        raise WrongNetwork("hexadecimal: an address of an EVM network or of TRON")
    if _is_bech32(text):
        raise WrongNetwork("an address of a bitcoin network")
    try:
        raw: bytes = base58.decode(text)
    except ValueError:
        raise InvalidAddress("not base58: a character no address has") from None
    if len(raw) == ADDRESS_BYTES:
        return raw
    if len(raw) == _CHECKED_BYTES and sha256d(raw[:-4])[:4] == raw[-4:]:
        raise WrongNetwork("a base58 address of a bitcoin network or of TRON")
    if len(raw) == _SECRET_KEY_BYTES:
        raise InvalidAddress(
            "64 bytes, which is how wallets export secret keys; an address has 32",
            advice="if it was a secret key, regard it as known to others",
        )
    raise InvalidAddress("a Solana address has 32 bytes in base58")


def _is_bech32(text: str) -> bool:
    if not text.lower().startswith(tuple(f"{prefix}1" for prefix in _BITCOIN_PREFIXES)):
        return False
    _, prefix, _ = bech32.bech32_decode(text)
    return prefix in _BITCOIN_PREFIXES
