"""Typed data (EIP-712): structures that a holder signs, and their hash. Pure.

What is kept is the JSON that wallets exchange for it (eth_signTypedData_v4), in one spelling: RFC
8785, whole numbers as decimal digits in quotes but for the domain's chainId, addresses as the
network spells them, octets in lower case behind 0x. The hash covers what the types name and nothing
else. So a member more, a type that nothing uses, a structure within itself and any other spelling
are refused: two readers could see two things, and only one is signed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from chains.contracts.types import Kind, Type, parse_type
from chains.contracts.values import encode
from chains.errors import InvalidAddress, MalformedDescription, MalformedTransaction
from chains.hashes import keccak256
from chains.json_text import read_json
from chains.schema import SAFE_INTEGER_MAX

PAYLOAD_MAX: Final = 64 * 1024
"""Bytes."""
DOMAIN: Final = "EIP712Domain"
_DOMAIN: Final = (
    ("name", "string"),
    ("version", "string"),
    ("chainId", "uint256"),
    ("verifyingContract", "address"),
    ("salt", "bytes32"),
)
"""A domain has any of these, in this order ("Definition of domainSeparator")."""
_GIVING: Final = (
    "permit", "authorization", "order", "approve", "approval", "allowance", "transfer",
    "delegat", "safetx", "safemessage", "userop", "metatransaction", "forwardrequest", "execute",
    "execution", "intent", "withdraw", "bridge", "swap", "sell", "bid", "offer", "listing",
    "payment", "spend", "recover", "multicall", "call",
)  # fmt: skip
"""Words in the names of structures that move or hand over what somebody has, in small letters."""
_STRUCTS_MAX: Final = 64
_MEMBERS_MAX: Final = 64
_NAME: Final = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]{0,63}", re.ASCII)
_ARRAY: Final = re.compile(r"(.+)\[([1-9][0-9]{0,3})?\]", re.ASCII)
_DIGITS: Final = re.compile(r"0|-?[1-9][0-9]{0,77}", re.ASCII)
_HEX: Final = re.compile(r"0x([0-9a-f]{2})*", re.ASCII)
Members = tuple[tuple[str, str], ...]
"""Of a structure: each with the name of its type."""


@dataclass(frozen=True, slots=True)
class TypedData:
    """`types`: the structures, the domain's among them. `domain`, `message`: by name, as in the
    JSON. Comes from `parse`, which is what holds it to its types."""

    types: Mapping[str, Members]
    primary: str
    domain: Mapping[str, Any]
    message: Mapping[str, Any]
    separator: bytes
    digest: bytes
    """What is signed ("Specification of the eth_signTypedData JSON RPC")."""


def parse(payload: bytes, address: Callable[[str], bytes]) -> TypedData:
    """Typed data in its one spelling. `address`: the 20 octets of one, refused with InvalidAddress
    in another spelling than the network's. Raises MalformedTransaction."""
    if len(payload) > PAYLOAD_MAX:
        raise MalformedTransaction(f"typed data of more than {PAYLOAD_MAX} bytes")
    try:
        document = read_json(payload)
        if _spelled(document) != payload:
            raise ValueError("not the one spelling of its JSON")
        return _read(document, address)
    except (ValueError, InvalidAddress, MalformedDescription) as error:
        raise MalformedTransaction(f"typed data: {error}") from error


def separator(domain: Mapping[str, Any], address: Callable[[str], bytes]) -> bytes:
    """For whom something is signed, of whatever structure. Raises ValueError."""
    members = tuple(each for each in _DOMAIN if each[0] in domain)
    types = {DOMAIN: members}
    hashes = {DOMAIN: type_hash(types, DOMAIN)}
    return _Hashing(types, hashes, address).structure(DOMAIN, _domain(domain))


def type_hash(types: Mapping[str, Members], name: str) -> bytes:
    """ "Definition of hashStruct"."""
    return keccak256(type_text(types, name).encode())


def type_text(types: Mapping[str, Members], name: str) -> str:
    """ "Definition of encodeType": the structure, then those that it needs, by name."""
    return "".join(
        f"{each}({','.join(f'{kind} {member}' for member, kind in types[each])})"
        for each in (name, *sorted(_reached(types, name)))
    )


def _read(document: Any, address: Callable[[str], bytes]) -> TypedData:
    _members(document, ("domain", "message", "primaryType", "types"))
    types, primary = _types(document["types"]), document["primaryType"]
    if primary not in types or primary == DOMAIN:
        raise ValueError("primaryType: not one of the structures")
    reached = {name: _reached(types, name) for name in types}
    if any(name in parts for name, parts in reached.items()):
        raise ValueError("a structure within itself")
    if reached[primary] | {primary, DOMAIN} != types.keys():
        raise ValueError("a structure that nothing uses")
    hashes = {name: type_hash(types, name) for name in types}
    hashing = _Hashing(types, hashes, address)
    apart = hashing.structure(DOMAIN, _domain(document["domain"]))
    said = hashing.structure(primary, document["message"])
    digest = keccak256(b"\x19\x01" + apart + said)
    return TypedData(types, primary, document["domain"], document["message"], apart, digest)


