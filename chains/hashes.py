"""The hash functions of the chains, each from a C library. Pure.

`hashlib` has no Keccak (its sha3 pads differently), and RIPEMD-160 only where the OpenSSL beneath
it still offers that. Where it does, it takes a quarter of the time, and hashing public keys is a
good part of deriving addresses.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from hashlib import sha256

from Crypto.Hash import RIPEMD160, keccak


def keccak256(data: bytes) -> bytes:
    """Keccak-256 as Ethereum and TRON use it (the original padding, not FIPS 202)."""
    return keccak.new(digest_bits=256, data=data).digest()


def sha256d(data: bytes) -> bytes:
    """SHA-256 twice, as bitcoin hashes transactions and blocks."""
    return sha256(sha256(data).digest()).digest()


def hash160(data: bytes) -> bytes:
    """RIPEMD-160 of SHA-256, as bitcoin hashes public keys and scripts."""
    return _ripemd160(sha256(data).digest())


def portable_ripemd160(data: bytes) -> bytes:
    """Available everywhere."""
    return RIPEMD160.new(data).digest()


def fastest_ripemd160() -> Callable[[bytes], bytes]:
    """OpenSSL's, if this OpenSSL has it: version 3 may not, and a FIPS build never."""
    try:
        fresh = hashlib.new("ripemd160", usedforsecurity=False)
    except ValueError:
        return portable_ripemd160

    def openssl_ripemd160(data: bytes) -> bytes:
        started = fresh.copy()  # cheaper than looking the algorithm up by name again
        started.update(data)
        return started.digest()

    return openssl_ripemd160


_ripemd160 = fastest_ripemd160()
