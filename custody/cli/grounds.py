"""What an approval rests on, from the approver's own copy of the policy: rules and people.

The server is not asked. A mandate whose basis is another than this copy gives is said to be so: the
policy is a newer one than the approver knows, or somebody made it up.
"""

from __future__ import annotations

from collections.abc import Iterator

from chains.effects import Call
from custody.cli.effects import line
from signer.policy import Order, Policy, Rule, Support, basis_of, supports_of
from signer.wire import Core, Mandate, format_time


def ground_lines(mandate: Mandate, policy: Policy | None) -> Iterator[str]:
    """A line for each rule that speaks about the transfer, and for each group that it asks for."""
    yield line("rests on", mandate.basis.hex())
    if policy is None:
        yield line("", "name your copy of the policy with --policy to see which rules these are")
        return
    supports = supports_of(policy, mandate.core)
    if basis_of(policy, mandate.core) != mandate.basis:
        yield line(
            "WARNING",
            f"NOT WHAT YOUR POLICY SAYS: version {policy.version} gives"
            f" {basis_of(policy, mandate.core).hex()}",
        )
    if not policy.knows(mandate.core.initiator):
        yield line("WARNING", f"YOUR POLICY KNOWS NO {mandate.core.initiator}, who asked")
    if not supports:
        yield line("WARNING", "NO RULE OF YOUR POLICY ALLOWS THIS")
    for support in supports:
        yield from _support_lines(support)
        yield from _condition_lines(support.rule, mandate.core)


def _support_lines(support: Support) -> Iterator[str]:
    yield line("rule", f"{support.rule.id}: {_terms(support.rule)}")
    for name, members in support.groups.items():
        yield line("  group", f"{name}: {', '.join(sorted(members)) or 'nobody'}")
    for name, entries in support.entries.items():
        for entry in entries:
            memo = "" if entry.memo is None else f', memo "{entry.memo}"'
            added = f"added {format_time(entry.added_at)}"
            usable = f"usable after {support.cooling_s[name]} s"
            yield line("  listed in", f"{name}: {entry.address}{memo}, {added}, {usable}")


def _condition_lines(rule: Rule, core: Core) -> Iterator[str]:
    """What the rule asks of the call. Whether it is so, its arguments say; a deadline is compared
    when it is signed."""
    calls = [effect for effect in core.effects if isinstance(effect, Call)]
    entries = [e for e in rule.scope.calls or () if any(e.is_of(core.network, c) for c in calls)]
    for number, entry in enumerate(entries):
        label = "  or if" if number else "  if"
        for words in entry.sentences():
            yield line(label, words)


def _terms(rule: Rule) -> str:
    assert rule.grant is not None
    grant = rule.grant
    joined = ", then " if grant.order is Order.SEQUENCE else " and "
    needs = joined.join(f"{need.count} of {need.group}" for need in grant.needs)
    words = [f"approved by {needs}" if needs else "NOBODY NEEDS TO APPROVE"]
    if grant.time_lock_s:
        words.append(f"{grant.time_lock_s} s later")
    if not rule.limits.empty():
        words.append("within its limits")
    return ", ".join(words)
