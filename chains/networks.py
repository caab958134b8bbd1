"""What a network is. Which there are is in `catalogue.py`, how their rows are read in `rows.py`.

Data only: which of them a process serves, and where their nodes are, is that process's
configuration. Knows no node and no code of any chain.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NewType

from chains.assets import Asset
from chains.contracts.described import Contract
from chains.costs import OF_CALLS, OF_COINS, CostKind, Costs
from chains.model import Address, AddressType, AssetId, NetworkId

Family = NewType("Family", str)
"""The folder whose code serves the network. Which there are: `chains.families.CODECS`."""


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
    """`follow_depth`: how many blocks a follower remembers, more than finality needs. `block_ms`:
    the usual time between two blocks, in milliseconds. `costs_max`: the most that a transfer which
    says nothing else may cost, by kind. `address_types`: what we derive, default first. `native`:
    the asset that costs are paid in. `parameters`: the family's own constants. `traits`: which code
    of the family's folder the network needs beside what all of the family do. `tokens`: the assets
    beside the native one that are listed. What is not listed is no money, whatever it is called.
    `contracts`: those that administrators described, by address."""

    id: NetworkId
    alias: str
    name: str
    family: Family
    environment: Environment
    finality: Finality
    follow_depth: int
    block_ms: int
    costs_max: Costs
    address_types: tuple[AddressType, ...]
    native: Asset
    parameters: Mapping[str, Any]
    traits: frozenset[str] = frozenset()
    tokens: Mapping[AssetId, Asset] = field(default_factory=dict)
    contracts: Mapping[Address, Contract] = field(default_factory=dict)

    def is_listed(self, asset: AssetId) -> bool:
        return asset == self.native.id or asset in self.tokens

    def bounds(
        self, fee_max: int | None = None, asset: AssetId | None = None, *, calls: bool = False
    ) -> Costs:
        """`costs_max`, with another bound on the fee where one is given, and without the kinds that
        a payment of `asset` (None: of the native one), or what `calls` a contract with it, never
        has: nothing is held back for them."""
        never = OF_COINS if calls or asset not in (None, self.native.id) else OF_CALLS
        most = {key: units for key, units in self.costs_max.items() if key[1] not in never}
        return most if fee_max is None else {**most, (self.native.id, CostKind.FEE): fee_max}

    def text(self, name: str) -> str:
        value = self.parameters[name]
        assert isinstance(value, str), name
        return value

    def number(self, name: str) -> int:
        value = self.parameters[name]
        assert isinstance(value, int), name
        return value