def _types(rows: Any) -> dict[str, Members]:
    if not isinstance(rows, dict) or len(rows) > _STRUCTS_MAX:
        raise ValueError(f"types: not up to {_STRUCTS_MAX} structures")
    types = {_struct(name): _declared(members) for name, members in rows.items()}
    domain = types.get(DOMAIN, ())
    if not domain or domain != tuple(each for each in _DOMAIN if each in domain):
        raise ValueError(f"{DOMAIN}: not in its standard form")
    return types


def _declared(rows: Any) -> Members:
    if not isinstance(rows, list) or not 0 < len(rows) <= _MEMBERS_MAX:
        raise ValueError(f"a structure without members, or with more than {_MEMBERS_MAX}")
    found = dict[str, str]()
    for row in rows:
        _members(row, ("name", "type"))
        if _name(row["name"]) in found or not isinstance(row["type"], str):
            raise ValueError("a member that is there twice, or without a type")
        found[row["name"]] = row["type"]
    return tuple(found.items())


def _reached(types: Mapping[str, Members], name: str) -> set[str]:
    """The structures that this one has parts of, at any depth."""
    found, waiting = set[str](), [name]
    while waiting:
        parts = {kind.partition("[")[0] for _, kind in types[waiting.pop()]}
        fresh = parts & types.keys() - found
        found |= fresh
        waiting += fresh
    return found


@dataclass(frozen=True, slots=True)
class _Hashing:
    types: Mapping[str, Members]
    hashes: Mapping[str, bytes]
    """Of the types ("typeHash")."""
    address: Callable[[str], bytes]

    def structure(self, name: str, value: Any) -> bytes:
        """ "Definition of hashStruct"."""
        members = self.types[name]
        _members(value, tuple(member for member, _ in members))
        words = [self._word(kind, value[member]) for member, kind in members]
        return keccak256(self.hashes[name] + b"".join(words))

    def _word(self, kind: str, value: Any) -> bytes:
        """ "Definition of encodeData"."""
        if found := _ARRAY.fullmatch(kind):
            if not isinstance(value, list) or (found[2] and len(value) != int(found[2])):
                raise ValueError(f"{kind}: not such a list")
            return keccak256(b"".join(self._word(found[1], each) for each in value))
        if kind in self.types:
            return self.structure(kind, value)
        type_ = parse_type(kind)
        if type_.name != kind:
            raise ValueError(f"{kind}: {type_.name} in full")
        return self._single(type_, value)

    def _single(self, type_: Type, value: Any) -> bytes:
        if type_.kind is Kind.BOOL and isinstance(value, bool):
            return encode([type_], [value])
        if not isinstance(value, str):
            raise ValueError(f"{type_.name}: a value of another kind")
        if type_.kind in (Kind.UINT, Kind.INT):
            return encode([type_], [_number(value)])
        if type_.kind is Kind.ADDRESS:
            return encode([type_], [self.address(value)])
        if type_.kind is Kind.STRING:
            return keccak256(value.encode())
        if _HEX.fullmatch(value) is None:
            raise ValueError(f"{type_.name}: 0x and pairs of digits 0-9, a-f")
        octets = bytes.fromhex(value[2:])
        return keccak256(octets) if type_.kind is Kind.BYTES else encode([type_], [octets])


def _domain(value: Any) -> Any:
    """Its chainId is a number of JSON, as all wallets write it."""
    if not isinstance(value, dict) or "chainId" not in value:
        return value
    chain_id = value["chainId"]
    if type(chain_id) is not int or not 0 < chain_id <= SAFE_INTEGER_MAX:
        raise ValueError(f"chainId: a whole number from 1 to {SAFE_INTEGER_MAX}")
    return {**value, "chainId": str(chain_id)}


def _number(value: str) -> int:
    if _DIGITS.fullmatch(value) is None:
        raise ValueError("a whole number is its decimal digits in quotes")
    return int(value)


def _members(value: Any, names: tuple[str, ...]) -> None:
    if not isinstance(value, dict) or value.keys() != set(names):
        raise ValueError(f"not an object with exactly {', '.join(names)}")


def _name(value: Any) -> str:
    if not isinstance(value, str) or _NAME.fullmatch(value) is None:
        raise ValueError("a name that is no identifier of up to 64 letters")
    return value


def _struct(value: Any) -> str:
    """A structure's name, which is no type's."""
    try:
        parse_type(_name(value))
    except MalformedDescription:
        return str(value)
    raise ValueError(f"a structure called {value}")


def _spelled(document: Any) -> bytes:
    return json.dumps(
        document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def giving(types: Iterable[str]) -> str | None:
    """The first structure that by its name moves or hands over what somebody has, if one does: of
    those that are not described nothing else is known."""
    for name in sorted(types):
        if any(word in name.lower() for word in _GIVING):
            return name
    return None
