"""Derivation, and signing through a keychain that reaches one account and closes itself.

`Root` lives while the signer is unlocked. Everybody else gets a `Keychain`: a context manager for
one path prefix that refuses each path outside it. Account keys stay cached in memory while
unlocked, because deriving them again for each signature would cost more than signing; leaf keys
exist for the length of one call. BIP-32 on secp256k1, SLIP-10 on ed25519. Knows no chain, no
policy, no file.
"""

from __future__ import annotations

import hmac
from collections import OrderedDict
from dataclasses import dataclass
from functools import lru_cache
from types import TracebackType
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from chains.hashes import hash160
from chains.keys import HARDENED, ExtendedPublicKey, parse_path
from chains.model import KeyScheme, Signature, SignatureAlgorithm
from signer import curves
from signer.errors import OutsideScope
from signer.memory import wipe

_MASTER_KEY: Final = {KeyScheme.SECP256K1: b"Bitcoin seed", KeyScheme.ED25519: b"ed25519 seed"}
_SCHEME: Final = {
    SignatureAlgorithm.ECDSA_RECOVERABLE: KeyScheme.SECP256K1,
    SignatureAlgorithm.BIP340_TAPROOT: KeyScheme.SECP256K1,
    SignatureAlgorithm.ED25519: KeyScheme.ED25519,
}
_NODES_MAX: Final = 4096
_PUBLIC_KEYS_MAX: Final = 65536
_TESTNET_COIN_TYPE: Final = HARDENED + 1


@dataclass(slots=True, repr=False)
class _Node:
    """A private key in the tree. Whoever made it wipes it."""

    scheme: KeyScheme
    secret: bytearray
    chain_code: bytes
    _public_key: bytes = b""

    def public_key(self) -> bytes:
        if not self._public_key:
            ed25519 = self.scheme is KeyScheme.ED25519
            derive = curves.ed25519_public_key if ed25519 else curves.secp256k1_public_key
            self._public_key = derive(self.secret)
        return self._public_key

    def child(self, index: int) -> _Node:
        """CKDpriv of BIP-32, or of SLIP-10 for ed25519, where every index must be hardened."""
        if self.scheme is KeyScheme.ED25519 and index < HARDENED:
            raise OutsideScope("ed25519 derives hardened children only")
        number = index.to_bytes(4, "big")
        if index >= HARDENED:
            material = bytearray(b"\0" + self.secret + number)
        else:
            material = bytearray(self.public_key() + number)
        digest = hmac.digest(self.chain_code, material, "sha512")
        wipe(material)
        if self.scheme is KeyScheme.ED25519:
            return _Node(self.scheme, bytearray(digest[:32]), digest[32:])
        secret = bytearray(self.secret)
        curves.tweak_secret(secret, digest[:32])
        return _Node(self.scheme, secret, digest[32:])

    def wipe(self) -> None:
        wipe(self.secret)


class Root:
    """Every key there is. Made from the seed when the signer unlocks, wiped when it locks."""

    def __init__(self, seed: bytearray) -> None:
        self._masters = {scheme: _master(scheme, seed) for scheme in KeyScheme}
        self._own_keys = bytearray(HKDF(SHA256(), 32, None, b"custody-wallet/own").derive(seed))
        self._nodes: OrderedDict[tuple[KeyScheme, tuple[int, ...]], _Node] = OrderedDict()
        # Cached, since a public key is asked for again with each signature.
        self.public_key = lru_cache(maxsize=_PUBLIC_KEYS_MAX)(self._public_key)

    def keychain(self, scope: str, scheme: KeyScheme) -> Keychain:
        """For keys at or below `scope`, which must be hardened all the way."""
        return Keychain(self, scope, scheme)

    def own_key(self, purpose: str) -> OwnKey:
        """An Ed25519 key for the signer's own statements, outside every derivation tree."""
        derived = HKDF(SHA256(), 32, None, purpose.encode()).derive(self._own_keys)
        return OwnKey(bytearray(derived))

    def wipe(self) -> None:
        for node in (*self._masters.values(), *self._nodes.values()):
            node.wipe()
        wipe(self._own_keys)
        self._masters.clear()
        self._nodes.clear()
        self.public_key.cache_clear()

    def node(self, scheme: KeyScheme, indices: tuple[int, ...]) -> _Node:
        """The inner node at `indices`, cached. Only for `Keychain`."""
        found = self._nodes.get((scheme, indices))
        if found is not None:
            self._nodes.move_to_end((scheme, indices))
            return found
        if not indices:
            return self._masters[scheme]
        node = self.node(scheme, indices[:-1]).child(indices[-1])
        self._nodes[scheme, indices] = node
        if len(self._nodes) > _NODES_MAX:
            self._nodes.popitem(last=False)[1].wipe()
        return node

    def _public_key(self, scheme: KeyScheme, indices: tuple[int, ...]) -> bytes:
        """The leaf's public key. Only for `Keychain`, as `public_key`."""
        leaf = self.node(scheme, indices[:-1]).child(indices[-1])
        try:
            return leaf.public_key()
        finally:
            leaf.wipe()


