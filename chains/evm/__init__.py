"""Ethereum, BNB Smart Chain and every other EVM network: one code, different data.

This file: constants. Amounts are wei.
"""

from __future__ import annotations

from typing import Final

from chains.model import AddressType, KeyScheme

ADDRESS_TYPE: Final = AddressType.EVM
KEY_SCHEME: Final = KeyScheme.SECP256K1
ADDRESS_BYTES: Final = 20

ACCOUNT_PATH: Final = "m/44'/{coin_type}'/{account}'"
"""BIP-44. EVM networks share SLIP-44 type 60, so one key is one address on all of them."""

TRANSFER_GAS: Final = 21_000
"""What a plain payment costs (Yellow Paper, appendix G: G_transaction)."""

UINT64_MAX: Final = 2**64 - 1
UINT256_MAX: Final = 2**256 - 1

CURVE_ORDER: Final = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
"""Of secp256k1. Signatures have s at most half of it (EIP-2)."""
