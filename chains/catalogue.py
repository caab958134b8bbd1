"""Which networks and assets there are: one immutable value, made once from rows.

The built-in rows are `networks.toml` and `assets.toml` beside this file. An operator's rows come on
top of them, in the signed policy (`signer.policy`), so that signer and custody can't know different
ones. Nothing here is global: who wants to know a network is given a catalogue. Pure.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any

from chains.assets import NATIVE, Asset
from chains.codec import TransactionCodec
from chains.contracts.described import Contract
from chains.contracts.rows import place_of, read_contract
from chains.errors import InvalidAddress, NetworkInvalid
from chains.families import CODECS
from chains.model import Address, AssetId, NetworkId
from chains.networks import Network
from chains.rows import read_asset, read_family, read_network
from chains.schema import FamilySchema

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Catalogue:
    """`network_rows`, `asset_rows`: as they were read, by id, for who compares them or signs
    them; `contract_rows` by network and address."""

    networks: Mapping[NetworkId, Network]
    assets: Mapping[AssetId, Asset]
    network_rows: Mapping[NetworkId, Row] = field(repr=False)
    asset_rows: Mapping[AssetId, Row] = field(repr=False)
    contract_rows: Mapping[str, Row] = field(default_factory=dict, repr=False)
    _codecs: dict[NetworkId, TransactionCodec] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def with_rows(
        self,
        networks: Sequence[object],
        assets: Sequence[object],
        contracts: Sequence[object] = (),
    ) -> Catalogue:
        """This one with other rows on top: a row replaces the one with its id, or of its contract.
        Raises NetworkInvalid."""
        network_rows = {**self.network_rows, **_by_id(networks)}
        asset_rows = {**self.asset_rows, **_by_id(assets)}
        contract_rows = {**self.contract_rows, **_by_place(contracts)}
        return catalogue_of(network_rows, asset_rows, contract_rows)

    def find_network(self, name: str) -> Network:
        """By CAIP-2 id or alias. Raises KeyError."""
        if name in self.networks:
            return self.networks[NetworkId(name)]
        for network in self.networks.values():
            if network.alias == name:
                return network
        raise KeyError(name)

    def find_asset(self, asset: str) -> Asset:
        """By id. Raises KeyError."""
        return self.assets[AssetId(asset)]

    def assets_of(self, network: NetworkId) -> tuple[Asset, ...]:
        """What can be held on the network, its native asset first."""
        found = [asset for asset in self.assets.values() if asset.network == network]
        return tuple(sorted(found, key=lambda asset: asset.kind != NATIVE))

    def codec(self, network: NetworkId) -> TransactionCodec:
        """Of a network, whether or not it is served here. Raises KeyError."""
        if network not in self._codecs:
            self._codecs[network] = _codec(self.networks[network])
        return self._codecs[network]

    @property
    def aliases(self) -> tuple[str, ...]:
        return tuple(network.alias for network in self.networks.values())


@cache
def built_in() -> Catalogue:
    """What every installation of this program knows before an operator says more."""
    return catalogue_of(
        {NetworkId(row["id"]): {"alias": alias, **row} for alias, row in _table("networks")},
        {AssetId(key): {"id": key, **row} for key, row in _table("assets")},
    )


def catalogue_of(
    networks: Mapping[NetworkId, Row],
    assets: Mapping[AssetId, Row],
    contracts: Mapping[str, Row] = MappingProxyType({}),
) -> Catalogue:
    """From rows by id, in their order. Raises NetworkInvalid, also where rows contradict each
    other."""
    schemas: dict[NetworkId, FamilySchema] = dict(map(read_family, networks.values()))
    found_assets = {key: read_asset(row, schemas.__getitem__) for key, row in assets.items()}
    found = {key: read_network(row, found_assets.__getitem__) for key, row in networks.items()}
    _check_aliases(found.values())
    _check_keys(found.values(), schemas)
    _check_assets(found, found_assets)
    listed = {key: _with_tokens(each, found_assets.values()) for key, each in found.items()}
    return Catalogue(
        MappingProxyType(_with_contracts(listed, contracts.values(), schemas)),
        MappingProxyType(found_assets),
        MappingProxyType(dict(networks)),
        MappingProxyType(dict(assets)),
        MappingProxyType(dict(contracts)),
    )


def _with_tokens(network: Network, assets: Iterable[Asset]) -> Network:
    tokens = {each.id: each for each in assets if each.network == network.id}
    del tokens[network.native.id]
    return replace(network, tokens=MappingProxyType(tokens))


def _with_contracts(
    networks: Mapping[NetworkId, Network],
    rows: Iterable[Row],
    schemas: Mapping[NetworkId, FamilySchema],
) -> dict[NetworkId, Network]:
    """Each of a family that speaks the ABI, and with a name of its own."""
    found = dict[NetworkId, dict[Address, Contract]]()
    for row in rows:
        network = networks.get(row["network"])
        reads = None if network is None else schemas[network.id].reads
        if network is None or reads is None:
            why = "of a network that does not exist" if network is None else "has no descriptions"
            raise NetworkInvalid(why, row=place_of(row), member="network")
        codec = _codec(network)
        contract = read_contract(row, network, codec.parse_address, reads)
        known = found.setdefault(network.id, {})
        if contract.name in {each.name for each in known.values()}:
            raise NetworkInvalid("names another contract too", row=place_of(row), member="name")
        known[contract.address] = contract
    return {
        key: replace(each, contracts=MappingProxyType(found.get(key, {})))
        for key, each in networks.items()
    }


def changed(before: Catalogue, now: Catalogue) -> tuple[str, ...]:
    """Aliases of networks whose row, or a row of whose assets or contracts, differs between the
    two."""
    names: set[NetworkId] = set()
    names |= {
        name
        for name in before.network_rows.keys() | now.network_rows.keys()
        if before.network_rows.get(name) != now.network_rows.get(name)
    }
    names |= _of_rows(before.asset_rows, now.asset_rows)
    names |= _of_rows(before.contract_rows, now.contract_rows)
    known = {**before.networks, **now.networks}
    return tuple(sorted(known[name].alias for name in names))


def _of_rows(before: Mapping[Any, Row], now: Mapping[Any, Row]) -> set[NetworkId]:
    """Whose rows, by names that begin with the network's, differ."""
    differ = {key for key in before.keys() | now.keys() if before.get(key) != now.get(key)}
    return {NetworkId(str(key).partition("/")[0]) for key in differ}


