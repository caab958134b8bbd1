"""What the signer answers: a receipt, a refusal, an opinion. Public through `wire.py`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Final, NamedTuple

from chains.model import Signature
from signer.agreement import CONSENTS_MAX, Purpose
from signer.canonical import MalformedMessage
from signer.reading import (
    ID,
    Form,
    Hash,
    Identifier,
    Many,
    Message,
    Prose,
    Words,
    either,
    form_of,
    hex_of,
    object_of,
    pair,
)
from signer.statements import Note

SIGNATURES_MAX: Final = 4096
_NEEDS_MAX: Final = 256


class RefusalCode(StrEnum):
    """Why the signer signed nothing. `Refusal.detail` narrows it; both are stable."""

    MALFORMED = "malformed"
    """The request or the transaction cannot be read."""
    UNAUTHENTICATED = "unauthenticated"
    MISMATCH = "mismatch"
    """The transaction does something else than the mandates say."""
    UNEXPLAINED = "unexplained"
    """The transaction contains something the codec has no words for."""
    DENIED = "denied"
    """The policy says no, or says nothing."""
    NEEDS_APPROVALS = "needs-approvals"
    EXPIRED = "expired"
    NOT_YET = "not-yet"
    """A time lock is running, or the mandate is of a time that has not come."""
    BASIS = "basis"
    """The mandate rests on rules that are not in force any more. Offer a new version."""
    CONFLICT = "conflict"
    """Another transaction was signed for one of the transfers, and both could confirm. Or this one
    was signed for other transfers."""
    UNKNOWN_VAULT = "unknown-vault"
    LOCKED = "locked"
    STOPPED = "stopped"
    """An administrator has stopped it. A newer policy ends that; cancels pass meanwhile."""
    UNAVAILABLE = "unavailable"


class Place(NamedTuple):
    """Where a record is in the signer's log: its number, and its leaf in the tree."""

    sequence: int
    leaf: int


_NUMBER: Final = form_of(int)
_PLACE: Final = pair(_NUMBER, _NUMBER, Place)
_SIGNATURE: Final = object_of(Signature, {"public_key": hex_of(), "signature": hex_of()})


@dataclass(frozen=True, slots=True)
class Receipt(Message):
    """Proof of one signing. For each transfer, in one order: its id, the digest of the mandate that
    was recorded, and the record's place. `signatures`: in the order of the codec's
    `signing_inputs`. `head`: of the last record. Custody keeps the newest head; with it a signer
    that was restored from an older backup is found out. `checkpoint`: the signed note (C2SP) of the
    log when the receipt was given out. It covers those records; a repetition may show a later
    one."""

    purpose: Purpose
    transfers: Annotated[tuple[str, ...], Many(CONSENTS_MAX, least=1, each=ID)]
    mandates: Annotated[tuple[bytes, ...], Many(CONSENTS_MAX, each=hex_of(32))]
    tx_digest: Hash
    signatures: Annotated[tuple[Signature, ...], Many(SIGNATURES_MAX, each=_SIGNATURE)]
    records: Annotated[tuple[Place, ...], Many(CONSENTS_MAX, each=_PLACE)]
    head: Hash
    checkpoint: Note
    signed_at: datetime

    def check(self) -> None:
        if not len(self.transfers) == len(self.mandates) == len(self.records):
            raise MalformedMessage("a record and a mandate for each transfer")

    @property
    def sequence(self) -> int:
        """Of the last record, whose head is `head`."""
        return self.records[-1].sequence


@dataclass(frozen=True, slots=True)
class Need(Message):
    """Approvals still missing: `count` more persons of `group`."""

    group: Identifier
    count: int


@dataclass(frozen=True, slots=True)
class Refusal(Message):
    """`transfer`: the one that is in the way; the others can go without it. None if it is the whole
    request. `detail`: a stable word below `code`, e.g. mismatch/amount. `message`: for people."""

    transfer: Identifier | None
    code: RefusalCode
    detail: Words
    message: Prose
    needs: Annotated[tuple[Need, ...], Many(_NEEDS_MAX)] = ()


@dataclass(frozen=True, slots=True)
class Agreed(Message):
    """The answer about a consent that comes without a transaction: now, `rule` allows the mandate.
    It promises nothing: the mandate is judged again when a transaction comes."""

    transfer: Identifier
    mandate: Hash
    rule: Identifier


Outcome = Receipt | Refusal
Opinion = Agreed | Refusal
_OUTCOME: Final[Form] = either({"receipt": Receipt, "refusal": Refusal})
_OPINION: Final[Form] = either({"agreed": Agreed, "refusal": Refusal})


def outcome_to_json(outcome: Outcome) -> dict[str, Any]:
    written: dict[str, Any] = _OUTCOME.write(outcome)
    return written


def parse_outcome(row: object) -> Outcome:
    """From decoded JSON. Raises MalformedMessage."""
    outcome: Outcome = _OUTCOME.read(row)
    return outcome


def opinion_to_json(opinion: Opinion) -> dict[str, Any]:
    written: dict[str, Any] = _OPINION.write(opinion)
    return written


def parse_opinion(row: object) -> Opinion:
    """From decoded JSON. Raises MalformedMessage."""
    opinion: Opinion = _OPINION.read(row)
    return opinion
