"""Which rolling sums a transfer is judged by, and what is in them: for who fetches them beforehand.

The signer looks at each when a rule asks for it. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from signer.policy.document import Policy
from signer.policy.facts import Facts, Spend, Usage, Window, taken_of, windows_of
from signer.policy.scope import outside


def windows(policy: Policy, facts: Facts) -> tuple[Window, ...]:
    """The rolling sums that `evaluate` will look at, each once."""
    needed = (
        window
        for rule in policy.rules
        if not outside(rule, policy, facts.core)
        for limit in rule.limits.windows
        for window, _ in windows_of(limit, facts)
    )
    return tuple(dict.fromkeys(needed))


def usage_of(spends: Iterable[Spend], window: Window, now: datetime) -> Usage:
    """What `window` holds at `now`: everything younger than its length."""
    after = now - timedelta(seconds=window.seconds)
    young: dict[str, list[Spend]] = {}
    for spend in spends:
        if spend.at > after:
            young.setdefault(spend.transfer, []).append(spend)
    taken = [taken_of(each, window) for each in young.values()]
    return Usage(sum(each.amount for each in taken), sum(each.count for each in taken))
