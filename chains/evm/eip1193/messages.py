"""What `personal_sign` and `eth_signTypedData_v4` want signed, and by whom, read strictly. Pure.

Programs pass a text as it is or as 0x and its bytes, and some name the address first. What could be
meant in two ways is read in the standard's order alone: then the other reading is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from chains.evm.eip1193.faults import invalid
from chains.evm.eip1193.fields import listed, octets, party
from chains.model import Address

_ADDRESS: Final = re.compile(r"0[xX][0-9a-fA-F]{40}", re.ASCII)


def personal(params: Any) -> tuple[Address, bytes]:
    """Who signs, and the text's bytes. The order is text and address; the other way round only
    where the second can be no address. Raises RpcFault."""
    first, second, *rest = listed(params, 2, 3)
    if rest and rest[0] not in (None, ""):
        raise invalid("a password opens nothing here: leave it out")
    if not _is_address(second) and _is_address(first):
        first, second = second, first
    return party(second, "address"), _text(first)


def typed_data(params: Any) -> tuple[Address, str | Mapping[str, Any]]:
    """Who signs, and the document as JSON or as it was read from there. Raises RpcFault."""
    named, document = listed(params, 2, 2)
    if not isinstance(document, str | dict):
        raise invalid("typed data is an object, or its JSON")
    return party(named, "address"), document


def _is_address(value: object) -> bool:
    return isinstance(value, str) and _ADDRESS.fullmatch(value) is not None


def _text(value: object) -> bytes:
    if not isinstance(value, str):
        raise invalid("the message: a text, or 0x and its bytes")
    try:
        found = octets(value, "the message") if value[:2] in ("0x", "0X") else value.encode()
    except UnicodeEncodeError:
        raise invalid("the message: half a character is no text") from None
    if not found:
        raise invalid("the message: there is none")
    return found
