"""What a node's answers say has become of a transaction: taken, in a block, undone. Pure."""

from __future__ import annotations

from typing import Any

from chains.answers import found
from chains.costs import costs_in
from chains.errors import BroadcastRejected, NodeMisbehaved
from chains.evm import charges, transfers
from chains.evm.rpc import RpcError, reading
from chains.model import BlockRef, Broadcast, SignedTx
from chains.networks import Network
from chains.transaction import TxState, TxStatus


def including(receipt: dict[str, Any]) -> BlockRef:
    """The block that a receipt names."""
    return BlockRef(int(receipt["blockNumber"], 16), receipt["blockHash"])


def height(receipt: Any) -> str | None:
    """Of the block that a receipt names; None without one."""
    if found(receipt) is None:
        return None
    with reading("a receipt"):
        return hex(including(receipt).height)


def sent(tx: SignedTx, said: Any, known: Any) -> Broadcast:
    """What a node's answer to the bytes means. `known`: what it shows of a refused transaction."""
    if not isinstance(said, RpcError):
        if str(found(said)).lower() != tx.txid:
            raise NodeMisbehaved("the node took another transaction than it was given")
        return Broadcast.ACCEPTED
    if found(known) is not None:
        return Broadcast.ALREADY_KNOWN
    if said.transient:
        raise said
    raise BroadcastRejected(said.reason)


def status(tx: Any, receipt: dict[str, Any], network: Network) -> TxStatus:
    """Of one in a block: what it cost, and whether it did what it says. A token that undid its
    payment counts as failed."""
    costs, failure = charges.costs(network, receipt), charges.failure(receipt)
    paid = costs_in(network.native.id, costs)
    if failure is None:
        shrunk, told = tx | transfers.asked(tx), transfers.told(receipt["logs"])
        failure = transfers.undone(shrunk, told)
        paid |= transfers.withheld(network.id, shrunk, told)
    state = TxState.REVERTED if failure else TxState.INCLUDED
    return TxStatus(state, including(receipt), paid, reason=failure or "")
