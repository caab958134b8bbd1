"""Proves that an EVM transaction can never be included any more: another one used its nonce.

That a node shows no receipt proves nothing: it may lag behind, have pruned, or be two nodes behind
one address. So the other transaction is shown, in a block at or below the final one. The sender's
nonce after each block tells which block to read, and everything that the proof rests on comes in
one request, of one node, together with the final block's hash.
"""

from __future__ import annotations

from typing import Any, Final

from chains.errors import DeathUnproven, NodeUnavailable
from chains.evm import parse
from chains.evm.rpc import NodeConnection, RpcError, reading
from chains.model import Address, BlockRef, SignedTx
from chains.transport.jsonrpc import Call

_ADVICE: Final = "give custody a node that keeps the state of older blocks (an archive node)"


async def prove_dead(node: NodeConnection, tx: SignedTx, final: BlockRef) -> str | None:
    """The reason in words, or None if `tx` is included or still could be. Raises DeathUnproven if
    its nonce is used and the node can't show by what."""
    signed = parse.signed(tx.raw)
    sender, nonce = signed.sender, signed.transaction.nonce
    at_final = {"blockHash": final.hash, "requireCanonical": True}
    if _count(await node.call("eth_getTransactionCount", sender, at_final)) <= nonce:
        return None
    height = await _height_of_use(node, sender, nonce, final.height)
    user = await _user_of_nonce(node, sender, nonce, height, final)
    if user == tx.txid:
        return None
    return f"{user} used nonce {nonce} of {sender} in block {height}"


async def _height_of_use(node: NodeConnection, sender: Address, nonce: int, used: int) -> int:
    """The block that took the sender's nonce past `nonce`, or a later one where the node has no
    state of that any more. After block `used` it was past it.

    Looks back in growing steps first, because what a node is asked this for is most often young.
    """
    heights = [used - (1 << power) for power in range(used.bit_length())]
    answers = await node.batch([_count_at(sender, height) for height in heights])
    unused = -1
    for height, answer in zip(heights, answers, strict=True):
        if not _is_past(answer, nonce):
            unused = height
            break
        used = height
    while used - unused > 1:
        middle = (unused + used) // 2
        [answer] = await node.batch([_count_at(sender, middle)])
        if _is_past(answer, nonce):
            used = middle
        else:
            unused = middle
    return used


async def _user_of_nonce(
    node: NodeConnection, sender: Address, nonce: int, height: int, final: BlockRef
) -> str:
    """The id of the sender's transaction with `nonce` in the block at `height`."""
    above, block = await node.batch(
        [
            ("eth_getBlockByNumber", (hex(final.height), False)),
            ("eth_getBlockByNumber", (hex(height), True)),
        ]
    )
    for answer in (above, block):
        if isinstance(answer, RpcError):
            raise answer
    if above is None or block is None or above["hash"] != final.hash:
        raise NodeUnavailable(f"the node does not have the final block {final.height}")
    with reading("a block"):
        for transaction in block["transactions"]:
            if (
                transaction["from"].lower() == sender.lower()
                and int(transaction["nonce"], 16) == nonce
            ):
                return str(transaction["hash"])
    # Two nodes behind one address, or an EIP-7702 authorization that somebody signed with our key.
    raise _unproven(sender, nonce)


def _count_at(sender: Address, height: int) -> Call:
    return "eth_getTransactionCount", (sender, hex(height))


def _is_past(answer: Any, nonce: int) -> bool:
    """Whether the nonce is used after that block. Where a node has forgotten the state, which each
    says in its own words, the answer is no: then the block that is read does not show the use."""
    return not isinstance(answer, RpcError) and _count(answer) > nonce


def _count(answer: Any) -> int:
    with reading("a nonce"):
        return int(answer, 16)


def _unproven(sender: Address, nonce: int) -> DeathUnproven:
    return DeathUnproven(
        f"nonce {nonce} of {sender} is used, and the node can't show by which transaction",
        advice=_ADVICE,
    )
