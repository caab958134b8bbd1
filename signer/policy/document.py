"""The policy document as values: who there is, which destinations, which rules.

Canonical JSON (RFC 8785), versioned. Reading is strict: an unknown field, value, name or spelling
refuses the whole document, so that nobody believes in a rule which the signer did not understand.
Pure: no I/O, no clock. What the rules mean for a transfer is in `policy.py`, who signs the document
in `policy_signing.py`; everything public here is public in `policy.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from chains.model import Address, AssetId, NetworkId
from chains.networks import all_networks
from signer.policy import fields as read
from signer.policy.fields import InvalidPolicy, located
from signer.wire import Action, Need, amount, identifier, integer, parse_json, parse_time

FORMAT: Final = 1
DOCUMENT_BYTES_MAX: Final = 1024 * 1024


class Order(StrEnum):
    """Whether groups approve in any order, or each only after the one before it."""

    ANY = "any"
    SEQUENCE = "sequence"


@dataclass(frozen=True, slots=True)
class Administrators:
    """Who signs the next version: `threshold` of `keys` (id to 32-byte Ed25519 key)."""

    threshold: int
    keys: Mapping[str, bytes]

    def to_json(self) -> dict[str, Any]:
        members = [{"id": name, "key": key.hex()} for name, key in self.keys.items()]
        return {"threshold": self.threshold, "members": members}

    @classmethod
    def parse(cls, row: object) -> Administrators:
        """From decoded JSON. Raises InvalidPolicy."""
        return located("administrators", lambda: _administrators(row))


@dataclass(frozen=True, slots=True)
class Person:
    """`initiates_as`: names under which the API knows this person as the initiator of transfers,
    beside `id`. Nobody approves what they initiated."""

    id: str
    key: bytes
    initiates_as: frozenset[str]


@dataclass(frozen=True, slots=True)
class DestinationEntry:
    network: NetworkId
    address: Address
    added_at: datetime


@dataclass(frozen=True, slots=True)
class DestinationGroup:
    """An allowlist. An entry is usable `cooling_s` seconds after it was added."""

    id: str
    cooling_s: int
    entries: Mapping[tuple[NetworkId, Address], DestinationEntry]

    def entry(self, network: NetworkId, address: Address) -> DestinationEntry | None:
        return self.entries.get((network, address))

    def cooled(self, network: NetworkId, address: Address, now: datetime) -> bool:
        entry = self.entry(network, address)
        return entry is not None and now - entry.added_at >= timedelta(seconds=self.cooling_s)


@dataclass(frozen=True, slots=True)
class Scope:
    """What a rule speaks about. None means any; a set is never empty."""

    clients: frozenset[str] | None
    vaults: frozenset[str] | None
    networks: frozenset[str] | None
    assets: frozenset[str] | None
    destinations: frozenset[str] | None
    actions: frozenset[str] | None
    initiators: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class AmountLimit:
    """At most `amount` base units of `asset` in one transaction."""

    asset: AssetId
    amount: int


@dataclass(frozen=True, slots=True)
class WindowLimit:
    """At most `amount` base units and `count` transfers of `asset` out of one vault in any
    `seconds`, this transfer and the greatest fees included; per destination address if so said.
    None: no such limit."""

    asset: AssetId
    seconds: int
    amount: int | None
    count: int | None
    per_destination: bool


@dataclass(frozen=True, slots=True)
class Hours:
    """Weekdays (0 is Monday) and minutes of the day [start, end) in an IANA time zone."""

    zone: str
    days: frozenset[int]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Limits:
    per_transaction: tuple[AmountLimit, ...]
    windows: tuple[WindowLimit, ...]
    hours: Hours | None

    def empty(self) -> bool:
        return not self.per_transaction and not self.windows and self.hours is None


@dataclass(frozen=True, slots=True)
class Grant:
    """On which terms an allow rule allows. `fees`: greatest `fee_max` by network; a network that
    is not named is not allowed. `needs` is empty for a standing permission. `time_lock_s`: from
    complete approval to signature. `mandate_lifetime_s`: from `requested_at` to `expires_at`."""

    fees: Mapping[str, int]
    order: Order
    needs: tuple[Need, ...]
    time_lock_s: int
    mandate_lifetime_s: int


@dataclass(frozen=True, slots=True)
class Rule:
    """Allows what is in scope and within its limits; without `grant`, denies what is in scope and
    not within its limits (without limits: all that is in scope)."""

    id: str
    scope: Scope
    limits: Limits
    grant: Grant | None


@dataclass(frozen=True, slots=True)
class Policy:
    """A document that was read whole and makes sense. Nothing says that anybody signed it."""

    version: int
    administrators: Administrators
    persons: Mapping[str, Person]
    groups: Mapping[str, frozenset[str]]
    destinations: Mapping[str, DestinationGroup]
    rules: tuple[Rule, ...]

    @classmethod
    def parse(cls, document: bytes) -> Policy:
        """From canonical JSON. Raises InvalidPolicy."""
        if len(document) > DOCUMENT_BYTES_MAX:
            raise InvalidPolicy("document: too large")
        policy = located("document", lambda: _policy(parse_json(document)))
        _check_references(policy)
        return policy


@dataclass(frozen=True, slots=True)
class PolicyHead:
    """What counts of a policy that another one superseded: its version, and who could sign the
    next. The rest may name what this program has no words for."""

    version: int
    administrators: Administrators

    @classmethod
    def parse(cls, document: bytes) -> PolicyHead:
        """From canonical JSON. Raises InvalidPolicy."""
        row = located("document", lambda: parse_json(document))
        if not isinstance(row, dict):
            raise InvalidPolicy("document: no object")
        version = located("version", lambda: read.positive(row.get("version")))
        return cls(version, Administrators.parse(row.get("administrators")))


def _policy(row: object) -> Policy:
    top = read.fields(row, "format version administrators persons groups destinations rules")
    if integer(top["format"]) != FORMAT:
        raise InvalidPolicy("format: unknown")
    groups = located("groups", lambda: read.table(top["groups"], _group, lambda group: group[0]))
    return Policy(
        version=located("version", lambda: read.positive(top["version"])),
        administrators=Administrators.parse(top["administrators"]),
        persons=located("persons", lambda: _persons(top["persons"])),
        groups=dict(groups.values()),
        destinations=located(
            "destinations",
            lambda: read.table(top["destinations"], _destination_group, lambda group: group.id),
        ),
        rules=tuple(
            located("rules", lambda: read.table(top["rules"], _rule, lambda rule: rule.id)).values()
        ),
    )


def _administrators(row: object) -> Administrators:
    top = read.fields(row, "threshold members")
    keys = dict(read.table(top["members"], _administrator, lambda pair: pair[0]).values())
    read.distinct(keys.values())
    threshold = read.positive(top["threshold"])
    if threshold > len(keys):
        raise InvalidPolicy("threshold: more than there are administrators")
    return Administrators(threshold, keys)


def _administrator(row: object) -> tuple[str, bytes]:
    member = read.fields(row, "id key")
    return identifier(member["id"]), read.ed25519_key(member["key"])


def _persons(value: object) -> dict[str, Person]:
    """By id. One key is one person and one name leads to one person, else somebody counts twice
    or approves what they initiated."""
    persons = read.table(value, _person, lambda person: person.id)
    read.distinct(person.key for person in persons.values())
    read.distinct(name for p in persons.values() for name in p.initiates_as | {p.id})
    return persons


def _person(row: object) -> Person:
    person = read.fields(row, "id key initiates_as")
    return Person(
        identifier(person["id"]),
        read.ed25519_key(person["key"]),
        read.names(person["initiates_as"]),
    )


def _group(row: object) -> tuple[str, frozenset[str]]:
    group = read.fields(row, "id members")
    return identifier(group["id"]), read.names(group["members"])


def _destination_group(row: object) -> DestinationGroup:
    group = read.fields(row, "id cooling_s entries")
    entries = [_destination_entry(item) for item in read.rows(group["entries"])]
    read.distinct((entry.network, entry.address) for entry in entries)
    return DestinationGroup(
        identifier(group["id"]),
        read.seconds(group["cooling_s"]),
        {(entry.network, entry.address): entry for entry in entries},
    )


def _destination_entry(row: object) -> DestinationEntry:
    entry = read.fields(row, "network address added_at")
    return DestinationEntry(
        read.network(entry["network"]),
        Address(identifier(entry["address"])),
        parse_time(entry["added_at"]),
    )


def _rule(row: object) -> Rule:
    rule = read.fields(row, "id effect scope limits grant")
    grant = rule["grant"]
    if rule["effect"] != ("deny" if grant is None else "allow"):
        raise InvalidPolicy("effect: allow with a grant, or deny without")
    return Rule(
        id=identifier(rule["id"]),
        scope=located("scope", lambda: _scope(rule["scope"])),
        limits=located("limits", lambda: _limits(rule["limits"])),
        grant=None if grant is None else located("grant", lambda: _grant(grant)),
    )


def _scope(row: object) -> Scope:
    scope = read.fields(row, "clients vaults networks assets destinations actions initiators")

    def some(field: str, parse: Callable[[object], str] = identifier) -> frozenset[str] | None:
        if scope[field] == "any":
            return None
        return located(field, lambda: read.some(scope[field], parse))

    return Scope(
        clients=some("clients"),
        vaults=some("vaults"),
        networks=some("networks", read.network),
        assets=some("assets", read.asset),
        destinations=some("destinations"),
        actions=some("actions", _action),
        initiators=some("initiators"),
    )


def _action(value: object) -> str:
    name = identifier(value)
    if name not in list(Action):
        raise InvalidPolicy(f"unknown action {name}")
    return name


def _limits(row: object) -> Limits:
    limits = read.fields(row, "per_transaction windows hours")
    per_transaction = tuple(_amount_limit(item) for item in read.rows(limits["per_transaction"]))
    windows = tuple(_window_limit(item) for item in read.rows(limits["windows"]))
    read.distinct(limit.asset for limit in per_transaction)
    read.distinct((w.asset, w.seconds, w.per_destination) for w in windows)
    hours = limits["hours"]
    return Limits(per_transaction, windows, None if hours is None else _hours(hours))


def _amount_limit(row: object) -> AmountLimit:
    limit = read.fields(row, "asset amount")
    return AmountLimit(read.asset(limit["asset"]), amount(limit["amount"]))


def _window_limit(row: object) -> WindowLimit:
    limit = read.fields(row, "asset seconds amount count per_destination")
    if not isinstance(limit["per_destination"], bool):
        raise InvalidPolicy("per_destination: true or false")
    if limit["amount"] is None and limit["count"] is None:
        raise InvalidPolicy("a window that limits neither amount nor count")
    return WindowLimit(
        asset=read.asset(limit["asset"]),
        seconds=read.seconds(limit["seconds"], minimum=1),
        amount=None if limit["amount"] is None else amount(limit["amount"]),
        count=None if limit["count"] is None else integer(limit["count"]),
        per_destination=limit["per_destination"],
    )


def _hours(row: object) -> Hours:
    hours = read.fields(row, "zone days from to")
    start, end = read.minute_of_day(hours["from"]), read.minute_of_day(hours["to"])
    if start >= end:
        raise InvalidPolicy("hours: from must be before to; a night takes two rules")
    return Hours(read.time_zone(hours["zone"]), read.weekdays(hours["days"]), start, end)


def _grant(row: object) -> Grant:
    grant = read.fields(row, "fees approvals time_lock_s mandate_lifetime_s")
    approvals = read.fields(grant["approvals"], "order needs")
    if approvals["order"] not in list(Order):
        raise InvalidPolicy("approvals: order is any or sequence")
    return Grant(
        fees=dict(read.table(grant["fees"], _fee, lambda fee: fee[0]).values()),
        order=Order(approvals["order"]),
        needs=tuple(_need(item) for item in read.rows(approvals["needs"])),
        time_lock_s=read.seconds(grant["time_lock_s"]),
        mandate_lifetime_s=read.seconds(grant["mandate_lifetime_s"], minimum=1),
    )


def _fee(row: object) -> tuple[str, int]:
    fee = read.fields(row, "network amount")
    return read.network(fee["network"]), amount(fee["amount"])


def _need(row: object) -> Need:
    need = read.fields(row, "group count")
    return Need(identifier(need["group"]), read.positive(need["count"]))


def _check_fee_windows(rule: Rule) -> None:
    """A rule that bounds what leaves bounds the fees too: whoever splits a transfer in a thousand
    pays a thousand fees, and a window of another asset or for one destination sees none of them."""
    bounds = [each for each in rule.limits.windows if each.amount is not None]
    limited = {each.asset for each in bounds if not each.per_destination}
    for name in _fee_networks(rule) if rule.limits.windows else ():
        asset = all_networks()[NetworkId(name)].native.id
        if asset not in limited:
            raise InvalidPolicy(
                f"rules: {rule.id} has windows, but none with an amount of {asset} per vault,"
                f" in which fees are paid on {name}"
            )


def _fee_networks(rule: Rule) -> Iterable[str]:
    """Where transfers in the scope of a rule with windows pay fees. A deny rule names no fees; of
    an asset without a window it lets nothing pass."""
    if rule.grant is not None:
        named = [network for network, fee in rule.grant.fees.items() if fee]
    else:
        named = [limit.asset.partition("/")[0] for limit in rule.limits.windows]
    return (n for n in named if rule.scope.networks is None or n in rule.scope.networks)


def _check_references(policy: Policy) -> None:
    """Every name leads somewhere, no rule asks for more people than there are, or forgets fees."""
    for group, members in policy.groups.items():
        if not members <= policy.persons.keys():
            raise InvalidPolicy(f"groups: {group} has members who are not persons")
    for rule in policy.rules:
        _check_fee_windows(rule)
        if not (rule.scope.destinations or frozenset()) <= policy.destinations.keys():
            raise InvalidPolicy(f"rules: {rule.id} names an unknown destination group")
        for need in rule.grant.needs if rule.grant else ():
            if need.count > len(policy.groups.get(need.group, ())):
                raise InvalidPolicy(f"rules: {rule.id} needs more of {need.group} than there are")
