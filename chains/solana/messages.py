"""What Solana addresses sign beside transactions: texts, as they are. Pure.

Wallets sign a text's bytes without anything before them. What tells them from a transaction is
their first byte: of a transaction it is the number of its signatures, at most 12 of which fit into
1,232 bytes, or has the highest bit (a version). So a text begins with a printable letter of ASCII.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Final

from solders.signature import Signature as Ed25519Signature

from chains.effects import Sign
from chains.errors import SignatureMismatch
from chains.messages.errors import MessageIsTransaction
from chains.messages.model import ANYBODY, Kind, Message, Said
from chains.messages.texts import no_login, readable
from chains.model import Address, Signature, SignatureAlgorithm
from chains.networks import Network
from chains.solana import address

_FIRST: Final = range(0x20, 0x7F)
_SIGNATURE_BYTES: Final = 64


class SolanaMessages:
    """`chains.messages.reading.Family`."""

    kinds: Sequence[Kind] = (Kind.SOLANA_TEXT,)

    def said(self, network: Network, sender: Address, message: Message) -> Said:
        content = message.content
        if content[0] not in _FIRST:
            raise MessageIsTransaction("its first byte may be a transaction's")
        no_login(readable(content))
        effects = (Sign(message.kind.value, ANYBODY, content),)
        return Said(effects, SignatureAlgorithm.ED25519, content, sha256(content).hexdigest())

    def respell(self, spelled: str) -> str:
        return address.parse(spelled).address

    def sealed(self, said: Said, sender: Address, signature: Signature) -> str:
        """Base58."""
        if len(signature.signature) != _SIGNATURE_BYTES:
            raise SignatureMismatch("a signature has 64 bytes")
        made = Ed25519Signature(signature.signature)
        if not made.verify(address.to_key(sender), said.signed):
            raise SignatureMismatch(f"not signed by the key of {sender}")
        return str(made)
