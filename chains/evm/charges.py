"""What the sender of a transaction is charged beside its value, and who gets some of it. Pure.

Gas at the price that the block made of the sender's offer (EIP-1559), and gas for blobs at the
block's own price (EIP-4844), which a block's header does not tell: a receipt does. A network with
traits charges in ways of its own, so there only receipts are believed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from chains.costs import CostKind
from chains.evm.build import Kind
from chains.evm.traits import Trait, l1_data_fee
from chains.networks import Network

Json = Mapping[str, Any]

_BLOB_TYPE: Final = "0x3"


class Charge(NamedTuple):
    """`costs`: base units by kind, as they leave the sender. `tip`: what of it the recipient of the
    block's fees gets; the rest is burnt, or goes where the network says."""

    costs: Mapping[CostKind, int]
    tip: int


def only_receipts_tell(network: Network, tx: Json) -> bool:
    """Whether gas used and the sender's offer don't tell the transaction's whole charge."""
    return tx.get("type") == _BLOB_TYPE or bool(network.traits)


def by_gas(tx: Json, base_fee: int, gas_used: int) -> Charge:
    """Without a receipt, unless `only_receipts_tell`."""
    price = _price(tx, base_fee)
    return Charge({CostKind.FEE: gas_used * price}, gas_used * (price - base_fee))


def by_receipt(network: Network, receipt: Json, base_fee: int) -> Charge:
    gas_used, price = int(receipt["gasUsed"], 16), int(receipt["effectiveGasPrice"], 16)
    blobs = _blob_fee(receipt)
    tip = gas_used * (price - base_fee)
    if network.parameters.get("blob_fee_recipient") == "coinbase":
        tip += blobs
    return Charge(costs(network, receipt), tip)


def costs(network: Network, receipt: Json) -> dict[CostKind, int]:
    """What a receipt says that the sender was charged, kind by kind."""
    gas_used, price = int(receipt["gasUsed"], 16), int(receipt["effectiveGasPrice"], 16)
    charged = {CostKind.FEE: gas_used * price + _blob_fee(receipt)}
    if Trait.L1_DATA_FEE in network.traits:
        charged[CostKind.L1_DATA] = l1_data_fee.taken(receipt)
    return charged


def failure(receipt: Json) -> str | None:
    """In the words of a receipt, which has none; None if the transaction did not fail."""
    return None if int(receipt["status"], 16) == 1 else "receipt status 0"


def base_fee(network: Network, block: Json) -> int:
    """What is burnt of each unit of gas's price. Networks with legacy transactions burn nothing."""
    if Kind(network.text("transaction_type")) is Kind.EIP1559:
        return int(block["baseFeePerGas"], 16)
    return int(block.get("baseFeePerGas") or "0x0", 16)


def _price(tx: Json, base_fee: int) -> int:
    """Of a unit of gas (EIP-1559, "effective_gas_price")."""
    if tx.get("maxFeePerGas") is not None:
        offered = base_fee + int(tx["maxPriorityFeePerGas"], 16)
        return min(int(tx["maxFeePerGas"], 16), offered)
    return int(tx["gasPrice"], 16)


def _blob_fee(receipt: Json) -> int:
    """Only a transaction with blobs has any, and then both must be there. On the OP stack others
    name blob gas too, without a price (jovian/exec-engine.md, "Receipts")."""
    if receipt.get("blobGasUsed") is None or receipt.get("type", _BLOB_TYPE) != _BLOB_TYPE:
        return 0
    return int(receipt["blobGasUsed"], 16) * int(receipt["blobGasPrice"], 16)
