"""Transactions from L1 on chains of the OP stack. OP stack specs, protocol/deposits.md.

Nobody signed them and nobody is charged. First their sender is given what they mint, which stays
his whatever happens then; then they run like any other, in his name and with his nonce. One that
fails pays nothing, although not every node's trace says that it failed.

That each block begins with one which sets L1's prices needs no rule: it mints and pays nothing.
"""

from __future__ import annotations

from typing import Final

from chains.block import MINT
from chains.evm.traits.ways import Json, Way

TYPE: Final = "0x7e"


def read(tx: Json, trace: Json | None, receipt: Json | None) -> Way | None:
    """`depositNonce` is the sender's; the transaction itself shows it since Regolith."""
    if tx.get("type", "").lower() != TYPE:
        return None
    assert receipt is not None, "only its receipt tells"
    used = receipt.get("depositNonce") or tx["nonce"]
    stands = int(receipt["status"], 16) == 1
    minted = int(tx.get("mint") or "0x0", 16)
    beside = ((MINT, None, tx["from"], minted),) if minted else ()
    return Way(nonce=int(used, 16), charged=False, beside=beside, calls=stands)
