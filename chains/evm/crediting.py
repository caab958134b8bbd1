"""Every native credit in a block, from what a node says of it. Pure.

A credit is where balance went up: payments, value that contracts pass on (traces), withdrawals from
the consensus layer, and the fees of the block's own recipient. A transaction or call that failed
credits nothing, nor does anything it called.

A payment by a contract is named by its ordinal among the transaction's inner calls that moved
value, in the order of execution; what the transaction itself pays has a place of its own, so that a
node without traces gives it the same. Withdrawals and block fees belong to no transaction: their
`txid` is the block's hash.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from chains.block import BLOCK_FEE, Movement
from chains.errors import NodeMisbehaved, NodeUnavailable
from chains.evm.address import canonical
from chains.evm.build import Kind
from chains.evm.shrink import MOVES, value_of
from chains.model import TxId
from chains.networks import Network

Json = Mapping[str, Any]

_GWEI: Final = 10**9
_STAYS: Final = frozenset({"DELEGATECALL", "CALLCODE", "STATICCALL"})
"""Run another's code on the caller's own balance; the value they show goes nowhere."""


def from_traces(
    network: Network, block: Json, traces: Sequence[Json], receipts: Sequence[Json] | None = None
) -> tuple[Movement, ...]:
    """`block` with full transactions, `traces` of geth's callTracer; `receipts` where the block
    `needs_receipts`. Raises NodeUnavailable if a transaction could not be traced, NodeMisbehaved.
    """
    found: list[Movement] = []
    for tx, trace in zip(block["transactions"], traces, strict=True):
        if trace.get("txHash", tx["hash"]) != tx["hash"]:
            raise NodeMisbehaved("traces of other transactions than the block's")
        if "result" not in trace:
            raise NodeUnavailable(f"the node can't trace {tx['hash']} (has it pruned the state?)")
        found += _placed(network, tx["hash"], _moved(trace["result"]))
    gas_used = _traced_gas(traces) if receipts is None else _gas_used(block, receipts)
    return (*found, *_block_level(network, block, gas_used))


def needs_receipts(network: Network, block: Json, traces: Sequence[Json]) -> bool:
    """Whether the block's fees can't be told from `traces`: the gas that some nodes show there does
    not add up to the block's."""
    credited = network.parameters.get("fee_recipient") == "coinbase"
    return credited and sum(_traced_gas(traces)) != int(block["gasUsed"], 16)


def from_receipts(network: Network, block: Json, receipts: Sequence[Json]) -> tuple[Movement, ...]:
    """Without traces: what transactions themselves pay. Contracts' payments stay unseen."""
    gas_used = _gas_used(block, receipts)
    found: list[Movement] = []
    for tx, receipt in zip(block["transactions"], receipts, strict=True):
        if int(receipt["status"], 16) == 1:
            payee = tx["to"] or receipt["contractAddress"]
            if value := int(tx["value"], 16):
                found += _placed(network, tx["hash"], [("call:", payee, value)])
    return (*found, *_block_level(network, block, gas_used))


def _traced_gas(traces: Sequence[Json]) -> list[int]:
    return [int(trace["result"]["gasUsed"], 16) for trace in traces if "result" in trace]


def _gas_used(block: Json, receipts: Sequence[Json]) -> list[int]:
    ordered = zip(block["transactions"], receipts, strict=True)
    if any(receipt["transactionHash"] != tx["hash"] for tx, receipt in ordered):
        raise NodeMisbehaved("receipts of other transactions than the block's")
    return [int(receipt["gasUsed"], 16) for receipt in receipts]


def _moved(call: Json) -> Iterator[tuple[str, str, int]]:
    """Place, payee and value of each call that took effect, in the order of execution."""
    stack = [call]
    inner = 0
    while stack:
        frame = stack.pop()
        if frame.get("error"):
            continue
        value = value_of(frame)
        if value and frame["type"] in MOVES:
            # An account that pays itself inside a call gains nothing.
            if frame is call:
                yield "call:", frame["to"], value
            elif frame["from"] != frame["to"]:
                yield f"call:{inner}", frame["to"], value
                inner += 1
        elif value and frame["type"] not in _STAYS:
            raise NodeMisbehaved(f"a call of unknown type {frame['type']!r} that carries value")
        stack.extend(reversed(frame.get("calls") or ()))


def _block_level(network: Network, block: Json, gas_used: Sequence[int]) -> Iterator[Movement]:
    """Anyone who makes a block may name any address as its fee recipient, ours as well."""
    native = network.native.id
    txid = TxId(block["hash"])
    if network.parameters.get("fee_recipient") == "coinbase":
        base_fee = _base_fee(network, block)
        spent = zip(block["transactions"], gas_used, strict=True)
        fees = sum(_tip(tx, base_fee) * gas for tx, gas in spent)
        if fees:
            yield Movement(txid, BLOCK_FEE, canonical(block["miner"]), native, fees)
    withdrawals = block.get("withdrawals")
    if withdrawals is None and block.get("withdrawalsRoot") is not None:
        raise NodeMisbehaved("a block that keeps its withdrawals back")
    for withdrawal in withdrawals or ():
        amount = int(withdrawal["amount"], 16) * _GWEI
        if amount:
            place = f"withdrawal:{int(withdrawal['index'], 16)}"
            yield Movement(txid, place, canonical(withdrawal["address"]), native, amount)


def _base_fee(network: Network, block: Json) -> int:
    """What is burnt of each unit of gas's price. Networks with legacy transactions burn nothing."""
    if Kind(network.text("transaction_type")) is Kind.EIP1559:
        return int(block["baseFeePerGas"], 16)
    return int(block.get("baseFeePerGas") or "0x0", 16)


def _tip(tx: Json, base_fee: int) -> int:
    """What the block's recipient gets for each unit of gas (EIP-1559); the rest is burnt."""
    if tx.get("maxFeePerGas") is not None:
        return min(int(tx["maxFeePerGas"], 16) - base_fee, int(tx["maxPriorityFeePerGas"], 16))
    return int(tx["gasPrice"], 16) - base_fee


def _placed(
    network: Network, txid: str, moved: Iterable[tuple[str, str, int]]
) -> Iterator[Movement]:
    for place, payee, value in moved:
        yield Movement(TxId(txid), place, canonical(payee), network.native.id, value)
