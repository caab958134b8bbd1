"""TRON: raw_data, its resources and java-tron.

This file: constants. Amounts are sun.

Sources: java-tron `Constant.java`, `BandwidthProcessor.java`, `TransferActuator.java` (names in
brackets) and the chain's own parameters as `/wallet/getchainparameters` gives them.
"""

from __future__ import annotations

from typing import Final

from chains.model import KeyScheme

KEY_SCHEME: Final = KeyScheme.SECP256K1
PURPOSE: Final = 44

AMOUNT_MAX: Final = (1 << 63) - 1
"""Sun that a field holds [int64]."""

ADDRESS_PREFIX: Final = b"\x41"
"""First of the 21 address bytes [ADD_PRE_FIX_BYTE_MAINNET]; in base58check it reads as T."""
RETIRED_TESTNET_PREFIX: Final = b"\xa0"
"""[ADD_PRE_FIX_BYTE_TESTNET], of networks long gone."""

TRANSFER_TYPE: Final = 1
"""`ContractType.TransferContract`."""
TRANSFER_TYPE_URL: Final = "type.googleapis.com/protocol.TransferContract"
TRIGGER_TYPE: Final = 31
"""`ContractType.TriggerSmartContract`."""
TRIGGER_TYPE_URL: Final = "type.googleapis.com/protocol.TriggerSmartContract"
SMART_CONTRACT_TYPES: Final = frozenset({30, 31})
"""`CreateSmartContract` and `TriggerSmartContract`, which alone can move TRX internally."""

SIGNATURE_BYTES: Final = 65
RESULT_BYTES: Final = 64
"""Added to a transaction's size when bandwidth is charged [MAX_RESULT_SIZE_IN_TX]."""
REFERENCE_WINDOW: Final = 1 << 16
"""A reference block is named by the low 16 bits of its height, so it is good for this many blocks
[RecentBlockStore]."""

LIFETIME_MS: Final = 10 * 60 * 1000
"""Shortest time from the head block to the expiration of what we build. Short, so that a lost
transaction can soon be proven dead."""
LIFETIME_SPREAD_MS: Final = 2 * 60 * 1000
TIMESTAMP_SPREAD_MS: Final = 60 * 60 * 1000
"""The chain has no nonce: two equal payments made from the same head block would be one and the
same transaction. Expiration and timestamp (which the chain does not check) are spread at random
over this many milliseconds to keep them apart."""
LIFETIME_CHAIN_MAX_MS: Final = 24 * 60 * 60 * 1000
"""The chain refuses an expiration further away [MAXIMUM_TIME_UNTIL_EXPIRATION]."""

SUN_PER_BYTE: Final = 1_000
"""Burned for each byte without bandwidth [getTransactionFee]."""
ACTIVATION_FEE: Final = 1_000_000
"""Burned when the recipient has no account yet [getCreateNewAccountFeeInSystemContract]."""
ACTIVATION_BANDWIDTH_FEE: Final = 100_000
"""Burned then in place of the size, unless staked bandwidth covers it [getCreateAccountFee]."""
