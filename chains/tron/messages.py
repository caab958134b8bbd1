"""What TRON addresses sign beside transactions: texts (TIP-191) and typed data (TIP-712). Pure.

No structure that gives something away is described here, so typed data that does, by its names, is
refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from chains.contracts import typed
from chains.effects import Sign
from chains.errors import MalformedTransaction
from chains.hashes import keccak256
from chains.messages.errors import (
    TypedDataMalformed,
    TypedDataOtherChain,
    TypedDataUndescribed,
    TypedDataWithoutChain,
    TypedDataWithoutContract,
)
from chains.messages.model import ANYBODY, Kind, Message, Said
from chains.messages.recoverable import recoverable
from chains.messages.texts import no_login, readable, shown
from chains.model import Address, Signature, SignatureAlgorithm
from chains.networks import Network
from chains.tron import ADDRESS_PREFIX, address

_PREFIX: Final = b"\x19TRON Signed Message:\n"
_NOBODY: Final = address.to_text(ADDRESS_PREFIX + bytes(20))


class TronMessages:
    """`chains.messages.reading.Family`."""

    kinds: Sequence[Kind] = (Kind.TIP191, Kind.TIP712)

    def said(self, network: Network, sender: Address, message: Message) -> Said:
        content = message.content
        if message.kind is Kind.TIP712:
            return _typed(network, content)
        no_login(readable(content))
        digest = keccak256(_PREFIX + str(len(content)).encode() + content)
        effects = (Sign(message.kind.value, ANYBODY, content),)
        return Said(effects, SignatureAlgorithm.ECDSA_RECOVERABLE, digest, digest.hex())

    def respell(self, spelled: str) -> str:
        return address.parse(spelled)

    def sealed(self, said: Said, sender: Address, signature: Signature) -> str:
        return recoverable(said, sender, signature, address.from_public_key)


def _typed(network: Network, content: bytes) -> Said:
    try:
        data = typed.parse(content, _octets)
        shown(content)
    except MalformedTransaction as error:
        raise TypedDataMalformed(str(error)) from error
    chain_id, contract = data.domain.get("chainId"), data.domain.get("verifyingContract")
    if chain_id is None:
        raise TypedDataWithoutChain("its domain names no chain: it would count on all of them")
    if chain_id != int(network.id.partition(":")[2], 16):
        raise TypedDataOtherChain(f"its domain names chain {chain_id}, and this is {network.id}")
    if contract in (None, _NOBODY):
        raise TypedDataWithoutContract("its domain names no contract that takes it")
    if found := typed.giving(data.types):
        raise TypedDataUndescribed(f"{found} gives something away, and nothing here says what")
    effects = (Sign(Kind.TIP712.value, f"{contract}/{data.primary}", content),)
    digest, algorithm = data.digest, SignatureAlgorithm.ECDSA_RECOVERABLE
    return Said(effects, algorithm, digest, digest.hex())


def _octets(spelled: str) -> bytes:
    """Contracts know 20 of them."""
    return address.to_bytes(Address(spelled))[1:]
