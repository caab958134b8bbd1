"""ERC-20 and BEP-20 on EVM networks: the ids of their assets, and their bytes. Pure.

The bytes are those of `chains.abi`; here they meet EVM addresses. What a contract then logs:
`transfers`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from chains import abi
from chains.abi import (
    APPROVE,
    BALANCE_OF,
    DECIMALS,
    NAME,
    SYMBOL,
    TRANSFER,
)
from chains.assets import AssetKind
from chains.evm.address import to_bytes
from chains.model import Address, AssetId, NetworkId

__all__ = ["APPROVE", "BALANCE_OF", "DECIMALS", "NAME", "SYMBOL", "TRANSFER"]

KIND: Final = AssetKind("erc20")
NAMESPACE: Final = "erc20"
"""CAIP-19's asset_namespace (CAIP-21)."""
TOPIC: Final = "0x" + abi.TOPIC.hex()
"""Of a log of Transfer, as nodes write it."""


class CodeTrait(StrEnum):
    """What becomes of the contract itself, by how it is told (`proxies`)."""

    UPGRADEABLE = "upgradeable"
    """Somebody can put other code in its place: other rules, other decimals, or none that pays."""


def asset_of(network: NetworkId, contract: Address) -> AssetId:
    return AssetId(f"{network}/{NAMESPACE}:{contract}")


def contract_of(network: NetworkId, asset: AssetId) -> Address:
    """Of a token of the network, which must be listed there."""
    prefix = f"{network}/{NAMESPACE}:"
    assert asset.startswith(prefix), asset
    return Address(asset.removeprefix(prefix))


def transfer(payee: Address, amount: int) -> bytes:
    return abi.transfer(to_bytes(payee), amount)


def allowance(owner: Address, spender: Address) -> bytes:
    return abi.allowance(to_bytes(owner), to_bytes(spender))


def balance_of(owner: Address) -> bytes:
    return abi.balance_of(to_bytes(owner))
