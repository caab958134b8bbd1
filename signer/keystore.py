"""The seed at rest: one file, opened by a passphrase and, if so made, a PKCS#11 token.

AES-256-GCM under a key from Argon2id (RFC 9106); the header (version, parameters, wrapping) is
authenticated with it, so that nobody weakens it in place. The administrators whom the signer
trusts for the first policy lie inside: who can only write the disk can't pin others. The file is
replaced in one step and readable by its owner alone.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from signer.canonical import (
    MalformedMessage,
    canonical_json,
    exact_fields,
    integer,
    octets,
    read_json,
)
from signer.errors import KeystoreDamaged, KeystoreExists, TokenUnavailable, WrongPassphrase
from signer.memory import wipe
from signer.policy import Administrators, InvalidPolicy
from signer.token import Token, WrappedSecret

KEY_BYTES: Final = 32
_VERSION: Final = 1
_FILE_BYTES_MAX: Final = 256 * 1024
_WRAPPING_KEY: Final = "custody-signer"
_INFO: Final = b"custody-wallet/keystore/v1"


@dataclass(frozen=True, slots=True)
class KeyDerivation:
    """Argon2id's cost. The least is what is recommended for passwords on small machines."""

    memory_kib: int = 256 * 1024
    iterations: int = 3
    lanes: int = 4

    def checked(self) -> KeyDerivation:
        """Raises KeystoreDamaged if a file asks for less than safe or more than sane."""
        sane = (
            19 * 1024 <= self.memory_kib <= 4 * 1024 * 1024
            and 2 <= self.iterations <= 64
            and 1 <= self.lanes <= 64
        )
        if not sane:
            raise KeystoreDamaged("Argon2id parameters out of range")
        return self


@dataclass(slots=True)
class Contents:
    """What the file protects. `entropy`: of the BIP-39 words. `administrators`: who signs the
    first policy, None until pinned."""

    entropy: bytearray = field(repr=False)
    administrators: Administrators | None = None

    def wipe(self) -> None:
        wipe(self.entropy)


@dataclass(frozen=True, slots=True)
class Header:
    derivation: KeyDerivation
    salt: bytes
    wrapping: WrappedSecret | None

    def to_json(self) -> dict[str, Any]:
        return {
            "version": _VERSION,
            "cipher": "aes-256-gcm",
            "kdf": "argon2id",
            "memory_kib": self.derivation.memory_kib,
            "iterations": self.derivation.iterations,
            "lanes": self.derivation.lanes,
            "salt": self.salt.hex(),
            "wrapping": None if self.wrapping is None else self.wrapping.to_json(),
        }

    @classmethod
    def parse(cls, row: object) -> Header:
        names = "version cipher kdf memory_kib iterations lanes salt wrapping"
        fields = exact_fields(row, frozenset(names.split()))
        known = (integer(fields["version"]), fields["cipher"], fields["kdf"])
        if known != (_VERSION, "aes-256-gcm", "argon2id"):
            raise MalformedMessage("a version that this program does not read")
        wrapping = fields["wrapping"]
        cost = (integer(fields[name]) for name in ("memory_kib", "iterations", "lanes"))
        return cls(
            derivation=KeyDerivation(*cost).checked(),
            salt=octets(fields["salt"], 16),
            wrapping=None if wrapping is None else WrappedSecret.parse(wrapping),
        )


def create(
    path: Path,
    contents: Contents,
    passphrase: bytearray,
    *,
    token: Token | None = None,
    derivation: KeyDerivation | None = None,
) -> None:
    """Write a new keystore. Raises KeystoreExists, TokenUnavailable."""
    if path.exists():
        raise KeystoreExists(f"there is a keystore at {path}")
    replace(path, contents, passphrase, token=token, derivation=derivation)


def replace(
    path: Path,
    contents: Contents,
    passphrase: bytearray,
    *,
    token: Token | None = None,
    derivation: KeyDerivation | None = None,
) -> None:
    """Write the keystore in one step, with a new salt, nonce and wrapping: after a crash the file
    is the old one or the new one."""
    cost = (derivation or KeyDerivation()).checked()
    secret, wrapping = token.wrap(_WRAPPING_KEY) if token else (bytearray(), None)
    header = Header(cost, os.urandom(16), wrapping)
    key = _file_key(header, passphrase, secret)
    nonce = os.urandom(12)
    plaintext = _pack(contents)
    try:
        authenticated = canonical_json(header.to_json())
        ciphertext = AESGCM(key).encrypt(nonce, plaintext, authenticated)
    finally:
        wipe(key)
        wipe(plaintext)
    row = {"header": header.to_json(), "nonce": nonce.hex(), "ciphertext": ciphertext.hex()}
    _write_atomically(path, canonical_json(row) + b"\n")


