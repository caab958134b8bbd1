"""Typed data as wallets and libraries write it, to the one spelling that `typed` reads. Pure.

Programs write a number as a number, as digits or in hexadecimal, an address in any case, and leave
out the domain's own type. None of that is hashed, so it may be written anew; whatever is left is
read strictly afterwards, and hashes to the same or is refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from chains.contracts.typed import DOMAIN
from chains.json_text import read_json

_ORDER: Final = (
    ("name", "string"),
    ("version", "string"),
    ("chainId", "uint256"),
    ("verifyingContract", "address"),
    ("salt", "bytes32"),
)
_ARRAY: Final = re.compile(r"(.+)\[[0-9]*\]", re.ASCII)
_NUMBER: Final = re.compile(r"u?int[0-9]*", re.ASCII)
_OCTETS: Final = re.compile(r"bytes[0-9]*", re.ASCII)
_DIGITS: Final = re.compile(r"-?[0-9]{1,78}|0x[0-9a-fA-F]{1,64}", re.ASCII)
_DEPTH_MAX: Final = 16

Respell = Callable[[str], str]
"""An address in any spelling to the network's one."""


def respelled(given: str | Mapping[str, Any], address: Respell) -> bytes:
    """`given`: the JSON of eth_signTypedData_v4, as text or read. Raises ValueError, and what
    `address` raises."""
    document = read_json(given.encode()) if isinstance(given, str) else given
    if not isinstance(document, Mapping) or not {"types", "primaryType", "message"} <= set(
        document
    ):
        raise ValueError("typed data is an object with types, primaryType, domain and message")
    domain, primary = document.get("domain", {}), document["primaryType"]
    types = document["types"]
    if not isinstance(domain, Mapping) or not isinstance(types, Mapping):
        raise ValueError("types and domain are objects")
    types = dict(types)
    types.setdefault(
        DOMAIN, [{"name": name, "type": kind} for name, kind in _ORDER if name in domain]
    )
    used = _used(types, primary) | {DOMAIN}
    types = {name: rows for name, rows in types.items() if name in used}
    spelling = _Spelling(types, address)
    said = {
        "domain": _number_of_chain(spelling.structure(DOMAIN, domain, 0)),
        "message": spelling.structure(primary, document["message"], 0),
        "primaryType": primary,
        "types": types,
    }
    return json.dumps(
        said, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def _used(types: Mapping[str, Any], primary: Any) -> set[str]:
    """The structures that the primary one has parts of, itself among them."""
    found, waiting = set[str](), [primary]
    while waiting:
        name = waiting.pop()
        if not isinstance(name, str) or name in found or name not in types:
            continue
        found.add(name)
        waiting += [kind.partition("[")[0] for _, kind in _members(types[name])]
    return found


def _members(rows: Any) -> list[tuple[str, str]]:
    try:
        pairs = [(row["name"], row["type"]) for row in rows]
    except (TypeError, KeyError) as error:
        raise ValueError("a structure is a list of members with name and type") from error
    if not all(isinstance(each, str) for pair in pairs for each in pair):
        raise ValueError("names and types are texts")
    return pairs


def _number_of_chain(domain: Any) -> Any:
    """The one number that stays a number."""
    chain = domain.get("chainId") if isinstance(domain, dict) else None
    if isinstance(chain, str) and chain.isascii() and chain.isdigit():
        return {**domain, "chainId": int(chain)}
    return domain


class _Spelling:
    def __init__(self, types: Mapping[str, Any], address: Respell) -> None:
        self._types = {name: dict(_members(rows)) for name, rows in types.items()}
        self._address = address

    def structure(self, name: Any, value: Any, depth: int) -> Any:
        """What is no such structure stays as it is, to be refused by who reads it."""
        members = self._types.get(name)
        if members is None or not isinstance(value, Mapping) or depth > _DEPTH_MAX:
            return value
        return {
            member: self._value(members[member], each, depth) if member in members else each
            for member, each in value.items()
        }

    def _value(self, kind: str, value: Any, depth: int) -> Any:
        if (found := _ARRAY.fullmatch(kind)) and isinstance(value, list) and depth < _DEPTH_MAX:
            return [self._value(found[1], each, depth + 1) for each in value]
        if kind in self._types:
            return self.structure(kind, value, depth + 1)
        if _NUMBER.fullmatch(kind):
            return _number(value)
        if kind == "address" and isinstance(value, str):
            return self._address(value)
        if _OCTETS.fullmatch(kind) and isinstance(value, str):
            return value.lower()
        return value


def _number(value: Any) -> Any:
    if type(value) is int:
        return str(value)
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        return str(int(value, 16 if value.startswith("0x") else 10))
    return value
