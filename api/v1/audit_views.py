"""How a transfer looks to an auditor: every byte that was agreed to, signed and sent, beside what
names it. Bytes are lower-case hex."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydantic import Field

from api.schemas import View, with_example
from api.v1.alarms import ALARM_EXAMPLE, AlarmView, alarm_view
from api.v1.blocks import BLOCK_EXAMPLE, BlockView
from api.v1.freezes import FREEZE_EXAMPLE, FreezeView, freeze_list
from api.v1.transfer_views import PaymentView, payment_fields
from chains.assets import Amount
from chains.catalogue import Catalogue
from chains.model import Address, ConflictKey, Excludes, NetworkId, UnsignedTx
from custody.audit.evidence import Built, Evidence
from custody.audit.repository import Booked
from custody.db.feed_tables import EventRow
from custody.db.tables import ApiKeyRow, LedgerAccountRow, PolicyVersionRow
from custody.db.transfer_tables import ApprovalRow, MandateRow
from custody.ledger.model import AccountKind, Kind
from custody.transactions.state import State as TransactionState
from custody.transfers.consent import Consent
from custody.transfers.state import State
from signer.agreement import Purpose
from signer.wire import Verdict, approval_message, tx_digest

_TRANSFER = "tfr_01k9zv7e5f6g7h8j9k0m1n2p3q"
_ASKED_EXAMPLE = {
    "id": _TRANSFER,
    "client_id": "cli_01k9zv3m8q4x7h2c5d6e8f9g0a",
    "vault_id": "vlt_01k9zv4a2b3c4d5e6f7g8h9j0k",
    "network": "eip155:31337",
    "asset": "eip155:31337/slip44:60",
    "symbol": "ETH",
    "decimals": 18,
    "destination": "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    "memo": None,
    "amount": "0.05",
    "amount_base_units": "50000000000000000",
    "outputs": [
        {
            "destination": "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
            "memo": None,
            "amount": "0.05",
            "amount_base_units": "50000000000000000",
        }
    ],
    "call": None,
    "allowance": None,
    "note": "payout 17",
    "initiator": "payout-robot",
    "retry_of": None,
    "state": "final",
    "reason": None,
    "requested_at": "2026-03-02T06:30:00Z",
    "updated_at": "2026-03-02T06:31:12Z",
}
_EVENT_EXAMPLE = {
    "kind": "transfer",
    "subject": _TRANSFER,
    "event": "accept",
    "state": "approved",
    "detail": None,
    "at": "2026-03-02T06:30:00Z",
}
_APPROVAL_EXAMPLE = {
    "id": "apr_01k9zv8a2b3c4d5e6f7g8h9j0k",
    "approver": "alice",
    "verdict": "approve",
    "signed": "63757374" + "3a" * 32,
    "signature": "5f" * 64,
    "at": "2026-03-02T06:30:40Z",
}
_MANDATE_EXAMPLE = {
    "version": 1,
    "document": b'{"basis":"...","core":{"action":"transfer"}}'.hex(),
    "digest": "3a" * 32,
    "state": "agreed",
    "offered_at": "2026-03-02T06:30:00Z",
    "expires_at": "2026-03-03T06:30:00Z",
    "decided_at": "2026-03-02T06:30:40Z",
    "approvals": [_APPROVAL_EXAMPLE],
}
_KEY_EXAMPLE = {"key": "eip155:31337/nonce:0x5aae…:7", "excludes": "inclusion"}
_CARRIES_EXAMPLE = {"transfer_id": _TRANSFER, "version": 1}
_RECEIPT_EXAMPLE = {
    "purpose": "pay",
    "transfers": [_TRANSFER],
    "mandates": ["3a" * 32],
    "tx_digest": "7c" * 32,
    "records": [[41, 40]],
    "head": "91" * 32,
}
_TRANSACTION_EXAMPLE = {
    "id": "txn_01k9zv8a2b3c4d5e6f7g8h9j0k",
    "purpose": "pay",
    "state": "final",
    "network": "eip155:31337",
    "source": "0x9858EfFD232B4033E47d90003D41EC34EcaEda94",
    "sender": "0x9858EfFD232B4033E47d90003D41EC34EcaEda94",
    "txid": "0x" + "9f" * 32,
    "conflict_keys": [_KEY_EXAMPLE],
    "signer_digest": "7c" * 32,
    "unsigned": "02e9827a69",
    "signed": "02f86c827a69",
    "receipt": _RECEIPT_EXAMPLE,
    "refusal": None,
    "carries": [_CARRIES_EXAMPLE],
    "replaces": None,
    "block": BLOCK_EXAMPLE,
    "reason": None,
    "created_at": "2026-03-02T06:30:41Z",
    "signed_at": "2026-03-02T06:30:41Z",
    "broadcast_at": "2026-03-02T06:30:42Z",
}
_ACCOUNT_EXAMPLE = {"kind": "vault", "vault_id": _ASKED_EXAMPLE["vault_id"]}
_ENTRY_EXAMPLE = {
    "id": "ent_01k9zv8a2b3c4d5e6f7g8h9j0k",
    "sequence": 12,
    "kind": "reserve",
    "reason": "transfer",
    "debit": _ACCOUNT_EXAMPLE,
    "credit": {"kind": "chain", "vault_id": None},
    "asset": "eip155:31337/slip44:60",
    "amount": "0.05",
    "amount_base_units": "50000000000000000",
    "ends": None,
    "created_at": "2026-03-02T06:30:00Z",
}
POLICY_EXAMPLE: dict[str, Any] = {
    "digest": "c4" * 32,
    "version": 3,
    "signed_by": ["admin-1", "admin-2"],
    "in_force_at": "2026-03-01T09:00:00Z",
    "first_seen": "2026-03-01T09:00:01Z",
}
API_KEY_EXAMPLE: dict[str, Any] = {
    "id": "key_01k9zv8a2b3c4d5e6f7g8h9j0k",
    "name": "payouts",
    "initiator": "payout-robot",
    "scopes": ["read", "transfer"],
    "client_id": None,
    "created_at": "2026-03-01T08:00:00Z",
    "revoked_at": None,
}


class AskedView(PaymentView):
    """What was asked for, by whom, and where it stands."""

    model_config = with_example(_ASKED_EXAMPLE)

    decimals: int
    note: str | None
    initiator: str = Field(description="the person or machine that asked, as the policy names it")
    retry_of: str | None
    state: State
    reason: str | None
    requested_at: datetime
    updated_at: datetime


class AuditEventView(View):
    """What happened to the transfer, to a transaction of it or to an approval."""

    model_config = with_example(_EVENT_EXAMPLE)

    kind: str
    subject: str
    event: str
    state: str
    detail: str | None
    at: datetime


class SignedApprovalView(View):
    model_config = with_example(_APPROVAL_EXAMPLE)

    id: str
    approver: str = Field(description="the person's id in the policy")
    verdict: Verdict
    signed: str = Field(description="the bytes that the signature is of")
    signature: str
    at: datetime


class AgreedView(View):
    """One version of the terms, and who said what to exactly these bytes."""

    model_config = with_example(_MANDATE_EXAMPLE)

    version: int
    document: str = Field(description="the mandate's canonical bytes (RFC 8785 JSON)")
    digest: str = Field(description="SHA-256 of the mandate's domain and its bytes")
    state: Consent
    offered_at: datetime
    expires_at: datetime
    decided_at: datetime | None
    approvals: list[SignedApprovalView]


class ConflictKeyView(View):
    """What a transaction takes for itself on its chain."""

    model_config = with_example(_KEY_EXAMPLE)

    key: str
    excludes: Excludes = Field(
        description="what two transactions that share it can't both be: in a block, or successful"
    )


class CarriedView(View):
    model_config = with_example(_CARRIES_EXAMPLE)

    transfer_id: str
    version: int = Field(description="of that transfer's terms")


class BytesView(View):
    """A transaction: its bytes, what names it on the chain, and what names it at the signer."""

    model_config = with_example(_TRANSACTION_EXAMPLE)

    id: str
    purpose: Purpose
    state: TransactionState
    network: str
    source: str = Field(description="the address or the account's path that pays")
    sender: str | None = Field(description="who pays, where the unsigned bytes don't say it")
    txid: str | None = Field(description="its name on the chain")
    conflict_keys: list[ConflictKeyView]
    signer_digest: str | None = Field(
        description="its name at the signer: SHA-256 of network, sender and unsigned bytes"
    )
    unsigned: str | None
    signed: str | None
    receipt: dict[str, Any] | None = Field(
        description="the signer's receipt as it was given: signatures, each record's number and "
        "leaf in the log, the head, and the checkpoint (C2SP signed note)"
    )
    refusal: str | None = Field(description="the signer's word that it did not sign these bytes")
    carries: list[CarriedView]
    replaces: str | None
    block: BlockView | None
    reason: str | None
    created_at: datetime
    signed_at: datetime | None
    broadcast_at: datetime | None


class AccountView(View):
    model_config = with_example(_ACCOUNT_EXAMPLE)

    kind: AccountKind
    vault_id: str | None = Field(description="null for the outside world and for fees")


class EntryView(View):
    """One line of the ledger: from the debited account to the credited one."""

    model_config = with_example(_ENTRY_EXAMPLE)

    id: str
    sequence: int | None = Field(description="in the client's feed; null until it has a number")
    kind: Kind
    reason: str
    debit: AccountView
    credit: AccountView
    asset: str
    amount: str
    amount_base_units: str
    ends: str | None = Field(description="the reservation that it settles or voids")
    created_at: datetime


class PolicyVersionView(View):
    """A policy that was in force. The document is at `/v1/audit/policies/{digest}`."""

    model_config = with_example(POLICY_EXAMPLE)

    digest: str = Field(description="SHA-256 of the document, as the signer's records name it")
    version: int
    signed_by: list[str] = Field(description="administrators")
    in_force_at: datetime = Field(description="the signer's time")
    first_seen: datetime


class EvidenceView(View):
    """A transfer with all that proves it. `custody audit transfer` checks it against a copy of the
    signer's log."""

    model_config = with_example(
        {
            "transfer": _ASKED_EXAMPLE,
            "events": [_EVENT_EXAMPLE],
            "mandates": [_MANDATE_EXAMPLE],
            "transactions": [_TRANSACTION_EXAMPLE],
            "entries": [_ENTRY_EXAMPLE],
            "policies": [POLICY_EXAMPLE],
            "alarms": [ALARM_EXAMPLE],
            "freezes": [FREEZE_EXAMPLE],
        }
    )

    transfer: AskedView
    events: list[AuditEventView]
    mandates: list[AgreedView] = Field(description="every version of its terms")
    transactions: list[BytesView] = Field(description="every one that was made for it")
    entries: list[EntryView] = Field(description="all that was booked for it")
    policies: list[PolicyVersionView] = Field(
        description="in force at some moment from the request to the last signature"
    )
    alarms: list[AlarmView] = Field(
        description="open while it was under way, or naming it: about its vault, and for a key of "
        "no client also about its network; the newest 200"
    )
    freezes: list[FreezeView] = Field(description="of its vault, likewise")


