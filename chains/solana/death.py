"""Proof that a transaction can never be in a block any more, from the finalized chain alone.

That something is not found proves nothing on Solana: the node may be behind, or have forgotten. So
a transaction on a durable nonce is dead only when the other transaction that consumed its nonce
value is shown. One that creates a nonce account is dead only when its blockhash has expired: as
long as it has not, the transaction can still enter a block, fail there because another one made the
account, and be charged. Then the account must not be there, or another one's creation be shown.
(Both were taken from finalized blocks, and `SolanaRpc` asks no node about finalized state that lags
behind what it knows.)
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from solders.hash import Hash
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from chains.errors import NodeMisbehaved
from chains.model import SignedTx, TxId
from chains.solana.claims import Claim
from chains.solana.codec import SolanaCodec
from chains.solana.explain import Unexplained, explain, parse_message
from chains.solana.nonce import consumed_by, parse_state
from chains.solana.rpc import Commitment, SolanaRpc, Transaction


async def find_cause(
    rpc: SolanaRpc, codec: SolanaCodec, tx: SignedTx, final_slot: int
) -> str | None:
    """Why `tx` is dead, judged from blocks at or below `final_slot`; None if it is not proven."""
    rpc.know_final(final_slot)
    plan = explain(parse_message(codec.detach(tx).payload))
    claim = Claim.of(plan)
    (account,) = await rpc.accounts([claim.account], Commitment.FINALIZED)
    state = parse_state(account.data) if account is not None else None
    if claim.value is None and await rpc.is_blockhash_valid(plan.lifetime):
        cause = None  # it may still fail in a block, and pay for it
    elif state is not None and state.value != claim.value:
        cause = await _conflict(rpc, tx, claim, final_slot)
    elif state is None and claim.value is None:
        cause = await _absence(rpc, claim.account, plan.lifetime)
    else:
        cause = None  # the nonce value is still there to be used
    # Asked last: whatever entered the chain until now is seen.
    if cause is None or await _took_effect(rpc, tx.txid):
        return None
    return cause


def was_executed(transaction: Transaction) -> bool:
    """False for one that a block carries without executing it: a payer that can't pay the fee
    makes it fail without a fee (SIMD-0290), and it may still be executed later."""
    return transaction.error is None or transaction.fee > 0


async def _took_effect(rpc: SolanaRpc, txid: TxId) -> bool:
    """Whether the chain, settled or not, holds the transaction executed, well or badly."""
    transaction = await rpc.transaction(txid, Commitment.CONFIRMED)
    if transaction is None:
        return await rpc.is_known(txid)
    return was_executed(transaction)


async def _absence(rpc: SolanaRpc, account: Pubkey, blockhash: Hash) -> str | None:
    # Again, from a state after the expiry: it may have entered the last block that it could.
    (found,) = await rpc.accounts([account], Commitment.FINALIZED)
    if found is not None and parse_state(found.data) is not None:
        return None
    return f"its blockhash {blockhash} has expired"


async def _conflict(rpc: SolanaRpc, tx: SignedTx, claim: Claim, final_slot: int) -> str | None:
    """The finalized transaction that consumed `claim` instead of `tx`."""
    async for txid, slot in _history(rpc, claim.account):
        if txid == tx.txid:
            return None
        if slot > final_slot:
            continue
        other = await rpc.transaction(txid, Commitment.FINALIZED)
        if other is not None and _consumes(other, claim):
            what = "created the nonce account" if claim.value is None else "used the nonce value"
            return f"{txid} {what} in slot {slot}"
    return None


async def _history(rpc: SolanaRpc, account: Pubkey) -> AsyncIterator[tuple[TxId, int]]:
    before: str | None = None
    while page := await rpc.signatures_of(account, before=before):
        for entry in page:
            yield entry
        before = page[-1][0]


def _consumes(transaction: Transaction, claim: Claim) -> bool:
    if not was_executed(transaction):
        return False
    try:
        message = VersionedTransaction.from_bytes(transaction.raw).message
    except ValueError as error:
        raise NodeMisbehaved("a transaction that can't be read") from error
    if claim.value is not None:  # also by a transaction that failed
        return consumed_by(message) == (claim.account, claim.value)
    if transaction.error is not None or not isinstance(message, MessageV0):
        return False
    try:
        return Claim.of(explain(message)) == claim
    except Unexplained:  # somebody else's, which merely names the account
        return False
