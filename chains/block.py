"""What one block did to accounts: the answer of every chain's reader, and what followers work on.

Values only; those of which a block has hundreds are named tuples, which are made in a third of a
dataclass's time. However and wherever a block is read, it gives the same movements at the same
places. A place comes from the transaction alone, and not from where the transaction stands in its
block. So a reorg that moves a transaction makes no new deposit of its payment. A way of reading
that sees less (`Reading`) gives fewer movements, and never other places.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple

from chains.costs import CostKind
from chains.model import Address, AssetId, BlockRef, TxId

MINT: Final = "mint"
BLOCK_FEE: Final = "block-fee"
"""What transactions paid to who made the block; `Movement.txid` is the block's hash."""
RENT_RETURNED: Final = "returned:rent"
"""What an account held for its rent, when it is closed."""


class Movement(NamedTuple):
    """`units` base units of `asset` came to `address` (above zero) or left it (below zero). Zero:
    a token's log names the address at one end of a payment of nothing.

    `place`, within the transaction, is one of
    `output:3` (a coin's index),
    `call:` (what the transaction itself pays) or `call:2` (the third call below it that moved
    value: nodes differ in which other calls they list),
    `internal:4` (TRON: the index among the transaction's internal calls, creations and
    self-destructions: nodes differ in which others they list),
    `log:0` (the log's ordinal in the transaction's own receipt),
    `transfer:0` (EVM tokens: the log's ordinal among the transaction's logs of Transfer, whichever
    contracts': nodes that are asked for these alone show no others),
    `wrap:0` (EVM: a token that wraps the coin makes or burns; the ordinal among the logs that say
    so),
    `account:4` (Solana: the account's index; a net difference, for there is no path),
    `token:4` (Solana: the token account's index; a net difference too, and its owner's),
    `mint` (native coins that the chain itself makes for the transaction's sender),
    `before:0` and `after:2` (Arbitrum: what the chain itself moves around the calls, in the order
    in which its nodes list it),
    `burn:0` (what a contract still has when its transaction ends it, EIP-6780; only leaves),
    `withdrawal:17` (the withdrawal's own index in the chain), `block-fee`,
    `reward:voting:<account>` (Solana: what the chain itself gives or takes, by kind),
    `returned:rent` (Solana: what the payer's own token accounts held that it closed), and
    `cost:fee` or another kind of cost that the payer bears, and
    `cost:withheld:4` (what a token kept of what its payer sent; on Solana the payer's account's
    index, elsewhere the ordinal of the log that tells what arrived).
    (txid, place) is unique among the movements in, and among those out. What moves from one account
    to another is two movements at one place. What an account pays to itself moves nothing; a coin
    does. `mature_height`: the first height at which a coin may be spent (coinbase), None for the
    block's own.
    """

    txid: TxId
    place: str
    address: Address
    asset: AssetId
    units: int
    mature_height: int | None = None


_COST_PLACES: Final = {kind: f"cost:{kind.value}" for kind in CostKind}


def output_place(index: int) -> str:
    return f"output:{index}"


def output_index(place: str) -> int:
    """The inverse of `output_place`."""
    kind, _, index = place.partition(":")
    assert kind == "output", place
    return int(index)


def cost_place(kind: CostKind) -> str:
    return _COST_PLACES[kind]


def reward_place(kind: str, account: Address) -> str:
    return f"reward:{kind}:{account}"


def withheld_place(index: int) -> str:
    """One transaction may pay several tokens."""
    return f"{_COST_PLACES[CostKind.WITHHELD]}:{index}"


def cost_kind(place: str) -> CostKind | None:
    """Which kind of cost the movement at the place is, None for any other movement."""
    kind, _, name = place.partition(":")
    return CostKind(name.partition(":")[0]) if kind == "cost" else None


class Inclusion(NamedTuple):
    """That an account chain has executed a transaction. `sender`: whose account pays its costs.
    `failure`: None if it did what it was meant to do, else the chain's own word, never empty; then
    its costs are paid and its effects did not happen."""

    txid: TxId
    sender: Address
    failure: str | None = None


class Reading(StrEnum):
    """How much of a block's movements an adapter could see."""

    COMPLETE = "complete"
    UNPROVEN = "internal-unproven"
    """A contract ran, and nothing shows whether the node tells what contracts pay."""
    WITHOUT_INTERNAL = "without-internal"
    """What contracts pay is missing: the node does not tell it, or not for this block any more."""
    PARTIAL = "partial"
    """A transaction is of a kind that this program does not know, or that no node tells all of."""
    PASSED = "passed"
    """Only that the block exists. An operator decided to go on without its movements."""


@dataclass(frozen=True, slots=True)
class Block:
    """One block and all that it moved.

    `movements`: of every account, in and out. Where a chain has coins only what comes in: what goes
    out is the coins in `consumed`, and whose they were and how much, who owned them knows.
    `consumed`: for each key that the block's transactions used up, by which transaction; texts of
    conflict keys (outpoint, EVM sender and nonce, a payment signed apart with its payer and nonce,
    Solana nonce account and value).
    `included`: every transaction that was executed, where chains have accounts; empty where they
    have coins.
    `timestamp`: Unix seconds. `parent_height`: set where heights may be skipped; None means one
    below. `reading`: what `movements` can't contain.
    """

    ref: BlockRef
    parent_hash: str
    timestamp: int
    movements: tuple[Movement, ...]
    consumed: Mapping[str, TxId] = field(default_factory=dict)
    included: tuple[Inclusion, ...] = ()
    parent_height: int | None = None
    reading: Reading = Reading.COMPLETE

    @property
    def parent(self) -> BlockRef:
        """Of the first block of all, a block that does not exist."""
        below = self.ref.height - 1 if self.parent_height is None else self.parent_height
        return BlockRef(below, self.parent_hash)
