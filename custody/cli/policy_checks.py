"""What a valid policy says that its writer can't have meant, in a sentence each. Pure.

The signer obeys such a policy, and nothing in it is unsafe: it denies more, or asks for more, than
the words beside it promise. So a plan is refused for it, and a document written by hand is not.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from signer.policy import Policy
from signer.policy.rules import Rule


def contradictions(policy: Policy) -> Iterator[str]:
    for rule in policy.rules:
        for each in (_assets, _windows, _approvals):
            yield from (f"the rule {rule.id}: {words}" for words in each(rule, policy))


def _assets(rule: Rule, policy: Policy) -> Iterator[str]:
    """Limits speak about what is in scope, and of that about everything."""
    scope, limits = rule.scope, rule.limits
    bounded = {limit.asset for limit in limits.per_transfer}
    windowed = {limit.asset for limit in limits.windows}
    paying = [network for network, _ in rule.grant.costs] if rule.grant else []
    natives = {policy.catalogue.networks[network].native.id for network in paying}
    if scope.networks is not None:
        for asset in sorted({*(scope.assets or ()), *bounded, *windowed}):
            if asset.partition("/")[0] not in scope.networks:
                yield f"{asset} is of a network that it does not speak about"
    if scope.assets is None:
        return
    for asset in sorted((bounded - scope.assets) | (windowed - scope.assets - natives)):
        yield f"it limits {asset}, which it does not speak about"
    for limit, named in (("most", bounded), ("window", windowed)):
        for asset in sorted(scope.assets - named) if named else ():
            yield f"it says no {limit} of {asset}, so that none may leave"


def _windows(rule: Rule, policy: Policy) -> Iterator[str]:
    """A window that one allowed transfer overflows, or a destination's part above the whole."""
    most = {limit.asset: limit.amount for limit in rule.limits.per_transfer}
    bounds = [(w, w.amount) for w in rule.limits.windows if w.amount is not None]
    for window, amount in bounds:
        if amount < most.get(window.asset, 0):
            yield (
                f"at most {policy.said(window.asset, most[window.asset])} in one transfer,"
                f" but {policy.said(window.asset, amount)} in {window.seconds} s"
            )
    for (one, part), (whole, total) in product(bounds, bounds):
        same = one.asset == whole.asset and one.seconds == whole.seconds
        if same and one.per_destination and not whole.per_destination and part > total:
            yield (
                f"{policy.said(one.asset, part)} to one destination,"
                f" but {policy.said(one.asset, total)} out of the vault"
            )


def _approvals(rule: Rule, policy: Policy) -> Iterator[str]:
    """Nobody approves what they asked for: who is named as initiator needs enough others."""
    for need in rule.grant.needs if rule.grant else ():
        for initiator in sorted(rule.scope.initiators or ()):
            others = policy.groups[need.group] - policy.behind(initiator)
            if len(others) < need.count:
                yield (
                    f"what {initiator} asks for needs {need.count} of {need.group},"
                    f" but only {len(others)} of them may approve it"
                )