class ApiKeyView(View):
    """Who may call the API. Neither the secret nor its digest is ever shown."""

    model_config = with_example(API_KEY_EXAMPLE)

    id: str
    name: str
    initiator: str
    scopes: list[str]
    client_id: str | None = Field(description="null: it sees every client")
    created_at: datetime
    revoked_at: datetime | None


def evidence_view(evidence: Evidence, catalogue: Catalogue) -> EvidenceView:
    return EvidenceView(
        transfer=_asked(evidence, catalogue),
        events=[_event(row) for row in evidence.events],
        mandates=[_agreed(row, evidence.approvals[row.digest]) for row in evidence.mandates],
        transactions=[_bytes(each) for each in evidence.transactions],
        entries=[_entry(booked, catalogue) for booked in evidence.entries],
        policies=[policy_version_view(row) for row in evidence.policies],
        alarms=[alarm_view(row) for row in evidence.alarms],
        freezes=freeze_list(evidence.freezes).items,
    )


def policy_version_view(row: PolicyVersionRow) -> PolicyVersionView:
    return PolicyVersionView(
        digest=row.digest.hex(),
        version=row.version,
        signed_by=sorted(signatures_of(row)),
        in_force_at=row.in_force_at,
        first_seen=row.first_seen,
    )


def signatures_of(row: PolicyVersionRow) -> dict[str, str]:
    """By administrator, in hex."""
    signatures: dict[str, str] = json.loads(row.signatures)
    return signatures


