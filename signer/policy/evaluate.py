"""What the policy says about a transfer: the verdict, and why, for every rule.

Custody asks early, to tell people what will be needed; the signer asks again and only its answer
counts. The two differ in nothing but where `usage` comes from. Pure: no I/O, no clock.

How rules are read, in order of precedence:
1. A deny rule that applies to any output of the transfer denies it, wherever it stands.
2. Else the first allow rule that covers every output and whose limits hold decides: which
   approvals, which time lock. A rule whose limits don't hold steps aside for the next, so that
   "small amounts freely, larger ones with approvals" is two rules; a hard ceiling is a deny rule
   with limits.
3. Else the transfer is denied; or `not_yet`, if a rule would decide as soon as time passes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple

from chains.model import NetworkId, Payment
from signer.policy.approvals import missing_approvals
from signer.policy.document import Grant, Hours, Limits, Policy, Rule, Scope, WindowLimit
from signer.policy.facts import Facts, Usage, Window, windows_of
from signer.policy.zones import time_zone
from signer.wire import Need

CLOCK_SKEW: Final = timedelta(minutes=5)
"""How far in our future a mandate may claim to have been requested."""


class Ruling(StrEnum):
    ALLOW = "allow"
    DENY = "deny"
    NEEDS_APPROVALS = "needs-approvals"
    NOT_YET = "not-yet"


class Detail(StrEnum):
    """Why, in one stable word. Of an evaluation and of each reason in its trace."""

    ALLOWED = "allowed"
    DENIED_BY_RULE = "denied-by-rule"
    NO_RULE = "no-rule"
    OUT_OF_SCOPE = "out-of-scope"
    AMOUNT_LIMIT = "amount-limit"
    WINDOW_AMOUNT = "window-amount"
    WINDOW_COUNT = "window-count"
    USAGE_UNKNOWN = "usage-unknown"
    FEE_LIMIT = "fee-limit"
    MANDATE_LIFETIME = "mandate-lifetime"
    HOURS = "hours"
    DESTINATION_COOLING = "destination-cooling"
    APPROVALS = "approvals"
    TIME_LOCK = "time-lock"


_TIME_HEALS: Final = frozenset({Detail.HOURS, Detail.DESTINATION_COOLING})


class Reason(NamedTuple):
    detail: Detail
    text: str


class RuleTrace(NamedTuple):
    """What became of one rule. `applies`: a deny rule denies, an allow rule could decide."""

    rule: str
    allows: bool
    applies: bool
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """`rule`: the one that decided, if any. `not_before`: when a running time lock ends.
    `trace`: every rule, in the document's order."""

    ruling: Ruling
    detail: Detail
    rule: str | None
    needs: tuple[Need, ...]
    not_before: datetime | None
    trace: tuple[RuleTrace, ...]


def windows(policy: Policy, facts: Facts) -> tuple[Window, ...]:
    """The rolling sums that `evaluate` will look at, each once."""
    needed = (
        window
        for rule in policy.rules
        if not _outside(rule, policy, facts)
        for limit in rule.limits.windows
        for window, _ in windows_of(limit, facts)
    )
    return tuple(dict.fromkeys(needed))


def evaluate(
    policy: Policy,
    facts: Facts,
    usage: Mapping[Window, Usage],
    now: datetime,
    approvals: Sequence[str],
    complete_since: Mapping[str, datetime] | None = None,
) -> Evaluation:
    """The verdict on a transfer at `now`.

    `usage`: what other transfers already took, for each of `windows`; one that is missing counts
    as exhausted. `approvals`: ids of persons whose approval of exactly this mandate was verified,
    in the order given (under a rule that asks for a sequence, the order is the caller's word; who
    approved is not). `complete_since`: by rule id, since when the caller durably knows that the
    rule's approvals were complete; a time lock runs from there, without it from now.
    """
    trace = tuple(_judge(rule, policy, facts, usage, now) for rule in policy.rules)
    denying = next((t.rule for t in trace if t.applies and not t.allows), None)
    if denying is not None:
        return Evaluation(Ruling.DENY, Detail.DENIED_BY_RULE, denying, (), None, trace)
    deciding = next((rule for rule, t in zip(policy.rules, trace, strict=True) if t.applies), None)
    if deciding is None or deciding.grant is None:
        return _nothing_applies(trace)
    needs = missing_approvals(policy, deciding.grant, facts.initiator, approvals)
    if needs:
        ruling, detail = Ruling.NEEDS_APPROVALS, Detail.APPROVALS
        return Evaluation(ruling, detail, deciding.id, needs, None, trace)
    since = min(now, (complete_since or {}).get(deciding.id, now))
    unlocked = since + timedelta(seconds=deciding.grant.time_lock_s)
    if now < unlocked:
        return Evaluation(Ruling.NOT_YET, Detail.TIME_LOCK, deciding.id, (), unlocked, trace)
    return Evaluation(Ruling.ALLOW, Detail.ALLOWED, deciding.id, (), None, trace)


def _nothing_applies(trace: tuple[RuleTrace, ...]) -> Evaluation:
    """Denied, with the reason of the rule that came nearest; a matter of time if it only was."""
    near = [t for t in trace if t.allows and t.reasons[0].detail is not Detail.OUT_OF_SCOPE]
    for candidate in near:
        if all(reason.detail in _TIME_HEALS for reason in candidate.reasons):
            detail = candidate.reasons[0].detail
            return Evaluation(Ruling.NOT_YET, detail, candidate.rule, (), None, trace)
    if not near:
        return Evaluation(Ruling.DENY, Detail.NO_RULE, None, (), None, trace)
    hard = next(r for r in near[0].reasons if r.detail not in _TIME_HEALS)
    return Evaluation(Ruling.DENY, hard.detail, near[0].rule, (), None, trace)


