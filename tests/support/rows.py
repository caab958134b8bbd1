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


ROUTER = "0x7a250d5630B4cF539739dF2C5dAcb4c659F2488D"


def abi(name: str, *inputs: tuple[str, str], payable: bool = False) -> dict[str, Any]:
    """A function's fragment as compilers write it. `inputs`: names and types."""
    return {
        "type": "function",
        "name": name,
        "stateMutability": "payable" if payable else "nonpayable",
        "inputs": [{"name": each, "type": kind} for each, kind in inputs],
        "outputs": [],
    }


SWAP = abi(
    "swapExactTokensForTokens",
    ("amountIn", "uint256"),
    ("amountOutMin", "uint256"),
    ("path", "address[]"),
    ("to", "address"),
    ("deadline", "uint256"),
)
DEPOSIT = abi("deposit", payable=True)


def contract_row(network: str, address: str = ROUTER, **changes: Any) -> dict[str, Any]:
    """A contract that swaps tokens, and takes coins."""
    row: dict[str, Any] = {
        "network": network,
        "address": address,
        "name": "Router",
        "functions": [
            {"abi": SWAP, "moves": [{"token": "path.0", "argument": "amountIn"}]},
            {"abi": DEPOSIT},
        ],
    }
    return row | changes
