"""Signatures that name their key, as wallets of EVM networks and TRON pass them. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from coincurve import PublicKey

from chains.errors import SignatureMismatch
from chains.messages.model import Said
from chains.model import Address, Signature

_SIGNATURE_BYTES: Final = 65
_HALF_ORDER: Final = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0
_V: Final = 27


def recoverable(
    said: Said, sender: Address, signature: Signature, derive: Callable[[bytes], Address]
) -> str:
    """r, s and v, which is 27 or 28. Raises SignatureMismatch unless the sender's key made it, with
    low s."""
    compact = signature.signature
    if len(compact) != _SIGNATURE_BYTES or compact[64] > 1:
        raise SignatureMismatch("not r, s and a parity of 0 or 1")
    if int.from_bytes(compact[32:64], "big") > _HALF_ORDER:
        raise SignatureMismatch("a signature with high s")
    try:
        key = PublicKey.from_signature_and_message(compact, said.signed, hasher=None).format()
    except ValueError as error:
        raise SignatureMismatch("a signature that no key can have made") from error
    if key != signature.public_key or derive(key) != sender:
        raise SignatureMismatch(f"not signed by the key of {sender}")
    return "0x" + compact[:64].hex() + f"{compact[64] + _V:02x}"
