"""What a contract says of the typed data that its holders sign (`permits`), and whether it is true.

A name and a version are a contract's word. Its separator is what it really hashes, so a trait is
given only where the separator is that of name, version, chain and contract, and where the hash of
each type is the standard's: a token with a type of its own (DAI's permit) would be signed for in
vain, or for something else. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from chains import abi
from chains.abi import NAME, PADDING, selector
from chains.evm.address import to_bytes
from chains.evm.permits import Domain, Kind, PermitTrait, type_hash
from chains.model import Address

SEPARATOR: Final = selector("DOMAIN_SEPARATOR()")
_VERSION: Final = selector("version()")
_TYPES: Final = {
    Kind.TRANSFER: selector("TRANSFER_WITH_AUTHORIZATION_TYPEHASH()"),
    Kind.RECEIVE: selector("RECEIVE_WITH_AUTHORIZATION_TYPEHASH()"),
    Kind.PERMIT: selector("PERMIT_TYPEHASH()"),
}
_NEEDED: Final = {
    PermitTrait.EIP3009: (Kind.TRANSFER, Kind.RECEIVE),
    PermitTrait.EIP2612: (Kind.PERMIT,),
}
STATE: Final = selector("authorizationState(address,bytes32)")
_NONCES: Final = selector("nonces(address)")


def questions(contract: Address) -> tuple[bytes, ...]:
    """Calls whose answers `domain` reads, in that order."""
    owner = PADDING + to_bytes(contract)
    states = STATE + owner + bytes(abi.WORD), _NONCES + owner
    return (NAME, _VERSION, SEPARATOR, *_TYPES.values(), *states)


def domain(
    chain_id: int, contract: Address, answers: Sequence[bytes | None]
) -> tuple[frozenset[str], tuple[str, str] | None]:
    """The traits that a contract has, and the name and version of its domain. None: no answer."""
    name, version, separator, *rest = answers
    said = [None if each is None else abi.text(each) for each in (name, version)]
    if said[0] is None or said[1] is None:
        return frozenset(), None
    if Domain(said[0], said[1], chain_id, contract).separator != separator:
        return frozenset(), None
    hashes = dict(zip(_TYPES, rest, strict=False))
    state, nonce = rest[len(_TYPES) :]
    tells = {
        PermitTrait.EIP3009: _number(state) in (0, 1),
        PermitTrait.EIP2612: _number(nonce) is not None,
    }
    found = frozenset(
        trait.value
        for trait, kinds in _NEEDED.items()
        if tells[trait] and all(hashes[kind] == type_hash(kind) for kind in kinds)
    )
    return found, (said[0], said[1]) if found else None


def _number(answer: bytes | None) -> int | None:
    return None if answer is None or len(answer) != abi.WORD else int.from_bytes(answer, "big")
