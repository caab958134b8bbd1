"""TRC-20: the ids of its assets, and their bytes. Pure.

The bytes are those of Ethereum's tokens (`chains.abi`), where an account is the last 20 bytes of an
address. Some wallets write the first byte, 0x41, before it. That is not read here: contracts
compiled since Solidity 0.5 may refuse such a word, none refuses one with zeros, which is also what
tronweb writes; and one spelling of a payment is enough.
"""

from __future__ import annotations

from typing import Final

from chains import abi
from chains.assets import AssetKind
from chains.model import Address, AssetId, NetworkId
from chains.tron.address import to_bytes

KIND: Final = AssetKind("trc20")
NAMESPACE: Final = "trc20"
"""CAIP-19's asset_namespace."""


def asset_of(network: NetworkId, contract: Address) -> AssetId:
    return AssetId(f"{network}/{NAMESPACE}:{contract}")


def contract_of(network: NetworkId, asset: AssetId) -> Address:
    """Of a token of the network, which must be listed there."""
    return Address(asset.removeprefix(f"{network}/{NAMESPACE}:"))


def transfer(payee: Address, amount: int) -> bytes:
    return abi.transfer(to_bytes(payee)[1:], amount)


def balance_of(owner: Address) -> bytes:
    return abi.balance_of(to_bytes(owner)[1:])


def allowance(owner: Address, spender: Address) -> bytes:
    return abi.allowance(to_bytes(owner)[1:], to_bytes(spender)[1:])
