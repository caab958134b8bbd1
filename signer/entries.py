"""What the journal says of decisions: the bodies of its records. Decides nothing.

A transaction that is signed for several transfers has one record for each. What belongs to it as a
whole, its bytes and where the rest returns to, stands in the first.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from chains.transaction import TxSummary
from signer.accounts import Account
from signer.case import Case
from signer.inforce import PolicyInForce
from signer.policy import Spend
from signer.records import approvals_digest, record_fields
from signer.usage import spend_row
from signer.wire import Refusal, format_time

Entry = dict[str, Any]
_OF_CORE = ("transfer", "client", "vault", "network", "retry_of")


def about(caller: str, in_force: PolicyInForce, now: datetime) -> Entry:
    """What every decision says: who asked, when, and under which policy."""
    policy = {"policy": in_force.version, "policy_digest": in_force.digest.hex()}
    return {"at": format_time(now), "caller": caller, **policy}


def signed_entries(
    case: Case,
    summary: TxSummary,
    takes: Sequence[Sequence[Spend]],
    approvers: Sequence[Sequence[str]],
    rules: Sequence[str | None],
    told: Entry,
) -> list[Entry]:
    """One for each mandate of what is about to be signed: all that the guard will go by, and how it
    was decided. `told`: what `about` and `changed` say."""
    whole = told | {
        "kind": "signed",
        "purpose": case.purpose.value,
        "set": case.named.hex(),
        "tx": case.tx_digest.hex(),
        "identity": summary.identity,
        "conflicts": sorted(key.text for key in summary.conflict_keys),
        "binding": sorted(key.text for key in summary.binding_keys),
        "uncapped": sorted(summary.costs.uncapped),
    }
    entries = []
    for part, consent in enumerate(case.consents):
        mandate, names = consent.mandate, approvers[part]
        fields = record_fields(mandate, case.tx, part, len(rules))
        core = {name: fields["document"]["core"][name] for name in _OF_CORE}
        decided = {
            "mandate": mandate.digest.hex(),
            "core": mandate.core.digest.hex(),
            "rule": rules[part],
            "approvers": list(names),
            "approvals": approvals_digest(consent.approvals if names else ()).hex(),
            "spends": [spend_row(spend) for spend in takes[part]],
        }
        entries.append({**whole, **fields, **core, **decided})
        whole.pop("change", None)
    return entries


def changed(account: Account, index: int | None) -> Entry:
    """What a record says about where change returns to."""
    where = {"account": change_account(account), "index": index}
    return {} if index is None else {"change": where}


def change_account(account: Account) -> str:
    return f"{account.network} {account.scope}"


def refused_entry(
    case: Case | None, refusal: Refusal, reasons: Sequence[str], told: Entry
) -> Entry:
    """`case`: None for a request that can't be read. `told`: what `about` says."""
    entry = told | {
        "kind": "refused",
        "transfer": refusal.transfer,
        "code": refusal.code.value,
        "detail": refusal.detail,
        "message": refusal.message,
        "reasons": list(reasons),
    }
    if case is None:
        return entry
    return entry | {
        "purpose": case.purpose.value,
        "transfers": list(case.transfers),
        "client": case.cores[0].client,
        "vault": case.cores[0].vault,
        "network": case.cores[0].network,
        "mandates": [mandate.digest.hex() for mandate in case.mandates],
        "tx": case.tx_digest.hex(),
    }
