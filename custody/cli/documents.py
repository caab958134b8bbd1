"""Policy documents and their signatures in files, as administrators pass them around.

People write JSON with spaces, line breaks and comments; what is checked, signed and published is
the one canonical spelling of it (RFC 8785).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from chains.errors import InvalidAddress
from custody.cli.output import Failure, Misuse
from custody.cli.policy_words import people_lines, rule_lines
from custody.cli.rows import own_lines
from signer.policy import (
    DOCUMENT_BYTES_MAX,
    InvalidPolicy,
    Policy,
    SignedPolicy,
)
from signer.wire import MalformedMessage, canonical_json, parse_json, read_json


def read_document(path: Path) -> tuple[bytes, Policy]:
    """Canonical bytes and meaning of the policy in `path`, which may also be a signed one.

    Raises Misuse naming the file and the field.
    """
    row = _read_json(path)
    try:
        document = SignedPolicy.parse(row).document if _is_signed(row) else canonical_json(row)
        policy = Policy.parse(document)
        check_destinations(policy)
    except (InvalidPolicy, MalformedMessage, UnicodeEncodeError) as error:
        reason = "text that is not Unicode" if isinstance(error, UnicodeEncodeError) else error
        raise Misuse(f"{path}: {reason}") from None
    return document, policy


def read_row(path: Path) -> Any:
    """The document in `path`, signed or not, as decoded JSON of whichever format. Raises Misuse."""
    row = _read_json(path)
    if not _is_signed(row):
        return row
    try:
        return parse_json(SignedPolicy.parse(row).document)
    except MalformedMessage as error:
        raise Misuse(f"{path}: {error}") from None


def holds_signatures(path: Path) -> bool:
    """Whether it is a signed policy, rather than a draft. Raises Misuse if it is not JSON."""
    return _is_signed(_read_json(path))


def read_signed(path: Path) -> SignedPolicy:
    """Raises Misuse."""
    row = _read_json(path)
    if not _is_signed(row):
        raise Misuse(f"{path} is not a signed policy: run custody policy sign first")
    try:
        return SignedPolicy.parse(row)
    except MalformedMessage as error:
        raise Misuse(f"{path}: {error}") from None


def write_signed(path: Path, signed: SignedPolicy) -> None:
    """In one step: whoever reads the file finds the old signatures or the new ones."""
    draft = path.with_name(f".{path.name}.new")
    draft.write_bytes(canonical_json(signed.to_json()) + b"\n")
    draft.replace(path)


def merge(parts: Iterable[SignedPolicy]) -> SignedPolicy:
    """All signatures on one document. Raises Failure if they are not on the same one."""
    merged: SignedPolicy | None = None
    for part in parts:
        if merged is None:
            merged = part
            continue
        if part.document != merged.document:
            raise Failure("these files hold signatures on different documents")
        for name, signature in part.signatures.items():
            if merged.signatures.get(name, signature) != signature:
                raise Failure(f"there are two different signatures of {name}")
        merged = SignedPolicy(merged.document, {**merged.signatures, **part.signatures})
    assert merged is not None
    return merged


def digest_of(document: bytes) -> str:
    """SHA-256 of the canonical document, for people to compare."""
    return sha256(document).hexdigest()


def summary(policy: Policy, document: bytes) -> tuple[str, ...]:
    """Everything that a document says, a line each."""
    return (
        f"version         {policy.version}",
        f"digest          {digest_of(document)}",
        *policy_lines(policy),
    )


def policy_lines(policy: Policy) -> Iterator[str]:
    """The same without what every version has its own of."""
    yield from people_lines(policy)
    for rule in policy.rules:
        yield from rule_lines(rule, policy.catalogue)
    yield from own_lines(policy.catalogue)


def check_destinations(policy: Policy) -> None:
    """Raises InvalidPolicy for an address that is wrong, or spelled so that it never matches."""
    for group in policy.destinations.values():
        for entry in group.entries.values():
            where = f"destinations: {group.id}: {entry.address}"
            try:
                canonical = (
                    policy.catalogue.codec(entry.network).parse_address(entry.address).address
                )
            except InvalidAddress as error:
                raise InvalidPolicy(f"{where}: {error}") from error
            if canonical != entry.address:
                raise InvalidPolicy(f"{where}: must be written {canonical}")


def _is_signed(row: object) -> bool:
    return isinstance(row, dict) and "signatures" in row


def _read_json(path: Path) -> Any:
    with path.open("rb") as file:
        data = _without_comments(file.read(4 * DOCUMENT_BYTES_MAX))
    try:
        return read_json(
            data,
            object_pairs_hook=_without_repetition,
            parse_float=_no_fraction,
            parse_constant=_no_fraction,
        )
    except MalformedMessage as error:
        raise Misuse(f"{path}: {error}") from None
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise Misuse(f"{path} is not JSON: {error.msg} ({place})") from None
    except ValueError:
        raise Misuse(f"{path} is not JSON") from None


def _without_comments(data: bytes) -> bytes:
    """A draft may explain itself, in lines that begin with //. No line of JSON begins so: text in
    it has no line breaks. What is signed is the canonical document, which has no such lines."""
    return b"\n".join(
        b"" if line.lstrip().startswith(b"//") else line for line in data.split(b"\n")
    )


def _without_repetition(pairs: list[tuple[str, Any]]) -> Mapping[str, Any]:
    """Two readers may choose differently between two values of one name."""
    row = dict(pairs)
    if len(row) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise MalformedMessage(f"the field {twice} stands twice in one object")
    return row


def _no_fraction(spelled: str) -> Any:
    raise MalformedMessage(f"{spelled}: numbers are whole, amounts are text")
