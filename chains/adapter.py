"""The I/O half of a chain: what we ask a node. Holds no key and decides nothing about money.

Every call may raise NodeUnavailable (try again; a broadcast may still have taken effect),
NodeMisbehaved or WrongChain. Calls are safe to repeat. Cancellation is safe at any await.

Questions about transactions take a set and answer each for itself, in order: what was found, or the
ChainError that stands in its way. What is the same for all is asked once. An error that is raised
is every item's. Sets of any size are taken; the node is asked in as few requests as it allows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, runtime_checkable

from chains.answers import Answers
from chains.assets import TokenSaid
from chains.balances import Restrained
from chains.block import Block
from chains.codec import TransactionCodec
from chains.costs import Costs, Withholding
from chains.effects import Asked
from chains.inclusion import Proof
from chains.model import (
    Address,
    AssetId,
    BlockRef,
    Broadcast,
    Capabilities,
    ConflictKey,
    SignedTx,
    TxId,
    UnsignedTx,
)
from chains.prices import Prices
from chains.simulation import Simulated, Watch
from chains.transaction import Outbid, TransferIntent, TxStatus, WaitingTx


class ChainAdapter(Protocol):
    """Constructed as `XAdapter(network, endpoint, timeout_s=...)`: one node, ever, so that what
    belongs together is seen by one node (ADR 0018). `chains.nodes` puts several together."""

    @property
    def codec(self) -> TransactionCodec: ...

    @property
    def capabilities(self) -> Capabilities: ...

    async def check(self) -> None:
        """Raise WrongChain unless the node serves the configured network. Also finds out again
        whether the node shows internal credits, where `capabilities` did not know or said no."""
        ...

    async def tip(self) -> BlockRef:
        """The head of the node's best chain."""
        ...

    async def finalized(self) -> BlockRef | None:
        """The newest block that the node itself calls final, None if it calls none so. Asked only
        where the network's configuration says so; the configuration decides what final means, not
        the adapter."""
        ...

    async def block(self, height: int) -> Block | None:
        """The best chain's block at `height`, or None if the node says that the height was skipped
        (Solana slots), which the caller shall not believe without a later block's parent. Asking
        above the tip raises NodeUnavailable; a block that exists and that the node can't show
        raises BlockUnreadable."""
        ...

    async def salvage(self, height: int) -> Block:
        """As much of a block as the node can still show, for one that `block` fails at: without
        what contracts pay, or without any movements (`Block.reading` says which). Raises
        NodeUnavailable if the node does not know the block at all."""
        ...

    async def block_ref(self, height: int) -> BlockRef | None:
        """Which block the best chain has at `height`, without its content; None if the node says
        that the height was skipped. Asking above the tip raises NodeUnavailable."""
        ...

    async def claim(self, intents: Sequence[TransferIntent]) -> Answers[tuple[ConflictKey, ...]]:
        """What a transaction for each intent should consume: none of its `taken`, nothing that the
        set's other answers consume or the chain has already consumed, the lowest nonces that leave
        no gap. Reads the node, changes nothing. Empty where the chain has no conflict keys.
        InsufficientFunds, FeeAboveMaximum, FeeUnknown or TooManyInFlight. Funds are judged for each
        intent alone: what others will spend is the ledger's to hold back."""
        ...

    async def next_numbers(self, addresses: Sequence[Address]) -> Answers[int]:
        """The first number of each address that no block of the best chain has used, where keys
        are numbered; asked nowhere else."""
        ...

    async def prepare(self, intents: Sequence[TransferIntent]) -> Answers[UnsignedTx]:
        """The transaction for each intent that consumes exactly its `claim`.

        InsufficientFunds, FeeAboveMaximum, FeeUnknown, ClaimUnusable, DustAmount, NotSignedApart.
        """
        ...

    async def quote(self, intent: TransferIntent) -> Costs:
        """What a payment that empties its source would be allowed to cost now, by kind: with it
        as the bounds, `prepare` leaves nothing where the chain can. Of an intent whose `empties`
        is set; all of its `coins` are spent, and its amounts and bounds don't matter. Only TRON's
        is a bound. FeeUnknown, or BuildError where nothing can be built at all."""
        ...

    async def broadcast(self, txs: Sequence[SignedTx]) -> Answers[Broadcast]:
        """Hand the bytes to the node. BroadcastRejected where the node said no."""
        ...

    async def statuses(self, txids: Sequence[TxId]) -> Answers[TxStatus]:
        """What the best chain did with each: success is the effect, not the inclusion."""
        ...

    async def balance(self, address: Address, asset: AssetId, at: BlockRef | None = None) -> int:
        """Base units at the tip, or at `at` where `capabilities.historic_balance`."""
        ...

    async def balances(
        self, addresses: Sequence[Address], asset: AssetId, at: BlockRef | None = None
    ) -> Mapping[Address, int]:
        """`balance` of many addresses, as one question where the node reads its whole set of coins
        for an answer."""
        ...

    async def prices(self) -> Prices:
        """What the network asks for its fees now, by the node's own estimate. FeeUnknown."""
        ...

    async def close(self) -> None: ...


