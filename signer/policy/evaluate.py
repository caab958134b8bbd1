"""What the policy says about a transfer: the verdict, and why, for every rule.

Custody asks early, to tell people what will be needed; the signer asks again and only its answer
counts. The two differ in nothing but where `held` comes from. Pure: no I/O, no clock.

Before any rule is read, what an initiator asks for who is no person or machine of the policy is
denied, and a payment of nothing.

How rules are read, in order of precedence:
1. A deny rule that applies to any effect of the transfer denies it, wherever it stands.
2. Else the first allow rule that covers every effect and whose limits hold decides: which
   approvals, which time lock. A rule whose limits don't hold steps aside for the next, so that
   "small amounts freely, larger ones with approvals" is two rules; a hard ceiling is a deny rule
   with limits.
3. Else the transfer is denied; or `not_yet`, if a rule would decide as soon as time passes.

What has no amount, a message or a delegation, is above every limit of amounts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from chains.costs import INSIDE, by_asset
from chains.effects import Pay, Sign
from signer.agreement import action_of
from signer.policy.approvals import missing_approvals
from signer.policy.calls import endless, unmet, untouched
from signer.policy.document import Policy
from signer.policy.facts import Facts, Usage, Window, windows_of
from signer.policy.payees import payee_of, takings_of
from signer.policy.rules import Grant, Hours, Limits, Rule, WindowLimit
from signer.policy.scope import outside
from signer.policy.verdicts import Broken, Detail, Evaluation, Reason, RuleTrace, Ruling
from signer.policy.zones import time_zone

CLOCK_SKEW: Final = timedelta(minutes=5)
"""How far in our future a mandate may claim to have been requested."""


_TIME_HEALS: Final = frozenset({Detail.HOURS, Detail.DESTINATION_COOLING})

Held = Callable[[Window], Usage | None]
"""What other transfers already took of a window; None if nobody knows."""


def evaluate(
    policy: Policy,
    facts: Facts,
    held: Held,
    now: datetime,
    approvals: Sequence[str],
    complete_since: Mapping[str, datetime] | None = None,
) -> Evaluation:
    """The verdict on a transfer at `now`.

    A window of which nobody knows what it holds counts as exhausted. `approvals`: ids of persons
    whose approval of exactly this mandate was verified, in the order given (under a rule that asks
    for a sequence, the order is the caller's word; who approved is not). `complete_since`: by rule
    id, since when the caller durably knows that the rule's approvals were complete; a time lock
    runs from there, without it from now.
    """
    if not policy.knows(facts.core.initiator):  # nor which persons are behind it
        return Evaluation(Ruling.DENY, Detail.INITIATOR_UNKNOWN, None, (), None, ())
    if _senseless(facts):
        return Evaluation(Ruling.DENY, Detail.PAYMENT_OF_NOTHING, None, (), None, ())
    trace = tuple(_judge(rule, policy, facts, held, now) for rule in policy.rules)
    denying = next((t.rule for t in trace if t.applies and not t.allows), None)
    if denying is not None:
        return Evaluation(Ruling.DENY, Detail.DENIED_BY_RULE, denying, (), None, trace)
    deciding = next((rule for rule, t in zip(policy.rules, trace, strict=True) if t.applies), None)
    if deciding is None or deciding.grant is None:
        return _nothing_applies(trace)
    needs = missing_approvals(policy, deciding.grant, facts.core.initiator, approvals)
    if needs:
        asking = Ruling.NEEDS_APPROVALS, Detail.APPROVALS
        return Evaluation(*asking, deciding.id, needs, None, trace)
    since = min(now, (complete_since or {}).get(deciding.id, now))
    unlocked = since + timedelta(seconds=deciding.grant.time_lock_s)
    if now < unlocked:
        return Evaluation(Ruling.NOT_YET, Detail.TIME_LOCK, deciding.id, (), unlocked, trace)
    return Evaluation(Ruling.ALLOW, Detail.ALLOWED, deciding.id, (), None, trace)


def _senseless(facts: Facts) -> bool:
    """What no rule could allow: a payment of nothing is an excuse to pay a fee."""
    return any(isinstance(effect, Pay) and effect.amount <= 0 for effect in facts.core.effects)


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


def _judge(rule: Rule, policy: Policy, facts: Facts, held: Held, now: datetime) -> RuleTrace:
    if beyond := outside(rule, policy, facts.core):
        reason = Reason(Detail.OUT_OF_SCOPE, beyond)
        return RuleTrace(rule.id, rule.grant is not None, applies=False, reasons=(reason,))
    entries, core = rule.scope.calls, facts.core
    if rule.grant is None and (calls := tuple(untouched(entries, policy, core, now))):
        return RuleTrace(rule.id, allows=False, applies=False, reasons=calls)
    broken = tuple(_broken_limits(rule.limits, policy, facts, held, now))
    if rule.grant is None:
        denies = rule.limits.empty() or bool(broken)
        everything = Reason(Detail.DENIED_BY_RULE, "denies all that is in its scope")
        reasons = (everything,) if rule.limits.empty() else broken
        return RuleTrace(rule.id, allows=False, applies=denies, reasons=reasons)
    calls = tuple(unmet(entries, policy, core, now))
    broken = (*calls, *broken, *_broken_terms(rule, rule.grant, policy, facts, now))
    return RuleTrace(rule.id, allows=True, applies=not broken, reasons=broken)


def _broken_limits(
    limits: Limits, policy: Policy, facts: Facts, held: Held, now: datetime
) -> Broken:
    for effect in facts.core.effects if limits.per_transfer or limits.windows else ():
        if takings_of(effect, facts.native) is None:
            yield Reason(Detail.AMOUNT_LIMIT, f"no amount says what a {action_of(effect)} takes")
    if limits.per_transfer:
        most = {limit.asset: limit.amount for limit in limits.per_transfer}
        for asset, total in facts.totals.items():
            if total > most.get(asset, -1):
                yield Reason(Detail.AMOUNT_LIMIT, f"{policy.said(asset, total)} in one transfer")
    if limits.windows:
        takes = facts.totals.keys() | {a for a, most in by_asset(facts.costs_max).items() if most}
        for asset in sorted(takes - {limit.asset for limit in limits.windows}):
            yield Reason(Detail.WINDOW_AMOUNT, f"no window for {asset}")
        for limit in limits.windows:
            yield from _broken_window(limit, policy, facts, held)
    if limits.hours is not None and not _within(limits.hours, now):
        yield Reason(Detail.HOURS, f"outside the hours of {limits.hours.zone}")


def _broken_window(limit: WindowLimit, policy: Policy, facts: Facts, held: Held) -> Broken:
    for window, taking in windows_of(limit, facts):
        used = held(window)
        if used is None:
            yield Reason(Detail.USAGE_UNKNOWN, f"what left in {window.seconds} s is not known")
            continue
        total = used.amount + taking.amount
        if limit.amount is not None and total > limit.amount:
            said = f"{policy.said(limit.asset, total)} in {limit.seconds} s"
            yield Reason(Detail.WINDOW_AMOUNT, said)
        if limit.count is not None and used.count + taking.count > limit.count:
            yield Reason(Detail.WINDOW_COUNT, f"transfer {used.count + 1} in {limit.seconds} s")


def _within(hours: Hours, now: datetime) -> bool:
    local = now.astimezone(time_zone(hours.zone))
    minute = local.hour * 60 + local.minute
    return local.weekday() in hours.days and hours.start <= minute < hours.end


def _broken_terms(rule: Rule, grant: Grant, policy: Policy, facts: Facts, now: datetime) -> Broken:
    yield from endless(grant.unlimited, facts.core)
    yield from _broken_costs(grant, policy, facts)
    for said in facts.core.effects:
        if isinstance(said, Sign) and said.domain not in grant.messages.get(said.kind, ()):
            yield Reason(Detail.MESSAGE_UNNAMED, f"no rule names {said.kind} for {said.domain}")
    lifetime = facts.expires_at - facts.offered_at
    if lifetime > timedelta(seconds=grant.mandate_lifetime_s):
        yield Reason(Detail.MANDATE_LIFETIME, f"the mandate lives {lifetime}")
    if max(facts.core.requested_at, facts.offered_at) > now + CLOCK_SKEW:
        yield Reason(Detail.MANDATE_LIFETIME, "requested or offered in the future")
    groups = [policy.destinations[name] for name in rule.scope.destinations or ()]
    for payee in (payee_of(effect) for effect in facts.core.effects if groups):
        network = facts.core.network
        if payee is None or not any(group.cooled(network, payee, now) for group in groups):
            name = payee.address if payee else "a message"
            yield Reason(Detail.DESTINATION_COOLING, f"{name} was added too recently")


def _broken_costs(grant: Grant, policy: Policy, facts: Facts) -> Broken:
    """A cost in another asset than the network's own is granted by no rule. What is withheld is a
    part of what is paid, and that is limited."""
    network = facts.core.network
    for (asset, kind), most in facts.costs_max.items():
        granted = grant.costs.get((network, kind), 0) if asset == facts.native else 0
        if most > granted and kind not in INSIDE:
            asked, may = policy.said(asset, most), policy.said(asset, granted)
            yield Reason(Detail.COST_LIMIT, f"{kind} up to {asked}, where {may} is allowed")
    for kind in sorted(facts.uncapped):
        if (network, kind) not in grant.costs:
            yield Reason(Detail.COST_LIMIT, f"nothing bounds {kind}, which the rule does not name")
