"""What approvals rest on: the part of the policy that an approver of this transfer relied on. Pure.

An approval is of a mandate, and the mandate names its basis. The signer computes the basis again
from the policy in force: a new version of the policy that leaves it as it was leaves the approvals
alone, one that changes it needs them anew. Deny rules, persons' credentials, operators of machines
and what windows hold are no part of it: they are judged by the policy in force, always.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from signer.agreement import Core
from signer.policy.calls import addressed
from signer.policy.document import DestinationEntry, Policy
from signer.policy.payees import payee_of
from signer.policy.rules import Rule
from signer.policy.scope import outside
from signer.wire import canonical_json

_DOMAIN: Final = b"custody-wallet/basis/v1\n"


@dataclass(frozen=True, slots=True)
class Support:
    """An allow rule in whose scope the transfer falls. `groups`: who may approve, by the groups
    that the rule asks for. `cooling_s` and `entries`: of its destination groups, by name, and of
    these the entries of this transfer's destinations."""

    rule: Rule
    groups: Mapping[str, frozenset[str]]
    cooling_s: Mapping[str, int]
    entries: Mapping[str, tuple[DestinationEntry, ...]]

    def to_json(self) -> dict[str, Any]:
        groups = {name: sorted(members) for name, members in self.groups.items()}
        entries = {name: [e.to_json() for e in each] for name, each in self.entries.items()}
        destinations = {
            name: {"cooling_s": cooling_s, "entries": entries[name]}
            for name, cooling_s in self.cooling_s.items()
        }
        return {"rule": self.rule.row, "groups": groups, "destinations": destinations}


def supports_of(policy: Policy, core: Core) -> tuple[Support, ...]:
    """In the document's order."""
    return tuple(
        _support(rule, policy, core)
        for rule in policy.rules
        if rule.grant is not None and not outside(rule, policy, core)
    )


def basis_of(policy: Policy, core: Core) -> bytes:
    """SHA-256 over a domain tag and the canonical bytes of all that supports `core`."""
    supports = [support.to_json() for support in supports_of(policy, core)]
    return sha256(_DOMAIN + canonical_json(supports)).digest()


def _support(rule: Rule, policy: Policy, core: Core) -> Support:
    assert rule.grant is not None
    payees = [payee for payee in dict.fromkeys(map(payee_of, core.effects)) if payee is not None]
    groups = rule.scope.destinations or frozenset()
    for entry in rule.scope.calls or ():
        groups |= entry.groups
    payees += [p for p in addressed(rule.scope.calls or (), policy, core) if p not in payees]
    named = {name: policy.destinations[name] for name in sorted(groups)}
    found = {name: [group.entry(core.network, p) for p in payees] for name, group in named.items()}
    return Support(
        rule=rule,
        groups={need.group: policy.groups[need.group] for need in rule.grant.needs},
        cooling_s={name: group.cooling_s for name, group in named.items()},
        entries={name: tuple(e for e in each if e is not None) for name, each in found.items()},
    )
