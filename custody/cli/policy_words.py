"""What a policy says, in sentences: a line for each thing that an administrator agrees to.

Amounts stand in the asset's unit, with the network's name beside them. Two versions are compared by
these lines, so that what changes is said in the words in which it was agreed to.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta

from chains.catalogue import Catalogue
from chains.model import AssetId, NetworkId
from custody.cli.amounts import in_units
from signer.policy import Policy
from signer.policy.credentials import Credential
from signer.policy.rules import Grant, Hours, Limits, Order, Rule, Scope
from signer.wire import format_time

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))


def people_lines(policy: Policy) -> Iterator[str]:
    """Who there is, and whom money may go to."""
    administrators = policy.administrators
    members = ", ".join(administrators.members)
    yield f"administrators  {administrators.threshold} of {members} sign the next version"
    for name, credentials in administrators.members.items():
        yield f"administrator   {name}, who signs with {_keys(credentials)}"
    for person in policy.persons.values():
        yield f"person          {person.id}, who signs with {_keys(person.credentials)}"
    for machine in policy.machines.values():
        yield f"machine         {machine.id}, operated by {_names(machine.operators)}"
    for name, who in policy.groups.items():
        yield f"group           {name}: {_names(who)}"
    for group in policy.destinations.values():
        cooling = f"each usable {_duration(group.cooling_s)} after it was added"
        yield f"destinations    {group.id}: {len(group.entries)} addresses, {cooling}"
        for entry in group.entries.values():
            memo = "" if entry.memo is None else f" with the memo {entry.memo}"
            where = _network(policy.catalogue, entry.network)
            added = format_time(entry.added_at)
            yield f"destination     {group.id}: {entry.address}{memo} on {where}, added {added}"


def rule_lines(rule: Rule, catalogue: Catalogue) -> Iterator[str]:
    """One rule: what it speaks about, its limits, on which terms it allows."""
    start = f"rule            {rule.id}: "
    verb = "DENIES" if rule.grant is None else "allows"
    yield f"{start}{verb} {_scope(rule.scope, catalogue)}"
    for line in _calls(rule.scope, catalogue):
        yield start + line
    for line in _limits(rule.limits, catalogue, denies=rule.grant is None):
        yield start + line
    if rule.grant is not None:
        for line in _grant(rule.grant, catalogue):
            yield start + line


def _scope(scope: Scope, catalogue: Catalogue) -> str:
    networks = scope.networks and {_network(catalogue, NetworkId(n)) for n in scope.networks}
    assets = scope.assets and {_asset(catalogue, AssetId(a)) for a in scope.assets}
    said = [
        _any(scope.actions, "what"),
        f"of {_any(assets, 'any asset')} on {_any(networks, 'any network')}",
        f"from {_any(scope.vaults, 'any vault')} of {_any(scope.clients, 'any client')}",
        f"to {_any(scope.destinations, 'anybody')}",
        f"asked for by {_any(scope.initiators, 'anybody')}",
    ]
    return ", ".join(said)


def _calls(scope: Scope, catalogue: Catalogue) -> Iterator[str]:
    for entry in scope.calls or ():
        contract = catalogue.networks[entry.network].contracts[entry.contract]
        where = f"{contract.name} ({entry.contract}) on {_network(catalogue, entry.network)}"
        yield f"{entry.function} of {where}, if {', and '.join(entry.sentences())}"


def _limits(limits: Limits, catalogue: Catalogue, *, denies: bool) -> Iterator[str]:
    most = "unless it is at most" if denies else "at most"
    for limit in limits.per_transfer:
        yield f"{most} {in_units(limit.asset, limit.amount, catalogue)} in one transfer"
    for window in limits.windows:
        where = "to one destination" if window.per_destination else "out of one vault"
        parts = []
        if window.amount is not None:
            parts.append(in_units(window.asset, window.amount, catalogue))
        if window.count is not None:
            parts.append(f"{window.count} transfers of {_asset(catalogue, window.asset)}")
        yield f"{most} {' and '.join(parts)} in any {_duration(window.seconds)} {where}"
    if limits.hours is not None:
        yield f"{'unless' if denies else 'only'} {_hours(limits.hours)}"


def _grant(grant: Grant, catalogue: Catalogue) -> Iterator[str]:
    if not grant.needs:
        yield "NOBODY has to approve"
    joint = ", then " if grant.order is Order.SEQUENCE else " and "
    if grant.needs:
        yield f"after approval by {joint.join(f'{n.count} of {n.group}' for n in grant.needs)}"
    for (network, kind), most in sorted(grant.costs.items()):
        native = catalogue.networks[network].native.id
        amount = in_units(native, most, catalogue)
        yield f"costs at most {amount} as {kind} on {_network(catalogue, network)}"
    if grant.time_lock_s:
        yield f"signed {_duration(grant.time_lock_s)} after the last approval"
    for asset in sorted(grant.unlimited):
        yield f"ANY AMOUNT of {_asset(catalogue, asset)} may be allowed to be taken"
    for form, domains in sorted(grant.messages.items()):
        yield f"messages of kind {form} are signed for {_names(domains)}"
    yield f"offered for at most {_duration(grant.mandate_lifetime_s)}"


def _hours(hours: Hours) -> str:
    days = ", ".join(_DAYS[day] for day in sorted(hours.days))
    start, end = (f"{at // 60:02}:{at % 60:02}" for at in (hours.start, hours.end))
    return f"{days} from {start} to {end} in {hours.zone}"


def _keys(credentials: Iterable[Credential]) -> str:
    """Whole: two keys that begin alike are easily made."""
    return " or ".join(f"{row['kind']} {row['key']}" for row in (c.to_json() for c in credentials))


def _duration(seconds: int) -> str:
    """In the largest unit of which it is a whole number; the signer's words are seconds."""
    if not seconds:
        return "at once"
    size, unit = next((size, unit) for size, unit in UNITS if seconds % size == 0)
    number = timedelta(seconds=seconds) // timedelta(seconds=size)
    return f"{number} {unit}" + ("" if number == 1 else "s")


def _network(catalogue: Catalogue, network: NetworkId) -> str:
    found = catalogue.networks.get(network)
    return str(network) if found is None else found.alias


def _asset(catalogue: Catalogue, asset: AssetId) -> str:
    """By symbol and identity: a symbol alone names nothing."""
    try:
        return f"{catalogue.find_asset(asset).symbol} ({asset})"
    except KeyError:
        return str(asset)


def _any(names: frozenset[str] | set[str] | None, nothing: str) -> str:
    return nothing if names is None else " or ".join(sorted(names))


def _names(names: frozenset[str]) -> str:
    return ", ".join(sorted(names)) or "nobody"
