"""From a signer's signature to the witness that spends a coin, verified on the way. Pure.

The verification is libsecp256k1's, under the key that the spent output names and over the very
bytes that go into the witness, so that no transaction leaves us that a node would refuse.
"""

from __future__ import annotations

from typing import Final

from coincurve import PublicKey, PublicKeyXOnly

from chains.bitcoin import SIGHASH_ALL
from chains.bitcoin.address import taproot_output_key
from chains.errors import InvalidInput, SignatureMismatch
from chains.hashes import hash160
from chains.model import Signature

_RECOVERABLE_BYTES: Final = 65
_BIP340_BYTES: Final = 64
PUBLIC_KEY_BYTES: Final = 33
"""A compressed point; version 0 programs allow no other form (BIP-143)."""


def p2wpkh_witness(script: bytes, message: bytes, signature: Signature) -> tuple[bytes, bytes]:
    """DER signature with its hash type, and the key (BIP-141). Raises SignatureMismatch."""
    public_key = signature.public_key
    if len(public_key) != PUBLIC_KEY_BYTES or hash160(public_key) != script[2:]:
        raise SignatureMismatch("signed by another key than the coin's")
    compact = signature.signature
    if len(compact) != _RECOVERABLE_BYTES or compact[64] > 3:
        raise SignatureMismatch("not a recoverable ECDSA signature")
    der = der_encode(int.from_bytes(compact[:32], "big"), int.from_bytes(compact[32:64], "big"))
    try:
        # libsecp256k1 also refuses a high s, which nodes would not relay (BIP-146).
        valid = PublicKey(public_key).verify(der, message, hasher=None)
    except ValueError:
        valid = False
    if not valid:
        raise SignatureMismatch("the ECDSA signature does not fit key and transaction")
    return der + bytes((SIGHASH_ALL,)), public_key


def p2tr_witness(script: bytes, message: bytes, signature: Signature) -> tuple[bytes]:
    """The 64 bytes of BIP-340, verified under the tweaked key. Raises SignatureMismatch."""
    if len(signature.public_key) != PUBLIC_KEY_BYTES:
        raise SignatureMismatch("signed by another key than the coin's")
    try:
        output_key = taproot_output_key(signature.public_key[1:])
        if output_key != script[2:]:
            raise SignatureMismatch("signed by another key than the coin's")
        if len(signature.signature) != _BIP340_BYTES:
            raise SignatureMismatch("not a BIP-340 signature")
        valid = PublicKeyXOnly(output_key).verify(signature.signature, message)
    except (ValueError, InvalidInput):
        valid = False
    if not valid:
        raise SignatureMismatch("the BIP-340 signature does not fit key and transaction")
    return (signature.signature,)


def der_encode(r: int, s: int) -> bytes:
    """ECDSA-Sig-Value (SEC 1, appendix C.8) in its only DER spelling (BIP-66)."""
    body = _der_integer(r) + _der_integer(s)
    return b"\x30" + bytes((len(body),)) + body


def _der_integer(value: int) -> bytes:
    data = value.to_bytes(value.bit_length() // 8 + 1, "big")  # a leading zero where it is needed
    return b"\x02" + bytes((len(data),)) + data