def _table(name: str) -> Iterable[tuple[str, Row]]:
    return tomllib.loads(resources.files("chains").joinpath(f"{name}.toml").read_text()).items()


def _codec(network: Network) -> TransactionCodec:
    return CODECS[network.family](network)


def _by_id(rows: Sequence[object]) -> dict[Any, Row]:
    """Rows that are no tables, or have no id, are refused here; the rest where they are read."""
    found: dict[Any, Row] = {}
    for row in rows:
        name = row.get("id") if isinstance(row, Mapping) else None
        if not isinstance(row, Mapping) or not isinstance(name, str):
            raise NetworkInvalid("missing", row="a row without id", member="id")
        if name in found:
            raise NetworkInvalid("stands there twice", row=name)
        found[name] = row
    return found


def _by_place(rows: Sequence[object]) -> dict[str, Row]:
    """Of contracts, as `_by_id`: by network and address."""
    found: dict[str, Row] = {}
    for row in rows:
        place = place_of(row)
        if not isinstance(row, Mapping) or not isinstance(row.get("network"), str):
            raise NetworkInvalid("missing", row=place, member="network")
        if place in found:
            raise NetworkInvalid("stands there twice", row=place)
        found[place] = row
    return found


def _check_aliases(networks: Iterable[Network]) -> None:
    taken: dict[str, Network] = {}
    for network in networks:
        other = taken.setdefault(network.alias, network)
        if other is not network:
            raise NetworkInvalid(
                f"{other.id} and {network.id} have the same", row=network.alias, member="alias"
            )


def _check_keys(networks: Iterable[Network], schemas: Mapping[NetworkId, FamilySchema]) -> None:
    """What is signed for one network must be worthless on every other."""
    taken: dict[tuple[str, object], Network] = {}
    for network in networks:
        if not schemas[network.id].one_key_one_network:
            continue
        key = network.family, network.parameters["coin_type"]
        other = taken.setdefault(key, network)
        if other is not network:
            raise NetworkInvalid(
                f"would share its keys with {other.alias}, and bytes name no network",
                row=network.alias,
                member="parameters.coin_type",
            )


def _check_assets(networks: Mapping[NetworkId, Network], assets: Mapping[AssetId, Asset]) -> None:
    """One native asset each, and tokens by the one spelling of their contract's address."""
    codecs = {each.network: _codec(networks[each.network]) for each in assets.values()}
    for asset in assets.values():
        network = networks[asset.network]
        if asset.kind == NATIVE:
            if network.native != asset:
                raise NetworkInvalid(
                    f"the native asset of {network.alias} is {network.native.id}",
                    row=asset.id,
                    member="kind",
                )
            continue
        contract = asset.id.rpartition(":")[2]
        try:
            canonical = codecs[network.id].parse_address(contract).address
        except InvalidAddress as error:
            raise NetworkInvalid(str(error), row=asset.id, member="id") from error
        if canonical != contract:
            raise NetworkInvalid(f"must be written {canonical}", row=asset.id, member="id")
