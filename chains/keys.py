"""Public keys from public keys: BIP-32 paths and extended public keys on secp256k1.

Custody derives every secp256k1 address from an account's extended public key by itself, at the
speed of libsecp256k1; the private half of BIP-32 lives in the signer alone. Pure: no I/O, no
randomness. Knows no chain, no address format and no private key.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from coincurve import PublicKey
from embit import base58

from chains.hashes import hash160

HARDENED: Final = 0x80000000
"""Added to an index whose child needs the private key (BIP-32, "Extended keys")."""

_DEPTH_MAX: Final = 255
_PATH_LENGTH: Final = 64
"""Characters of five levels; strangers' longer paths are not kept in memory."""
_VERSION: Final = bytes.fromhex("0488b21e")
_VERSION_TESTNET: Final = bytes.fromhex("043587cf")


class InvalidPath(ValueError):
    """Not a derivation path in its one canonical spelling."""


class InvalidExtendedKey(ValueError):
    """Not a serialized extended public key (BIP-32, "Serialization format")."""


def parse_path(path: str) -> tuple[int, ...]:
    """``m/84'/1'/7'`` to indices, hardened ones with the HARDENED bit.

    One path has one spelling, because paths are compared: `'` marks hardening, no leading zeros,
    no spaces, no trailing slash. Raises InvalidPath.
    """
    return (_recent_path if len(path) <= _PATH_LENGTH else _parse_path)(path)


def _parse_path(path: str) -> tuple[int, ...]:
    root, *components = path.split("/")
    if root != "m" or len(components) > _DEPTH_MAX:
        raise InvalidPath("a derivation path starts with m")
    return tuple(_parse_index(component) for component in components)


_recent_path = lru_cache(maxsize=65536)(_parse_path)


def format_path(indices: tuple[int, ...]) -> str:
    """The inverse of `parse_path`."""
    return "/".join(
        ["m", *(f"{i - HARDENED}'" if i >= HARDENED else str(i) for i in indices)],
    )


def is_under(path: str, prefix: str) -> bool:
    """Whether the key at `path` is the one at `prefix` or below it. Raises InvalidPath."""
    indices, scope = parse_path(path), parse_path(prefix)
    return indices[: len(scope)] == scope


def _parse_index(component: str) -> int:
    digits = component.removesuffix("'")
    canonical = digits.isascii() and digits.isdigit() and len(digits) <= 10
    if not canonical or (digits[0] == "0" and digits != "0"):
        raise InvalidPath("an index is a decimal number, hardened ones followed by '")
    index = int(digits)
    if index >= HARDENED:
        raise InvalidPath("an index is below 2**31")
    return index + HARDENED if component != digits else index


@dataclass(frozen=True, slots=True)
class ExtendedPublicKey:
    """A 33-byte compressed point with its chain code and its place in the tree.

    `testnet` chooses the spelling (tpub instead of xpub) and nothing else.
    """

    public_key: bytes
    chain_code: bytes
    depth: int = 0
    parent_fingerprint: bytes = bytes(4)
    child_number: int = 0
    testnet: bool = False
    _point: PublicKey = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_point", _parse_point(self.public_key))

    @classmethod
    def parse(cls, xpub: str) -> ExtendedPublicKey:
        """From an ``xpub…`` or ``tpub…``. Raises InvalidExtendedKey, also for private keys."""
        try:
            data = base58.decode_check(xpub)
        except ValueError as error:
            raise InvalidExtendedKey("not base58 with a valid checksum") from error
        version, depth, parent, number = data[:4], data[4:5], data[5:9], data[9:13]
        if len(data) != 78 or version not in (_VERSION, _VERSION_TESTNET):
            raise InvalidExtendedKey("not an extended public key of bitcoin's main or test network")
        if depth == b"\0" and (any(parent) or any(number)):
            raise InvalidExtendedKey("a master key with a parent")
        return cls(
            public_key=data[45:],
            chain_code=data[13:45],
            depth=depth[0],
            parent_fingerprint=parent,
            child_number=int.from_bytes(number, "big"),
            testnet=version == _VERSION_TESTNET,
        )

    def serialize(self) -> str:
        """The ``xpub…`` or ``tpub…`` spelling."""
        text: str = base58.encode_check(
            (_VERSION_TESTNET if self.testnet else _VERSION)
            + bytes([self.depth])
            + self.parent_fingerprint
            + self.child_number.to_bytes(4, "big")
            + self.chain_code
            + self.public_key
        )
        return text

    def fingerprint(self) -> bytes:
        """The first four bytes of the key's identifier, as children and PSBTs name it."""
        return hash160(self.public_key)[:4]

    def child(self, index: int) -> ExtendedPublicKey:
        """CKDpub of BIP-32. Raises InvalidPath for a hardened index."""
        point, chain_code = self._tweaked(index)
        return ExtendedPublicKey(
            public_key=point.format(),
            chain_code=chain_code,
            depth=self.depth + 1,
            parent_fingerprint=self.fingerprint(),
            child_number=index,
            testnet=self.testnet,
        )

    def child_public_key(self, index: int) -> bytes:
        """Only the 33-byte key of `child(index)`: what an address needs, at half the price."""
        return self._tweaked(index)[0].format()

    def derive(self, path: str) -> ExtendedPublicKey:
        """Along a relative path like ``0/5``. Raises InvalidPath."""
        key = self
        for index in parse_path(f"m/{path}"):
            key = key.child(index)
        return key

    def _tweaked(self, index: int) -> tuple[PublicKey, bytes]:
        if not 0 <= index < HARDENED:
            raise InvalidPath("a hardened child needs the private key")
        if self.depth == _DEPTH_MAX:
            raise InvalidPath("deeper than BIP-32 goes")
        digest = hmac.digest(self.chain_code, self.public_key + index.to_bytes(4, "big"), "sha512")
        try:
            tweak = PublicKey.from_valid_secret(digest[:32])  # refuses 0 and the order or more
            return PublicKey.combine_keys([self._point, tweak]), digest[32:]
        except ValueError as error:
            raise InvalidPath("no key at this index (chance below 2**-127)") from error


def _parse_point(public_key: bytes) -> PublicKey:
    if len(public_key) != 33:
        raise InvalidExtendedKey("a public key has 33 bytes")
    try:
        return PublicKey(public_key)
    except ValueError as error:
        raise InvalidExtendedKey("not a point of secp256k1") from error
