"""Value types of all chains: what a block credits, what a transaction does, what we want done.

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
ConflictKey = NewType("ConflictKey", str)
"""Names what a transaction takes for itself, unique across networks. Custody claims it, so that
two transfers don't take the same. What sharing one means differs: of two transactions with the
same `<network>/outpoint:<txid>:<vout>` or `<network>/nonce:<address>:<n>` at most one is ever in a
block (these *bind*); with the same `<network>/create:<account>` at most one succeeds, and the other
may be in a block too and pay its fee; `<network>/durable-nonce:<account>:<value>` promises nothing
to a reader of bytes alone (ADR 0010)."""


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
class Credit:
    """`amount` base units of `asset` arrived at `address`. (txid, position) is unique in a chain:
    the output index of a coin, else the place of the credit among its transaction's credits.
    `mature_height`: first height at which it may be spent (coinbase), else the block's own."""

    txid: TxId
    position: int
    address: Address
    asset: AssetId
    amount: int
    mature_height: int | None = None


class Reading(StrEnum):
    """How much of a block's movements an adapter could see."""

    COMPLETE = "complete"
    UNPROVEN = "internal-unproven"
    """A contract ran, and nothing shows whether the node tells what contracts pay."""
    WITHOUT_INTERNAL = "without-internal"
    """What contracts pay is missing: the node does not tell it, or not for this block any more."""
    PASSED = "passed"
    """Only that the block exists. An operator decided to go on without its movements."""


@dataclass(frozen=True, slots=True)
class Block:
    """One block and every credit in it. `spent` are the conflict keys its transactions consumed
    where the chain has coins (bitcoin outpoints); empty elsewhere. `timestamp`: Unix seconds.
    `parent_height`: set where heights may be skipped; None means one below. `reading`: what the
    credits can't contain."""

    ref: BlockRef
    parent_hash: str
    timestamp: int
    credits: tuple[Credit, ...]
    spent: tuple[ConflictKey, ...] = ()
    parent_height: int | None = None
    reading: Reading = Reading.COMPLETE

    @property
    def parent(self) -> BlockRef:
        """Of the first block of all, a block that does not exist."""
        below = self.ref.height - 1 if self.parent_height is None else self.parent_height
        return BlockRef(below, self.parent_hash)


@dataclass(frozen=True, slots=True)
class Payment:
    address: Address
    asset: AssetId
    amount: int


@dataclass(frozen=True, slots=True)
class Coin:
    """An unspent output of ours that no other transfer has claimed (UTXO networks only)."""

    txid: TxId
    position: int
    amount: int
    owner: OwnedAddress


@dataclass(frozen=True, slots=True)
class TransferIntent:
    """What should happen, before any transaction exists.

    `source`: the paying address on account chains, None on UTXO chains, where `coins` may be
    consumed and `change` receives the rest. `fee_max` is the most, in the network's native base
    units, that may leave the source beyond `payments` (fees, and rent on Solana). `taken` are the
    conflict keys held by other unfinished transfers; `claim` is what this one holds: empty in
    `ChainAdapter.claim`, and in `prepare` what `claim` returned.
    """

    network: NetworkId
    payments: tuple[Payment, ...]
    fee_max: int
    source: OwnedAddress | None = None
    change: OwnedAddress | None = None
    coins: tuple[Coin, ...] = ()
    taken: frozenset[ConflictKey] = frozenset()
    claim: tuple[ConflictKey, ...] = ()


@dataclass(frozen=True, slots=True)
class UnsignedTx:
    """`payload` is the chain's standard container: a PSBT v0, the EIP-2718 envelope that is hashed
    for signing (or the EIP-155 six-field list plus chain id), TRON raw_data, a Solana v0 message.

    `sender` is set exactly where the container does not name who pays, which is EVM: there it is
    proven by the key that signs (the signer derives it, `attach` recovers it), never believed.
    """

    network: NetworkId
    payload: bytes
    sender: Address | None = None


@dataclass(frozen=True, slots=True)
class ChangeOutput:
    """An output the container claims to be ours by a derivation path. A claim, not a fact: who
    relies on it derives `path` and compares the address."""

    address: Address
    amount: int
    path: str


@dataclass(frozen=True, slots=True)
class TxSummary:
    """All that a transaction does, decoded from its bytes alone.

    `sources`: addresses that pay, in order, without repetition. `payments`: everything that leaves
    to others, in the order of the bytes. `fee_max`: the most that can leave the sources beyond
    payments and change. `conflict_keys`: everything the transaction takes for itself.
    `binding_keys`: those of them that keep two transactions which share one from both being in a
    block, whether they succeed there or not; none unless the codec says so. `identity`: the same
    for the same transaction in whatever container, another for another. `unexplained`: each thing
    in the bytes that this summary does not cover, in words; not empty means: do not sign.
    """

    network: NetworkId
    sources: tuple[Address, ...]
    payments: tuple[Payment, ...]
    change: tuple[ChangeOutput, ...]
    fee_max: int
    conflict_keys: frozenset[ConflictKey]
    identity: str
    binding_keys: frozenset[ConflictKey] = frozenset()
    unexplained: tuple[str, ...] = ()


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
    network: NetworkId
    txid: TxId
    raw: bytes


class Broadcast(StrEnum):
    ACCEPTED = "accepted"
    ALREADY_KNOWN = "already-known"


class TxState(StrEnum):
    UNKNOWN = "unknown"
    """The node has not heard of it, which proves nothing."""
    PENDING = "pending"
    INCLUDED = "included"
    """In a block of the node's best chain, and it did what it was meant to do."""
    REVERTED = "reverted"
    """In a block of the node's best chain, the fee is spent, the payments did not happen."""


@dataclass(frozen=True, slots=True)
class TxStatus:
    """`fee`: native base units that left the source beyond the payments, once in a block.
    `locked`: further native base units moved to accounts under the source's control (Solana rent).
    `reason`: the chain's own word for a revert."""

    state: TxState
    block: BlockRef | None = None
    fee: int = 0
    locked: int = 0
    reason: str = ""


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

    coins: bool
    """Spends outpoints (UTXO) instead of an account's balance."""
    historic_balance: bool
    """`balance(at=...)` answers for an earlier block."""
    internal_credits: InternalCredits
    conflict_keys: bool
    """Transactions name conflict keys, which are claimed before one is built."""
    read_depth: int | None = None
