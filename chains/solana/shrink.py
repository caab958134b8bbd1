"""What is needed of a block: who ended richer. Pure, JSON to JSON.

A block has six to seventeen megabytes of accounts and balances, and a few thousand gains. It is
shrunk where it is decoded, which may be in another process (`chains.transport.offload`).
"""

from __future__ import annotations

from typing import Any, Final

_BLOCK: Final = ("blockhash", "previousBlockhash", "parentSlot", "blockTime")


def block(found: Any) -> Any:
    """Of getBlock with `transactionDetails: accounts`: `gains` are [txid, index of the account in
    the transaction, account, lamports], lookup tables' accounts last."""
    shrunk = {name: found[name] for name in _BLOCK if name in found}
    return shrunk | {"gains": [gain for entry in found["transactions"] for gain in _gains(entry)]}


def _gains(entry: Any) -> list[list[Any]]:
    """Failed transactions leave nobody richer: only their fee and nonce take effect."""
    meta, transaction = entry["meta"], entry["transaction"]
    if meta["err"] is not None:
        return []
    accounts, before, after = transaction["accountKeys"], meta["preBalances"], meta["postBalances"]
    if not len(accounts) == len(before) == len(after):
        raise ValueError("another number of balances than of accounts")
    txid = transaction["signatures"][0]
    return [
        [txid, index, accounts[index]["pubkey"], _lamports(new) - _lamports(old)]
        for index, (old, new) in enumerate(zip(before, after, strict=True))
        if new > old
    ]


def _lamports(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise TypeError("a non-negative integer expected")
    return value
