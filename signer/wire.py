"""What crosses the signer's socket: requests, receipts, refusals, and their canonical bytes.

Public. Custody builds these; the signer believes none of them. Canonical bytes are RFC 8785 JSON:
an approver signs, custody stores and the signer hashes the same bytes.
Amounts are decimal strings of base units, times RFC 3339 UTC with seconds, bytes lower-case hex.
A parser here refuses unknown fields, missing fields and non-canonical values (MalformedMessage).
What people agree to is in `signer.agreement`, what the signer answers in `signer.answers`. Both can
be imported from here too.

Knows no key, no policy and no chain code beyond the value types.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated, Final

from chains.json_text import read_json
from chains.model import UnsignedTx
from signer.agreement import (
    CONSENTS_MAX,
    Action,
    Approval,
    Consent,
    Core,
    Mandate,
    Purpose,
    Verdict,
    approval_message,
)
from signer.answers import (
    SIGNATURES_MAX,
    Agreed,
    Need,
    Opinion,
    Outcome,
    Place,
    Receipt,
    Refusal,
    RefusalCode,
    opinion_to_json,
    outcome_to_json,
    parse_opinion,
    parse_outcome,
)
from signer.canonical import (
    MalformedMessage,
    amount,
    boolean,
    canonical_json,
    exact_fields,
    format_time,
    identifier,
    integer,
    listed,
    octets,
    parse_json,
    parse_time,
    read_strict_json,
    text,
)
from signer.reading import ID, Many, Message, hex_of, object_of, optional
from signer.statements import STOPPED, Attestation, Notice, OpenedVault, Status

VERSION = 2
MESSAGE_BYTES_MAX = 4 * 1024 * 1024
BATCH_MAX = 256
PAYLOAD_BYTES_MAX = 1024 * 1024
"""Of an unsigned transaction. The journal keeps it whole, and one record must fit one message."""
SET_BYTES_MAX = 3 * 1024 * 1024
"""Of mandates and transaction in one request. All their records must fit one message."""
_TX_DOMAIN = b"custody-wallet/transaction/v1\n"


def tx_digest(tx: UnsignedTx) -> bytes:
    """Names an unsigned transaction: SHA-256 over a domain tag, one line of JSON with network and
    sender, and the payload. That is all that a codec reads."""
    return sha256(
        _TX_DOMAIN + canonical_json([tx.network, tx.sender]) + b"\n" + tx.payload
    ).digest()


_TX: Final = object_of(
    UnsignedTx,
    {"network": ID, "payload": hex_of(most=PAYLOAD_BYTES_MAX), "sender": optional(ID)},
)


@dataclass(frozen=True, slots=True)
class SignRequest(Message):
    """One transaction, and every transfer that it carries or cancels, each in one version. All of
    it is signed, or nothing. A cancel shows versions that were signed for, without approvals."""

    purpose: Purpose
    tx: Annotated[UnsignedTx, _TX]
    consents: Annotated[tuple[Consent, ...], Many(CONSENTS_MAX, least=1)]

    @property
    def transfers(self) -> tuple[str, ...]:
        return tuple(consent.mandate.core.transfer for consent in self.consents)


__all__ = [
    "BATCH_MAX",
    "CONSENTS_MAX",
    "MESSAGE_BYTES_MAX",
    "PAYLOAD_BYTES_MAX",
    "SET_BYTES_MAX",
    "SIGNATURES_MAX",
    "STOPPED",
    "VERSION",
    "Action",
    "Agreed",
    "Approval",
    "Attestation",
    "Consent",
    "Core",
    "MalformedMessage",
    "Mandate",
    "Need",
    "Notice",
    "OpenedVault",
    "Opinion",
    "Outcome",
    "Place",
    "Purpose",
    "Receipt",
    "Refusal",
    "RefusalCode",
    "SignRequest",
    "Status",
    "Verdict",
    "amount",
    "approval_message",
    "boolean",
    "canonical_json",
    "exact_fields",
    "format_time",
    "identifier",
    "integer",
    "listed",
    "octets",
    "opinion_to_json",
    "outcome_to_json",
    "parse_json",
    "parse_opinion",
    "parse_outcome",
    "parse_time",
    "read_json",
    "read_strict_json",
    "text",
    "tx_digest",
]