def unlock(path: Path, passphrase: bytearray, *, token: Token | None = None) -> Contents:
    """Raises WrongPassphrase, KeystoreDamaged, TokenUnavailable."""
    key = file_key(read_header(path), passphrase, token)
    try:
        return open_with(path, key)
    finally:
        wipe(key)


def file_key(header: Header, passphrase: bytearray, token: Token | None) -> bytearray:
    """What a file with this header is encrypted under, KEY_BYTES long; its user wipes it. Whether
    the passphrase is right shows only in `open_with`. Raises TokenUnavailable."""
    if header.wrapping is not None and token is None:
        raise TokenUnavailable("this keystore needs its PKCS#11 token")
    secret = bytearray()
    if header.wrapping is not None and token is not None:
        secret = token.unwrap(header.wrapping)
    return _file_key(header, passphrase, secret)


def open_with(path: Path, key: bytearray) -> Contents:
    """Raises WrongPassphrase, KeystoreDamaged."""
    header, nonce, ciphertext = _read(path)
    plaintext = bytearray(len(ciphertext) - 16)
    try:
        authenticated = canonical_json(header.to_json())
        AESGCM(key).decrypt_into(nonce, ciphertext, authenticated, plaintext)
        return _unpack(plaintext)
    except InvalidTag:
        raise WrongPassphrase("the passphrase or the token's key does not open it") from None
    finally:
        wipe(plaintext)


def read_header(path: Path) -> Header:
    """What anybody may know of the file. Raises KeystoreDamaged."""
    return _read(path)[0]


def _read(path: Path) -> tuple[Header, bytes, bytes]:
    try:
        with path.open("rb") as file:
            row = read_json(file.read(_FILE_BYTES_MAX))
        fields = exact_fields(row, frozenset({"header", "nonce", "ciphertext"}))
        header = Header.parse(fields["header"])
        nonce, ciphertext = octets(fields["nonce"], 12), octets(fields["ciphertext"])
        if len(ciphertext) < 16:
            raise MalformedMessage("ciphertext")
    except FileNotFoundError:
        raise KeystoreDamaged(
            f"there is no keystore at {path}: run init, import or restore"
        ) from None
    except ValueError as error:
        raise KeystoreDamaged(f"not a keystore: {path}: {error}") from error
    return header, nonce, ciphertext


def _file_key(header: Header, passphrase: bytearray, token_secret: bytearray) -> bytearray:
    cost = header.derivation
    derivation = Argon2id(
        salt=header.salt,
        length=32,
        iterations=cost.iterations,
        lanes=cost.lanes,
        memory_cost=cost.memory_kib,
    )
    material = bytearray(32 + len(token_secret))  # as long as it gets: growing leaves a copy
    with memoryview(material) as view:
        derivation.derive_into(passphrase, view[:32])  # type: ignore[arg-type] # takes any buffer
        view[32:] = token_secret
    key = bytearray(KEY_BYTES)
    HKDF(SHA256(), KEY_BYTES, header.salt, _INFO).derive_into(material, key)
    wipe(material)
    wipe(token_secret)
    return key


def _pack(contents: Contents) -> bytearray:
    """One byte of length, the entropy, the administrators as JSON. Not JSON as a whole, because
    text would leave copies of the entropy that nobody can overwrite."""
    pinned = contents.administrators
    rest = b"" if pinned is None else canonical_json(pinned.to_json())
    return bytearray([len(contents.entropy)]) + contents.entropy + rest


def _unpack(plaintext: bytearray) -> Contents:
    length = plaintext[0] if plaintext else 0
    rest = bytes(plaintext[1 + length :])
    try:
        administrators = Administrators.parse(read_json(rest)) if rest else None
    except (InvalidPolicy, ValueError) as error:
        raise KeystoreDamaged("authentic, but written by another version") from error
    return Contents(plaintext[1 : 1 + length], administrators)


def _write_atomically(path: Path, data: bytes) -> None:
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:  # mkstemp makes it readable by its owner alone
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
