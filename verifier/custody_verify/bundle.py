"""A bundle's bytes: a manifest, what was taken out, and the parts one after the other.

    custody-evidence/v1\\n
    JCS(manifest)\\n
    JCS(names of withheld parts)\\n
    the parts that are there, each exactly as long as the manifest says
    perhaps a C2SP tlog-proof that the manifest's digest is in the house's transparency log

Each part begins with a random salt, so that the digest of one that is withheld can't be guessed.
Who made the file says nothing by it: that its digests fit is only where checking begins.
"""

import re
from hashlib import sha256
from itertools import pairwise
from typing import Any, Final, NamedTuple

from custody_verify.errors import Unreadable, reject
from custody_verify.log import FIRST_LINE
from custody_verify.strict import fields, jcs, listed, moment, number, octets, parse_jcs, text

BUNDLE_BYTES_MAX: Final = 512 * 1024 * 1024
_MAGIC: Final = b"custody-evidence/v1\n"
_DOMAIN: Final = b"custody-wallet/evidence/v1\n"
_SALT_BYTES: Final = 16
_KINDS: Final = {
    "transfer": "request mandates/1 approvals/1 policies/1 records/1 transactions/a entries"
    " chain/a",
    "period": "period balances controls encumbrances policies/1 requests/1 events/1 entries/1"
    " transactions/1 records/1 samples/1",
}
"""By what a file is evidence of, in the order of its parts. Behind some a number or a name."""
_FORMS: Final = {
    "": re.compile(""),
    "1": re.compile("[1-9][0-9]{0,15}"),
    "a": re.compile("[0-9A-Za-z_]{1,128}"),
}


class Bundle(NamedTuple):
    """`parts`: the content of each by name, None of one that is withheld. `digest` names the file:
    two bundles that have it say the same, whatever was taken out of them."""

    subject: str
    network: str
    made_at: str
    digest: bytes
    parts: dict[str, bytes | None]
    logged: bytes

    def keys(self, kind: str) -> list[str]:
        """What stands behind `kind/`, in order."""
        return [name.partition("/")[2] for name in self.parts if name.startswith(f"{kind}/")]

    def json(self, name: str) -> Any:
        """Raises Withheld, and Unreadable for another spelling and for what is not there."""
        return parse_jcs(self.content(name))

    def content(self, name: str) -> bytes:
        reject(name not in self.parts, f"the bundle has no part {name}")
        content = self.parts[name]
        if content is None:
            raise Withheld(name)
        return content


class Withheld(Exception):
    """The part was taken out, so what rests on it is not shown."""


def read(data: bytes, kind: str = "transfer") -> Bundle:
    """Of this kind. Raises Unreadable."""
    reject(len(data) > BUNDLE_BYTES_MAX or not data.startswith(_MAGIC), "no bundle of version 1")
    lines = data[len(_MAGIC) :].split(b"\n", 2)
    reject(len(lines) != 3, "the bundle ends too early")
    manifest = fields(parse_jcs(lines[0]), "format kind subject network made_at parts")
    if number(manifest["format"]) != 1 or manifest["kind"] != kind:
        raise Unreadable("a format or a kind of evidence that is not known here")
    rows = [fields(row, "name length sha256") for row in listed(manifest["parts"])]
    names = [text(row["name"]) for row in rows]
    keys = [_key(kind, name) for name in names]
    reject(any(not one < other for one, other in pairwise(keys)), "parts twice or in another order")
    withheld = [text(name) for name in listed(parse_jcs(lines[1]))]
    if withheld != [name for name in names if name in withheld]:
        raise Unreadable("withheld parts twice, in another order, or that are none")
    parts, rest = _parts(rows, withheld, lines[2])
    reject(rest and not rest.startswith(f"{FIRST_LINE}\n".encode()), "bytes behind the last part")
    return Bundle(
        subject=text(manifest["subject"]),
        network=text(manifest["network"]),
        made_at=moment(manifest["made_at"]),
        digest=sha256(_DOMAIN + jcs(manifest)).digest(),
        parts=parts,
        logged=rest,
    )


def _parts(
    rows: list[dict[str, Any]], withheld: list[str], body: bytes
) -> tuple[dict[str, bytes | None], bytes]:
    """And what stands behind them."""
    parts: dict[str, bytes | None] = {}
    at = 0
    for row in rows:
        name, length, digest = row["name"], number(row["length"]), octets(row["sha256"], 32)
        reject(length < _SALT_BYTES, f"{name} is too short for its salt")
        if name in withheld:
            parts[name] = None
            continue
        part, at = body[at : at + length], at + length
        reject(len(part) != length or sha256(part).digest() != digest, f"{name} is another one")
        parts[name] = part[_SALT_BYTES:]
    return parts, body[at:]


def _key(of: str, name: str) -> tuple[int, int, str]:
    """Where a part stands among the others. Raises Unreadable for a name that is not known."""
    kind, slash, key = name.partition("/")
    forms = dict(each.partition("/")[::2] for each in _KINDS[of].split())
    form = forms.get(kind)
    if form is None or bool(slash) != bool(form) or not _FORMS[form].fullmatch(key):
        raise Unreadable("a part of a name that is not known here")
    return [*forms].index(kind), int(key) if form == "1" else 0, key
