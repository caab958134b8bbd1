"""What the policy says of a transfer, by custody's own records. The one place that asks.

It is early advice: the signer has its own copy of the document and its own sums, and only its
verdict counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from custody.db.session import ReadSession
from custody.policies.running import Shares
from custody.policies.windows import Newest, usage, usage_and_newest
from signer.policy import (
    Detail,
    Evaluation,
    Policy,
    Ruling,
    Usage,
    Window,
    evaluate,
    facts_of,
    windows,
)
from signer.wire import Mandate

_RANK: Final = {
    Ruling.ALLOW: 0,
    Ruling.NOT_YET: 1,
    Ruling.NEEDS_APPROVALS: 2,
    Ruling.DENY: 3,
}
_FOR_GOOD: Final = frozenset({Detail.DENIED_BY_RULE, Detail.AMOUNT_LIMIT})
"""Why a deny rule denies what time does not heal: not the hour, and not what left before."""


class Terms(NamedTuple):
    """A mandate, the verdict on it, and what `windows.promise` wants to know if it is accepted."""

    mandate: Mandate
    verdict: Evaluation
    shares: Shares
    newest: Newest


@dataclass(frozen=True, slots=True)
class Judge:
    """The policy that was in force, and the moment that it is asked about."""

    policy: Policy
    now: datetime

    async def judge(
        self,
        session: ReadSession,
        mandate: Mandate,
        approvers: Sequence[str],
        complete_since: Mapping[str, datetime] | None = None,
    ) -> Evaluation:
        """The verdict on a transfer, which may be stored already: it does not count against itself.
        `approvers`, `complete_since`: as `signer.policy.evaluate` wants them."""
        facts = facts_of(mandate, self.policy.catalogue)
        needed = windows(self.policy, facts)
        used = await usage(session, needed, self.now, besides=mandate.core.transfer)
        return evaluate(self.policy, facts, used.get, self.now, approvers, complete_since)

    async def best_terms(self, session: ReadSession, draft: Mandate, shares: Shares) -> Terms:
        """`best_of` a mandate that was never stored and takes so much of the windows."""
        needed = windows(self.policy, facts_of(draft, self.policy.catalogue))
        used, newest = await usage_and_newest(session, needed, self.now, shares)
        return Terms(*best_of(self.policy, draft, used, self.now), shares, newest)


def best_of(
    policy: Policy, draft: Mandate, used: Mapping[Window, Usage], now: datetime
) -> tuple[Mandate, Evaluation]:
    """The mandate with the lifetime on which the policy is kindest, and the verdict on it. Pure.

    A rule steps aside for mandates that live longer than it grants. So each shorter lifetime that
    a rule names is tried too, longest first, and the first with the best ruling is taken.
    """
    judged = [
        (candidate, evaluate(policy, facts_of(candidate, policy.catalogue), used.get, now, ()))
        for candidate in _lifetimes(draft, policy)
    ]
    return min(judged, key=lambda each: _RANK[each[1].ruling])


def is_denied_for_good(verdict: Evaluation) -> bool:
    """Whether a deny rule, or who asked, keeps terms that rest on rules in force from ever being
    signed under this policy. Pure."""
    if verdict.ruling is not Ruling.DENY:
        return False
    if verdict.detail is Detail.INITIATOR_UNKNOWN:
        return True
    denying = [each for each in verdict.trace if each.applies and not each.allows]
    return any(reason.detail in _FOR_GOOD for each in denying for reason in each.reasons)


def _lifetimes(mandate: Mandate, policy: Policy) -> Iterator[Mandate]:
    yield mandate
    longest = int((mandate.expires_at - mandate.offered_at).total_seconds())
    granted = {rule.grant.mandate_lifetime_s for rule in policy.rules if rule.grant is not None}
    for seconds in sorted(granted, reverse=True):
        if seconds < longest:
            yield replace(mandate, expires_at=mandate.offered_at + timedelta(seconds=seconds))