@runtime_checkable
class DescribesTokens(Protocol):
    """An adapter that can ask a token's contract what it is."""

    async def describe(self, text: str) -> tuple[AssetId, TokenSaid]:
        """Of a contract's address, as people write it. Raises InvalidAddress, NodeMisbehaved."""
        ...


@runtime_checkable
class SeesWaiting(Protocol):
    """An adapter of a chain of coins, which can be spent before they are in a block."""

    async def waiting(self, txid: TxId) -> WaitingTx:
        """NothingToHasten unless it waits in the node's mempool."""
        ...

    async def outbid(self, intent: TransferIntent) -> Outbid:
        """Of the transaction that `intent` replaces, whose coins are among the intent's.
        NothingToHasten, ClaimUnusable."""
        ...


@runtime_checkable
class ClosesAccounts(Protocol):
    """An adapter of a chain whose tokens lie in accounts of their own."""

    async def closable(self, intent: TransferIntent) -> Mapping[Address, int]:
        """By account that an intent which closes them would close now, what would come back for it
        in native base units. NothingToClose, FeesWithheld."""
        ...


@runtime_checkable
class TellsCode(Protocol):
    """An adapter of a network whose contracts administrators describe."""

    async def code(self, text: str) -> tuple[Address, bool | None]:
        """The contract's address in its one spelling, and whether its code can be replaced, None
        where no node tells. InvalidAddress; NodeMisbehaved where there is no contract."""
        ...


@runtime_checkable
class TellsWithholding(Protocol):
    """An adapter of a network where a token itself says what it keeps of a payment."""

    async def withholding(self, asset: AssetId) -> Withholding:
        """Of a listed token whose row says that a part may be kept."""
        ...


@dataclass(frozen=True, slots=True)
class Estimated:
    """What a call would cost now. `units`: of what the network counts work in (gas, energy), with a
    margin; `costs`: the bounds that would do."""

    units: int
    costs: Costs


@runtime_checkable
class EstimatesCalls(Protocol):
    """An adapter of a chain whose contracts decide what a call costs."""

    async def estimate(self, intent: TransferIntent) -> Estimated:
        """Of an intent that tells a contract something. CallReverts, in words that help;
        InsufficientFunds."""
        ...


class AskedAllowance(NamedTuple):
    """Of a listed token. `ends`: one that was given with an end, which is kept apart."""

    asset: AssetId
    owner: Address
    spender: Address
    ends: bool = False


@runtime_checkable
class TellsAllowances(Protocol):
    """An adapter of a chain whose tokens let others take."""

    async def allowances(self, asked: Sequence[AskedAllowance]) -> Answers[int]:
        """For each, what may be taken now, base units."""
        ...


@runtime_checkable
class TellsRestraints(Protocol):
    """An adapter that can ask what a token's issuer lets nobody move."""

    async def restrained(
        self, addresses: Sequence[Address], asset: AssetId
    ) -> Mapping[Address, Restrained]:
        """Of a listed token, at the tip; without the addresses of which everything can move. A
        token whose row has no trait that could hold anybody up is not asked about."""
        ...


@runtime_checkable
class SimulatesCalls(Protocol):
    """An adapter that can show what a call would change of its payer's balances."""

    async def simulate(self, payer: Address, effect: Asked, watch: Watch) -> Simulated:
        """At the newest block, of a transaction with this one effect. NotSimulated, CallUnknown."""
        ...


@runtime_checkable
class Relays(Protocol):
    """An adapter whose node can be asked what somebody else wants to know, in their own words.
    Nobody here believes the answer."""

    async def relay(self, method: str, params: Sequence[object]) -> Any:
        """The result, or the node's Fault. The caller has bounded what is asked."""
        ...


@runtime_checkable
class TellsAuthorizations(Protocol):
    """An adapter of a chain where payers sign payments that others submit, so that a contract says
    whether one was made."""

    async def is_used(self, tx: UnsignedTx, at: BlockRef) -> bool:
        """Whether, at the block, the payment was made or its number called off. Raises
        MalformedTransaction for the bytes of a transaction."""
        ...


@runtime_checkable
class ProvesInclusion(Protocol):
    """An adapter of a chain whose blocks prove which transactions they have."""

    async def prove(self, txids: Sequence[TxId], block: BlockRef) -> Answers[Proof]:
        """That `block`, a final one of the best chain, has each, from what the node still has of
        it. Every proof leads to the block's hash: that was checked. InclusionUnproven."""
        ...
