"""What is needed of a block: who paid, and who ended richer or poorer. Pure, JSON to JSON.

A block has six to seventeen megabytes of accounts and balances, and a few thousand differences. It
is shrunk where it is decoded, which may be in another process (`chains.transport.offload`).
"""

from __future__ import annotations

from typing import Any, Final

from chains.solana import SYSTEM_PROGRAM
from chains.solana.nonce import takes_ours

_BLOCK: Final = ("blockhash", "previousBlockhash", "parentSlot", "blockTime")
_RECENT_BLOCKHASHES: Final = "SysvarRecentB1ockHashes11111111111111111111"


def block(found: Any) -> Any:
    """Of getBlock with `transactionDetails: accounts` and rewards. `executed`: for each transaction
    [txid, payer, fee, error, differences]; a difference is [index of the account in the
    transaction, account, lamports], lookup tables' accounts last, the payer's without the fee.
    `nonces`: ids of those that may use a nonce account of our kind. `rewards`: [kind, account,
    lamports]."""
    executed = [entry for entry in found["transactions"] if _was_executed(entry["meta"])]
    shrunk = {name: found[name] for name in _BLOCK if name in found}
    return shrunk | {
        "executed": [_executed(entry) for entry in executed],
        "nonces": [_txid(entry) for entry in executed if _may_take_nonce(entry)],
        "rewards": [_reward(each) for each in found.get("rewards") or ()],
    }


def _was_executed(meta: Any) -> bool:
    """A payer that can't pay the fee makes a transaction fail without one, and it may still be
    executed later (SIMD-0290)."""
    return meta["err"] is None or _lamports(meta["fee"]) > 0


def _txid(entry: Any) -> Any:
    return entry["transaction"]["signatures"][0]


def _executed(entry: Any) -> list[Any]:
    meta, accounts = entry["meta"], entry["transaction"]["accountKeys"]
    before, after = meta["preBalances"], meta["postBalances"]
    if not len(accounts) == len(before) == len(after):
        raise ValueError("another number of balances than of accounts")
    fee, payer = _lamports(meta["fee"]), accounts[0]["pubkey"]
    moved = [
        [index, accounts[index]["pubkey"], _lamports(new) - _lamports(old)]
        for index, (old, new) in enumerate(zip(before, after, strict=True))
        if index and new != old
    ]
    if own := _lamports(after[0]) - _lamports(before[0]) + fee:
        moved.insert(0, [0, payer, own])
    return [_txid(entry), payer, fee, meta["err"], moved]


def _may_take_nonce(entry: Any) -> bool:
    """Whether its bytes are worth asking for. A first instruction that advances a nonce names the
    sysvar if it succeeds; if it fails, or nothing was run, the nonce advances all the same."""
    accounts, error = entry["transaction"]["accountKeys"], entry["meta"]["err"]
    named = {account["pubkey"] for account in accounts}
    if SYSTEM_PROGRAM not in named:
        return False
    if _RECENT_BLOCKHASHES not in named and (error is None or _failed_later(error)):
        return False
    signers = [each["pubkey"] for each in accounts if each["signer"]]
    written = [each["pubkey"] for each in accounts if each["writable"] and not each["signer"]]
    return takes_ours(signers, written)


def _failed_later(error: Any) -> bool:
    """Whether the first instruction succeeded."""
    failed = error.get("InstructionError") if isinstance(error, dict) else None
    return failed is not None and failed[0] > 0


def _reward(value: Any) -> list[Any]:
    lamports = value["lamports"]
    if not isinstance(lamports, int) or isinstance(lamports, bool):
        raise TypeError("an integer expected")
    return [str(value["rewardType"]).lower(), value["pubkey"], lamports]


def _lamports(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise TypeError("a non-negative integer expected")
    return value
