"""Reads rows that describe networks and assets: the one parser, for built-in and operators' rows.

Strict: a member, trait, parameter or kind that this program does not know refuses the row, and the
complaint (`NetworkInvalid`) names row and member. What rows say together is in `catalogue.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, Final

from chains.assets import NATIVE, Asset, AssetKind
from chains.costs import CostKind, Costs, costs_in
from chains.errors import NetworkInvalid
from chains.families import CODECS
from chains.model import AddressType, AssetId, NetworkId
from chains.networks import Environment, Family, Finality, Network
from chains.schema import (
    HARDENED_MAX,
    FamilySchema,
    Value,
    listed,
    located,
    matching,
    members,
    one_of,
    units,
    whole,
)

DECIMALS_MAX: Final = 36
MAXIMUM_MAX: Final = 2**256 - 1
"""No chain that we know says a larger amount."""
CONFIRMATIONS_MAX: Final = 100_000
DEPTH_MAX: Final = 200_000
BLOCK_MS_MAX: Final = 24 * 3600 * 1000
_SLIP44: Final = "slip44"
"""What the id of a native asset begins with, after its network's (CAIP-20)."""
_NETWORK_MEMBERS: Final = frozenset(
    "id alias name family environment finality follow_depth block_ms costs_max address_types native"
    " parameters".split()
)
_ASSET_MEMBERS: Final = frozenset("id kind symbol name decimals maximum".split())
_TRAITS: Final = frozenset({"traits"})
_DOMAIN: Final = ("domain_name", "domain_version")
_ASSET_OPTIONAL: Final = _TRAITS | frozenset(_DOMAIN)
_alias = matching("[a-z][a-z0-9]*(-[a-z0-9]+)*", "bitcoin-regtest")
_network_id = matching("[-a-z0-9]{3,8}:[-_a-zA-Z0-9]{1,32}", "eip155:1 (CAIP-2)")
_native = matching("slip44:(0|[1-9][0-9]{0,9})", "slip44:60")
_name = matching("[!-~]([ -~]{0,62}[!-~])?", "BNB Smart Chain, in at most 64 characters")
_symbol = matching("[!-~]{1,16}", "BTC, in at most 16 characters")
_asset_id = matching(
    "[-a-z0-9]{3,8}:[-_a-zA-Z0-9]{1,32}/[-a-z0-9]{3,8}:[-.%a-zA-Z0-9]{1,128}",
    "eip155:1/slip44:60 (CAIP-19)",
)


def read_asset(row: object, network: Callable[[NetworkId], FamilySchema]) -> Asset:
    """`network`: the schema of a network's family; raises KeyError for one that does not exist.
    Raises NetworkInvalid."""
    where = _named(row, "id")

    def part(member: str, read: Callable[[Any], Any]) -> Any:
        return located(where, member, lambda: read(found[member]))

    found = located(where, "", lambda: members(row, _ASSET_MEMBERS, _ASSET_OPTIONAL))
    asset_id = part("id", _asset_id)
    network_id = NetworkId(asset_id.partition("/")[0])
    try:
        schema = network(network_id)
    except KeyError:
        raise NetworkInvalid("of a network that does not exist", row=where, member="id") from None
    namespaces = {NATIVE: _SLIP44, **schema.token_kinds}
    kind = AssetKind(part("kind", one_of(NATIVE, *sorted(schema.token_kinds))))
    if not asset_id.partition("/")[2].startswith(f"{namespaces[kind]}:"):
        raise NetworkInvalid(f"the id is not of {namespaces[kind]}", row=where, member="kind")
    maximum = part("maximum", units)
    if not 0 < maximum <= MAXIMUM_MAX:
        raise NetworkInvalid("from 1 to 2^256 - 1", row=where, member="maximum")
    known = one_of(*sorted(schema.token_traits.get(kind, ())))
    traits = part("traits", lambda value: listed(value, known)) if "traits" in found else ()
    domain = [part(member, _name) for member in _DOMAIN if member in found]
    if len(domain) != (len(_DOMAIN) if schema.signed_traits.intersection(traits) else 0):
        said = "there with the traits that holders sign by, and with no others"
        raise NetworkInvalid(said, row=where, member=_DOMAIN[0])
    return Asset(
        id=AssetId(asset_id),
        network=network_id,
        kind=kind,
        symbol=part("symbol", _symbol),
        name=part("name", _name),
        decimals=part("decimals", whole(0, DECIMALS_MAX)),
        maximum=maximum,
        traits=frozenset(traits),
        domain=(domain[0], domain[1]) if domain else None,
    )


def read_family(row: object) -> tuple[NetworkId, FamilySchema]:
    """As much of a network's row as its assets need. Raises NetworkInvalid."""
    where = _named(row, "alias")
    found = located(where, "", lambda: members(row, _NETWORK_MEMBERS, _TRAITS))
    family = located(where, "family", lambda: one_of(*CODECS)(found["family"]))
    network_id = located(where, "id", lambda: _network_id(found["id"]))
    return NetworkId(network_id), CODECS[Family(family)].schema


