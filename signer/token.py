"""An optional second lock: a key inside a PKCS#11 token, without which the keystore stays shut.

The token's AES key encrypts 32 random bytes; both ciphertext and initial vector stand in the
keystore's header, the plaintext is mixed into the file's key. The token authenticates nothing
here and need not: a wrong plaintext fails the file's own authentication. The library is imported
when a token is used and never otherwise.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final

from signer.errors import TokenUnavailable
from signer.reading import Message, Words, hex_of

SECRET_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class WrappedSecret(Message):
    """What the header says of the token. Labels as PKCS#11 names them."""

    token: Words
    key: Words
    iv: Annotated[bytes, hex_of(16)]
    ciphertext: Annotated[bytes, hex_of(most=4 * SECRET_BYTES)]


@dataclass(frozen=True, slots=True)
class Token:
    """How to reach the token: the vendor's library, the token's label, the user's PIN."""

    library: Path
    label: str
    pin: str = field(repr=False)

    def wrap(self, key_label: str) -> tuple[bytearray, WrappedSecret]:
        """New random bytes and their wrapping, by the token's key of that label, which is made
        (AES-256, not extractable) if there is none. Raises TokenUnavailable."""
        import pkcs11

        secret, iv = bytearray(os.urandom(SECRET_BYTES)), os.urandom(16)
        with self._session() as session:
            try:
                key = session.get_key(pkcs11.ObjectClass.SECRET_KEY, label=key_label)
            except pkcs11.NoSuchKey:
                key = session.generate_key(
                    pkcs11.KeyType.AES,
                    256,
                    label=key_label,
                    store=True,
                    capabilities=pkcs11.MechanismFlag.ENCRYPT | pkcs11.MechanismFlag.DECRYPT,
                    template={
                        pkcs11.Attribute.SENSITIVE: True,
                        pkcs11.Attribute.EXTRACTABLE: False,
                    },
                )
            ciphertext = key.encrypt(
                bytes(secret), mechanism=pkcs11.Mechanism.AES_CBC_PAD, mechanism_param=iv
            )
        return secret, WrappedSecret(self.label, key_label, iv, bytes(ciphertext))

    def unwrap(self, wrapped: WrappedSecret) -> bytearray:
        """The random bytes. Raises TokenUnavailable."""
        import pkcs11

        with self._session() as session:
            key = session.get_key(pkcs11.ObjectClass.SECRET_KEY, label=wrapped.key)
            plaintext = key.decrypt(
                wrapped.ciphertext,
                mechanism=pkcs11.Mechanism.AES_CBC_PAD,
                mechanism_param=wrapped.iv,
            )
        return bytearray(plaintext)

    @contextmanager
    def _session(self) -> Iterator[Any]:
        try:
            import pkcs11
        except ImportError as error:
            raise TokenUnavailable("python-pkcs11 is not installed") from error
        try:
            token = pkcs11.lib(str(self.library)).get_token(token_label=self.label)
            with token.open(rw=True, user_pin=self.pin) as session:
                yield session
        except (pkcs11.PKCS11Error, RuntimeError, OSError) as error:
            reason = type(error).__name__  # its text may hold what the token was given
            raise TokenUnavailable(f"the PKCS#11 token refused: {reason}") from None


@dataclass(frozen=True, slots=True)
class TokenLocation:
    """Where the PKCS#11 token is; its PIN comes with the passphrase."""

    library: Path
    label: str

    def with_pin(self, pin: bytearray) -> Token:
        return Token(self.library, self.label, pin.decode(errors="replace"))
