"""Value types of all chains: networks, assets, addresses, keys, transactions' containers.

Pure data, no behaviour beyond self-checks. Knows blockchains and nothing of clients, vaults, the
ledger or the signer. Amounts are integers in the asset's base unit (satoshi, wei, sun, lamport).
Identifiers are CAIP-2 (networks) and CAIP-19 (assets). Addresses are strings in the one canonical
form that `TransactionCodec.parse_address` returns; two spellings of an address never meet here.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NewType

NetworkId = NewType("NetworkId", str)
AssetId = NewType("AssetId", str)
Address = NewType("Address", str)
TxId = NewType("TxId", str)


class Excludes(StrEnum):
    """What sharing a conflict key means for two transactions."""

    INCLUSION = "inclusion"
    """At most one is ever in a block: an outpoint, an EVM nonce, a Solana nonce value that was
    proven to be one (ADR 0062). Only these keys *bind*."""
    SUCCESS = "success"
    """At most one succeeds. Both may be in blocks and pay a fee: creating a Solana account."""
    EFFECT = "effect"
    """At most one takes effect, in whoever's transaction, and the key that was used up says that it
    has: a payment which its payer signed apart and anybody submits (EIP-3009)."""
    NOTHING = "nothing"
    """Promises nothing to a reader of bytes alone: a Solana nonce without proof (ADR 0010)."""


@dataclass(frozen=True, slots=True, order=True)
class ConflictKey:
    """Names what a transaction takes for itself. Custody claims it, so that no two transfers take
    the same. `text` is unique across networks. One `text` always has the same `excludes`."""

    text: str
    excludes: Excludes


class AddressType(StrEnum):
    P2PKH = "p2pkh"
    P2SH = "p2sh"
    P2WPKH = "p2wpkh"
    P2WSH = "p2wsh"
    P2TR = "p2tr"
    EVM = "evm"
    TRON = "tron"
    SOLANA = "solana"
    SOLANA_OFF_CURVE = "solana-off-curve"
    """A program-derived address or the like: nobody holds its key."""


class KeyScheme(StrEnum):
    """Which key a path leads to. SECP256K1 derives by BIP-32, ED25519 by SLIP-10."""

    SECP256K1 = "secp256k1"
    ED25519 = "ed25519"


class SignatureAlgorithm(StrEnum):
    """How `SigningInput.message` becomes `Signature.signature`.

    ECDSA_RECOVERABLE: 32-byte digest in; 65 bytes out, r || s || recovery id (0..3), low s.
    BIP340_TAPROOT: 32-byte digest in; 64 bytes out, by the key tweaked as BIP-341 says for a
    key-path spend without script tree.
    ED25519: the whole message in; 64 bytes out (RFC 8032).
    """

    ECDSA_RECOVERABLE = "ecdsa-recoverable"
    BIP340_TAPROOT = "bip340-taproot"
    ED25519 = "ed25519"


@dataclass(frozen=True, slots=True)
class ParsedAddress:
    address: Address
    address_type: AddressType


@dataclass(frozen=True, slots=True)
class OwnedAddress:
    """An address of ours. `path` is the full BIP-32/SLIP-10 path; `public_key` is the compressed
    33-byte secp256k1 point (untweaked, also for P2TR) or the 32-byte ed25519 key."""

    address: Address
    address_type: AddressType
    path: str
    public_key: bytes


@dataclass(frozen=True, slots=True)
class BlockRef:
    """`hash` is the node's own spelling, without 0x for bitcoin and tron, base58 for solana."""

    height: int
    hash: str


@dataclass(frozen=True, slots=True)
class Coin:
    """An unspent output of ours that no other transfer has claimed (UTXO networks only)."""

    txid: TxId
    position: int
    amount: int
    owner: OwnedAddress


@dataclass(frozen=True, slots=True)
class UnsignedTx:
    """`payload` is the chain's standard container: a PSBT v0, the EIP-2718 envelope that is hashed
    for signing (or the EIP-155 six-field list plus chain id), TRON raw_data, a Solana v0 message.

    `sender` is set where the container does not name who pays: on EVM; and on Solana where two
    sign, of whom it is read for one. It is never believed. The key that signs proves it: the signer
    derives it, `attach` recovers it.
    """

    network: NetworkId
    payload: bytes
    sender: Address | None = None


@dataclass(frozen=True, slots=True)
class SigningInput:
    """One signature the transaction needs: by the key of `address`, over `message`. `path` is the
    container's claim where it has one (PSBT), else None."""

    address: Address
    algorithm: SignatureAlgorithm
    message: bytes
    path: str | None = None


@dataclass(frozen=True, slots=True)
class Signature:
    """`public_key` as in OwnedAddress. For BIP-340 it is the untweaked key."""

    public_key: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class SignedTx:
    """`private`: where the network has nodes for that, no other is shown it before it is in a
    block."""

    network: NetworkId
    txid: TxId
    raw: bytes
    private: bool = False


class Broadcast(StrEnum):
    ACCEPTED = "accepted"
    ALREADY_KNOWN = "already-known"


class InternalCredits(StrEnum):
    """Whether `block` sees native credits made inside contract calls, as far as is known now."""

    SEEN = "seen"
    UNSEEN = "unseen"
    """The node does not tell them. What contracts pay to us is overlooked."""
    UNKNOWN = "unknown"
    """Nothing has shown it yet, either way."""
    NONE = "none"
    """The chain has no such thing."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What an adapter can do at its node. `read_depth`: how many blocks below the tip a usual full
    node still shows completely, None for all."""

    historic_balance: bool
    """`balance(at=...)` answers for an earlier block."""
    internal_credits: InternalCredits
    read_depth: int | None = None