def api_key_view(row: ApiKeyRow) -> ApiKeyView:
    return ApiKeyView(
        id=row.id,
        name=row.name,
        initiator=row.initiator,
        scopes=row.scopes.split(),
        client_id=row.client_id,
        created_at=row.created_at,
        revoked_at=row.revoked_at,
    )


def _asked(evidence: Evidence, catalogue: Catalogue) -> AskedView:
    row = evidence.transfer
    asset = catalogue.find_asset(row.asset)
    return AskedView(
        **payment_fields(row, evidence.payments, evidence.told, catalogue),
        decimals=asset.decimals,
        note=row.note,
        initiator=row.initiator,
        retry_of=row.retry_of,
        state=State(row.state),
        reason=row.reason,
        requested_at=row.requested_at,
        updated_at=row.updated_at,
    )


def _event(row: EventRow) -> AuditEventView:
    return AuditEventView(
        kind=row.kind,
        subject=row.subject,
        event=row.event,
        state=row.state,
        detail=row.detail,
        at=row.created_at,
    )


def _agreed(row: MandateRow, given: Sequence[ApprovalRow]) -> AgreedView:
    return AgreedView(
        version=row.version,
        document=row.document.hex(),
        digest=row.digest.hex(),
        state=Consent(row.state),
        offered_at=row.offered_at,
        expires_at=row.expires_at,
        decided_at=row.decided_at,
        approvals=[
            SignedApprovalView(
                id=each.id,
                approver=each.approver,
                verdict=Verdict(each.verdict),
                signed=approval_message(row.digest, Verdict(each.verdict)).hex(),
                signature=each.signature.hex(),
                at=each.created_at,
            )
            for each in given
        ],
    )


