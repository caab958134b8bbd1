"""Solana's I/O half: blocks, transfers and their fate, asked of one node. Holds no key.

A height is a slot, and a slot may have no block. The tip is the newest confirmed block, which a
supermajority has voted for; final is what the node calls finalized.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

from solana.rpc.jsonrpc import JsonRpcErrorCode

from chains.answers import Answers, attempt, found
from chains.assets import TokenSaid
from chains.balances import Restrained, each_balance
from chains.block import Block, Reading
from chains.costs import CostKind, Costs, Withholding, costs_in
from chains.errors import (
    BlockUnreadable,
    BroadcastRejected,
    ChainError,
    ClaimUnusable,
    InvalidInput,
    MalformedTransaction,
    NodeMisbehaved,
    NodeUnavailable,
    WrongChain,
)
from chains.model import (
    Address,
    AssetId,
    BlockRef,
    Broadcast,
    Capabilities,
    ConflictKey,
    InternalCredits,
    SignedTx,
    TxId,
    UnsignedTx,
)
from chains.networks import Network
from chains.prices import Prices
from chains.solana import blocks, closing, spl, tokens
from chains.solana.address import to_key
from chains.solana.bids import unit_prices
from chains.solana.blocks import error_words
from chains.solana.build import TransferPlan
from chains.solana.claims import Claim, apart_key
from chains.solana.codec import SolanaCodec, message_of
from chains.solana.explain import Unexplained, explain, parse_message
from chains.solana.origins import Origins
from chains.solana.prepare import (
    build_transfers,
    choose_claims,
    cost_to_empty,
    keys_of,
)
from chains.solana.rpc import Commitment, Refused, SolanaRpc
from chains.solana.values import Transaction
from chains.transaction import TransferIntent, TxState, TxStatus
from chains.transport.endpoint import Endpoint

_STALE: Final = "BlockhashNotFound"
_NOT_EXECUTED: Final = "in a block, but not executed: "


class SolanaAdapter:
    """Implements `chains.adapter.ChainAdapter` for one cluster."""

    def __init__(
        self, network: Network, endpoint: str | Endpoint, *, timeout_s: float = 10.0
    ) -> None:
        self._network = network
        self._codec = SolanaCodec(network)
        self._rpc = SolanaRpc(endpoint, timeout_s)
        self._origins = Origins(self._rpc)

    @property
    def codec(self) -> SolanaCodec:
        return self._codec

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(historic_balance=False, internal_credits=InternalCredits.SEEN)

    async def check(self) -> None:
        genesis = await self._rpc.genesis_hash()
        if genesis != self._network.text("genesis"):
            raise WrongChain(
                f"the node's chain begins with {genesis}, which is not {self._network.name}",
                advice="check the node's URL in the configuration",
            )

    async def tip(self) -> BlockRef:
        return await self._rpc.latest_block(Commitment.CONFIRMED)

    async def finalized(self) -> BlockRef:
        return await self._rpc.latest_block(Commitment.FINALIZED)

    async def block(self, height: int) -> Block | None:
        try:
            raw = await self._rpc.block(height)
        except Refused:
            await self._check_skipped(height)
            return None
        if raw is None:
            return None
        self._origins.note(raw.parent_hash)
        self._origins.note(raw.ref.hash)
        return blocks.read(raw, await self._nonces_taken(raw.nonces), self._network)

    async def salvage(self, height: int) -> Block:
        try:
            found = await self._rpc.header(height)
        except Refused:
            found = None
        if found is None:
            raise BlockUnreadable("the node does not know it", height=height)
        return Block(
            ref=found.ref,
            parent_hash=found.parent_hash,
            parent_height=found.parent_slot,
            timestamp=found.timestamp,
            movements=(),
            reading=Reading.PASSED,
        )

    async def block_ref(self, height: int) -> BlockRef | None:
        try:
            found = await self._rpc.header(height)
        except Refused:
            await self._check_skipped(height)
            return None
        return None if found is None else found.ref

    async def claim(self, intents: Sequence[TransferIntent]) -> Answers[tuple[ConflictKey, ...]]:
        """For each a free durable nonce of its source, or the creation of its next nonce account; a
        replacement takes what it replaces took.

        Also ClaimUnusable while all nonce accounts of a source are in use.
        """
        chosen = await choose_claims(self._rpc, self._codec, self._origins, intents)
        return [
            each if isinstance(each, ChainError) else keys_of(self._network.id, intent, each)
            for intent, each in zip(intents, chosen, strict=True)
        ]

    async def next_numbers(self, addresses: Sequence[Address]) -> Answers[int]:
        return [ClaimUnusable("keys have no numbers here")] * len(addresses)

    async def prepare(self, intents: Sequence[TransferIntent]) -> Answers[UnsignedTx]:
        return await build_transfers(self._rpc, self._codec, self._origins, intents)

    async def quote(self, intent: TransferIntent) -> Costs:
        return await cost_to_empty(self._rpc, self._codec, intent)

    async def closable(self, intent: TransferIntent) -> Mapping[Address, int]:
        return await closing.promised(self._rpc, self._codec, intent)

    async def withholding(self, asset: AssetId) -> Withholding:
        return await tokens.withholding(self._rpc, self._network, asset)

    async def broadcast(self, txs: Sequence[SignedTx]) -> Answers[Broadcast]:
        """The node simulates each transaction first, so that one that must fail costs no fee.

        Once a transaction is in a block, its nonce value or blockhash is worth nothing any more:
        nodes then say BlockhashNotFound, and only their history knows why.
        """
        sent = await self._rpc.send([tx.raw for tx in txs])
        stale = [tx.txid for tx, said in zip(txs, sent, strict=True) if _error(said) == _STALE]
        known = dict(zip(stale, await self._rpc.are_known(stale), strict=True))
        return [
            attempt(partial(_outcome, tx, said, known.get(tx.txid, False)))
            for tx, said in zip(txs, sent, strict=True)
        ]

    async def statuses(self, txids: Sequence[TxId]) -> Answers[TxStatus]:
        shown = await self._rpc.transactions(txids, Commitment.CONFIRMED)
        missing = [txid for txid, each in zip(txids, shown, strict=True) if each is None]
        known = dict(zip(missing, await self._rpc.are_known(missing), strict=True))
        slots = list(dict.fromkeys(each.slot for each in shown if isinstance(each, Transaction)))
        blocks = dict(zip(slots, await self._rpc.block_refs(slots), strict=True))

        native = self._network.native.id

        def judge(txid: TxId, answer: Transaction | ChainError | None) -> TxStatus:
            transaction = found(answer)
            if transaction is None:
                return TxStatus(TxState.PENDING if known[txid] else TxState.UNKNOWN)
            error, ours = transaction.error, _ours(transaction)
            if not transaction.executed:
                return TxStatus(TxState.PENDING, reason=_NOT_EXECUTED + error_words(error))
            return TxStatus(
                state=TxState.INCLUDED if error is None else TxState.REVERTED,
                block=found(blocks[transaction.slot]),
                costs=costs_in(
                    native, {CostKind.FEE: transaction.fee, CostKind.RENT: transaction.rent}
                )
                | self._withheld(transaction, ours),
                held=costs_in(native, {CostKind.RENT: 0 if ours is None else ours.rent}),
                returned=costs_in(native, {CostKind.RENT: _returned(transaction, ours)}),
                reason="" if error is None else error_words(error),
            )

        return [
            attempt(partial(judge, txid, each)) for txid, each in zip(txids, shown, strict=True)
        ]

    async def prices(self) -> Prices:
        """Of a compute unit, beside the fee for each signature, which is fixed."""
        (recent,) = await self._rpc.recent_unit_prices([()])
        return unit_prices(found(recent))

    async def balance(self, address: Address, asset: AssetId, at: BlockRef | None = None) -> int:
        assert at is None, "no historic balances"
        if asset != self._network.native.id:
            if asset not in self._network.tokens:
                raise InvalidInput(f"{asset} is not listed on {self._network.name}")
            return await tokens.balance(self._rpc, self._network, to_key(address), asset)
        return await self._rpc.balance(to_key(address))

    async def restrained(
        self, addresses: Sequence[Address], asset: AssetId
    ) -> Mapping[Address, Restrained]:
        return await tokens.restrained(self._rpc, self._network, addresses, asset)

    async def describe(self, text: str) -> tuple[AssetId, TokenSaid]:
        """A mint's token, and what it says of itself. InvalidAddress, NodeMisbehaved."""
        mint = to_key(self._codec.parse_address(text).address)
        return await tokens.describe(self._rpc, self._network, mint)

    async def balances(
        self, addresses: Sequence[Address], asset: AssetId, at: BlockRef | None = None
    ) -> Mapping[Address, int]:
        return await each_balance(self, addresses, asset, at)

    async def close(self) -> None:
        await self._rpc.close()

    def _withheld(
        self, transaction: Transaction, plan: TransferPlan | None
    ) -> dict[tuple[AssetId, CostKind], int]:
        """What of our own payments the mints kept."""
        missing = blocks.missing_of(transaction.tokens) if plan is not None else {}
        paid = {each.mint for each in plan.tokens} if plan is not None else set()
        return {
            (spl.asset_of(self._network.id, mint), CostKind.WITHHELD): missing[str(mint)]
            for mint in paid
            if str(mint) in missing
        }

    async def _nonces_taken(self, txids: Sequence[TxId]) -> dict[str, TxId]:
        """By the text of its conflict key each nonce value that one of them used up, and each
        payment that was signed apart. Their bytes are asked for: a block tells bytes of all its
        transactions or of none (ADR 0040)."""
        taken: dict[str, TxId] = {}
        shown = await self._rpc.transactions(txids, Commitment.CONFIRMED) if txids else []
        for txid, each in zip(txids, shown, strict=True):
            transaction = found(each)
            if transaction is None:
                raise NodeUnavailable(f"the node does not show {txid}, which its block has")
            try:
                claim = Claim.taken_by(transaction.raw)
            except ValueError as error:
                raise NodeMisbehaved(f"transaction {txid} can't be read") from error
            if claim is not None:
                taken[claim.key(self._network.id).text] = txid
            plan = _ours(transaction)
            if claim is not None and plan is not None and plan.owner is not None:
                owner = Address(str(plan.owner))
                taken[apart_key(self._network.id, owner, claim).text] = txid
        return taken

    async def _check_skipped(self, height: int) -> None:
        """The node has no block for a slot and does not say why: raise unless it lists a later one.

        Below the finalized slot nodes say it themselves. Both are hints: the follower believes a
        later block's parent only.
        """
        tip = await self.tip()
        if height > tip.height:
            raise NodeUnavailable(f"slot {height} is above the tip {tip.height}")
        slots = await self._rpc.slots_with_blocks(height, tip.height)
        if not slots or slots[0] == height:
            raise NodeUnavailable(f"the node does not serve the block of slot {height} yet")


