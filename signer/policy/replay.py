"""What another version of the policy would have said, and any verdict in words. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from signer.policy.document import Policy
from signer.policy.evaluate import evaluate
from signer.policy.facts import Facts, Spend, spends_of
from signer.policy.verdicts import Evaluation
from signer.policy.windows import usage_of, windows
from signer.wire import format_time


@dataclass(frozen=True, slots=True)
class PastTransfer:
    transfer: str
    facts: Facts
    at: datetime
    approvals: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """A transfer on which two policies disagree."""

    transfer: str
    before: Evaluation
    after: Evaluation


def replay(before: Policy, after: Policy, past: Sequence[PastTransfer]) -> tuple[Change, ...]:
    """What would have been different. Windows hold the past transfers themselves, which happened
    whatever either policy says of them; a time lock counts from when each was signed."""
    changes: list[Change] = []
    spent: list[Spend] = []
    for item in sorted(past, key=lambda item: item.at):
        verdicts = [_verdict_then(policy, item, spent) for policy in (before, after)]
        if _essence(verdicts[0]) != _essence(verdicts[1]):
            changes.append(Change(item.transfer, verdicts[0], verdicts[1]))
        spent.extend(spends_of(item.facts, item.transfer, item.at))
    return tuple(changes)


def _verdict_then(policy: Policy, item: PastTransfer, spent: Sequence[Spend]) -> Evaluation:
    usage = {window: usage_of(spent, window, item.at) for window in windows(policy, item.facts)}
    return evaluate(policy, item.facts, usage.get, item.at, item.approvals)


def _essence(evaluation: Evaluation) -> tuple[object, ...]:
    return evaluation.ruling, evaluation.detail, evaluation.rule, evaluation.needs


def explain(evaluation: Evaluation) -> tuple[str, ...]:
    """The verdict and the trace in words, one line each."""
    by = f" by {evaluation.rule}" if evaluation.rule else ""
    lines = [f"{evaluation.ruling} ({evaluation.detail}){by}"]
    lines += [f"  needs {need.count} more of {need.group}" for need in evaluation.needs]
    for item in evaluation.trace:
        kind = "allow" if item.allows else "deny"
        state = "applies" if item.applies else "does not apply"
        because = "; ".join(f"{reason.detail}: {reason.text}" for reason in item.reasons)
        lines.append(f"  {kind} {item.rule}: {state}{f' ({because})' if because else ''}")
    return tuple(lines)


def advice(verdict: Evaluation) -> str:
    """What is in the way, in a sentence."""
    if verdict.needs:
        missing = ", ".join(f"{need.count} of {need.group}" for need in verdict.needs)
        return f"approvals missing: {missing}"
    if verdict.not_before is not None:
        return f"the time lock runs until {format_time(verdict.not_before)}"
    if verdict.rule is not None:
        return f"the policy says {verdict.detail.value}, by rule {verdict.rule}"
    return "no rule of the policy allows this"
