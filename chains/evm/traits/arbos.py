"""What ArbOS moves on Arbitrum's chains, beside what calls move.

Nitro's callTracer lists it before and after the calls, with a purpose each (OffchainLabs
go-ethereum, eth/tracers/native/tracer_arbitrum.go; nitro, arbos/tx_processor.go): what a message
from L1 mints, what is held in escrow for a retry, what is given back, and every fee. What it moves
while a transaction runs it lists as calls, older nodes as calls of type INVALID.

Beside signed transactions there are
0x64 a deposit: mints its value to its sender, who pays it on; uses no nonce and no gas;
0x65 an unsigned transaction: like a signed one, in the name of an account of L1's;
0x66 a contract's: the same, but its nonce is not told;
0x68 a retry: what was held for it pays its value and its gas, and takes back the rest;
0x69 the submission of one: all that it moves is among its calls, also if it fails;
0x6a ArbOS itself, at the start of each block.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from chains.block import MINT
from chains.evm.traits.ways import Beside, Json, Way

_DEPOSIT, _CONTRACT = "0x64", "0x66"
_OWN: Final = frozenset({_DEPOSIT, "0x68", "0x69", "0x6a"})
"""Kinds that pay for gas otherwise than their receipts say, or not at all."""
_FEES: Final = frozenset({"feePayment", "gasRefund"})
"""Together what the receipt of a transaction says that its sender was charged for gas."""


def read(tx: Json, trace: Json | None, receipt: Json | None) -> Way:
    """Of every transaction on such a chain: also signed ones get something back."""
    kind = tx.get("type", "")
    charged = kind not in _OWN
    beside = tuple(_beside(tx, trace or {}, charged))
    named = charged and kind != _CONTRACT
    return Way(
        nonce=int(tx["nonce"], 16) if named else None,
        charged=charged,
        beside=beside,
    )


def beside(root: Any) -> dict[str, list[list[Any]]]:
    """What a trace lists around the outermost call, to be kept of it: place, purpose, payer, payee
    (None: nobody) and base units. Nothing of a trace by any other node."""
    listed = [
        [f"{when}:{at}", each["purpose"], each["from"], each["to"], int(each["value"], 16)]
        for when in ("before", "after")
        for at, each in enumerate(root.get(f"{when}EVMTransfers") or ())
    ]
    return {"beside": listed} if listed else {}


def _beside(tx: Json, trace: Json, charged: bool) -> Iterator[Beside]:
    sender = tx["from"].lower()
    minted = tx.get("type") == _DEPOSIT
    if minted:
        # By its own value, so that a node which does not trace gives it the same place.
        yield MINT, None, tx["from"], int(tx["value"], 16)
    for place, purpose, payer, payee, units in trace.get("beside", ()):
        if minted and purpose == "deposit":
            continue
        if charged and purpose in _FEES and (payer or payee).lower() == sender:
            continue
        if units and payer != payee:
            yield place, payer, payee, units
