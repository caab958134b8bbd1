"""What a node's answer to signed bytes means. Pure."""

from __future__ import annotations

from typing import Any, Final

from chains.answers import found
from chains.bitcoin.node import Sent
from chains.bitcoin.rpc import RPC_VERIFY_ALREADY_IN_UTXO_SET, RpcRefused
from chains.errors import BroadcastRejected, ChainError, NodeMisbehaved
from chains.model import Broadcast, TxId

_REJECTIONS: Final = (-22, -25, -26)
"""RPC_DESERIALIZATION_ERROR, RPC_VERIFY_ERROR, RPC_VERIFY_REJECTED."""


def is_rejection(answer: Any) -> bool:
    return isinstance(answer, RpcRefused) and answer.rpc_code in _REJECTIONS


def outcome(txid: TxId, sent: Sent, held: bool | ChainError) -> Broadcast:
    """`held`: whether the node has a transaction that it rejects."""
    answer = sent.answer
    if isinstance(answer, RpcRefused) and answer.rpc_code == RPC_VERIFY_ALREADY_IN_UTXO_SET:
        return Broadcast.ALREADY_KNOWN
    if is_rejection(answer):
        if found(held):
            return Broadcast.ALREADY_KNOWN
        raise BroadcastRejected(answer.reason)
    if found(answer) != txid:
        raise NodeMisbehaved("the node took another transaction than the one sent")
    return Broadcast.ALREADY_KNOWN if sent.waited else Broadcast.ACCEPTED
