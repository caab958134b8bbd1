"""How apps spell numbers, bytes, addresses and lists of parameters (EIP-1474). Raises RpcFault."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from chains.errors import InvalidInput
from chains.evm import address
from chains.evm.eip1193.faults import INVALID_PARAMS, RpcFault, invalid
from chains.model import Address

_QUANTITY: Final = re.compile(r"0x[0-9a-fA-F]{1,64}", re.ASCII)
_BYTES: Final = re.compile(r"0x([0-9a-fA-F]{2})*", re.ASCII)


def quantity(value: object, name: str) -> int:
    """`0x` and up to 64 digits. Leading zeros pass: many programs write them."""
    if not isinstance(value, str) or _QUANTITY.fullmatch(value) is None:
        raise invalid(f"{name}: a number is 0x and 1 to 64 hexadecimal digits")
    return int(value, 16)


def octets(value: object, name: str) -> bytes:
    if not isinstance(value, str) or _BYTES.fullmatch(value) is None:
        raise invalid(f"{name}: bytes are 0x and pairs of hexadecimal digits")
    return bytes.fromhex(value[2:])


def party(value: object, name: str) -> Address:
    """An address; with mixed letters its checksum must be right (EIP-55)."""
    if not isinstance(value, str):
        raise invalid(f"{name}: an address is a string")
    try:
        return address.parse(value)
    except InvalidInput as error:
        data = {"code": error.code, "field": name}
        raise RpcFault(INVALID_PARAMS, f"{name}: {error}", data) from None


def members(value: object, name: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise invalid(f"{name} is an object")
    return value


def listed(params: Any, least: int, most: int) -> Sequence[Any]:
    """The parameters, whose number is bounded."""
    if not isinstance(params, list):
        raise invalid("params is a list")
    if not least <= len(params) <= most:
        wanted = str(least) if least == most else f"{least} to {most}"
        raise invalid(f"{wanted} parameters are wanted here, not {len(params)}")
    return params
