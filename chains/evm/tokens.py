"""Questions to contracts of tokens, and how their answers are read."""

from __future__ import annotations

import re
from typing import Any, Final

from chains.answers import found
from chains.assets import TokenSaid
from chains.errors import NodeMisbehaved
from chains.evm.rpc import RpcError, reading
from chains.model import Address
from chains.transport.jsonrpc import Call

_WORD: Final = 32
_WORD_DIGITS: Final = 2 + 2 * _WORD
_UINT8: Final = 256
_TEXT_MAX: Final = 64
_SHOWN: Final = re.compile("[!-~]([ -~]*[!-~])?", re.ASCII)


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
    """Of a contract that anybody may have written. A text that can't be shown to people as it is
    counts as none: too long, of other letters than ASCII's, with control characters."""
    return TokenSaid(_text(symbol), _text(name), _small(decimals))


def _small(answer: Any) -> int | None:
    """A uint8 by the standard; some contracts say more than there can be."""
    try:
        number = word(answer)
    except (RpcError, NodeMisbehaved):
        return None
    return number if number < _UINT8 else None


def _text(answer: Any) -> str | None:
    """A string, or, of contracts older than the standard, 32 bytes filled up with zeros."""
    try:
        raw = bytes.fromhex(str(found(answer)).removeprefix("0x"))
        shown = _string(raw).decode("ascii")
    except (RpcError, ValueError):
        return None
    return shown if _SHOWN.fullmatch(shown) else None


def _string(raw: bytes) -> bytes:
    if len(raw) == _WORD:
        return raw.rstrip(b"\0")
    start, length = (int.from_bytes(raw[at : at + _WORD], "big") for at in (0, _WORD))
    if start != _WORD or not 0 < length <= min(_TEXT_MAX, len(raw) - 2 * _WORD):
        raise ValueError("not one string")
    return raw[2 * _WORD : 2 * _WORD + length]
