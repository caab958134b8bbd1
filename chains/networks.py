"""The networks that exist, read from `networks.toml` beside this file.

Data only: which of them a process serves, and where their nodes are, is that process's
configuration. Knows no node and no code of any chain.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any

from chains.assets import Asset, find_asset
from chains.costs import CostKind, Costs, costs_in
from chains.model import AddressType, AssetId, NetworkId


class Family(StrEnum):
    """The folder whose code serves the network."""

    BITCOIN = "bitcoin"
    EVM = "evm"
    TRON = "tron"
    SOLANA = "solana"


class Environment(StrEnum):
    MAIN = "main"
    LOCAL = "local"


@dataclass(frozen=True, slots=True)
class Finality:
    """What makes a block final: the node's own word (`node`), or `confirmations` blocks on our
    chain, the block itself included. Where a network has both, each is proof enough by itself."""

    node: bool
    confirmations: int | None

    def __post_init__(self) -> None:
        assert self.node or self.confirmations is not None, "nothing would ever be final"
        assert self.confirmations is None or self.confirmations >= 1


@dataclass(frozen=True, slots=True)
class Network:
    """`follow_depth`: how many blocks a follower remembers, more than finality needs. `costs_max`:
    the most that a transfer which says nothing else may cost, by kind. `address_types`: what we
    derive, default first. `native`: the asset that costs are paid in. `parameters`: the family's
    own constants."""

    id: NetworkId
    alias: str
    name: str
    family: Family
    environment: Environment
    finality: Finality
    follow_depth: int
    costs_max: Costs
    address_types: tuple[AddressType, ...]
    native: Asset
    parameters: Mapping[str, Any]

    def bounds(self, fee_max: int | None = None) -> Costs:
        """`costs_max`, with another bound on the fee where one is given."""
        if fee_max is None:
            return self.costs_max
        return {**self.costs_max, (self.native.id, CostKind.FEE): fee_max}

    def text(self, name: str) -> str:
        value = self.parameters[name]
        assert isinstance(value, str), name
        return value

    def number(self, name: str) -> int:
        value = self.parameters[name]
        assert isinstance(value, int), name
        return value


@cache
def all_networks() -> Mapping[NetworkId, Network]:
    """Every known network by CAIP-2 id, in the order of the file."""
    table = tomllib.loads(resources.files("chains").joinpath("networks.toml").read_text())
    networks = [_network(alias, row) for alias, row in table.items()]
    by_id = {network.id: network for network in networks}
    assert len(by_id) == len(networks), "two networks share an id"
    return MappingProxyType(by_id)


def find_network(name: str) -> Network:
    """By CAIP-2 id or alias. Raises KeyError."""
    known = all_networks()
    if name in known:
        return known[NetworkId(name)]
    for network in known.values():
        if network.alias == name:
            return network
    raise KeyError(name)


def _network(alias: str, row: dict[str, Any]) -> Network:
    network_id = NetworkId(row["id"])
    native, costs = AssetId(f"{network_id}/{row['native']}"), row["costs_max"]
    finality = Finality(row["finality"].get("node", False), row["finality"].get("confirmations"))
    assert row["follow_depth"] > (finality.confirmations or 0), alias
    return Network(
        id=network_id,
        alias=alias,
        name=row["name"],
        family=Family(row["family"]),
        environment=Environment(row["environment"]),
        finality=finality,
        follow_depth=row["follow_depth"],
        costs_max=costs_in(native, {CostKind(kind): most for kind, most in costs.items()}),
        address_types=tuple(AddressType(name) for name in row["address_types"]),
        native=find_asset(native),
        parameters=MappingProxyType(row["parameters"]),
    )
