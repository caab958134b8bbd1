"""Proof that a transaction can never be in a block any more, from the finalized chain alone.

That something is not found proves nothing on Solana: the node may be behind, or have forgotten. So
a transaction on a durable nonce is dead only when the other transaction that consumed its nonce
value is shown. One that creates a nonce account stands on a blockhash, and is dead only when that
has expired: until then it can enter a block, fail there because another one made the account, and
be charged. That is counted in blocks, not asked. Every block of its life is read, from the final
one down to the one whose hash it stands on, each linked to the next by its hash; if none holds it,
none ever will.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from solders.hash import Hash
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from chains.errors import DeathUnproven, NodeMisbehaved, NodeUnavailable
from chains.model import BlockRef, SignedTx, TxId
from chains.solana import BLOCKHASH_AGE_MAX
from chains.solana.claims import Claim
from chains.solana.codec import SolanaCodec
from chains.solana.explain import explain, parse_message
from chains.solana.nonce import consumed_by, parse_state
from chains.solana.rpc import Commitment, SolanaRpc
from chains.solana.values import Transaction

BLOCKS_PER_CALL: Final = 400
"""So many blocks are read in one go; the next call goes on from there. A life has 150."""


@dataclass(slots=True)
class _Search:
    """Blocks from `slot` downwards are still to be read; the one there has the hash `hash`.
    `done`: how many were read above it."""

    slot: int
    hash: str
    done: int = 0


class Deaths:
    """Remembers how far down it has searched for whom."""

    def __init__(self, rpc: SolanaRpc, codec: SolanaCodec) -> None:
        self._rpc = rpc
        self._codec = codec
        self._searches: dict[TxId, _Search] = {}

    async def prove(self, tx: SignedTx, final: BlockRef) -> str | None:
        """Why `tx` is dead, judged from blocks at or below `final`; None if it is not. Raises
        DeathUnproven where its way is barred and the node can't show by what."""
        rpc = self._rpc
        rpc.know_final(final.height)
        plan = explain(parse_message(self._codec.detach(tx).payload))
        claim = Claim.of(plan)
        if claim.value is None:
            if await rpc.is_blockhash_valid(plan.lifetime):
                return None
            cause = await self._expiry(tx.txid, plan.lifetime, final)
        else:
            (account,) = await rpc.accounts([claim.account], Commitment.FINALIZED)
            state = parse_state(account.data) if account is not None else None
            if state is None or state.value == claim.value:
                return None  # the nonce value is still there to be used
            cause = await _conflict(rpc, tx, claim, final.height)
        # Asked last: whatever the node shows of it is reason enough to wait.
        if cause is None or await _took_effect(rpc, tx.txid):
            return None
        return cause

    async def _expiry(self, txid: TxId, blockhash: Hash, final: BlockRef) -> str | None:
        search = self._searches.setdefault(txid, _Search(final.height, final.hash))
        for _ in range(BLOCKS_PER_CALL):
            block = await self._rpc.signatures_in(search.slot)
            if block is None:
                raise _unproven("the blocks of its life are not shown")
            if block.ref.hash != search.hash:
                del self._searches[txid]
                raise NodeUnavailable("the chain changed while it was being searched")
            if block.ref.hash == str(blockhash):
                del self._searches[txid]
                if search.done <= BLOCKHASH_AGE_MAX:
                    return None  # it has not expired, whatever the node says
                return f"its blockhash {blockhash} has expired, and no block since has it"
            if txid in block.signatures and await _took_effect(self._rpc, txid):
                del self._searches[txid]
                return None
            search.slot, search.hash = block.parent_slot, block.parent_hash
            search.done += 1
        raise _unproven("the blocks of its life are still being read")


async def _took_effect(rpc: SolanaRpc, txid: TxId) -> bool:
    """Whether the chain, settled or not, holds the transaction executed, well or badly."""
    transaction = await rpc.transaction(txid, Commitment.CONFIRMED)
    if transaction is None:
        return await rpc.is_known(txid)
    return transaction.executed


async def _conflict(rpc: SolanaRpc, tx: SignedTx, claim: Claim, final_slot: int) -> str | None:
    """The finalized transaction that consumed `claim` instead of `tx`."""
    is_later = False
    async for txid, slot in _history(rpc, claim.account):
        if txid == tx.txid:
            return None
        if slot > final_slot:
            is_later = True
            continue
        other = await rpc.transaction(txid, Commitment.FINALIZED)
        if other is not None and _consumes(other, claim):
            return f"{txid} used the nonce value in slot {slot}"
    if is_later:
        return None  # it may have been that one, above the final block
    raise _unproven(f"the value of nonce account {claim.account} is used, by what is not shown")


async def _history(rpc: SolanaRpc, account: Pubkey) -> AsyncIterator[tuple[TxId, int]]:
    before: str | None = None
    while page := await rpc.signatures_of(account, before=before):
        for entry in page:
            yield entry
        before = page[-1][0]


def _consumes(transaction: Transaction, claim: Claim) -> bool:
    """Also a transaction that failed does."""
    if not transaction.executed:
        return False
    try:
        message = VersionedTransaction.from_bytes(transaction.raw).message
    except ValueError as error:
        raise NodeMisbehaved("a transaction that can't be read") from error
    return consumed_by(message) == (claim.account, claim.value)


def _unproven(words: str) -> DeathUnproven:
    return DeathUnproven(words, advice="the node must keep its blocks and transaction history")
