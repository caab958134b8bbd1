"""Rows of EVM networks with traits, for the devnet's engines."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

from chains.costs import CostKind
from chains.evm.traits import Trait
from chains.networks import Network
from tests.support.networks import find_network

_PLAIN: Final = find_network("ethereum-local")


def network_with(*traits: Trait, data_max: int = 0, **parameters: Any) -> Network:
    """The local Ethereum with `traits`. `data_max`: what a transfer may cost beside gas."""
    changed = {**_PLAIN.parameters, **parameters}
    costs = dict(_PLAIN.costs_max)
    if data_max:
        costs[_PLAIN.native.id, CostKind.L1_DATA] = data_max
    return replace(
        _PLAIN, parameters=MappingProxyType(changed), costs_max=costs, traits=frozenset(traits)
    )


OP_STACK: Final = network_with(Trait.L1_DATA_FEE, Trait.OP_DEPOSITS, data_max=10**15)
