"""The hash functions of the chains, each from a C library. Pure.

`hashlib` has no Keccak (its sha3 pads differently) and drops RIPEMD-160 where OpenSSL does.
"""

from __future__ import annotations

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
    return RIPEMD160.new(sha256(data).digest()).digest()
