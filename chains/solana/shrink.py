"""What is needed of a block: who paid, and who ended richer or poorer. Pure, JSON to JSON.

A block has six to seventeen megabytes of accounts and balances, and a few thousand differences. It
is shrunk where it is decoded, which may be in another process (`chains.transport.offload`).
"""

from __future__ import annotations

from typing import Any, Final

from chains.solana import SYSTEM_PROGRAM, WRAPPED_MINTS
from chains.solana.nonce import takes_ours

_BLOCK: Final = ("blockhash", "previousBlockhash", "parentSlot", "blockTime")
_RECENT_BLOCKHASHES: Final = "SysvarRecentB1ockHashes11111111111111111111"


def block(found: Any) -> Any:
    """Of getBlock with `transactionDetails: accounts` and rewards. `executed`: for each transaction
    [txid, payer, fee, error, differences, tokens, rent, returned]; a difference is [index of the
    account in the transaction, account, lamports], lookup tables' accounts last, the payer's
    without fee and rents; of tokens it is [index of the token account, mint, owner, base units].
    `rent`: what the payer put into token accounts that were made; `returned`: what came back to it
    out of its own that were closed.
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
    # Where nobody else who has signed has less than before, nobody else's lamports paid it.
    alone = all(
        new >= old
        for account, old, new in zip(accounts[1:], before[1:], after[1:], strict=True)
        if account["signer"]
    )
    rent = rent_in(meta) if alone else 0
    own = _lamports(after[0]) - _lamports(before[0]) + fee + rent
    # Whoever else was given it would have what the payer lacks.
    returned = closed_in(meta).get(payer, 0) if alone else 0
    if own := own - returned:
        moved.insert(0, [0, payer, own])
    return [_txid(entry), payer, fee, meta["err"], moved, tokens_in(meta), rent, returned]


def _held(meta: Any, when: str) -> dict[int, tuple[str, str, int]]:
    """By the token account's index: mint, owner, base units; nothing in blocks that are older than
    this list. A node that keeps the owner back would hide payments, so that is an error."""
    return {
        each["accountIndex"]: (each["mint"], each["owner"], int(each["uiTokenAmount"]["amount"]))
        for each in meta.get(when) or ()
    }


def tokens_in(meta: Any) -> list[list[Any]]:
    """By owner: who hands over an account pays without a transfer."""
    had, has = (_held(meta, when) for when in ("preTokenBalances", "postTokenBalances"))
    moved = []
    for index in sorted(had.keys() | has.keys()):
        old, new = had.get(index), has.get(index)
        if old is not None and new is not None and old[:2] == new[:2]:
            moved.append([index, *new[:2], new[2] - old[2]])
            continue
        moved += [
            [index, *each[:2], sign * each[2]] for sign, each in ((-1, old), (1, new)) if each
        ]
    return [each for each in moved if each[3]]


def rent_in(meta: Any) -> int:
    """Lamports in token accounts that a transaction made. What a wrapped coin is worth lies in its
    account too, and is no rent."""
    before, after = meta["preBalances"], meta["postBalances"]
    had, has = (_held(meta, when) for when in ("preTokenBalances", "postTokenBalances"))
    return sum(
        _lamports(after[index]) - (units if mint in WRAPPED_MINTS else 0)
        for index, (mint, _, units) in has.items()
        if index not in had and not _lamports(before[index])
    )


def closed_in(meta: Any) -> dict[Any, int]:
    """Lamports of the token accounts that a transaction closed, by owner, without what a wrapped
    coin is worth."""
    before, after = meta["preBalances"], meta["postBalances"]
    had, has = (_held(meta, when) for when in ("preTokenBalances", "postTokenBalances"))
    found: dict[Any, int] = {}
    for index, (mint, owner, units) in had.items():
        if index not in has and not _lamports(after[index]):
            kept = _lamports(before[index]) - (units if mint in WRAPPED_MINTS else 0)
            found[owner] = found.get(owner, 0) + kept
    return found


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
