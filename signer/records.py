"""What the signer tells custody of its journal, so that custody can rebuild what it has lost.

Four kinds of records, without a secret among them: what was signed and for which mandate, which
vault has which account, which policies came into force, and that the journal itself was recovered.
A transaction that was signed for several transfers has a record for each, one after the other; its
bytes stand in the first, and all are told in one page. Public: custody reads these.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

from chains.model import Address, UnsignedTx
from signer.policy import SignedPolicy
from signer.proof import Proof
from signer.tree import HASH_BYTES, leaf_hash
from signer.wire import (
    CONSENTS_MAX,
    Approval,
    MalformedMessage,
    Mandate,
    Purpose,
    canonical_json,
    exact_fields,
    integer,
    listed,
    octets,
    parse_time,
    text,
    tx_digest,
)

_TOLD: Final[Mapping[str, tuple[str, ...]]] = {
    "signed": ("document", "mandate", "part", "parts", "payload", "purpose", "sender", "tx"),
    "vault": ("account", "client", "vault"),
    "policy": ("document", "signatures", "version"),
    "recovered": ("after", "through"),
}
"""Kinds of records that custody may read, and what of them. Of all others only that they exist."""
_POLICY_FIELDS: Final = ("document", "signatures")
LOOKED_AT_MAX: Final = 1000
"""Records that one page looks at, of whatever kind."""
_PATH_MAX: Final = 128
_PROVEN_BYTES_MAX: Final = 3_000_000
"""A larger record is proven without its bytes, which would not fit into a message."""
PAGE_BYTES_MAX: Final = 1024 * 1024
"""A page ends before the transaction that would take it beyond. One alone may be larger."""


@dataclass(frozen=True, slots=True)
class SignedRecord:
    """The decision to sign `tx` for `mandate`, `part` (from 0) of `parts` that it was signed for.
    Asking for all of them again gets the same signatures."""

    sequence: int
    head: bytes
    at: datetime
    purpose: Purpose
    mandate: Mandate
    tx: UnsignedTx
    part: int
    parts: int


@dataclass(frozen=True, slots=True)
class VaultRecord:
    """`account` was given to the vault."""

    sequence: int
    head: bytes
    at: datetime
    client: str
    vault: str
    account: int


@dataclass(frozen=True, slots=True)
class PolicyRecord:
    """`signed` came into force."""

    sequence: int
    head: bytes
    at: datetime
    version: int
    signed: SignedPolicy


@dataclass(frozen=True, slots=True)
class RecoveredRecord:
    """The journal went on after a loss: records after `after` and up to `through` are not in it,
    and perhaps others neither, of which nobody held a receipt."""

    sequence: int
    head: bytes
    at: datetime
    after: int
    through: int


JournalRecord = SignedRecord | VaultRecord | PolicyRecord | RecoveredRecord


@dataclass(frozen=True, slots=True)
class JournalPage:
    """`through` and `head`: of the last record that was looked at, told or not. An empty page ends
    where it began: there is nothing newer."""

    records: tuple[JournalRecord, ...]
    through: int
    head: bytes

    @classmethod
    def parse(cls, row: object) -> JournalPage:
        """From decoded JSON. Raises MalformedMessage."""
        fields = exact_fields(row, frozenset({"records", "through", "head"}))
        told = listed(fields["records"], maximum=LOOKED_AT_MAX + CONSENTS_MAX)
        return cls(
            records=tuple(_parse_records(told)),
            through=integer(fields["through"]),
            head=octets(fields["head"], 32),
        )


@dataclass(frozen=True, slots=True)
class RecordProof:
    """That the record whose leaf hash is `leaf` is in the signer's log. The record's own bytes are
    in `proof` if its kind is one that custody may read, and they fit."""

    leaf: bytes
    proof: Proof

    @classmethod
    def parse(cls, row: object) -> RecordProof:
        """From decoded JSON. Raises MalformedMessage; `proof.check` verifies."""
        fields = exact_fields(row, frozenset({"leaf", "proof"}))
        if not isinstance(fields["proof"], str):
            raise MalformedMessage("proof")
        proof = Proof.parse(fields["proof"])
        leaf = octets(fields["leaf"], HASH_BYTES)
        if proof.record and leaf_hash(proof.record) != leaf:
            raise MalformedMessage("another record")
        return cls(leaf, proof)


def parse_path(row: object) -> tuple[bytes, ...]:
    """A consistency proof from decoded JSON. Raises MalformedMessage."""
    return tuple(octets(each, HASH_BYTES) for each in listed(row, maximum=_PATH_MAX))


def told_proof(leaf: bytes, kind: str, record: bytes, proof: Proof) -> dict[str, Any]:
    """A proof as custody may read it: with the record, if it may read that."""
    if kind in _TOLD and len(record) <= _PROVEN_BYTES_MAX:
        proof = replace(proof, record=record)
    return {"leaf": leaf.hex(), "proof": proof.text()}


def approvals_digest(approvals: Sequence[Approval]) -> bytes:
    """What a `signed` record says of the approvals that it rests on, so that they can be shown to
    be those: SHA-256 over the canonical list of each approver and signature, by approver."""
    given = sorted([each.approver, each.signature.hex()] for each in approvals)
    return sha256(canonical_json(given)).digest()


def record_fields(mandate: Mandate, tx: UnsignedTx, part: int, parts: int) -> dict[str, Any]:
    """What a `signed` record must hold beside the digests, so that custody's part of it can be
    rebuilt. Bounded by what a request may hold (`signer.wire`)."""
    return {
        "document": mandate.document,
        "part": part,
        "parts": parts,
        "payload": None if part else tx.payload.hex(),
        "sender": tx.sender,
    }


def is_whole(kind: str, body: str) -> bool:
    """Whether a page may end after this record: no other of the same transaction follows."""
    if kind != "signed":
        return True
    fields = json.loads(body)
    return bool(fields["part"] + 1 == fields["parts"])


def told(sequence: int, head: bytes, kind: str, body: str) -> dict[str, Any] | None:
    """One record of the journal as custody may read it, if it may."""
    if kind not in _TOLD:
        return None
    fields = json.loads(body)
    shown = {name: fields[name] for name in ("at", "kind", *_TOLD[kind])}
    return {"sequence": sequence, "head": head.hex(), "body": shown}


def _parse_records(rows: Iterable[object]) -> Iterable[JournalRecord]:
    """As they are told. Raises MalformedMessage."""
    before: JournalRecord | None = None
    for row in rows:
        before = parse_record(row, before)
        yield before


def parse_record(row: object, before: JournalRecord | None = None) -> JournalRecord:
    """One record as it is told, after the record `before`. Raises MalformedMessage, also if a
    digest is not that of what stands beside it."""
    fields = exact_fields(row, frozenset({"sequence", "head", "body"}))
    sequence, head, body = integer(fields["sequence"]), octets(fields["head"], 32), fields["body"]
    if not isinstance(body, dict):
        raise MalformedMessage("body")
    try:
        at = parse_time(body["at"])
        match body["kind"]:
            case "signed":
                return _signed(sequence, head, at, body, before)
            case "vault":
                client, vault = text(body["client"]), text(body["vault"])
                return VaultRecord(sequence, head, at, client, vault, integer(body["account"]))
            case "policy":
                signed = SignedPolicy.parse({name: body[name] for name in _POLICY_FIELDS})
                return PolicyRecord(sequence, head, at, integer(body["version"]), signed)
            case "recovered":
                lost = integer(body["after"]), integer(body["through"])
                return RecoveredRecord(sequence, head, at, *lost)
            case _:
                raise MalformedMessage("kind")
    except KeyError as error:
        raise MalformedMessage(f"no field {error}") from error


def _signed(
    sequence: int,
    head: bytes,
    at: datetime,
    body: Mapping[str, Any],
    before: JournalRecord | None,
) -> SignedRecord:
    mandate = Mandate.parse(body["document"])
    purpose, part, parts = text(body["purpose"]), integer(body["part"]), integer(body["parts"])
    tx = _tx(mandate, body) if part == 0 else _tx_before(before, part, parts)
    digests = octets(body["mandate"], 32), octets(body["tx"], 32)
    if digests != (mandate.digest, tx_digest(tx)):
        raise MalformedMessage("digest")
    if purpose not in list(Purpose) or not part < parts <= CONSENTS_MAX:
        raise MalformedMessage("purpose or part")
    return SignedRecord(sequence, head, at, Purpose(purpose), mandate, tx, part, parts)


def _tx(mandate: Mandate, body: Mapping[str, Any]) -> UnsignedTx:
    sender = body["sender"]
    return UnsignedTx(
        mandate.core.network,
        octets(body["payload"]),
        None if sender is None else Address(text(sender)),
    )


def _tx_before(before: JournalRecord | None, part: int, parts: int) -> UnsignedTx:
    """The bytes that stand in the first record of the transaction."""
    if not isinstance(before, SignedRecord) or (before.part + 1, before.parts) != (part, parts):
        raise MalformedMessage("a part without the one before it")
    return before.tx