def _error(said: str | Refused | ChainError) -> Any:
    """The runtime's own error, where a simulation failed."""
    failed = JsonRpcErrorCode.SERVER_ERROR_SEND_TRANSACTION_PREFLIGHT_FAILURE
    if not isinstance(said, Refused) or said.code != failed:
        return None
    return said.data.get("err") if isinstance(said.data, dict) else None


def _outcome(tx: SignedTx, said: str | Refused | ChainError, is_known: bool) -> Broadcast:
    """`is_known`: whether the node's history has a transaction whose lifetime it does not know."""
    if isinstance(said, Refused):
        error = _error(said)
        if error == "AlreadyProcessed" or (error == _STALE and is_known):
            return Broadcast.ALREADY_KNOWN
        raise BroadcastRejected(said.message if error is None else error_words(error))
    if found(said) != tx.txid:
        raise NodeMisbehaved("the node calls the transaction by another id")
    return Broadcast.ACCEPTED


def _ours(found: Transaction) -> TransferPlan | None:
    """Its plan, if it took effect and is one of ours."""
    if found.error is not None:
        return None
    try:
        return explain(parse_message(message_of(found.raw)))
    except (Unexplained, MalformedTransaction):
        return None


def _returned(found: Transaction, plan: TransferPlan | None) -> int:
    """Rent that came back to the source out of its token accounts."""
    return 0 if plan is None else found.closed.get(str(plan.source), 0)
