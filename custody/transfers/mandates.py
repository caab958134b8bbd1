"""The mandate of a transfer, as it is stored. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from chains.costs import by_asset
from chains.effects import Allow, Asked, Call, Effect, Pay, Told
from chains.model import AssetId
from custody.db.transfer_tables import MandateRow, TransferRow
from custody.errors import Unprocessable
from custody.policies.running import shares_of
from custody.transfers.kinds import tells
from signer.policy import Detail, Evaluation, Facts, Usage
from signer.wire import Mandate, parse_json

_UNREAD = {
    Detail.INITIATOR_UNKNOWN: "who asks is no person or machine of the policy",
    Detail.PAYMENT_OF_NOTHING: "nothing is paid",
}


def stored_mandate(row: MandateRow) -> Mandate:
    """The mandate of a transfer, from its canonical bytes. Raises Unprocessable
    (mandate_unreadable) if they are not: a row that went bad concerns its transfer alone."""
    try:
        mandate = Mandate.parse(parse_json(row.document))
    except ValueError:  # MalformedMessage is one
        mandate = None
    if mandate is None or mandate.core.transfer != row.transfer_id:
        words = f"what is stored as the terms of {row.transfer_id}, version {row.version}, is not"
        raise Unprocessable("mandate_unreadable", f"{words} them")
    return mandate


def shares_in(mandate: Mandate) -> dict[str, Usage]:
    """What its transfer takes of the windows, as custody counts it. Costs are granted in the
    network's own asset alone, so what they are paid in is that asset."""
    paid_in = next(iter(sorted(by_asset(mandate.costs_max))), AssetId(""))
    facts = Facts(mandate.core, paid_in, mandate.costs_max, mandate.offered_at, mandate.expires_at)
    return shares_of(facts)


def told_of(row: TransferRow, terms: Sequence[MandateRow]) -> Told | None:
    """What the transfer tells a contract; the same in every version of its terms. None also where
    nobody can read it: a row that went bad concerns its transfer alone."""
    if not tells(row.kind) or not terms:
        return None
    try:
        return told_in(stored_mandate(terms[0]).core.effects)
    except Unprocessable:
        return None


def document_of(mandate: Mandate) -> bytes:
    """The canonical bytes that are stored, shown and signed."""
    return mandate.canonical


def digest_of(mandate: Mandate) -> bytes:
    """What approvers sign."""
    return mandate.digest


def effects_of(mandate: Mandate) -> tuple[Asked, ...]:
    """What it does, of one that is no message: payments, or one thing that a contract is told.
    Custody asks for nothing else."""
    effects = mandate.core.effects
    asked = tuple(effect for effect in effects if isinstance(effect, Pay | Allow | Call))
    assert len(asked) == len(effects), "does something else than to pay, to allow and to call"
    assert told_in(asked) is None or len(asked) == 1, "a call and something beside it"
    return asked


def told_in(effects: Sequence[Effect]) -> Told | None:
    """The call or the allowance that it is, None of one that pays."""
    return next((effect for effect in effects if isinstance(effect, Allow | Call)), None)


def reason_of(evaluation: Evaluation) -> str:
    """Why the policy says no, in one line: the stable word, then the words of the nearest rule."""
    nearest = next((trace for trace in evaluation.trace if trace.rule == evaluation.rule), None)
    unread = _UNREAD.get(evaluation.detail, "no rule matches")
    words = "; ".join(reason.text for reason in nearest.reasons) if nearest else unread
    rule = f" (rule {evaluation.rule})" if evaluation.rule else ""
    return f"policy/{evaluation.detail}: {words}{rule}"
