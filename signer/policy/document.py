"""The policy document as values: who there is, which destinations, which rules.

Canonical JSON (RFC 8785), versioned. Reading is strict: an unknown field, value, name or spelling
refuses the whole document, so that nobody believes in a rule which the signer did not understand.
Pure: no I/O, no clock. One rule is read in `rules.py`, what rules mean for a transfer is in
`evaluate.py`, who signs the document in `signing.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from chains.assets import Amount
from chains.catalogue import Catalogue, built_in
from chains.errors import NetworkInvalid
from chains.model import Address, AssetId, NetworkId
from signer.policy import fields as read
from signer.policy.calls import check_described
from signer.policy.credentials import Credential, parse_credentials
from signer.policy.fields import InvalidPolicy, located
from signer.policy.payees import Payee
from signer.policy.rules import Rule, check_cost_windows, networks_in
from signer.wire import format_time, identifier, parse_json, parse_time

FORMAT: Final = 2
DOCUMENT_BYTES_MAX: Final = 1024 * 1024
_OF_BEFORE: Final = "format 1 is not read any more: run custody policy upgrade, sign what it writes"


@dataclass(frozen=True, slots=True)
class Administrators:
    """Who signs the next version: `threshold` of `members` (id to credentials)."""

    threshold: int
    members: Mapping[str, tuple[Credential, ...]]

    def to_json(self) -> dict[str, Any]:
        members = [
            {"id": name, "credentials": [credential.to_json() for credential in credentials]}
            for name, credentials in self.members.items()
        ]
        return {"threshold": self.threshold, "members": members}

    @classmethod
    def parse(cls, row: object) -> Administrators:
        """From decoded JSON. Raises InvalidPolicy."""
        return located("administrators", lambda: _administrators(row))


@dataclass(frozen=True, slots=True)
class Person:
    id: str
    credentials: tuple[Credential, ...]


@dataclass(frozen=True, slots=True)
class Machine:
    """A program that asks for transfers. `operators`: the persons who could make it ask; none of
    them approves what it asked for."""

    id: str
    operators: frozenset[str]


@dataclass(frozen=True, slots=True)
class DestinationEntry:
    """`memo` is part of who is paid: another memo at the same address is somebody else."""

    network: NetworkId
    address: Address
    memo: str | None
    added_at: datetime

    def to_json(self) -> dict[str, Any]:
        return {
            "network": self.network,
            "address": self.address,
            "memo": self.memo,
            "added_at": format_time(self.added_at),
        }


@dataclass(frozen=True, slots=True)
class DestinationGroup:
    """An allowlist. An entry is usable `cooling_s` seconds after it was added."""

    id: str
    cooling_s: int
    entries: Mapping[tuple[NetworkId, Payee], DestinationEntry]

    def entry(self, network: NetworkId, payee: Payee) -> DestinationEntry | None:
        return self.entries.get((network, payee))

    def cooled(self, network: NetworkId, payee: Payee, now: datetime) -> bool:
        entry = self.entry(network, payee)
        return entry is not None and now - entry.added_at >= timedelta(seconds=self.cooling_s)


@dataclass(frozen=True, slots=True)
class Policy:
    """A document that was read whole and makes sense. Nothing says that anybody signed it."""

    version: int
    administrators: Administrators
    persons: Mapping[str, Person]
    machines: Mapping[str, Machine]
    groups: Mapping[str, frozenset[str]]
    destinations: Mapping[str, DestinationGroup]
    rules: tuple[Rule, ...]
    catalogue: Catalogue
    """The built-in networks and assets, and those of the document on top, with its contracts."""

    @classmethod
    def parse(cls, document: bytes) -> Policy:
        """From canonical JSON. Raises InvalidPolicy."""
        if len(document) > DOCUMENT_BYTES_MAX:
            raise InvalidPolicy("document: too large")
        policy = located("document", lambda: _policy(_object(document)))
        _check_references(policy)
        return policy

    def knows(self, initiator: str) -> bool:
        """Whether it is a person or a machine of this policy."""
        return initiator in self.persons or initiator in self.machines

    def said(self, asset: AssetId, units: int) -> str:
        """So many base units as people read them; of an unknown asset as they are."""
        found = self.catalogue.assets.get(asset)
        return f"{units} of {asset}" if found is None else str(Amount(found, units))

    def behind(self, initiator: str) -> frozenset[str]:
        """The persons who asked, if `initiator` did: itself, or who operates the machine."""
        machine = self.machines.get(initiator)
        return frozenset({initiator}) if machine is None else machine.operators


@dataclass(frozen=True, slots=True)
class PolicyHead:
    """What counts of a policy that another one superseded: its version, who could sign the next,
    and the rows of its networks and assets. All of it may name what this program has no words for.
    """

    version: int
    administrators: Administrators
    networks: tuple[object, ...] = ()
    assets: tuple[object, ...] = ()

    @classmethod
    def parse(cls, document: bytes) -> PolicyHead:
        """From canonical JSON. Raises InvalidPolicy."""
        row = located("document", lambda: _object(document))
        version = located("version", lambda: read.positive(row.get("version")))
        networks = located("networks", lambda: read.rows(row.get("networks", [])))
        assets = located("assets", lambda: read.rows(row.get("assets", [])))
        administrators = Administrators.parse(row.get("administrators"))
        return cls(version, administrators, tuple(networks), tuple(assets))


def _object(document: bytes) -> Mapping[str, Any]:
    row = parse_json(document)
    if not isinstance(row, dict):
        raise InvalidPolicy("no object")
    form = row.get("format")
    if form == 1 and form is not True:
        raise InvalidPolicy(_OF_BEFORE)
    if form != FORMAT:
        raise InvalidPolicy("format: unknown")
    return row


def _policy(row: Mapping[str, Any]) -> Policy:
    # A document from before contracts were described has none.
    top = read.fields(
        {"contracts": [], **row},
        "format version administrators persons machines groups destinations rules networks assets"
        " contracts",
    )
    groups = located("groups", lambda: read.table(top["groups"], _group, lambda group: group[0]))
    return Policy(
        version=located("version", lambda: read.positive(top["version"])),
        administrators=Administrators.parse(top["administrators"]),
        persons=located("persons", lambda: _persons(top["persons"])),
        machines=located(
            "machines", lambda: read.table(top["machines"], _machine, lambda machine: machine.id)
        ),
        groups=dict(groups.values()),
        destinations=located(
            "destinations",
            lambda: read.table(top["destinations"], _destination_group, lambda group: group.id),
        ),
        rules=tuple(
            located(
                "rules", lambda: read.table(top["rules"], Rule.parse, lambda rule: rule.id)
            ).values()
        ),
        catalogue=_catalogue(top["networks"], top["assets"], top["contracts"]),
    )


def _catalogue(networks: object, assets: object, contracts: object) -> Catalogue:
    network_rows = located("networks", lambda: read.rows(networks))
    asset_rows = located("assets", lambda: read.rows(assets))
    contract_rows = located("contracts", lambda: read.rows(contracts))
    try:
        return built_in().with_rows(network_rows, asset_rows, contract_rows)
    except NetworkInvalid as error:
        raise InvalidPolicy(f"{error.code}: {error}") from error


def _administrators(row: object) -> Administrators:
    top = read.fields(row, "threshold members")
    members = dict(read.table(top["members"], _member, lambda pair: pair[0]).values())
    _check_one_key_is_one_person(members.values())
    threshold = read.positive(top["threshold"])
    if threshold > len(members):
        raise InvalidPolicy("threshold: more than there are administrators")
    return Administrators(threshold, members)


def _member(row: object) -> tuple[str, tuple[Credential, ...]]:
    member = read.fields(row, "id credentials")
    return identifier(member["id"]), parse_credentials(member["credentials"])


def _persons(value: object) -> dict[str, Person]:
    persons = read.table(value, lambda row: Person(*_member(row)), lambda person: person.id)
    _check_one_key_is_one_person(person.credentials for person in persons.values())
    return persons


def _check_one_key_is_one_person(credentials: Iterable[tuple[Credential, ...]]) -> None:
    """Else somebody counts twice."""
    read.distinct(credential.key for each in credentials for credential in each)


def _machine(row: object) -> Machine:
    machine = read.fields(row, "id operators")
    return Machine(identifier(machine["id"]), read.names(machine["operators"]))


def _group(row: object) -> tuple[str, frozenset[str]]:
    group = read.fields(row, "id members")
    return identifier(group["id"]), read.names(group["members"])


def _destination_group(row: object) -> DestinationGroup:
    group = read.fields(row, "id cooling_s entries")
    entries = [_destination_entry(item) for item in read.rows(group["entries"])]
    keys = [(entry.network, Payee(entry.address, entry.memo)) for entry in entries]
    read.distinct(keys)
    return DestinationGroup(
        identifier(group["id"]),
        read.seconds(group["cooling_s"]),
        dict(zip(keys, entries, strict=True)),
    )


def _destination_entry(row: object) -> DestinationEntry:
    entry = read.fields(row, "network address memo added_at")
    return DestinationEntry(
        read.network(entry["network"]),
        Address(identifier(entry["address"])),
        read.memo(entry["memo"]),
        parse_time(entry["added_at"]),
    )


def _check_references(policy: Policy) -> None:
    """Every name leads somewhere and to one only, no rule asks for more people than there are, or
    forgets costs."""
    for destinations in policy.destinations.values():
        named = (network for network, _ in destinations.entries)
        _check_networks(f"destinations: {destinations.id}", named, policy)
    if policy.persons.keys() & policy.machines.keys():
        raise InvalidPolicy("machines: a machine has a person's name")
    for machine in policy.machines.values():
        if not machine.operators <= policy.persons.keys():
            raise InvalidPolicy(f"machines: {machine.id} has operators who are not persons")
    for group, members in policy.groups.items():
        if not members <= policy.persons.keys():
            raise InvalidPolicy(f"groups: {group} has members who are not persons")
    for rule in policy.rules:
        _check_rule(rule, policy)


def _check_networks(where: str, named: Iterable[NetworkId], policy: Policy) -> None:
    for name in named:
        if name not in policy.catalogue.networks:
            raise InvalidPolicy(f"{where} names an unknown network {name}")


def _check_rule(rule: Rule, policy: Policy) -> None:
    _check_networks(f"rules: {rule.id}", networks_in(rule), policy)
    check_cost_windows(rule, policy.catalogue.networks)
    for entry in rule.scope.calls or ():
        codec = policy.catalogue.codec(entry.network)
        located(f"rules: {rule.id}: calls", partial(check_described, entry, codec))
        if not entry.groups <= policy.destinations.keys():
            raise InvalidPolicy(f"rules: {rule.id} names an unknown destination group")
    if not (rule.scope.destinations or frozenset()) <= policy.destinations.keys():
        raise InvalidPolicy(f"rules: {rule.id} names an unknown destination group")
    if not all(policy.knows(name) for name in rule.scope.initiators or ()):
        raise InvalidPolicy(f"rules: {rule.id} names an initiator who is no person or machine")
    for need in rule.grant.needs if rule.grant else ():
        if need.count > len(policy.groups.get(need.group, ())):
            raise InvalidPolicy(f"rules: {rule.id} needs more of {need.group} than there are")
