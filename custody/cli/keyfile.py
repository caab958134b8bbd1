"""One person's Ed25519 key at rest: an administrator's or an approver's, on their own machine.

AES-256-GCM under a key from Argon2id (RFC 9106). The whole header (whose key, for which role, the
cost) is authenticated with it, so that an approver's file can't be relabelled as an administrator's
or made cheaper to guess. A file is never overwritten.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from custody.cli.output import Failure, Misuse
from signer.wire import (
    MalformedMessage,
    canonical_json,
    exact_fields,
    identifier,
    integer,
    octets,
    read_json,
)

_VERSION: Final = 1
_FILE_BYTES_MAX: Final = 16 * 1024
_KDF_FIELDS: Final = frozenset({"name", "memory_kib", "iterations", "lanes", "salt"})
_HEADER_FIELDS: Final = frozenset({"version", "role", "id", "public_key", "cipher", "kdf"})


class Role(StrEnum):
    """What the key may sign. A person with both roles has two keys."""

    ADMINISTRATOR = "administrator"
    APPROVER = "approver"


@dataclass(frozen=True, slots=True)
class Cost:
    """Argon2id's. The least that is read is what is recommended for passwords (OWASP)."""

    memory_kib: int = 256 * 1024
    iterations: int = 3
    lanes: int = 4

    def is_sane(self) -> bool:
        return (
            19 * 1024 <= self.memory_kib <= 2 * 1024 * 1024
            and 2 <= self.iterations <= 32
            and 1 <= self.lanes <= 32
        )


USUAL_COST: Final = Cost()


@dataclass(frozen=True, slots=True)
class Header:
    """`id`: the person's or administrator's id in the policy. `public_key`: 32 bytes."""

    role: Role
    id: str
    public_key: bytes
    cost: Cost
    salt: bytes

    def to_json(self) -> dict[str, Any]:
        return {
            "version": _VERSION,
            "role": self.role.value,
            "id": self.id,
            "public_key": self.public_key.hex(),
            "cipher": "aes-256-gcm",
            "kdf": {
                "name": "argon2id",
                "memory_kib": self.cost.memory_kib,
                "iterations": self.cost.iterations,
                "lanes": self.cost.lanes,
                "salt": self.salt.hex(),
            },
        }

    @classmethod
    def parse(cls, row: object) -> Header:
        """From decoded JSON. Raises MalformedMessage."""
        fields = exact_fields(row, _HEADER_FIELDS)
        kdf = exact_fields(fields["kdf"], _KDF_FIELDS)
        known = (integer(fields["version"]), fields["cipher"], kdf["name"])
        if known != (_VERSION, "aes-256-gcm", "argon2id") or fields["role"] not in list(Role):
            raise MalformedMessage("a version that this program does not read")
        cost = Cost(*(integer(kdf[name]) for name in ("memory_kib", "iterations", "lanes")))
        if not cost.is_sane():
            raise MalformedMessage("Argon2id parameters out of range")
        return cls(
            role=Role(fields["role"]),
            id=identifier(fields["id"]),
            public_key=octets(fields["public_key"], 32),
            cost=cost,
            salt=octets(kdf["salt"], 16),
        )


@dataclass(frozen=True, slots=True)
class PersonalKey:
    """An opened key file."""

    id: str
    public_key: bytes
    _private: Ed25519PrivateKey = field(repr=False)

    def sign(self, message: bytes) -> bytes:
        return self._private.sign(message)


@dataclass(frozen=True, slots=True)
class KeyFile:
    header: Header
    nonce: bytes
    ciphertext: bytes

    @classmethod
    def read(cls, path: Path, role: Role) -> KeyFile:
        """Raises Misuse if there is no key file for this role."""
        try:
            with path.open("rb") as file:
                row = read_json(file.read(_FILE_BYTES_MAX))
            fields = exact_fields(row, frozenset({"header", "nonce", "ciphertext"}))
            header = Header.parse(fields["header"])
            found = cls(header, octets(fields["nonce"], 12), octets(fields["ciphertext"], 48))
        except FileNotFoundError:
            raise Misuse(f"there is no key file at {path}") from None
        except ValueError as error:
            reason = error if isinstance(error, MalformedMessage) else "not JSON"
            raise Misuse(f"{path} is not a key file: {reason}") from None
        if header.role is not role:
            raise Misuse(f"{path} holds the key of an {header.role}, not of an {role}")
        return found

    def open(self, passphrase: bytes) -> PersonalKey:
        """Raises Failure for a wrong passphrase and for a file that was changed."""
        key = _file_key(self.header, passphrase)
        authenticated = canonical_json(self.header.to_json())
        try:
            secret = AESGCM(key).decrypt(self.nonce, self.ciphertext, authenticated)
        except InvalidTag:
            raise Failure("wrong passphrase, or the key file was changed") from None
        private = Ed25519PrivateKey.from_private_bytes(secret)
        public = private.public_key().public_bytes_raw()
        if public != self.header.public_key:
            raise Failure("the key file names another public key than it holds")
        return PersonalKey(self.header.id, public, private)


def create(path: Path, role: Role, person: str, passphrase: bytes) -> Header:
    """A new key in a new file. It is opened once before its public key is given to anybody.

    Raises Misuse if the file exists or `person` can't be an id.
    """
    private = Ed25519PrivateKey.generate()
    try:
        named = identifier(person)
    except MalformedMessage:
        raise Misuse("an id is of printable ASCII") from None
    header = Header(
        role, named, private.public_key().public_bytes_raw(), USUAL_COST, os.urandom(16)
    )
    nonce = os.urandom(12)
    key = _file_key(header, passphrase)
    authenticated = canonical_json(header.to_json())
    ciphertext = AESGCM(key).encrypt(nonce, private.private_bytes_raw(), authenticated)
    row = {"header": header.to_json(), "nonce": nonce.hex(), "ciphertext": ciphertext.hex()}
    write_new(path, json.dumps(row, indent=2).encode() + b"\n", mode=0o600)
    KeyFile.read(path, role).open(passphrase)
    return header


def public_half(header: Header) -> dict[str, Any]:
    """The person's or administrator's line in a policy document."""
    credential = {"kind": "ed25519", "key": header.public_key.hex()}
    return {"id": header.id, "credentials": [credential]}


def write_new(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """All of it on the disk, or no file. Raises Misuse if there is one already."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except FileExistsError:
        raise Misuse(f"{path} exists and is never overwritten") from None
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        path.unlink()
        raise


def _file_key(header: Header, passphrase: bytes) -> bytes:
    derivation = Argon2id(
        salt=header.salt,
        length=32,
        iterations=header.cost.iterations,
        lanes=header.cost.lanes,
        memory_cost=header.cost.memory_kib,
    )
    return derivation.derive(passphrase)