def _bytes(built: Built) -> BytesView:
    row, digest, block = built.row, None, None
    if row.payload is not None:
        sender = None if row.sender is None else Address(row.sender)
        digest = tx_digest(UnsignedTx(NetworkId(row.network), row.payload, sender)).hex()
    if row.block_height is not None and row.block_hash is not None:
        block = BlockView(height=row.block_height, hash=row.block_hash)
    return BytesView(
        id=row.id,
        purpose=Purpose(row.purpose),
        state=TransactionState(row.state),
        network=row.network,
        source=row.source,
        sender=row.sender,
        txid=row.txid,
        conflict_keys=[_key(key) for key in built.keys],
        signer_digest=digest,
        unsigned=None if row.payload is None else row.payload.hex(),
        signed=None if row.raw is None else row.raw.hex(),
        receipt=None if row.receipt is None else json.loads(row.receipt),
        refusal=row.refusal,
        carries=[
            CarriedView(transfer_id=each.transfer_id, version=each.mandate_version)
            for each in built.carries
        ],
        replaces=row.replaces,
        block=block,
        reason=row.reason,
        created_at=row.created_at,
        signed_at=row.signed_at,
        broadcast_at=row.broadcast_at,
    )


def _key(key: ConflictKey) -> ConflictKeyView:
    return ConflictKeyView(key=key.text, excludes=key.excludes)


def _entry(booked: Booked, catalogue: Catalogue) -> EntryView:
    row, debit, credit, sequence = booked
    return EntryView(
        id=row.id,
        sequence=sequence,
        kind=Kind(row.kind),
        reason=row.reason,
        debit=_account(debit),
        credit=_account(credit),
        asset=row.asset,
        amount=Amount(catalogue.find_asset(row.asset), row.amount).decimal,
        amount_base_units=str(row.amount),
        ends=row.pending_id,
        created_at=row.created_at,
    )


def _account(row: LedgerAccountRow) -> AccountView:
    return AccountView(kind=AccountKind(row.kind), vault_id=row.vault_id)
