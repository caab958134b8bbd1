"""The bytes of an ERC-20 token: what is called. What its contract then logs: `transfers`. Pure.

Calldata is read in its one canonical form (Solidity's contract ABI, "Formal Specification of the
Encoding"): four bytes that name the function, then a word for each argument, and nothing more. What
a token does may be more than the words say; what it did, its balances tell.

ERC-20 names the functions and the event; BEP-20 is the same.
"""

from __future__ import annotations

from typing import Final

from chains.assets import AssetKind
from chains.effects import Allow, Pay
from chains.evm import ADDRESS_BYTES, UINT256_MAX
from chains.evm.address import checksum, to_bytes
from chains.hashes import keccak256
from chains.model import Address, AssetId, NetworkId

KIND: Final = AssetKind("erc20")
NAMESPACE: Final = "erc20"
"""CAIP-19's asset_namespace (CAIP-21)."""


def _selector(signature: str) -> bytes:
    return keccak256(signature.encode())[:4]


TRANSFER: Final = _selector("transfer(address,uint256)")
APPROVE: Final = _selector("approve(address,uint256)")
INCREASE: Final = _selector("increaseAllowance(address,uint256)")
BALANCE_OF: Final = _selector("balanceOf(address)")
DECIMALS: Final = _selector("decimals()")
SYMBOL: Final = _selector("symbol()")
NAME: Final = _selector("name()")
TOPIC: Final = "0x" + keccak256(b"Transfer(address,address,uint256)").hex()
"""Of a log of Transfer; ERC-721 has the same."""

_WORD: Final = 32
_PADDING: Final = bytes(_WORD - ADDRESS_BYTES)
_CALL_BYTES: Final = 4 + 2 * _WORD


def asset_of(network: NetworkId, contract: Address) -> AssetId:
    return AssetId(f"{network}/{NAMESPACE}:{contract}")


def contract_of(network: NetworkId, asset: AssetId) -> Address:
    """Of a token of the network, which must be listed there."""
    prefix = f"{network}/{NAMESPACE}:"
    assert asset.startswith(prefix), asset
    return Address(asset.removeprefix(prefix))


def transfer(payee: Address, amount: int) -> bytes:
    return TRANSFER + _padded(payee) + amount.to_bytes(_WORD, "big")


def balance_of(owner: Address) -> bytes:
    return BALANCE_OF + _padded(owner)


def effect(network: NetworkId, contract: Address, data: bytes) -> Pay | Allow | None:
    """What calldata to `contract` says, None where it says nothing that has words here, or not in
    its canonical form. An allowance of the largest number is read by many tokens as having no
    end, and by none as less."""
    if len(data) != _CALL_BYTES or data[4 : 4 + len(_PADDING)] != _PADDING:
        return None
    other = checksum(data[4 + len(_PADDING) : 4 + _WORD])
    units, asset = int.from_bytes(data[4 + _WORD :], "big"), asset_of(network, contract)
    match data[:4]:
        case selector if selector == TRANSFER:
            return Pay(other, asset, units)
        case selector if selector in (APPROVE, INCREASE):
            return Allow(other, asset, None if units == UINT256_MAX else units, None)
    return None


def _padded(address: Address) -> bytes:
    return _PADDING + to_bytes(address)
