"""Solana: v0 messages, durable nonces and Agave.

This file: constants. Amounts are lamports, compute-unit prices micro-lamports per unit.

Sources: the Agave validator and its SDK crates (names in brackets); SIMD numbers are those of the
Solana Improvement Documents.
"""

from __future__ import annotations

from typing import Final

from chains.model import KeyScheme

KEY_SCHEME: Final = KeyScheme.ED25519
PURPOSE: Final = 44

ADDRESS_BYTES: Final = 32
SYSTEM_PROGRAM: Final = "1" * 32
"""32 zero bytes: the program every plain account belongs to, and what an empty key looks like."""
INCINERATOR: Final = "1nc1nerator11111111111111111111111111111111"
"""The network burns at the end of each block what this account holds [solana-sdk-ids]."""

RESERVED_ACCOUNTS: Final = frozenset(
    {
        "AddressLookupTab1e1111111111111111111111111",
        "BPFLoader1111111111111111111111111111111111",
        "BPFLoader2111111111111111111111111111111111",
        "BPFLoaderUpgradeab1e11111111111111111111111",
        "ComputeBudget111111111111111111111111111111",
        "Config1111111111111111111111111111111111111",
        "Ed25519SigVerify111111111111111111111111111",
        "Feature111111111111111111111111111111111111",
        "KeccakSecp256k11111111111111111111111111111",
        "LoaderV411111111111111111111111111111111111",
        "NativeLoader1111111111111111111111111111111",
        "Secp256r1SigVerify1111111111111111111111111",
        "Stake11111111111111111111111111111111111111",
        "StakeConfig11111111111111111111111111111111",
        "Sysvar1111111111111111111111111111111111111",
        "SysvarC1ock11111111111111111111111111111111",
        "SysvarEpochRewards1111111111111111111111111",
        "SysvarEpochSchedu1e111111111111111111111111",
        "SysvarFees111111111111111111111111111111111",
        "Sysvar1nstructions1111111111111111111111111",
        "SysvarLastRestartS1ot1111111111111111111111",
        "SysvarRecentB1ockHashes11111111111111111111",
        "SysvarRent111111111111111111111111111111111",
        "SysvarRewards111111111111111111111111111111",
        "SysvarS1otHashes111111111111111111111111111",
        "SysvarS1otHistory11111111111111111111111111",
        "SysvarStakeHistory1111111111111111111111111",
        "Vote111111111111111111111111111111111111111",
        "ZkE1Gama1Proof11111111111111111111111111111",
        "ZkTokenProof1111111111111111111111111111111",
    }
)
"""Accounts that no transaction can write, so a transfer to them fails and costs its fee
[agave-reserved-account-keys]."""

TRANSACTION_BYTES_MAX: Final = 1_232
"""Of a signed transaction [solana-packet, PACKET_DATA_SIZE]."""
SIGNATURE_BYTES: Final = 64

LAMPORTS_PER_SIGNATURE: Final = 5_000
MICRO_LAMPORTS: Final = 1_000_000
"""Micro-lamports in a lamport; the priority fee is rounded up to whole lamports."""

UNITS_WITH_NONCE: Final = 3_000
UNITS_CREATING_NONCE: Final = 4_500
UNITS_PER_PAYMENT: Final = 750
"""Compute-unit limits of our two transactions with one payment, and what each further payment adds:
five times the 150 units that every instruction takes, since the network changes such costs and the
difference is lamports."""
UNITS_PER_TOKEN: Final = 80_000
"""At most for a payment of tokens that makes an account. Seen: 5,000 to 40,000, for the search of
an account's address takes 1,500 for each try."""
UNITS_PER_CLOSING: Final = 8_000
"""At most for closing a token account. Seen: 200 to 5,000."""
UNITS_TO_SPARE: Final = 3_000
"""Beside a fifth of what a simulation took."""
UNIT_PRICE_MIN: Final = 10_000
"""We never bid less: 45 lamports for one payment at most, against waiting behind everybody who bids
anything."""
UNIT_PRICE_PERCENTILE: Final = 75

NONCE_SEED: Final = "custody-nonce-"
"""With a decimal index behind it, the seed of a nonce account (`create_with_seed`)."""
NONCE_ACCOUNTS_MAX: Final = 256
"""Indices are below this: how many transfers of one address can be under way."""
NONCE_ACCOUNT_BYTES: Final = 80
"""Length of a nonce account's data [solana-nonce, State::size]."""

RENT_PER_BYTE: Final = 6_960
RENT_BYTES_BESIDE: Final = 128
"""Lamports that an account holds for each of its bytes, and for so many beside them [solana-rent,
3,480 for a year, twice]. The builder compares it with what the node asks for."""

WRAPPED_MINTS: Final = frozenset(
    {
        "So11111111111111111111111111111111111111112",
        "9pan9bMn5HatX4EJdBwg9VgCa7Uz5HL8N1m5D3NdXej9",
    }
)
"""Mints of the wrapped coin, one of each token program [native_mint]. Who closes an account of it
is paid what is in it."""

BLOCKHASH_AGE_MAX: Final = 150
"""A transaction may be in a block at most so many blocks above the one whose hash it stands on
[solana-clock, MAX_PROCESSING_AGE]."""

ACCOUNTS_PER_CALL: Final = 100
"""Most addresses in one getMultipleAccounts."""
STATUSES_PER_CALL: Final = 256
"""Most ids in one getSignatureStatuses."""
TRANSACTION_VERSION_MAX: Final = 1
"""What we tell nodes that we can read. Blocks have carried version 1 since September 2026
(SIMD-0385), and a node withholds a whole block from a client that asks for less."""
