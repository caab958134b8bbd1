"""One payment as one file: all that custody, the signer and the nodes have to show for it.

Custody's rows are of one snapshot. The signer's proofs are asked for after it: its records never
change. What a client's own key gets leaves out the policies, which speak about every client: they
are named and withheld. Whoever shares a transaction is of the same client and vault, because the
signer takes no others together (ADR 0099).
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chains.catalogue import Catalogue
from chains.model import Address, Excludes, NetworkId, UnsignedTx
from custody.apikeys.model import Caller
from custody.audit import proof_repository, repository
from custody.audit.bundle import Part, pack
from custody.audit.evidence import Built, Evidence, gather
from custody.audit.repository import Booked
from custody.db.proof_tables import ChainProofRow
from custody.db.session import Database
from custody.db.tables import PolicyVersionRow
from custody.errors import Conflict, Unavailable
from custody.log.bundles import BundleLog
from custody.transactions.state import State as TransactionState
from custody.transfers.mandates import stored_mandate
from custody.transfers.state import State
from signer.agreement import Purpose, effect_to_json
from signer.client import SignerClient
from signer.wire import Receipt, canonical_json, format_time, parse_json, tx_digest


@dataclass(frozen=True, slots=True)
class _Found:
    """`policies`: all that ever were, up to the last signature. `signed`: what the signer signed,
    with its receipt."""

    evidence: Evidence
    policies: Sequence[PolicyVersionRow]
    proofs: Sequence[ChainProofRow]
    signed: Sequence[tuple[Built, Receipt]]


class Bundling:
    """`catalogue`: of which family a network is. `log`: where what is handed out is logged."""

    def __init__(
        self, database: Database, signer: SignerClient, catalogue: Catalogue, log: BundleLog
    ) -> None:
        self._database = database
        self._signer = signer
        self._catalogue = catalogue
        self._log = log

    async def export(self, transfer: str, caller: Caller, now: datetime) -> bytes:
        """Raises NotFound transfer_not_found, Conflict evidence_not_final, evidence_proof_missing,
        Unavailable evidence_record_missing, and SignerError."""
        found = await self._gather(transfer, caller, now)
        row = found.evidence.transfer
        chain = list(self._chain(found))
        records = [part async for part in self._records(found)]
        house = caller.client_id is None
        parts = [
            Part("request", _json(_request(found.evidence))),
            *_agreed(found.evidence),
            *(_policy(each, not house) for each in found.policies),
            *records,
            *(_transaction(built, receipt) for built, receipt in found.signed),
            Part("entries", _json([_entry(each) for each in found.evidence.entries])),
            *chain,
        ]
        packed = pack(row.id, row.network, _time(now), parts)
        proof = await self._log.log(packed.digest, row.id, now)
        return packed.data if proof is None else packed.logged(proof)

    async def _gather(self, transfer: str, caller: Caller, now: datetime) -> _Found:
        async with self._database.read() as session:
            evidence = await gather(session, transfer, caller, now)
            state = evidence.transfer.state
            if state != State.FINAL:
                said = f"The transfer is {state}: there is evidence of final ones."
                raise Conflict("evidence_not_final", said)
            signed = [
                (each, Receipt.parse(parse_json(each.row.receipt)))
                for each in evidence.transactions
                if each.row.receipt is not None and each.row.raw is not None
            ]
            last = max(receipt.signed_at for _, receipt in signed)  # final, so signed
            return _Found(
                evidence=evidence,
                policies=await repository.policies_until(session, last),
                proofs=await proof_repository.kept(session, [each.row.id for each, _ in signed]),
                signed=signed,
            )

    async def _records(self, found: _Found) -> AsyncIterator[Part]:
        """Of all transfers of each transaction: what they do together is compared."""
        numbers = {place.sequence for _, receipt in found.signed for place in receipt.records}
        for number in sorted(numbers):
            proven = await self._signer.prove_record(number)
            if proven is None or not proven.proof.record:
                said = f"The signer does not show record {number} of its log."
                raise Unavailable("evidence_record_missing", said)
            yield Part(f"records/{number}", proven.proof.text().encode())

    def _chain(self, found: _Found) -> Iterator[Part]:
        """Of what paid: the newest proof of its block, or what was said while there is none."""
        for built, _ in found.signed:
            row = built.row
            if row.state != TransactionState.FINAL or not _is_in_a_block(built):
                continue
            kept = [
                each
                for each in found.proofs
                if (each.transaction_id, each.block_hash) == (row.id, row.block_hash)
            ]
            if not kept:
                raise Conflict(
                    "evidence_proof_missing",
                    "What the nodes say of the transaction's block is not kept yet.",
                )
            best = max(kept, key=lambda each: (each.proof is not None, each.number))
            said = {
                "family": self._catalogue.networks[NetworkId(row.network)].family,
                "network": row.network,
                "txid": row.txid,
                "captured_at": _time(best.captured_at),
                "nodes": json.loads(best.said),
                "proof": None if best.proof is None else json.loads(best.proof),
            }
            yield Part(f"chain/{row.txid}", _json(said))


def _is_in_a_block(built: Built) -> bool:
    """Under its own name. A message is in none, and what was signed apart is in that of whoever
    submitted it."""
    apart = any(key.excludes is Excludes.EFFECT for key in built.keys)
    return built.row.purpose != Purpose.MESSAGE and not apart


def _request(evidence: Evidence) -> dict[str, Any]:
    """Retry keys are not kept for ever, and the transfer's id follows from its own. What it asked
    for is the same in every version of its terms."""
    row = evidence.transfer
    effects = stored_mandate(evidence.mandates[0]).core.effects
    return {
        "id": row.id,
        "client": row.client_id,
        "vault": row.vault_id,
        "network": row.network,
        "initiator": row.initiator,
        "effects": [effect_to_json(each) for each in effects],
        "requested_at": _time(row.requested_at),
        "retry_key_sha256": None,
    }


def _agreed(evidence: Evidence) -> Iterator[Part]:
    for row in evidence.mandates:
        given = [
            {
                "approver": each.approver,
                "verdict": each.verdict,
                "signature": each.signature.hex(),
            }
            for each in evidence.approvals[row.digest]
        ]
        yield Part(f"mandates/{row.version}", row.document)
        yield Part(f"approvals/{row.version}", _json(given))


def _policy(row: PolicyVersionRow, withheld: bool) -> Part:
    said = {"document": row.document.decode(), "signatures": json.loads(row.signatures)}
    return Part(f"policies/{row.version}", _json(said), withheld)


def _transaction(built: Built, receipt: Receipt) -> Part:
    row = built.row
    assert row.payload is not None and row.raw is not None
    sender = None if row.sender is None else Address(row.sender)
    digest = tx_digest(UnsignedTx(NetworkId(row.network), row.payload, sender))
    said = {
        "id": row.id,
        "purpose": row.purpose,
        "network": row.network,
        "sender": row.sender,
        "txid": row.txid,
        "signer_digest": digest.hex(),
        "unsigned": row.payload.hex(),
        "signed": row.raw.hex(),
        "conflict_keys": [{"key": key.text, "excludes": key.excludes.value} for key in built.keys],
        "receipt": receipt.to_json(),
    }
    return Part(f"transactions/{row.id}", _json(said))


def _entry(booked: Booked) -> dict[str, Any]:
    entry, debit, credit, sequence = booked
    return {
        "id": entry.id,
        "sequence": sequence,
        "created_at": _time(entry.created_at),
        "kind": entry.kind,
        "reason": entry.reason,
        "subject": entry.subject,
        "asset": entry.asset,
        "amount": str(entry.amount),
        "debit_kind": debit.kind,
        "debit_vault_id": debit.vault_id,
        "credit_kind": credit.kind,
        "credit_vault_id": credit.vault_id,
        "ends": entry.pending_id,
    }


def _json(value: Any) -> bytes:
    return canonical_json(value)


def _time(moment: datetime) -> str:
    return format_time(moment.replace(microsecond=0))
