"""The mandate of a transfer: on which terms the policy is kindest, and reading it back. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from chains.effects import Pay
from custody.db.transfer_tables import MandateRow
from signer.policy import Detail, Evaluation, Policy, Ruling, Usage, Window, evaluate, facts_of
from signer.wire import Mandate, parse_json

_UNREAD = {
    Detail.INITIATOR_UNKNOWN: "who asks is no person or machine of the policy",
    Detail.PAYMENT_OF_NOTHING: "nothing is paid",
}
_RANK = {Ruling.ALLOW: 0, Ruling.NOT_YET: 1, Ruling.NEEDS_APPROVALS: 2, Ruling.DENY: 3}


def best_terms(
    mandate: Mandate, policy: Policy, usage: Mapping[Window, Usage], now: datetime
) -> tuple[Mandate, Evaluation]:
    """The mandate with the lifetime on which the policy is kindest, and the verdict on it.

    A rule steps aside for mandates that live longer than it grants. So each shorter lifetime that
    a rule names is tried too, longest first, and the first with the best ruling is taken.
    """
    judged = [
        (candidate, evaluate(policy, facts_of(candidate), usage, now, ()))
        for candidate in _lifetimes(mandate, policy)
    ]
    return min(judged, key=lambda each: _RANK[each[1].ruling])


def stored_mandate(row: MandateRow) -> Mandate:
    """The mandate of a transfer, from its canonical bytes."""
    mandate = Mandate.parse(parse_json(row.document))
    assert mandate.core.transfer == row.transfer_id, "another transfer's mandate"
    return mandate


def document_of(mandate: Mandate) -> bytes:
    """The canonical bytes that are stored, shown and signed."""
    return mandate.canonical


def digest_of(mandate: Mandate) -> bytes:
    """What approvers sign."""
    return mandate.digest


def effects_of(mandate: Mandate) -> tuple[Pay, ...]:
    """What it pays. Custody asks for nothing else yet."""
    paid = tuple(effect for effect in mandate.core.effects if isinstance(effect, Pay))
    assert len(paid) == len(mandate.core.effects), "does something else than to pay"
    return paid


def reason_of(evaluation: Evaluation) -> str:
    """Why the policy says no, in one line: the stable word, then the words of the nearest rule."""
    nearest = next((trace for trace in evaluation.trace if trace.rule == evaluation.rule), None)
    unread = _UNREAD.get(evaluation.detail, "no rule matches")
    words = "; ".join(reason.text for reason in nearest.reasons) if nearest else unread
    rule = f" (rule {evaluation.rule})" if evaluation.rule else ""
    return f"policy/{evaluation.detail}: {words}{rule}"


def _lifetimes(mandate: Mandate, policy: Policy) -> Iterator[Mandate]:
    yield mandate
    longest = int((mandate.expires_at - mandate.offered_at).total_seconds())
    granted = {rule.grant.mandate_lifetime_s for rule in policy.rules if rule.grant is not None}
    for seconds in sorted(granted, reverse=True):
        if seconds < longest:
            yield replace(mandate, expires_at=mandate.offered_at + timedelta(seconds=seconds))
