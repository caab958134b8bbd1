"""Whether a rule speaks about a transfer. Pure.

Allowing takes every effect and at least one, denying takes any one: a forbidden payment must not
pass because a permitted one travels with it, nor the other way round, and a transfer that does
nothing is covered by nothing. Where an effect does not say which assets or whom it reaches
(`payees.py`), allowing takes what is certain and denying what is possible.
"""

from __future__ import annotations

from chains.effects import Allow, Call, Effect, Pay
from signer.agreement import Core, action_of
from signer.policy.document import DestinationGroup, Policy
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
        if not _surely_of(scope, effect):
            return "asset"
        if not _surely_to(scope, policy, core, effect):
            return "destination"
    return ""


def _not_denied(scope: Scope, policy: Policy, core: Core) -> str:
    denied = any(
        (action_of(effect) in scope.actions or core.action in scope.actions)
        and _perhaps_of(scope, effect)
        and _perhaps_to(scope, policy, core, effect)
        for effect in core.effects
    )
    return "" if denied else "action, asset or destination"


def _surely_of(scope: Scope, effect: Effect) -> bool:
    if scope.assets is None:
        return True
    return isinstance(effect, Pay | Allow) and effect.asset in scope.assets


def _perhaps_of(scope: Scope, effect: Effect) -> bool:
    """A call, a message or a delegation may reach any asset."""
    if scope.assets is None or not isinstance(effect, Pay | Allow):
        return True
    return effect.asset in scope.assets


def _surely_to(scope: Scope, policy: Policy, core: Core, effect: Effect) -> bool:
    if scope.destinations is None:
        return True
    payee = payee_of(effect)
    return payee is not None and any(
        group.entry(core.network, payee) is not None for group in _named(scope, policy)
    )


def _perhaps_to(scope: Scope, policy: Policy, core: Core, effect: Effect) -> bool:
    """An entry without a memo stands for all who share its address. A message may reach anybody; a
    call also who stands in one of its arguments."""
    payee = payee_of(effect)
    if scope.destinations is None or payee is None:
        return True
    named = _named(scope, policy)
    if any(
        group.entry(core.network, each) is not None
        for group in named
        for each in (payee, Payee(payee.address))
    ):
        return True
    return isinstance(effect, Call) and any(
        entry.network == core.network and any(entry.address in text for _, text in effect.arguments)
        for group in named
        for entry in group.entries.values()
    )


def _named(scope: Scope, policy: Policy) -> list[DestinationGroup]:
    return [policy.destinations[name] for name in scope.destinations or ()]
