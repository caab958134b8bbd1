"""A log's signed word on how far it goes: origin, number of leaves, root.

The text is C2SP tlog-checkpoint, signed as a C2SP signed note with Ed25519 (type 0x01), so that
anybody's tools read it. The origin is also the key's name. Under one origin every checkpoint is the
continuation of every smaller one; a log that can't promise that takes another origin. Public: knows
no secret; who signs hands in the signature.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from hashlib import sha256
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from signer.canonical import MalformedMessage
from signer.tree import HASH_BYTES, ProofInvalid

NOTE_CHARACTERS_MAX: Final = 64 * 1024
_ED25519: Final = b"\x01"
_SIGNATURES_MAX: Final = 64
_NAME: Final = re.compile(r"[!-*,-~]{1,255}")
"""Of origins and keys as we read them: ASCII without spaces and plus."""
_SIZE: Final = re.compile(r"0|[1-9][0-9]{0,15}")


class Checkpoint(NamedTuple):
    """`size` leaves under `root`, in the log that calls itself `origin`."""

    origin: str
    size: int
    root: bytes

    def text(self) -> bytes:
        """What is signed."""
        return f"{self.origin}\n{self.size}\n{_base64(self.root)}\n".encode()


def signed_note(checkpoint: Checkpoint, log_key: bytes, signature: bytes) -> str:
    """The checkpoint with its signature by the owner of `log_key`, whose name is the origin."""
    mark = _base64(_key_id(checkpoint.origin, log_key) + signature)
    return f"{checkpoint.text().decode()}\n— {checkpoint.origin} {mark}\n"


def parse_checkpoint(note: str) -> Checkpoint:
    """What the note says; verifies no signature. Raises MalformedMessage."""
    return _parsed(note)[0]


def open_checkpoint(note: str, log_key: bytes) -> Checkpoint:
    """What the owner of `log_key` signed. Signatures of others beside it, a witness's, are passed
    over. Raises MalformedMessage, ProofInvalid."""
    checkpoint, signatures = _parsed(note)
    wanted = checkpoint.origin, _key_id(checkpoint.origin, log_key)
    ours = [mark[4:] for name, mark in signatures if (name, mark[:4]) == wanted]
    if not ours:
        raise ProofInvalid("the checkpoint is not signed by the log key")
    try:
        key = Ed25519PublicKey.from_public_bytes(log_key)
        for signature in ours:
            key.verify(signature, checkpoint.text())
    except (InvalidSignature, ValueError) as error:
        raise ProofInvalid("the checkpoint's signature is not by the log key") from error
    return checkpoint


def verifier_key(origin: str, log_key: bytes) -> str:
    """The key as other tools take it (vkey): name, key id, and type with public key."""
    return f"{origin}+{_key_id(origin, log_key).hex()}+{_base64(_ED25519 + log_key)}"


def note_text(value: object) -> str:
    """Text that may be a signed note, or none: nothing of it is read here. It may have newlines,
    and no other control characters. Raises MalformedMessage."""
    if not isinstance(value, str) or len(value) > NOTE_CHARACTERS_MAX:
        raise MalformedMessage("note")
    if not value.replace("\n", "").isprintable():
        raise MalformedMessage("note")
    return value


def decode_base64(text: str, length: int) -> bytes:
    """Exactly `length` bytes in the one spelling there is. Raises MalformedMessage."""
    try:
        data = b64decode(text, validate=True)
    except (NotBase64, ValueError) as error:
        raise MalformedMessage("base64") from error
    if len(data) != length or _base64(data) != text:
        raise MalformedMessage("base64")
    return data


def _parsed(note: str) -> tuple[Checkpoint, list[tuple[str, bytes]]]:
    """Extension lines are refused: what they say no proof shows."""
    if not note_text(note).endswith("\n"):
        raise MalformedMessage("no signed note")
    text, blank, signed = note[:-1].partition("\n\n")
    lines, marks = text.split("\n"), signed.split("\n")
    if not blank or len(lines) != 3 or len(marks) > _SIGNATURES_MAX:
        raise MalformedMessage("no checkpoint")
    origin, size, root = lines
    if not _NAME.fullmatch(origin) or not _SIZE.fullmatch(size):
        raise MalformedMessage("no checkpoint")
    checkpoint = Checkpoint(origin, int(size), decode_base64(root, HASH_BYTES))
    return checkpoint, [_mark(line) for line in marks]


def _mark(line: str) -> tuple[str, bytes]:
    """A signature's line: the key's name, and its id with the signature."""
    match line.split(" "):
        case ["—", name, mark] if name:
            try:
                return name, b64decode(mark, validate=True)
            except (NotBase64, ValueError) as error:
                raise MalformedMessage("signature") from error
        case _:
            raise MalformedMessage("signature")


def _key_id(name: str, log_key: bytes) -> bytes:
    return sha256(name.encode() + b"\n" + _ED25519 + log_key).digest()[:4]


def _base64(data: bytes) -> str:
    return b64encode(data).decode()
