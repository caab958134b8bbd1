"""A transaction in its three tenses: what is wanted, what its bytes do, what the chain did with it.

Values only. Amounts are base units.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from chains.costs import Costs, CostsMost
from chains.effects import Asked, Create, Effect, Pay, Return
from chains.model import (
    Address,
    BlockRef,
    Coin,
    ConflictKey,
    Excludes,
    NetworkId,
    OwnedAddress,
    TxId,
    UnsignedTx,
)


class CoinsFirst(StrEnum):
    """Which coins are spent, where a transaction is about its coins: the first that suffice."""

    SMALLEST = "smallest"
    LARGEST = "largest"

    def ordered(self, coins: Iterable[Coin]) -> tuple[Coin, ...]:
        """The same coins in the same order, whoever asks."""
        sign = 1 if self is CoinsFirst.SMALLEST else -1
        return tuple(sorted(coins, key=lambda coin: (sign * coin.amount, coin.txid, coin.position)))


@dataclass(frozen=True, slots=True)
class Apart:
    """A payment that its source signs and others submit. `number`: 32 bytes that no other payment
    of the source's has. `payer`: who submits it, where the bytes have to say that."""

    number: bytes
    payer: Address | None = None


@dataclass(frozen=True, slots=True)
class TransferIntent:
    """What should happen, before any transaction exists.

    `source`: the paying address on account chains, None on UTXO chains, where `coins` may be
    consumed and `change` receives the rest. `costs_max`: the most, by asset and kind, that may
    leave the source beside `effects`. `taken` are the conflict keys held by other unfinished
    transfers; `claim` is what this one holds: empty in `ChainAdapter.claim`, and in `prepare` what
    `claim` returned. `replaces`: the transaction whose place it takes, only where keys bind: it
    takes the same binding keys, and pays at least what nodes ask of a replacement. Without effects
    everything comes back to the source: a cancel. `ahead_max`: where keys are numbered, how many
    numbers may be taken that no block has used yet. `empties`: it pays all that the source had
    when it was asked for, less its costs: so the fee is the whole bound, where the bytes can say.
    `coins_first`: which of `coins` it spends, whatever would be cheaper. `hastens`: its `coins` are
    in no block yet, and it pays for what made them too, so that both are included (CPFP).
    `closes`: where tokens lie in accounts of their own, those of the source that it leaves empty
    are closed, as far as that is possible then. `apart`: it is no transaction, and costs its source
    nothing (`chains.codec.SignsApart`).
    """

    network: NetworkId
    effects: tuple[Asked, ...]
    costs_max: Costs
    source: OwnedAddress | None = None
    change: OwnedAddress | None = None
    coins: tuple[Coin, ...] = ()
    taken: frozenset[ConflictKey] = frozenset()
    claim: tuple[ConflictKey, ...] = ()
    replaces: UnsignedTx | None = None
    ahead_max: int | None = None
    empties: bool = False
    coins_first: CoinsFirst | None = None
    hastens: bool = False
    closes: bool = False
    apart: Apart | None = None

    @property
    def payments(self) -> tuple[Pay, ...]:
        """The effects, where nothing else can be asked for (`TransactionCodec.check_call`)."""
        paid = tuple(effect for effect in self.effects if isinstance(effect, Pay))
        assert len(paid) == len(self.effects), "a call where nothing is called"
        return paid


@dataclass(frozen=True, slots=True)
class WaitingTx:
    """A transaction that waits for a block, as a node has it. `outputs`: address and base units by
    position, of those that have an address. `needs`: what it takes, and what all that waits before
    it takes, each with who takes it: used up by anybody else, it can never be in a block."""

    txid: TxId
    outputs: Mapping[int, tuple[Address, int]]
    needs: Mapping[str, TxId]


@dataclass(frozen=True, slots=True)
class Outbid:
    """What it would cost, base units, to replace a transaction that waits by one of its size.
    `alone`: the same if nothing spent it yet; where `fee` is more, it is pinned: by so many
    `children`, which weigh `children_size` virtual bytes and pay `children_fee` together.
    `possible`: False where more of them would go than nodes let go for a replacement."""

    fee: int
    alone: int
    children: int
    children_size: int
    children_fee: int
    possible: bool


@dataclass(frozen=True, slots=True)
class TxSummary:
    """All that a transaction does, decoded from its bytes alone.

    `sources`: addresses that pay, in order, without repetition. `effects`: what it does to others,
    in the order of the bytes. `returns`, `creates`: see there; the bytes themselves show each.
    `costs`: the most that can leave the sources beside all these. `conflict_keys`: everything the
    transaction takes for itself. `identity`: the same for the same transaction in whatever
    container, another for another. `unexplained`: each thing in the bytes that this summary does
    not cover, in words; not empty means: do not sign.
    """

    network: NetworkId
    sources: tuple[Address, ...]
    effects: tuple[Effect, ...]
    returns: tuple[Return, ...]
    creates: tuple[Create, ...]
    costs: CostsMost
    conflict_keys: frozenset[ConflictKey]
    identity: str
    unexplained: tuple[str, ...] = ()

    @property
    def binding_keys(self) -> frozenset[ConflictKey]:
        """Those that keep two transactions which share one from both being in a block."""
        return binding(self.conflict_keys)


def binding(keys: Iterable[ConflictKey]) -> frozenset[ConflictKey]:
    """Whether a transaction succeeds in its block or fails there, it pays. So only those keys bind
    that exclude inclusion."""
    return frozenset(key for key in keys if key.excludes is Excludes.INCLUSION)


@dataclass(frozen=True, slots=True)
class Until:
    """Good for blocks whose parent is earlier than this: Unix milliseconds."""

    time_ms: int


@dataclass(frozen=True, slots=True)
class AfterBlock:
    """Good for the next `blocks` blocks above the one with the hash."""

    hash: str
    blocks: int


Lifetime = Until | AfterBlock
"""Until when a chain may include a transaction. One without may be included for ever."""


class TxState(StrEnum):
    UNKNOWN = "unknown"
    """The node has not heard of it, which proves nothing."""
    PENDING = "pending"
    INCLUDED = "included"
    """In a block of the node's best chain, and it did what it was meant to do."""
    REVERTED = "reverted"
    """In a block of the node's best chain: its costs are paid, its effects did not happen."""


@dataclass(frozen=True, slots=True)
class TxStatus:
    """`costs`: what the source has lost beside the effects, once in a block. `held`: what moved
    beside that to accounts under the source's control (Solana's rent). `returned`: what came back
    to it out of accounts that were closed. `reason`: the chain's own word for a revert."""

    state: TxState
    block: BlockRef | None = None
    costs: Costs = field(default_factory=dict)
    held: Costs = field(default_factory=dict)
    reason: str = ""
    returned: Costs = field(default_factory=dict)
