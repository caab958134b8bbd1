"""What a transaction of ours weighs and costs. Pure.

Exact but for one byte per ECDSA signature: DER is 71 bytes with a high r, mostly 70 or 71, so the
figure is the largest that can occur, and the fee rate paid is never below the one asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from chains.bitcoin.transaction import TxOutput, compact_size
from chains.model import AddressType

_INPUT_BASE: Final = 4 * (32 + 4 + 1 + 4)
INPUT_WEIGHT: Final = {
    AddressType.P2WPKH: _INPUT_BASE + 1 + (1 + 71 + 1) + (1 + 33),
    AddressType.P2TR: _INPUT_BASE + 1 + (1 + 64),
}
"""Outpoint, empty script, sequence at 4 units a byte, and the witness at 1 (BIP-141)."""

_SCRIPT_BYTES: Final = {AddressType.P2WPKH: 22, AddressType.P2TR: 34}


def weight(inputs: Iterable[AddressType], outputs: Iterable[TxOutput]) -> int:
    """Weight units of the signed transaction."""
    spent, paid = list(inputs), list(outputs)
    frame = 4 + len(compact_size(len(spent))) + len(compact_size(len(paid))) + 4
    body = sum(len(output.serialize()) for output in paid)
    marker = 2
    return 4 * (frame + body) + marker + sum(INPUT_WEIGHT[each] for each in spent)


def lightest(outputs: Sequence[TxOutput]) -> int:
    """Weight units of the least that can pay them: with one coin, and change to a like address."""
    return min(weight([kind], [*outputs, _change(kind)]) for kind in INPUT_WEIGHT)


def _change(kind: AddressType) -> TxOutput:
    return TxOutput(0, bytes(_SCRIPT_BYTES[kind]))


def output_weight(output: TxOutput) -> int:
    return 4 * len(output.serialize())


def fee(weight_units: int, fee_rate: int) -> int:
    """Satoshi for so much weight at `fee_rate` satoshi per 1000 vbytes, rounded up twice."""
    vsize = -(-weight_units // 4)
    return -(-vsize * fee_rate // 1000)
