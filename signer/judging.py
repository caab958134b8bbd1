"""What the policy says of each mandate of a request, by the signer's own counters and clock.

A transfer takes of the windows the most that any of its transactions takes. Each mandate is judged
with what all other transfers took, those of its own request included: so it makes no difference in
which order they stand, or whether they come in one transaction or in several.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from chains.catalogue import Catalogue
from chains.costs import CostKind
from signer.agreement import Mandate, Purpose
from signer.answers import RefusalCode
from signer.case import Case
from signer.clock import Moment, whatever_the_time
from signer.errors import Refused
from signer.guard import Guard
from signer.history import History
from signer.policy.evaluate import evaluate
from signer.policy.facts import Facts, Spend, Usage, Window, facts_of, spends_of, taken_of
from signer.policy.replay import advice, explain
from signer.policy.verdicts import Detail, Evaluation, Ruling
from signer.usage import most_of, spends_in

Takes = tuple[Spend, ...]
"""What one transfer takes of the windows."""


def takes_of(case: Case, now: datetime, catalogue: Catalogue) -> tuple[Takes, ...]:
    """Of each transfer, with the request signed `now`: the most of its own mandate and of what was
    recorded. A cancel repeats what was recorded, since what it cancels may yet be the one."""
    return tuple(
        _takes(case.purpose, mandate, history, now, catalogue) for mandate, history in case.each()
    )


def _takes(
    purpose: Purpose, mandate: Mandate, history: History, now: datetime, catalogue: Catalogue
) -> Takes:
    earlier = spends_in(history.signed[-1].record, now) if history.signed else []
    own: Takes = ()
    if purpose is not Purpose.CANCEL:
        own = spends_of(facts_of(mandate, catalogue), mandate.core.transfer, now)
    return most_of(own, earlier, now)


def judge_each(
    case: Case,
    takes: Sequence[Takes],
    approvers: Sequence[Sequence[str]],
    guard: Guard,
    moment: Moment,
    uncapped: frozenset[CostKind] = frozenset(),
) -> tuple[str, ...]:
    """The rule that allows each mandate. Raises Refused for the first that none allows.

    `uncapped`: kinds of cost that the transaction does not bound. Seeing all approvals for the
    first time starts a rule's time lock, durably, also of those that another one keeps waiting.
    """
    policy, verdicts = guard.in_force.require(), []
    for (mandate, history), names in zip(case.each(), approvers, strict=True):
        facts = facts_of(mandate, policy.catalogue, uncapped)
        held = partial(_held, guard, moment.earliest, case.transfers, takes, facts)
        complete = guard.complete_since(history, mandate.digest)
        judge = partial(evaluate, policy, facts, held, approvals=names, complete_since=complete)
        verdict = whatever_the_time(moment, judge)
        rule = verdict.rule
        if verdict.detail is Detail.TIME_LOCK and rule is not None and rule not in complete:
            guard.record_complete(mandate.core.transfer, mandate.digest, rule, moment.now)
        verdicts.append(verdict)
    return tuple(map(_allowing, verdicts, case.transfers))


def _held(
    guard: Guard,
    now: datetime,
    transfers: Sequence[str],
    takes: Sequence[Takes],
    judged: Facts,
    window: Window,
) -> Usage | None:
    """What `window` holds when one mandate is judged: what others took, what the others of the
    request take, and what an earlier transaction of the transfer takes beyond the mandate."""
    usage = guard.usage(window, now, transfers)
    if usage is None:
        return None
    own = taken_of(spends_of(judged, judged.core.transfer, now), window)
    together = [taken_of(each, window) for each in takes]
    return Usage(
        usage.amount + sum(taken.amount for taken in together) - own.amount,
        usage.count + sum(taken.count for taken in together) - own.count,
    )


def _allowing(verdict: Evaluation, transfer: str) -> str:
    """The rule by which it is allowed. Raises Refused."""
    if verdict.ruling is Ruling.ALLOW and verdict.rule is not None:
        return verdict.rule
    denied = verdict.ruling is Ruling.DENY
    code = RefusalCode.DENIED if denied else RefusalCode(verdict.ruling.value)
    said, needs, reasons = advice(verdict), verdict.needs, explain(verdict)
    detail = verdict.detail.value
    raise Refused(code, detail, said, transfer=transfer, needs=needs, reasons=reasons)
