"""Values of Solidity's contract ABI as people read and write them, both ways. Pure.

A number is its decimal digits, an address is spelled as its network does, octets are hexadecimal
behind 0x. Arrays and tuples are JSON (RFC 8785) of the texts of their parts: a list, and for a
tuple whose members all have names an object. One value has one text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, Final

from chains.contracts.types import Kind, Type
from chains.contracts.values import Value

_DIGITS: Final = re.compile(r"0|-?[1-9][0-9]{0,77}", re.ASCII)
_HEX: Final = re.compile(r"0x([0-9a-f]{2})*", re.ASCII)
Spelling = Callable[[bytes], str]
Parsing = Callable[[str], bytes]


def spell(type_: Type, value: Value, address: Spelling) -> str:
    """`value` must be of `type_`. `address`: spells the 20 octets of one."""
    parts = _parts(type_, value, address)
    if isinstance(parts, str):
        return parts
    return json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def parse(type_: Type, text: Any, address: Parsing) -> Value:
    """From what a request says: texts, lists and objects as in `spell`; `text` may be the JSON text
    of a list or an object too. Raises ValueError; what `address` raises."""
    if type_.members and isinstance(text, str):
        text = json.loads(text)
    return _value(type_, text, address)


def _parts(type_: Type, value: Value, address: Spelling) -> Any:
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case str():
            return value
        case bytes():
            return address(value) if type_.kind is Kind.ADDRESS else "0x" + value.hex()
    if type_.kind is Kind.ARRAY:
        return [_parts(type_.element, each, address) for each in value]
    members = zip(type_.members, value, strict=True)
    parts = [(name, _parts(each, part, address)) for (name, each), part in members]
    return dict(parts) if _is_named(type_) else [part for _, part in parts]


def _value(type_: Type, text: Any, address: Parsing) -> Value:
    if type_.kind is Kind.ARRAY:
        if not isinstance(text, list) or type_.size not in (None, len(text)):
            raise ValueError(f"{type_.name} is a list")
        return tuple(_value(type_.element, each, address) for each in text)
    if type_.kind in (Kind.TUPLE, Kind.PATH):
        return tuple(
            _value(each, part, address)
            for (_, each), part in zip(type_.members, _members(type_, text), strict=True)
        )
    if not isinstance(text, str):
        raise ValueError(f"{type_.name} is a text")
    return _single(type_, text, address)


def _single(type_: Type, text: str, address: Parsing) -> Value:
    match type_.kind:
        case Kind.ADDRESS:
            return address(text)
        case Kind.STRING:
            return text
        case Kind.BOOL:
            if text not in ("true", "false"):
                raise ValueError("true or false")
            return text == "true"
        case Kind.UINT | Kind.INT:
            if _DIGITS.fullmatch(text) is None:
                raise ValueError(f"{type_.name} is decimal digits")
            return int(text)
        case _:
            if _HEX.fullmatch(text) is None:
                raise ValueError(f"{type_.name} is 0x and pairs of digits 0-9, a-f")
            return bytes.fromhex(text[2:])


def _members(type_: Type, text: Any) -> list[Any]:
    if not _is_named(type_):
        if isinstance(text, list) and len(text) == len(type_.members):
            return text
        raise ValueError(f"{type_.name} is a list of {len(type_.members)}")
    names = [name for name, _ in type_.members]
    if not isinstance(text, dict) or text.keys() != set(names):
        raise ValueError(f"{type_.name} is an object with {', '.join(names)}")
    return [text[name] for name in names]


def _is_named(type_: Type) -> bool:
    """Members without names have their places for one (`functions`)."""
    return not any(name.isdigit() or not name for name, _ in type_.members)
