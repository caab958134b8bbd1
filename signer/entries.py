"""What the journal says of decisions: the bodies of its records. Decides nothing.

A transaction that is signed for several transfers has one record for each. What belongs to it as a
whole, its bytes and where the rest returns to, stands in the first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from chains.transaction import TxSummary
from signer.agreement import Mandate
from signer.case import Case
from signer.inforce import PolicyInForce
from signer.policy import Spend
from signer.records import approvals_digest, record_fields
from signer.usage import spend_row
from signer.wire import Refusal, format_time

Entry = dict[str, Any]


def signed_entry(
    case: Case,
    summary: TxSummary,
    mandate: Mandate,
    spends: Sequence[Spend],
    now: datetime,
    decision: Mapping[str, Any],
) -> Entry:
    """One mandate of what is about to be signed: all that the guard will go by. `decision`: how it
    was decided."""
    core = mandate.core
    return {
        **decision,
        "kind": "signed",
        "at": format_time(now),
        "purpose": case.purpose.value,
        "transfer": core.transfer,
        "client": core.client,
        "vault": core.vault,
        "network": core.network,
        "retry_of": core.retry_of,
        "mandate": mandate.digest.hex(),
        "core": core.digest.hex(),
        "set": case.named.hex(),
        "tx": case.tx_digest.hex(),
        "identity": summary.identity,
        "conflicts": sorted(key.text for key in summary.conflict_keys),
        "binding": sorted(key.text for key in summary.binding_keys),
        "uncapped": sorted(summary.costs.uncapped),
        "spends": [spend_row(spend) for spend in spends],
    }


def decisions(
    caller: str,
    case: Case,
    in_force: PolicyInForce,
    approvers: Sequence[Sequence[str]],
    rules: Sequence[str | None],
    change: Entry,
) -> list[Entry]:
    """How each mandate was decided. `change`: where the rest returns to."""
    told = []
    for part, consent in enumerate(case.consents):
        names = approvers[part]
        told.append(
            {
                "caller": caller,
                "policy": in_force.version,
                "policy_digest": in_force.digest.hex(),
                "rule": rules[part],
                "approvers": list(names),
                "approvals": approvals_digest(consent.approvals if names else ()).hex(),
                **record_fields(consent.mandate, case.tx, part, len(rules)),
                **({} if part else change),
            }
        )
    return told


def refused_entry(
    caller: str,
    case: Case | None,
    refusal: Refusal,
    reasons: Sequence[str],
    in_force: PolicyInForce,
    now: datetime,
) -> Entry:
    """`case`: None for a request that can't be read."""
    return {
        "kind": "refused",
        "at": format_time(now),
        "caller": caller,
        "transfer": refusal.transfer,
        "policy": in_force.version,
        "code": refusal.code.value,
        "detail": refusal.detail,
        "message": refusal.message,
        "reasons": list(reasons),
        **({} if case is None else _asked(case)),
    }


def _asked(case: Case) -> Entry:
    core = case.cores[0]
    return {
        "purpose": case.purpose.value,
        "transfers": list(case.transfers),
        "client": core.client,
        "vault": core.vault,
        "network": core.network,
        "mandates": [mandate.digest.hex() for mandate in case.mandates],
        "tx": case.tx_digest.hex(),
    }
