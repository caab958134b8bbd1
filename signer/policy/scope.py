"""Whether a rule speaks about a transfer. Pure.

Allowing takes every effect and at least one, denying takes any one: a forbidden payment must not
pass because a permitted one travels with it, nor the other way round, and a transfer that does
nothing is covered by nothing. Where an effect does not say which assets or whom it reaches
(`payees.py`), allowing takes what is certain and denying what is possible.
"""

from __future__ import annotations

from collections.abc import Sequence

from chains.effects import Allow, Call, Effect, Pay
from signer.agreement import Core, action_of
from signer.policy.calls import with_handed_on
from signer.policy.document import Policy
from signer.policy.payees import Payee, payee_of
from signer.policy.rules import Rule, Scope


def outside(rule: Rule, policy: Policy, core: Core) -> str:
    """In which respect the transfer is out of the rule's scope; empty if it is in."""
    scope = rule.scope
    single = (
        ("client", core.client, scope.clients),
        ("vault", core.vault, scope.vaults),
        ("network", core.network, scope.networks),
        ("initiator", core.initiator, scope.initiators),
    )
    for name, value, named in single:
        if named is not None and value not in named:
            return name
    if not core.effects:
        return "no effect"
    if rule.grant is None:
        return _not_denied(scope, policy, core)
    return _not_allowed(scope, policy, core)


def _not_allowed(scope: Scope, policy: Policy, core: Core) -> str:
    if core.action not in scope.actions:
        return f"action {core.action}"
    for effect in core.effects:
        if action_of(effect) not in scope.actions:
            return f"action {action_of(effect)}"
        if not _calls(scope, core, (effect,)):
            return "call"
        if not _of(scope, effect, surely=True):
            return "asset"
        if not _to(scope, policy, core, effect, surely=True):
            return "destination"
    return ""


def _not_denied(scope: Scope, policy: Policy, core: Core) -> str:
    denied = any(
        (action_of(effect) in scope.actions or core.action in scope.actions)
        and _calls(scope, core, with_handed_on(effect, policy, core.network) or (effect,))
        and _of(scope, effect, surely=False)
        and _to(scope, policy, core, effect, surely=False)
        for effect in core.effects
    )
    return "" if denied else "action, asset or destination"


def _calls(scope: Scope, core: Core, effects: Sequence[Effect]) -> bool:
    """Whether one is no call, or of a function that the rule speaks about. What its arguments must
    be is judged later, with the time."""
    return scope.calls is None or any(
        not isinstance(effect, Call) or any(e.is_of(core.network, effect) for e in scope.calls)
        for effect in effects
    )


def _of(scope: Scope, effect: Effect, *, surely: bool) -> bool:
    """Whether it moves one of the assets. A call, a message or a delegation may reach any."""
    if scope.assets is None:
        return True
    return effect.asset in scope.assets if isinstance(effect, Pay | Allow) else not surely


def _to(scope: Scope, policy: Policy, core: Core, effect: Effect, *, surely: bool) -> bool:
    """Whether it reaches one of the destinations. Perhaps it does: an entry without a memo stands
    for all who share its address, a message may reach anybody, and a call also who stands in one of
    its arguments."""
    payee, network = payee_of(effect), core.network
    if scope.destinations is None:
        return True
    if payee is None:
        return not surely
    groups = [policy.destinations[name] for name in scope.destinations]
    payees = (payee,) if surely else (payee, Payee(payee.address))
    if any(group.entry(network, each) is not None for group in groups for each in payees):
        return True
    return (
        not surely
        and isinstance(effect, Call)
        and any(
            entry.network == network and any(entry.address in text for _, text in effect.arguments)
            for group in groups
            for entry in group.entries.values()
        )
    )
