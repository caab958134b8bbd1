"""Solana's I/O half: blocks, transfers and their fate, asked of one node. Holds no key.

A height is a slot, and a slot may have no block. The tip is the newest confirmed block, which a
supermajority has voted for; final is what the node calls finalized.

Credits are differences of balances. For each transaction and account a node gives the lamports
before and after, and an account that ended richer was credited the difference: position is the
account's index in the transaction. Looking for transfer instructions instead would miss what
programs do (transfers inside calls, closed accounts, withdrawals) and count twice what goes back in
the same transaction; the differences add up to the balance, so the ledger can equal the chain. Our
own outgoing transfers leave the source poorer and credit it nothing. Block rewards, which only
validators' accounts get, are not credits.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from solana.rpc.jsonrpc import JsonRpcErrorCode

from chains.balances import each_balance
from chains.errors import (
    BlockUnreadable,
    BroadcastRejected,
    InvalidInput,
    MalformedTransaction,
    NodeMisbehaved,
    NodeUnavailable,
    WrongChain,
)
from chains.model import (
    Address,
    AssetId,
    Block,
    BlockRef,
    Broadcast,
    Capabilities,
    ConflictKey,
    Credit,
    InternalCredits,
    Reading,
    SignedTx,
    TransferIntent,
    TxId,
    TxState,
    TxStatus,
    UnsignedTx,
)
from chains.networks import Network
from chains.solana.address import to_key
from chains.solana.codec import SolanaCodec, message_of
from chains.solana.death import Deaths, was_executed
from chains.solana.explain import Unexplained, explain, parse_message
from chains.solana.prepare import build_transfer, choose_claim
from chains.solana.rpc import Commitment, Refused, SolanaRpc, Transaction
from chains.transport.endpoint import Endpoint

_REASON_LENGTH_MAX: Final = 200
_NOT_EXECUTED: Final = "in a block, but not executed: "


class SolanaAdapter:
    """Implements `chains.adapter.ChainAdapter` for one cluster."""

    def __init__(
        self, network: Network, endpoint: str | Endpoint, *, timeout_s: float = 10.0
    ) -> None:
        self._network = network
        self._codec = SolanaCodec(network)
        self._rpc = SolanaRpc(endpoint, timeout_s)
        self._deaths = Deaths(self._rpc, self._codec)

    @property
    def codec(self) -> SolanaCodec:
        return self._codec

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            coins=False,
            historic_balance=False,
            internal_credits=InternalCredits.SEEN,
            conflict_keys=True,
        )

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
            found = await self._rpc.block(height)
        except Refused:
            await self._check_skipped(height)
            return None
        if found is None:
            return None
        native = self._network.native.id
        return Block(
            ref=found.ref,
            parent_hash=found.parent_hash,
            parent_height=found.parent_slot,
            timestamp=found.timestamp,
            credits=tuple(
                Credit(gain.txid, gain.index, Address(gain.account), native, gain.lamports)
                for gain in found.gains
            ),
        )

    async def salvage(self, height: int) -> Block:
        try:
            found = await self._rpc.block(height, gains=False)
        except Refused:
            found = None
        if found is None:
            raise BlockUnreadable("the node does not know it", height=height)
        return Block(
            ref=found.ref,
            parent_hash=found.parent_hash,
            parent_height=found.parent_slot,
            timestamp=found.timestamp,
            credits=(),
            reading=Reading.PASSED,
        )

    async def block_ref(self, height: int) -> BlockRef | None:
        try:
            found = await self._rpc.block(height, gains=False)
        except Refused:
            await self._check_skipped(height)
            return None
        return None if found is None else found.ref

    async def claim(self, intent: TransferIntent) -> tuple[ConflictKey, ...]:
        """A free durable nonce of the source, or the creation of its next nonce account.

        Also raises ClaimUnusable while all nonce accounts of the source are in use.
        """
        chosen = await choose_claim(self._rpc, self._codec, intent)
        return (chosen.key(self._network.id),)

    async def prepare(self, intent: TransferIntent) -> UnsignedTx:
        return await build_transfer(self._rpc, self._codec, intent)

    async def broadcast(self, tx: SignedTx) -> Broadcast:
        """The node simulates the transaction first, so that one that must fail costs no fee."""
        try:
            txid = await self._rpc.send(tx.raw)
        except Refused as refused:
            return await self._not_accepted(tx, refused)
        if txid != tx.txid:
            raise NodeMisbehaved("the node calls the transaction by another id")
        return Broadcast.ACCEPTED

    async def status(self, txid: TxId) -> TxStatus:
        found = await self._rpc.transaction(txid, Commitment.CONFIRMED)
        if found is None:
            seen = await self._rpc.is_known(txid)
            return TxStatus(TxState.PENDING if seen else TxState.UNKNOWN)
        if not was_executed(found):
            return TxStatus(TxState.PENDING, reason=_NOT_EXECUTED + _words(found.error))
        return TxStatus(
            state=TxState.INCLUDED if found.error is None else TxState.REVERTED,
            block=await self._block_ref(found.slot),
            fee=found.fee,
            locked=_locked(found),
            reason="" if found.error is None else _words(found.error),
        )

    async def proven_dead(self, tx: SignedTx, final: BlockRef) -> str | None:
        """Needs a node that keeps the history of the transfer's nonce account."""
        return await self._deaths.prove(tx, final)

    async def balance(self, address: Address, asset: AssetId, at: BlockRef | None = None) -> int:
        assert at is None, "no historic balances"
        if asset != self._network.native.id:
            raise InvalidInput(f"{self._network.name} carries no {asset}")
        return await self._rpc.balance(to_key(address))

    async def balances(
        self, addresses: Sequence[Address], asset: AssetId, at: BlockRef | None = None
    ) -> Mapping[Address, int]:
        return await each_balance(self, addresses, asset, at)

    async def close(self) -> None:
        await self._rpc.close()

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

    async def _block_ref(self, slot: int) -> BlockRef:
        try:
            found = await self._rpc.block(slot, gains=False)
        except Refused:
            found = None
        if found is None:
            raise NodeUnavailable(f"the node does not serve the block of slot {slot}")
        return found.ref

    async def _not_accepted(self, tx: SignedTx, refused: Refused) -> Broadcast:
        """Once a transaction is in a block, its nonce value or blockhash is worth nothing any
        more: nodes then say BlockhashNotFound, and only their history knows why."""
        error: Any = None
        if refused.code == JsonRpcErrorCode.SERVER_ERROR_SEND_TRANSACTION_PREFLIGHT_FAILURE:
            error = refused.data.get("err") if isinstance(refused.data, dict) else None
        if error == "AlreadyProcessed":
            return Broadcast.ALREADY_KNOWN
        if error == "BlockhashNotFound" and await self._rpc.is_known(tx.txid):
            return Broadcast.ALREADY_KNOWN
        raise BroadcastRejected(refused.message if error is None else _words(error))


def _locked(found: Transaction) -> int:
    """Rent that moved into a new nonce account of the source."""
    if found.error is not None:
        return 0
    try:
        return explain(parse_message(message_of(found.raw))).rent
    except (Unexplained, MalformedTransaction):  # not one of ours
        return 0


def _words(error: object) -> str:
    """The chain's own name of an error, shortened."""
    text = error if isinstance(error, str) else json.dumps(error)
    return text[:_REASON_LENGTH_MAX]
