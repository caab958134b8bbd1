"""Questions to contracts of tokens, and how their answers are read."""

from __future__ import annotations

from typing import Any, Final

from chains import abi
from chains.answers import found
from chains.assets import TokenSaid
from chains.errors import NodeMisbehaved
from chains.evm.rpc import RpcError, reading
from chains.model import Address
from chains.transport.jsonrpc import Call

_WORD_DIGITS: Final = 2 + 2 * abi.WORD


def asking(contract: Address, data: bytes, where: object) -> Call:
    """`where`: a block, as eth_call takes it."""
    return "eth_call", ({"to": contract, "data": "0x" + data.hex()}, where)


def word(answer: Any) -> int:
    """Raises what the answer is, or NodeMisbehaved for one that is not a single word: where there
    is no contract, a node answers with nothing at all."""
    with reading("a token's number"):
        told = str(found(answer))
        if len(told) != _WORD_DIGITS:
            raise NodeMisbehaved("no token answers there with a number")
        return int(told, 16)


def said(symbol: Any, name: Any, decimals: Any) -> TokenSaid:
    return abi.said(raw(symbol), raw(name), number(decimals))


def number(answer: Any) -> int | None:
    try:
        return word(answer)
    except (RpcError, NodeMisbehaved):
        return None


def raw(answer: Any) -> bytes | None:
    """None where the contract did not answer."""
    try:
        return bytes.fromhex(str(found(answer)).removeprefix("0x"))
    except (RpcError, ValueError):
        return None
