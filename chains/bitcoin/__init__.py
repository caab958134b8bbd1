"""Bitcoin: coins, PSBTs and Bitcoin Core.

This file: constants. Amounts are satoshi, fee rates satoshi per 1000 vbytes.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from chains.model import AddressType

PURPOSES: Final = MappingProxyType({AddressType.P2WPKH: 84, AddressType.P2TR: 86})
"""What we derive, and under which purpose of BIP-43 (BIP-84, BIP-86)."""

HRP_NETWORKS: Final = MappingProxyType(
    {"bc": "bitcoin", "tb": "bitcoin testnet or signet", "bcrt": "bitcoin regtest"}
)
"""Human-readable parts of bech32 addresses (BIP-173), for naming the network in errors."""

BASE58_NETWORKS: Final = MappingProxyType(
    {
        0x00: "bitcoin",
        0x05: "bitcoin",
        0x6F: "bitcoin testnet or regtest",
        0xC4: "bitcoin testnet or regtest",
    }
)
"""Version bytes of base58 addresses, for naming the network in errors."""

SATOSHI_MAX: Final = 21_000_000 * 100_000_000
"""No amount and no sum of amounts is above it (consensus)."""

COINBASE_MATURITY: Final = 100
"""A coinbase output of block h may be spent in block h + 100 (consensus)."""

DUST_RELAY_FEE_RATE: Final = 3000
"""What nodes assume when they call an output dust (Bitcoin Core, DUST_RELAY_TX_FEE)."""

STANDARD_WEIGHT_MAX: Final = 400_000
"""Nodes do not relay heavier transactions (Bitcoin Core, MAX_STANDARD_TX_WEIGHT)."""

LOCKTIME_TIME_START: Final = 500_000_000
"""From here on nLockTime is a Unix time, below it a block height (consensus)."""

GENESIS_TIME: Final = 1_231_006_505
"""When the first block was made (2009-01-03, in its header); regtest's was made later."""

BLOCK_SECONDS_MIN: Final = 560
"""On the average of all years a block took longer: 574 seconds up to block 840,000 (2024-04-20).
Ten minutes are meant; growing hash rates made it less, the more so the earlier."""

SEQUENCE_RBF: Final = 0xFFFFFFFD
"""Replaceable (BIP-125), absolute lock active, no relative lock (BIP-68)."""

SIGHASH_DEFAULT: Final = 0
SIGHASH_ALL: Final = 1
