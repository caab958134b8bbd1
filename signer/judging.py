"""What the policy says of each mandate of a request, by the signer's own counters and clock.

A transfer takes of the windows the most that any of its transactions takes. Each mandate is judged
with what all other transfers took, those of its own request included: so it makes no difference in
which order they stand, or whether they come in one transaction or in several.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import TypeVar

from chains.catalogue import Catalogue
from chains.costs import CostKind
from signer.agreement import Mandate, Purpose
from signer.case import Case
from signer.clock import Moment
from signer.errors import Refused
from signer.guard import Guard
from signer.history import History
from signer.policy import (
    Detail,
    Evaluation,
    Facts,
    Policy,
    Ruling,
    Spend,
    Usage,
    Window,
    evaluate,
    explain,
    facts_of,
    spends_of,
    taken_of,
)
from signer.usage import most_of, spends_in
from signer.wire import RefusalCode, format_time

T = TypeVar("T")
_CODE_OF = {
    Ruling.DENY: RefusalCode.DENIED,
    Ruling.NEEDS_APPROVALS: RefusalCode.NEEDS_APPROVALS,
    Ruling.NOT_YET: RefusalCode.NOT_YET,
}
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
    if purpose is Purpose.PAY:
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
        held = _Held(guard, moment.earliest, case.transfers, takes, facts)
        complete = guard.complete_since(history, mandate.digest)
        verdict = whatever_the_time(
            moment, partial(_evaluate, policy, facts, held, names, complete)
        )
        rule = verdict.rule
        if verdict.detail is Detail.TIME_LOCK and rule is not None and rule not in complete:
            guard.record_complete(mandate.core.transfer, mandate.digest, rule, moment.now)
        verdicts.append(verdict)
    rules = []
    for transfer, verdict in zip(case.transfers, verdicts, strict=True):
        if verdict.ruling is not Ruling.ALLOW or verdict.rule is None:
            raise _refused(verdict, transfer)
        rules.append(verdict.rule)
    return tuple(rules)


def _evaluate(
    policy: Policy,
    facts: Facts,
    held: Mapping[Window, Usage],
    approvers: Sequence[str],
    complete: Mapping[str, datetime],
    now: datetime,
) -> Evaluation:
    return evaluate(policy, facts, held, now, approvers, complete)


class _Held(Mapping[Window, Usage]):
    """The windows that the policy looks at when it judges one mandate, each read from the guard
    when it does: what others took, what the others of the request take, and what an earlier
    transaction of the transfer itself takes beyond the mandate."""

    def __init__(
        self,
        guard: Guard,
        now: datetime,
        transfers: Sequence[str],
        takes: Sequence[Takes],
        judged: Facts,
    ) -> None:
        self._guard = guard
        self._now = now
        self._transfers = transfers
        self._takes = takes
        self._own = spends_of(judged, judged.core.transfer, now)

    def __getitem__(self, window: Window) -> Usage:
        usage = self._guard.usage(window, self._now, self._transfers)
        if usage is None:
            raise KeyError(window)
        together = [taken_of(takes, window) for takes in self._takes]
        own = taken_of(self._own, window)
        return Usage(
            usage.amount + sum(taken.amount for taken in together) - own.amount,
            usage.count + sum(taken.count for taken in together) - own.count,
        )

    def __iter__(self) -> Iterator[Window]:
        return iter(())

    def __len__(self) -> int:
        return 0


def whatever_the_time(moment: Moment, judge: Callable[[datetime], T]) -> T:
    """What `judge` says of every reading of the time. Raises Refused, also where they differ: who
    asks again when the clocks agree loses nothing."""
    verdicts = [_outcome(judge, now) for now in moment.readings]
    if len({_gist(verdict) for verdict in verdicts}) > 1:
        raise Refused(
            RefusalCode.UNAVAILABLE,
            "clock-disagrees",
            f"it is {format_time(moment.now)}, the wall clock says {format_time(moment.wall)}, and"
            " the answer depends on it",
        )
    if isinstance(verdicts[0], Refused):
        raise verdicts[0]
    return verdicts[0]


def _outcome(judge: Callable[[datetime], T], now: datetime) -> T | Refused:
    try:
        return judge(now)
    except Refused as refused:
        return refused


def _gist(verdict: object) -> tuple[object, ...]:
    if isinstance(verdict, Refused):
        return verdict.code, verdict.detail
    if isinstance(verdict, Evaluation):
        return verdict.ruling, verdict.detail, verdict.rule
    return (verdict,)


def _refused(verdict: Evaluation, transfer: str) -> Refused:
    return Refused(
        _CODE_OF[verdict.ruling],
        verdict.detail.value,
        _advice(verdict),
        transfer=transfer,
        needs=verdict.needs,
        reasons=explain(verdict),
    )


def _advice(verdict: Evaluation) -> str:
    if verdict.needs:
        missing = ", ".join(f"{need.count} of {need.group}" for need in verdict.needs)
        return f"approvals missing: {missing}"
    if verdict.not_before is not None:
        return f"the time lock runs until {format_time(verdict.not_before)}"
    if verdict.rule is not None:
        return f"the policy says {verdict.detail.value}, by rule {verdict.rule}"
    return "no rule of the policy allows this"