def read_network(row: object, asset: Callable[[AssetId], Asset]) -> Network:
    """`asset`: raises KeyError for one that does not exist. Raises NetworkInvalid."""
    where = _named(row, "alias")
    found = located(where, "", lambda: members(row, _NETWORK_MEMBERS, _TRAITS))
    return _Reading(where, found, *read_family(row)).network(asset)


class _Reading:
    """One row on its way to a `Network`."""

    def __init__(
        self, where: str, row: Mapping[str, Any], network_id: NetworkId, schema: FamilySchema
    ) -> None:
        self._where = where
        self._row = row
        self._id = network_id
        self._schema = schema

    def network(self, asset: Callable[[AssetId], Asset]) -> Network:
        parameters = self._part("parameters", self._parameters)
        implied = f"{self._schema.namespace}:{self._schema.reference(parameters)}"
        if self._id != implied:
            self._refuse("id", f"its parameters are those of {implied}")
        environment = Environment(self._part("environment", one_of(*Environment)))
        self._check_keys(environment, parameters)
        finality = self._part("finality", _finality)
        follow_depth = self._part("follow_depth", whole(1, DEPTH_MAX))
        if follow_depth <= (finality.confirmations or 0):
            self._refuse("follow_depth", "must be more than the confirmations that finality needs")
        traits = frozenset(self._part("traits", self._traits) if "traits" in self._row else ())
        native = self._native(asset)
        return Network(
            id=self._id,
            alias=self._part("alias", _alias),
            name=self._part("name", _name),
            family=Family(self._row["family"]),
            environment=environment,
            finality=finality,
            follow_depth=follow_depth,
            block_ms=self._part("block_ms", whole(1, BLOCK_MS_MAX)),
            costs_max=self._part("costs_max", lambda value: self._costs(value, native, traits)),
            address_types=self._part("address_types", self._address_types),
            native=native,
            parameters=MappingProxyType(dict(parameters)),
            traits=traits,
        )

    def _part(self, member: str, read: Callable[[Any], Any]) -> Any:
        return located(self._where, member, lambda: read(self._row[member]))

    def _refuse(self, member: str, why: str) -> None:
        raise NetworkInvalid(why, row=self._where, member=member)

    def _parameters(self, value: object) -> Mapping[str, Value]:
        known = self._schema.parameters
        required = frozenset(name for name, each in known.items() if each.required)
        found = members(value, required, frozenset(known) - required)
        return {name: located("", name, partial(known[name].read, found[name])) for name in found}

    def _check_keys(self, environment: Environment, parameters: Mapping[str, Value]) -> None:
        """SLIP-44: type 1 is any test network's, so that no key of real money is used there."""
        is_test = parameters["coin_type"] == 1
        if self._schema.one_key_one_network and is_test != (environment is Environment.LOCAL):
            self._refuse(
                "parameters.coin_type", "1 on local networks and on no other: bytes name no network"
            )

    def _traits(self, value: object) -> tuple[str, ...]:
        return listed(value, one_of(*self._schema.traits))

    def _native(self, asset: Callable[[AssetId], Asset]) -> Asset:
        reference = self._part("native", _native)
        if int(reference.partition(":")[2]) > HARDENED_MAX:
            self._refuse("native", "no coin type is that high")
        native = AssetId(f"{self._id}/{reference}")
        try:
            return asset(native)
        except KeyError:
            raise NetworkInvalid(
                f"there is no asset {native}", row=self._where, member="native"
            ) from None

    def _costs(self, value: object, native: Asset, traits: frozenset[str]) -> Costs:
        kinds = self._schema.cost_kinds.union(*(self._schema.traits[name] for name in traits))
        found = members(value, frozenset({CostKind.FEE}), kinds)
        most = {CostKind(kind): located("", kind, partial(units, found[kind])) for kind in found}
        if max(most.values()) > native.maximum:
            raise NetworkInvalid(f"more than there is of {native.symbol}")
        return costs_in(native.id, most)

    def _address_types(self, value: object) -> tuple[AddressType, ...]:
        names = listed(value, one_of(*sorted(self._schema.address_types)))
        if not names:
            raise NetworkInvalid("at least one")
        return tuple(map(AddressType, names))


def _finality(value: object) -> Finality:
    found = members(value, frozenset(), frozenset({"node", "confirmations"}))
    node, confirmations = found.get("node", False), found.get("confirmations")
    if not isinstance(node, bool):
        raise NetworkInvalid("true or false", member="node")
    if confirmations is not None:
        located("", "confirmations", lambda: whole(1, CONFIRMATIONS_MAX)(confirmations))
    if not node and confirmations is None:
        raise NetworkInvalid("nothing would ever be final")
    return Finality(node, confirmations)


def _named(row: object, member: str) -> str:
    """What people call the row, as far as it says so."""
    name = row.get(member) if isinstance(row, Mapping) else None
    if isinstance(name, str) and name.isprintable() and 0 < len(name) <= 200:
        return name
    return f"a row without {member}"