class Keychain:
    """Keys of one account. Closed by leaving its `with` block; raises OutsideScope beyond it."""

    def __init__(self, root: Root, scope: str, scheme: KeyScheme) -> None:
        indices = parse_path(scope)
        if not indices or any(index < HARDENED for index in indices):
            raise OutsideScope("a scope is hardened all the way, so that nothing leaks upwards")
        self._root: Root | None = root
        self._scope = indices
        self._scheme = scheme

    def __enter__(self) -> Keychain:
        return self

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._root = None

    def public_key(self, path: str) -> bytes:
        """33 bytes (secp256k1, untweaked) or 32 (ed25519)."""
        root, indices = self._reach(path)
        return root.public_key(self._scheme, indices)

    def account_key(self) -> ExtendedPublicKey:
        """The scope's own extended public key (secp256k1 only). Together with one private key
        below it, it gives the account's private key (BIP-32, "Implications"); we never hand out
        private keys."""
        assert self._root is not None and self._scheme is KeyScheme.SECP256K1
        node = self._root.node(self._scheme, self._scope)
        parent = self._root.node(self._scheme, self._scope[:-1])
        return ExtendedPublicKey(
            public_key=node.public_key(),
            chain_code=node.chain_code,
            depth=len(self._scope),
            parent_fingerprint=hash160(parent.public_key())[:4],
            child_number=self._scope[-1],
            testnet=len(self._scope) > 1 and self._scope[1] == _TESTNET_COIN_TYPE,
        )

    def sign(self, path: str, algorithm: SignatureAlgorithm, message: bytes) -> Signature:
        """The one signature by the key at `path`. The key is wiped before this returns."""
        root, indices = self._reach(path)
        if _SCHEME[algorithm] is not self._scheme:
            raise OutsideScope("the algorithm belongs to another curve")
        public_key = root.public_key(self._scheme, indices)
        leaf = root.node(self._scheme, indices[:-1]).child(indices[-1])
        try:
            return Signature(public_key, _sign(leaf.secret, algorithm, message))
        finally:
            leaf.wipe()

    def _reach(self, path: str) -> tuple[Root, tuple[int, ...]]:
        if self._root is None:
            raise OutsideScope("the keychain is closed")
        indices = parse_path(path)
        if len(indices) <= len(self._scope) or indices[: len(self._scope)] != self._scope:
            raise OutsideScope("the path is outside the keychain's scope")
        return self._root, indices


class OwnKey:
    """Signs what the signer itself states: attestations, seals of its log. Never a transaction."""

    def __init__(self, secret: bytearray) -> None:
        self._secret = secret
        self.public_key = curves.ed25519_public_key(secret)

    def sign(self, message: bytes) -> bytes:
        """64 bytes. `message` starts with a domain tag of ours, so that it is no transaction."""
        assert message.startswith(b"custody-wallet/")
        return curves.sign_ed25519(self._secret, message)

    def wipe(self) -> None:
        wipe(self._secret)


def _sign(secret: bytearray, algorithm: SignatureAlgorithm, message: bytes) -> bytes:
    match algorithm:
        case SignatureAlgorithm.ECDSA_RECOVERABLE:
            return curves.sign_ecdsa_recoverable(secret, message)
        case SignatureAlgorithm.BIP340_TAPROOT:
            return curves.sign_bip340_taproot(secret, message)
        case SignatureAlgorithm.ED25519:
            return curves.sign_ed25519(secret, message)


def _master(scheme: KeyScheme, seed: bytearray) -> _Node:
    """Of BIP-32 and SLIP-10. A seed without a secp256k1 key (chance below 2**-127) is refused."""
    digest = hmac.digest(_MASTER_KEY[scheme], seed, "sha512")
    secret = bytearray(digest[:32])
    if scheme is KeyScheme.SECP256K1 and not curves.is_secret(secret):
        raise OutsideScope("this seed has no master key; make another")
    return _Node(scheme, secret, digest[32:])
