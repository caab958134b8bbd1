"""The OP stack's charge beside gas: for a transaction's bytes on L1, and for the chain's operator.

No byte of a transaction bounds either, since L1's prices and the operator's rates are read from the
chain when the transaction runs. So they are estimated before signing, with a margin, and are what
the receipt says afterwards.

L1 fee: OP stack specs, fjord/exec-engine.md and protocol/predeploys (GasPriceOracle). Operator fee:
isthmus/exec-engine.md and jovian/exec-engine.md, "Operator Fee" and "Receipts".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from chains.hashes import keccak256

ORACLE: Final = "0x420000000000000000000000000000000000000F"
"""The GasPriceOracle predeploy, at the same address on every chain of the stack."""

RECEIPT: Final = ("l1Fee", "operatorFeeScalar", "operatorFeeConstant", "daFootprintGasScalar")
"""What `taken` reads of a receipt beside its gas."""

_UPPER_BOUND: Final = keccak256(b"getL1FeeUpperBound(uint256)")[:4]
_OPERATOR_FEE: Final = keccak256(b"getOperatorFee(uint256)")[:4]
_SAMPLE_GAS: Final = 10**9
_ISTHMUS_SCALE: Final = 10**6
_JOVIAN_SCALE: Final = 100


@dataclass(frozen=True, slots=True)
class DataFee:
    """What the oracle says now, in base units. `data`: for the bytes of one payment. The operator
    takes `operator_least` and so much for each unit of gas that 10^9 of them take
    `operator_sample`."""

    data: int
    operator_least: int
    operator_sample: int

    def with_margin(self, gas: int) -> int:
        """The most that a payment with `gas` should come to: half as much again. L1's base fee and
        its blobs' rise by at most an eighth for each of its blocks (EIP-1559), so this holds for
        the next three of them."""
        per_sample = self.operator_sample - self.operator_least
        now = self.data + self.operator_least + -(-gas * per_sample // _SAMPLE_GAS)
        return now + -(-now // 2)


NOTHING: Final = DataFee(0, 0, 0)


def questions(size: int) -> tuple[dict[str, str], ...]:
    """What eth_call asks the oracle about unsigned transactions of `size` bytes, in the order in
    which `told` wants the answers."""
    asked = ((_UPPER_BOUND, size), (_OPERATOR_FEE, 0), (_OPERATOR_FEE, _SAMPLE_GAS))
    return tuple({"to": ORACLE, "data": _call(*each)} for each in asked)


def told(data: str, operator_least: str, operator_sample: str) -> DataFee:
    """From the answers. Raises ValueError for one that is not a word."""
    fee = DataFee(_word(data), _word(operator_least), _word(operator_sample))
    if fee.operator_sample < fee.operator_least:
        raise ValueError("an operator who takes less for more gas")
    return fee


def taken(receipt: Mapping[str, Any]) -> int:
    """What a transaction that somebody signed paid beside gas. Raises KeyError or ValueError.

    The operator's rates are left out where both are zero, and only there. From Jovian on every
    receipt has `daFootprintGasScalar`, and the rate is scaled otherwise.
    """
    gas = int(receipt["gasUsed"], 16)
    scalar = int(receipt.get("operatorFeeScalar") or "0x0", 16)
    constant = int(receipt.get("operatorFeeConstant") or "0x0", 16)
    jovian = receipt.get("daFootprintGasScalar") is not None
    by_gas = gas * scalar * _JOVIAN_SCALE if jovian else gas * scalar // _ISTHMUS_SCALE
    return int(receipt["l1Fee"], 16) + by_gas + constant


def _call(selector: bytes, argument: int) -> str:
    return "0x" + selector.hex() + argument.to_bytes(32, "big").hex()


def _word(answer: str) -> int:
    if len(answer) != 2 + 64:
        raise ValueError("not one word")
    return int(answer, 16)
