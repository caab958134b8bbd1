"""Rows of EVM networks with traits, read like an operator's, for the devnet's engines."""

from __future__ import annotations

from typing import Any, Final

from chains.catalogue import built_in
from chains.evm.traits import Trait
from chains.model import AssetId, NetworkId
from chains.networks import Network

_PLAIN: Final = NetworkId("eip155:31337")
_CHAIN_ID: Final = 31340


def network_with(*traits: Trait, data_max: int = 0, **parameters: Any) -> Network:
    """A local network with `traits`, where nobody of us gets a block's fees. `data_max`: what a
    transfer may cost beside gas."""
    known, name = built_in(), f"eip155:{_CHAIN_ID}"
    row, coin = known.network_rows[_PLAIN], known.asset_rows[AssetId(f"{_PLAIN}/slip44:60")]
    plain = {key: value for key, value in row["parameters"].items() if key != "fee_recipient"}
    costs = row["costs_max"] | ({"l1-data": str(data_max)} if data_max else {})
    changed = {
        "id": name,
        "alias": "rollup-local",
        "parameters": plain | {"chain_id": _CHAIN_ID} | parameters,
        "costs_max": costs,
        "traits": [trait.value for trait in traits],
    }
    asset = {**coin, "id": f"{name}/slip44:60"}
    return known.with_rows([{**row, **changed}], [asset]).find_network(name)


OP_STACK: Final = network_with(Trait.L1_DATA_FEE, Trait.OP_DEPOSITS, data_max=10**15)
