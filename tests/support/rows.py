"""Rows of networks as an operator writes them, with what a test wants otherwise."""

from __future__ import annotations

from typing import Any

from chains.catalogue import built_in
from chains.networks import Network

WEI_MAX = str(2**256 - 1)


def evm_row(alias: str = "lagoon", chain_id: int = 31339, **changes: Any) -> dict[str, Any]:
    """A local EVM network that no image knows."""
    row: dict[str, Any] = {
        "id": f"eip155:{chain_id}",
        "alias": alias,
        "name": "Lagoon (local)",
        "family": "evm",
        "environment": "local",
        "finality": {"confirmations": 3},
        "follow_depth": 50,
        "block_ms": 250,
        "costs_max": {"fee": "5000000000000000"},
        "address_types": ["evm"],
        "native": "slip44:60",
        "parameters": {
            "chain_id": chain_id,
            "coin_type": 60,
            "transaction_type": "eip1559",
            "traces": "debug",
            "fee_recipient": "coinbase",
        },
    }
    return row | changes


def coin_row(network: str = "eip155:31339", **changes: Any) -> dict[str, Any]:
    """What such a network's costs are paid in."""
    row: dict[str, Any] = {
        "id": f"{network}/slip44:60",
        "kind": "native",
        "symbol": "LGN",
        "name": "Lagoon's coin",
        "decimals": 18,
        "maximum": WEI_MAX,
    }
    return row | changes


def token_row(network: str = "eip155:31339", **changes: Any) -> dict[str, Any]:
    row: dict[str, Any] = {
        "id": f"{network}/erc20:0x52908400098527886E0F7030069857D2E4169EE7",
        "kind": "erc20",
        "symbol": "USDX",
        "name": "A dollar",
        "decimals": 6,
        "maximum": WEI_MAX,
    }
    return row | changes


def listing(alias: str, **changes: Any) -> Network:
    """A built-in network on which `token_row` is listed."""
    network = built_in().find_network(alias)
    return built_in().with_rows([], [token_row(network.id, **changes)]).networks[network.id]
