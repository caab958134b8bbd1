"""What a Solana block did to accounts, as movements. Pure.

Movements are differences of balances. For each transaction and account a node gives the lamports
before and after, and the place of the difference is the account's index in the transaction. Looking
for transfer instructions instead would miss what programs do (transfers inside calls, closed
accounts, withdrawals, rent); the differences add up to the balance, so the ledger can equal the
chain. Fees and rent for token accounts, which comes back when they are closed, are told apart.
Tokens are told in the same way, by owner: what an account holds before and after, so that what
arrives is what arrived, and an account that is handed over moves what is in it. A fee that a mint
withheld is a cost of who paid, for no account's balance has it. A transaction that failed leaves
its fee, and its nonce is used up.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from chains.block import (
    BLOCK_FEE,
    RENT_RETURNED,
    Block,
    Inclusion,
    Movement,
    cost_place,
    reward_place,
    withheld_place,
)
from chains.costs import CostKind
from chains.model import Address, AssetId, TxId
from chains.networks import Network
from chains.solana import spl
from chains.solana.values import Executed, RawBlock, Reward

_ERROR_LENGTH_MAX: Final = 200
_FEE: Final = cost_place(CostKind.FEE)
_RENT: Final = cost_place(CostKind.RENT)
_FEE_REWARD: Final = "fee"


def read(found: RawBlock, nonces: Mapping[str, TxId], network: Network) -> Block:
    """`nonces`: for the text of each nonce's conflict key, by which transaction it was used up."""
    native = network.native.id
    movements = [move for each in found.executed for move in _moved(each, network)]
    movements += _rewards(found, native)
    return Block(
        ref=found.ref,
        parent_hash=found.parent_hash,
        parent_height=found.parent_slot,
        timestamp=found.timestamp,
        movements=tuple(movements),
        consumed=nonces,
        included=tuple(_inclusion(each) for each in found.executed),
    )


def _moved(executed: Executed, network: Network) -> Iterator[Movement]:
    txid, native = executed.txid, network.native.id
    if executed.fee:
        yield Movement(txid, _FEE, Address(executed.payer), native, -executed.fee)
    if executed.rent:
        yield Movement(txid, _RENT, Address(executed.payer), native, -executed.rent)
    if executed.returned:
        yield Movement(txid, RENT_RETURNED, Address(executed.payer), native, executed.returned)
    for index, account, lamports in executed.differences:
        yield Movement(txid, f"account:{index}", Address(account), native, lamports)
    kept = _withheld(executed)
    for index, mint, owner, units in executed.tokens:
        asset = AssetId(f"{network.id}/{spl.NAMESPACE}:{mint}")
        less = kept.get(index, 0)
        if less:
            yield Movement(txid, withheld_place(index), Address(owner), asset, -less)
        if units + less:
            yield Movement(txid, f"token:{index}", Address(owner), asset, units + less)


def _withheld(executed: Executed) -> dict[int, int]:
    """By token account of the payer's: what left it and came to nobody. Its mint withheld it, where
    the transaction is a payment; no payment of ours burns."""
    missing = missing_of((mint, units) for _, mint, _, units in executed.tokens)
    found = {}
    for index, mint, owner, units in executed.tokens:
        kept = min(missing.get(mint, 0), -units)
        if owner == executed.payer and kept > 0:
            found[index] = kept
            missing[mint] -= kept
    return found


def missing_of(moved: Iterable[tuple[str, int]]) -> dict[str, int]:
    """By mint: what of it nobody has any more. `moved`: by account, mint and base units."""
    total: dict[str, int] = {}
    for mint, units in moved:
        total[mint] = total.get(mint, 0) - units
    return {mint: units for mint, units in total.items() if units > 0}


def _inclusion(executed: Executed) -> Inclusion:
    failure = None if executed.error is None else error_words(executed.error)
    return Inclusion(executed.txid, Address(executed.payer), failure)


def _rewards(found: RawBlock, native: AssetId) -> Iterator[Movement]:
    """What the chain itself gave and took."""
    alone = sum(each.kind == _FEE_REWARD for each in found.rewards) == 1

    def place(reward: Reward) -> str:
        if alone and reward.kind == _FEE_REWARD:
            return BLOCK_FEE
        return reward_place(reward.kind, Address(reward.account))

    for each in found.rewards:
        if each.lamports:
            account = Address(each.account)
            yield Movement(TxId(found.ref.hash), place(each), account, native, each.lamports)


def error_words(error: object) -> str:
    """The chain's own name of an error, shortened."""
    text = error if isinstance(error, str) else json.dumps(error)
    return text[:_ERROR_LENGTH_MAX]
