"""The seed on paper: BIP-39 words, or SLIP-39 shares of which m of n restore it.

Shares hold the BIP-39 entropy, so both ways lead to the same keys. Words are strings, which Python
can't overwrite: they exist while a ceremony reads or writes them. The process that serves has the
seed's bytes, and never loads this.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Sequence

import shamir_mnemonic
from mnemonic import Mnemonic

from signer.errors import WordsInvalid

_ENTROPY_BYTES = (16, 20, 24, 28, 32)
_BIP39_ROUNDS = 2048
_SHARES_MAX = 16


def words_of(entropy: bytearray) -> str:
    """BIP-39, English, separated by single spaces."""
    assert len(entropy) in _ENTROPY_BYTES
    return Mnemonic("english").to_mnemonic(bytes(entropy))


def entropy_of(words: str) -> bytearray:
    """The inverse; case and spacing are forgiven, a wrong checksum is not. Raises WordsInvalid."""
    try:
        return bytearray(Mnemonic("english").to_entropy(_normal(words)))
    except (ValueError, LookupError):
        raise WordsInvalid("not BIP-39 words: a word is unknown or the checksum is wrong") from None


def seed_of(entropy: bytearray) -> bytearray:
    """The 64-byte seed of BIP-39, with the empty passphrase."""
    words = unicodedata.normalize("NFKD", words_of(entropy)).encode()
    return bytearray(hashlib.pbkdf2_hmac("sha512", words, b"mnemonic", _BIP39_ROUNDS))


def split(entropy: bytearray, threshold: int, shares: int) -> tuple[str, ...]:
    """SLIP-39 shares, any `threshold` of which restore the entropy. Raises WordsInvalid."""
    if not 2 <= threshold <= shares <= _SHARES_MAX:
        raise WordsInvalid(f"2 <= threshold <= shares <= {_SHARES_MAX}")
    groups = shamir_mnemonic.generate_mnemonics(1, [(threshold, shares)], bytes(entropy))
    return tuple(groups[0])


def combine(shares: Sequence[str]) -> bytearray:
    """The entropy, from exactly as many shares as the threshold says. Raises WordsInvalid."""
    try:
        entropy = shamir_mnemonic.combine_mnemonics([_normal(share) for share in shares])
    except (shamir_mnemonic.MnemonicError, ValueError):
        raise WordsInvalid("these SLIP-39 shares do not restore a secret") from None
    if len(entropy) not in _ENTROPY_BYTES:
        raise WordsInvalid("the shares restore something that is not BIP-39 entropy")
    return bytearray(entropy)


def _normal(words: str) -> str:
    return " ".join(words.lower().split())