def _judge(
    rule: Rule, policy: Policy, facts: Facts, usage: Mapping[Window, Usage], now: datetime
) -> RuleTrace:
    outside = _outside(rule, policy, facts)
    if outside:
        reason = Reason(Detail.OUT_OF_SCOPE, outside)
        return RuleTrace(rule.id, rule.grant is not None, applies=False, reasons=(reason,))
    broken = tuple(_broken_limits(rule.limits, facts, usage, now))
    if rule.grant is None:
        denies = rule.limits.empty() or bool(broken)
        everything = Reason(Detail.DENIED_BY_RULE, "denies all that is in its scope")
        reasons = (everything,) if rule.limits.empty() else broken
        return RuleTrace(rule.id, allows=False, applies=denies, reasons=reasons)
    broken += tuple(_broken_terms(rule, rule.grant, policy, facts, now))
    return RuleTrace(rule.id, allows=True, applies=not broken, reasons=broken)


def _outside(rule: Rule, policy: Policy, facts: Facts) -> str:
    """In which respect the transfer is out of the rule's scope; empty if it is in.

    Allowing takes every output and at least one, denying takes any one: a forbidden payment must
    not pass because a permitted one travels with it, nor the other way round, and a transfer that
    pays nobody is covered by nothing.
    """
    scope = rule.scope
    single = (
        ("client", facts.client, scope.clients),
        ("vault", facts.vault, scope.vaults),
        ("network", facts.network, scope.networks),
        ("action", facts.action, scope.actions),
        ("initiator", facts.initiator, scope.initiators),
    )
    for name, value, allowed in single:
        if allowed is not None and value not in allowed:
            return name
    covered = [_covers(scope, policy, facts.network, output) for output in facts.outputs]
    if not covered:
        return "no payment"
    if all(covered) if rule.grant is not None else any(covered):
        return ""
    return "asset or destination"


def _covers(scope: Scope, policy: Policy, network: NetworkId, output: Payment) -> bool:
    if scope.assets is not None and output.asset not in scope.assets:
        return False
    return scope.destinations is None or any(
        policy.destinations[name].entry(network, output.address) is not None
        for name in scope.destinations
    )


def _broken_limits(
    limits: Limits, facts: Facts, usage: Mapping[Window, Usage], now: datetime
) -> Iterator[Reason]:
    totals = facts.totals
    if limits.per_transaction:
        most = {limit.asset: limit.amount for limit in limits.per_transaction}
        for asset, total in totals.items():
            if total > most.get(asset, -1):
                yield Reason(Detail.AMOUNT_LIMIT, f"{total} of {asset} in one transaction")
    if limits.windows:
        for asset in totals.keys() - {limit.asset for limit in limits.windows}:
            yield Reason(Detail.WINDOW_AMOUNT, f"no window for {asset}")
        for limit in limits.windows:
            if limit.asset in totals or limit.asset == facts.native:
                yield from _broken_window(limit, facts, usage)
    if limits.hours is not None and not _within(limits.hours, now):
        yield Reason(Detail.HOURS, f"outside the hours of {limits.hours.zone}")


def _broken_window(
    limit: WindowLimit, facts: Facts, usage: Mapping[Window, Usage]
) -> Iterator[Reason]:
    for window, taking in windows_of(limit, facts):
        used = usage.get(window)
        if used is None:
            yield Reason(Detail.USAGE_UNKNOWN, f"what left in {window.seconds} s is not known")
            continue
        if limit.amount is not None and used.amount + taking.amount > limit.amount:
            total = used.amount + taking.amount
            yield Reason(Detail.WINDOW_AMOUNT, f"{total} of {limit.asset} in {limit.seconds} s")
        if limit.count is not None and used.count + taking.count > limit.count:
            yield Reason(Detail.WINDOW_COUNT, f"transfer {used.count + 1} in {limit.seconds} s")


def _within(hours: Hours, now: datetime) -> bool:
    local = now.astimezone(time_zone(hours.zone))
    minute = local.hour * 60 + local.minute
    return local.weekday() in hours.days and hours.start <= minute < hours.end


def _broken_terms(
    rule: Rule, grant: Grant, policy: Policy, facts: Facts, now: datetime
) -> Iterator[Reason]:
    fee_most = grant.fees.get(facts.network, -1)
    if facts.fee_max > fee_most:
        yield Reason(Detail.FEE_LIMIT, f"greatest fee {facts.fee_max}, allowed {fee_most}")
    lifetime = facts.expires_at - facts.requested_at
    if lifetime > timedelta(seconds=grant.mandate_lifetime_s):
        yield Reason(Detail.MANDATE_LIFETIME, f"the mandate lives {lifetime}")
    if facts.requested_at > now + CLOCK_SKEW:
        yield Reason(Detail.MANDATE_LIFETIME, "requested in the future")
    for output in facts.outputs:
        if rule.scope.destinations is not None and not any(
            policy.destinations[name].cooled(facts.network, output.address, now)
            for name in rule.scope.destinations
        ):
            yield Reason(Detail.DESTINATION_COOLING, f"{output.address} was added too recently")
