"""Keys of ours from BIP-39 words, the way the product makes them; for tests that compare.

Private keys live in the signer's keychain. Public keys of secp256k1 are derived twice, there and
from the account's extended public key as custody does, and must agree.
"""

from __future__ import annotations

from collections.abc import Iterable

from chains.codec import TransactionCodec
from chains.keys import ExtendedPublicKey
from chains.model import (
    Address,
    AddressType,
    KeyScheme,
    OwnedAddress,
    Signature,
    SignedTx,
    SigningInput,
    UnsignedTx,
)
from signer.ceremonies.words import entropy_of, seed_of
from signer.keychain import Root

ALL_ALL = "all all all all all all all all all all all all"


class Wallet:
    """`words`: BIP-39, English, without a passphrase. Remembers the addresses it gave out."""

    def __init__(self, words: str = ALL_ALL) -> None:
        self.words = words
        self._root = Root(seed_of(entropy_of(words)))
        self._scopes: dict[Address, tuple[OwnedAddress, str, KeyScheme]] = {}

    def owned(
        self,
        codec: TransactionCodec,
        kind: AddressType | None = None,
        account: int = 0,
        index: int = 0,
        *,
        change: bool = False,
    ) -> OwnedAddress:
        """The address at the network's own path; of its default type unless `kind` says other."""
        kind = kind or codec.network.address_types[0]
        scope, scheme = codec.account_path(kind, account), codec.key_scheme(kind)
        path = codec.address_path(kind, account, index, change=change)
        with self._root.keychain(scope, scheme) as keychain:
            public_key = keychain.public_key(path)
            if scheme is KeyScheme.SECP256K1:
                custody = ExtendedPublicKey.parse(keychain.account_key().serialize())
                assert custody.derive(f"{int(change)}/{index}").public_key == public_key
        owned = OwnedAddress(codec.derive_address(public_key, kind), kind, path, public_key)
        self._scopes[owned.address] = owned, scope, scheme
        return owned

    def signatures(self, needed: Iterable[SigningInput]) -> tuple[Signature, ...]:
        return tuple(self._signature(each) for each in needed)

    def sign(self, codec: TransactionCodec, tx: UnsignedTx) -> SignedTx:
        return codec.attach(tx, self.signatures(codec.signing_inputs(tx)))

    def _signature(self, needed: SigningInput) -> Signature:
        owned, scope, scheme = self._scopes[needed.address]
        with self._root.keychain(scope, scheme) as keychain:
            return keychain.sign(owned.path, needed.algorithm, needed.message)
