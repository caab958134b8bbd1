"""A message as it is stored, hashed and read, and what it says. Values only.

Its bytes begin with a line that no transaction of any chain begins with, so that nobody reads one
as the other.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from chains.effects import Effect
from chains.errors import MalformedTransaction
from chains.model import SignatureAlgorithm

CONTENT_MAX: Final = 64 * 1024
"""Bytes. As many as an effect holds of them."""
ANYBODY: Final = "anybody"
"""The domain of a text that names none."""
_FIRST: Final = b"custody-wallet/message/v1\n"
_REFERENCE: Final = re.compile(rb"[!-~]{1,128}")


class Kind(StrEnum):
    """How it is signed, and read."""

    EIP191 = "eip-191"
    """A text (ERC-191 version 0x45, personal_sign)."""
    SIWE = "siwe"
    """A login (ERC-4361), signed as such a text is."""
    EIP712 = "eip-712"
    """Typed data (eth_signTypedData_v4)."""
    TIP191 = "tip-191"
    """A text, as tronweb's signMessageV2."""
    TIP712 = "tip-712"
    """Typed data on TRON."""
    SOLANA_TEXT = "solana-text"
    """A text as it is, as wallets of Solana sign it."""


TYPED: Final = frozenset({Kind.EIP712, Kind.TIP712})
LOGINS: Final = frozenset({Kind.SIWE})


@dataclass(frozen=True, slots=True)
class Message:
    """`content`: the text in UTF-8, or typed data in its one spelling. `reference`: for what it is
    signed; the same text may be signed again under another."""

    kind: Kind
    reference: str
    content: bytes

    @property
    def payload(self) -> bytes:
        """`UnsignedTx.payload`."""
        head = f"{self.kind}\n{self.reference}\n".encode()
        return _FIRST + head + self.content


@dataclass(frozen=True, slots=True)
class Said:
    """`effects`: what it does. `signed`: what `algorithm` takes. `name`: the same for the same
    thing, whatever it is signed for. `until`: Unix seconds after which nobody can use it, where it
    gives something away."""

    effects: tuple[Effect, ...]
    algorithm: SignatureAlgorithm
    signed: bytes
    name: str
    until: int | None = None


def parse(payload: bytes) -> Message:
    """The exact inverse of `Message.payload`. Raises MalformedTransaction."""
    if not payload.startswith(_FIRST):
        raise MalformedTransaction("not a message")
    kind, _, rest = payload[len(_FIRST) :].partition(b"\n")
    reference, _, content = rest.partition(b"\n")
    if kind not in [each.encode() for each in Kind]:
        raise MalformedTransaction("a message of an unknown kind")
    if _REFERENCE.fullmatch(reference) is None:
        raise MalformedTransaction("a message without a reference")
    if not 0 < len(content) <= CONTENT_MAX:
        raise MalformedTransaction(f"a message of nothing, or of more than {CONTENT_MAX} bytes")
    return Message(Kind(kind.decode()), reference.decode(), content)
