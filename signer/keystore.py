"""The seed at rest: one file, opened by a passphrase and, if so made, a PKCS#11 token.

Two parts, each AES-256-GCM under a key of its own; both keys are from one Argon2id (RFC 9106). What
serves opens the part `serving` alone, and has no key to the other: the seed's bytes, and the
administrators whom the signer trusts for the first policy, so that who can only write the disk
can't pin others. The part `backup` has what words and shares are made of, which nobody can work
out from the seed. The header (version, parameters, wrapping) is authenticated with each part, so
that nobody weakens it in place. The file is replaced in one step and readable by its owner alone.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from chains.json_text import read_json
from signer.canonical import (
    MalformedMessage,
    canonical_json,
    exact_fields,
    integer,
    octets,
)
from signer.errors import KeystoreDamaged, KeystoreExists, TokenUnavailable, WrongPassphrase
from signer.memory import wipe
from signer.policy import Administrators, InvalidPolicy
from signer.token import Token, WrappedSecret

KEY_BYTES: Final = 32
SEED_BYTES: Final = 64
_VERSION: Final = 2
_FILE_BYTES_MAX: Final = 256 * 1024
_TAG_BYTES: Final = 16
_WRAPPING_KEY: Final = "custody-signer"
_DOMAIN: Final = b"custody-wallet/keystore/v2/"
_OF_BEFORE: Final = "version 1 is not read any more: restore it from its words or shares"


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
    """What serving needs. `seed`: SEED_BYTES, of which every key is derived (BIP-32, SLIP-10).
    `administrators`: who signs the first policy, None until pinned."""

    seed: bytearray = field(repr=False)
    administrators: Administrators | None = None

    def wipe(self) -> None:
        wipe(self.seed)


class Keys(NamedTuple):
    """What the two parts are encrypted under, KEY_BYTES each."""

    serving: bytearray
    backup: bytearray

    def wipe(self) -> None:
        for key in self:
            wipe(key)


class _Part(NamedTuple):
    nonce: bytes
    ciphertext: bytes


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
        if known[0] == 1:
            raise MalformedMessage(_OF_BEFORE)
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
    entropy: bytearray,
    passphrase: bytearray,
    *,
    token: Token | None = None,
    derivation: KeyDerivation | None = None,
) -> None:
    """Write a new keystore. `entropy`: of which words and shares are made. Raises KeystoreExists,
    TokenUnavailable."""
    if path.exists():
        raise KeystoreExists(f"there is a keystore at {path}")
    replace(path, contents, entropy, passphrase, token=token, derivation=derivation)


def replace(
    path: Path,
    contents: Contents,
    entropy: bytearray,
    passphrase: bytearray,
    *,
    token: Token | None = None,
    derivation: KeyDerivation | None = None,
) -> None:
    """Write the keystore in one step, with a new salt, nonces and wrapping: after a crash the file
    is the old one or the new one."""
    assert len(contents.seed) == SEED_BYTES
    cost = (derivation or KeyDerivation()).checked()
    secret, wrapping = token.wrap(_WRAPPING_KEY) if token else (bytearray(), None)
    header = Header(cost, os.urandom(16), wrapping)
    keys = _derive(header, passphrase, secret)
    serving = _pack(contents)
    try:
        row = {
            "header": header.to_json(),
            "serving": _seal(header, "serving", keys.serving, serving),
            "backup": _seal(header, "backup", keys.backup, entropy),
        }
    finally:
        keys.wipe()
        wipe(serving)
    _write_atomically(path, canonical_json(row) + b"\n")


def unlock(path: Path, passphrase: bytearray, *, token: Token | None = None) -> Contents:
    """Raises WrongPassphrase, KeystoreDamaged, TokenUnavailable."""
    contents, entropy = unlock_all(path, passphrase, token=token)
    wipe(entropy)
    return contents


def unlock_all(
    path: Path, passphrase: bytearray, *, token: Token | None = None
) -> tuple[Contents, bytearray]:
    """What serving needs, and the entropy of which words and shares are made. Raises as
    `unlock`."""
    keys = keys_of(read_header(path), passphrase, token)
    try:
        return open_serving(path, keys.serving), _open(path, "backup", keys.backup)
    finally:
        keys.wipe()


def keys_of(header: Header, passphrase: bytearray, token: Token | None) -> Keys:
    """What a file with this header is encrypted under; its user wipes them. Whether the passphrase
    is right shows only when a part is opened. Raises TokenUnavailable."""
    if header.wrapping is not None and token is None:
        raise TokenUnavailable("this keystore needs its PKCS#11 token")
    secret = bytearray()
    if header.wrapping is not None and token is not None:
        secret = token.unwrap(header.wrapping)
    return _derive(header, passphrase, secret)


def open_serving(path: Path, key: bytearray) -> Contents:
    """Raises WrongPassphrase, KeystoreDamaged."""
    plaintext = _open(path, "serving", key)
    try:
        return _unpack(plaintext)
    finally:
        wipe(plaintext)


def read_header(path: Path) -> Header:
    """What anybody may know of the file. Raises KeystoreDamaged."""
    return _read(path)[0]


def _read(path: Path) -> tuple[Header, dict[str, _Part]]:
    try:
        with path.open("rb") as file:
            row = read_json(file.read(_FILE_BYTES_MAX))
        # The header first: it may be of a version of before, whose other fields differ.
        header = Header.parse(row.get("header") if isinstance(row, dict) else None)
        fields = exact_fields(row, frozenset({"header", "serving", "backup"}))
        return header, {name: _part(fields[name]) for name in ("serving", "backup")}
    except FileNotFoundError:
        raise KeystoreDamaged(
            f"there is no keystore at {path}: run init, import or restore"
        ) from None
    except ValueError as error:
        raise KeystoreDamaged(f"not a keystore: {path}: {error}") from error


def _part(row: object) -> _Part:
    fields = exact_fields(row, frozenset({"nonce", "ciphertext"}))
    nonce, ciphertext = octets(fields["nonce"], 12), octets(fields["ciphertext"])
    if len(ciphertext) < _TAG_BYTES:
        raise MalformedMessage("ciphertext")
    return _Part(nonce, ciphertext)


def _seal(header: Header, name: str, key: bytearray, plaintext: bytearray) -> dict[str, str]:
    nonce = os.urandom(12)
    ciphertext = AESGCM(key).encrypt(nonce, plaintext, _authenticated(header, name))
    return {"nonce": nonce.hex(), "ciphertext": ciphertext.hex()}


def _open(path: Path, name: str, key: bytearray) -> bytearray:
    """What a part holds; its user wipes it. Raises WrongPassphrase, KeystoreDamaged."""
    header, parts = _read(path)
    nonce, ciphertext = parts[name]
    plaintext = bytearray(len(ciphertext) - _TAG_BYTES)
    try:
        AESGCM(key).decrypt_into(nonce, ciphertext, _authenticated(header, name), plaintext)
    except InvalidTag:
        raise WrongPassphrase("the passphrase or the token's key does not open it") from None
    return plaintext


def _authenticated(header: Header, name: str) -> bytes:
    return canonical_json([name, header.to_json()])


def _derive(header: Header, passphrase: bytearray, token_secret: bytearray) -> Keys:
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
    keys = Keys(bytearray(KEY_BYTES), bytearray(KEY_BYTES))
    for name, key in zip(Keys._fields, keys, strict=True):
        info = _DOMAIN + name.encode()
        HKDF(SHA256(), KEY_BYTES, header.salt, info).derive_into(material, key)
    wipe(material)
    wipe(token_secret)
    return keys


def _pack(contents: Contents) -> bytearray:
    """The seed, then the administrators as JSON. Not JSON as a whole, because text would leave
    copies of the seed that nobody can overwrite."""
    pinned = contents.administrators
    rest = b"" if pinned is None else canonical_json(pinned.to_json())
    plaintext = bytearray(SEED_BYTES + len(rest))
    plaintext[:SEED_BYTES], plaintext[SEED_BYTES:] = contents.seed, rest
    return plaintext


def _unpack(plaintext: bytearray) -> Contents:
    rest = bytes(plaintext[SEED_BYTES:])
    try:
        if len(plaintext) < SEED_BYTES:
            raise MalformedMessage("no seed")
        administrators = Administrators.parse(read_json(rest)) if rest else None
    except (InvalidPolicy, ValueError) as error:
        raise KeystoreDamaged("authentic, but written by another version") from error
    return Contents(plaintext[:SEED_BYTES], administrators)


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
