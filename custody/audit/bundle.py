"""A bundle's bytes: a manifest, what was taken out, and the parts one after the other (ADR 0098).

Each part begins with a random salt, so that the digest of one that is withheld can't be guessed.
Pure but for the salts. Knows no database and no part's content.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from secrets import token_bytes
from typing import Final

from signer.wire import canonical_json

MEDIA_TYPE: Final = "application/vnd.custody.evidence"
_MAGIC: Final = b"custody-evidence/v1\n"
_DOMAIN: Final = b"custody-wallet/evidence/v1\n"
_SALT_BYTES: Final = 16
_KINDS: Final = {
    "transfer": (
        *("request", "mandates", "approvals", "policies", "records", "transactions", "entries"),
        "chain",
    ),
    "period": (
        *("period", "balances", "controls", "encumbrances", "policies", "requests", "events"),
        *("entries", "transactions", "records", "samples"),
    ),
}
"""Of each kind of evidence, in the order in which parts stand."""
_NAMED: Final = ("transactions", "chain")
"""Of these, of a transfer, a part's name ends with a name; of all others with a number."""


@dataclass(frozen=True, slots=True)
class Part:
    """`withheld`: it is named, and not in the file."""

    name: str
    content: bytes
    withheld: bool = False


@dataclass(frozen=True, slots=True)
class Packed:
    """`digest` names the bundle, whatever is taken out of it and whatever stands behind it."""

    digest: bytes
    data: bytes

    def logged(self, proof: str) -> bytes:
        """With the proof that its digest is in the transparency log (C2SP tlog-proof)."""
        return self.data + proof.encode()


def pack(
    subject: str, network: str, made_at: str, parts: Sequence[Part], kind: str = "transfer"
) -> Packed:
    """`made_at`: as the signer writes times."""
    ordered = sorted(parts, key=lambda part: _place(part, kind))
    assert len({each.name for each in ordered}) == len(ordered), "a part twice"
    salted = [token_bytes(_SALT_BYTES) + each.content for each in ordered]
    manifest = {
        "format": 1,
        "kind": kind,
        "subject": subject,
        "network": network,
        "made_at": made_at,
        "parts": [
            {"name": part.name, "length": len(data), "sha256": sha256(data).hexdigest()}
            for part, data in zip(ordered, salted, strict=True)
        ],
    }
    withheld = [each.name for each in ordered if each.withheld]
    named = canonical_json(manifest)
    lines = [named, b"\n", canonical_json(withheld), b"\n"]
    shown = [data for part, data in zip(ordered, salted, strict=True) if not part.withheld]
    digest = sha256(_DOMAIN + named).digest()
    return Packed(digest, b"".join([_MAGIC, *lines, *shown]))


def _place(part: Part, kind: str) -> tuple[int, int, str]:
    begins, _, key = part.name.partition("/")
    named = kind == "transfer" and begins in _NAMED
    return _KINDS[kind].index(begins), int(key) if key and not named else 0, key
