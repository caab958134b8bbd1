"""EIP-712: eth_account hashes the same, and nothing but the one spelling is read."""

from __future__ import annotations

import json
import random
from itertools import pairwise
from typing import Any

import pytest
from eth_account.messages import encode_typed_data
from eth_utils.crypto import keccak

from chains.contracts.typed import TypedData, parse, type_text
from chains.errors import MalformedTransaction
from chains.evm import address

CASES = 400
DOMAIN = [
    {"name": "name", "type": "string"},
    {"name": "version", "type": "string"},
    {"name": "chainId", "type": "uint256"},
    {"name": "verifyingContract", "type": "address"},
]
MAIL: dict[str, Any] = {
    "types": {
        "EIP712Domain": DOMAIN,
        "Person": [{"name": "name", "type": "string"}, {"name": "wallet", "type": "address"}],
        "Mail": [
            {"name": "from", "type": "Person"},
            {"name": "to", "type": "Person"},
            {"name": "contents", "type": "string"},
        ],
    },
    "primaryType": "Mail",
    "domain": {
        "name": "Ether Mail",
        "version": "1",
        "chainId": 1,
        "verifyingContract": "0xCcCCccccCCCCcCCCCCCcCcCccCcCCCcCcccccccC",
    },
    "message": {
        "from": {"name": "Cow", "wallet": "0xCD2a3d9F938E13CD947Ec05AbC7FE734Df8DD826"},
        "to": {"name": "Bob", "wallet": "0xbBbBBBBbbBBBbbbBbbBbbbbBBbBbbbbBbBbbBBbB"},
        "contents": "Hello, Bob!",
    },
}
"""The example of EIP-712 (assets/eip-712/Example.js)."""


def _octets(spelled: str) -> bytes:
    if address.canonical(spelled) != spelled:
        raise ValueError("another spelling of an address")
    return bytes.fromhex(spelled[2:])


def _bytes(document: Any) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _parse(document: Any) -> TypedData:
    return parse(_bytes(document), _octets)


def _changed(path: str, value: Any) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(json.dumps(MAIL))
    *way, last = path.split(".")
    at: Any = document
    for name in way:
        at = at[name]
    at[last] = value
    return document


def test_the_standards_example_hashes_as_the_standard_says() -> None:
    found = _parse(MAIL)
    assert type_text(found.types, "Mail") == (
        "Mail(Person from,Person to,string contents)Person(string name,address wallet)"
    )
    separator = "f2cee375fa42b42143804025fc449deafd50cc031ca257e0b194a650a912090f"
    assert found.separator.hex() == separator
    digest = "be609aee343fb3c4b28e1df9e632fca64fcfaede20f02e86244efddf30957bd2"
    assert found.digest.hex() == digest


_KINDS = ("uint8", "uint256", "int64", "bool", "address", "bytes4", "bytes32", "bytes", "string")


def _value(kind: str, dice: random.Random) -> Any:
    if kind.endswith("]"):
        inner, _, size = kind[:-1].rpartition("[")
        return [_value(inner, dice) for _ in range(int(size) if size else dice.randint(0, 3))]
    if kind == "address":
        return str(address.spell(dice.randbytes(20)))
    if kind == "bool":
        return dice.random() < 0.5
    if kind == "string":
        return "".join(dice.choice('ab"\\ \n水') for _ in range(dice.randint(0, 9)))
    if kind.startswith("bytes"):
        return "0x" + dice.randbytes(int(kind[5:] or dice.randint(0, 40))).hex()
    if kind.startswith("int"):
        return str(dice.choice((0, -1, -(2**63), 2**63 - 1)))
    return str(dice.choice((0, 1, 2 ** int(kind[4:]) - 1)))


def _drawn(dice: random.Random) -> dict[str, Any]:
    """Structures in a row, each of which has parts of those behind it."""
    names = [f"S{at}" for at in range(dice.randint(1, 3))]
    types: dict[str, Any] = {}
    for at, name in enumerate(names):
        rows = [{"name": f"m{n}", "type": _kind(dice)} for n in range(dice.randint(1, 4))]
        if at + 1 < len(names):
            rows.append({"name": "part", "type": names[at + 1] + dice.choice(("", "[]", "[2]"))})
        types[name] = rows
    members = [each for each in DOMAIN if dice.random() < 0.7] or DOMAIN[:1]
    given = {
        "name": "A",
        "version": "1",
        "chainId": dice.choice((1, 2**53 - 1)),
        "verifyingContract": str(address.spell(dice.randbytes(20))),
    }
    return {
        "types": {"EIP712Domain": members, **types},
        "primaryType": "S0",
        "domain": {each["name"]: given[each["name"]] for each in members},
        "message": _filled("S0", types, dice),
    }


def _kind(dice: random.Random) -> str:
    return dice.choice(_KINDS) + dice.choice(("", "", "[]", "[2]", "[][2]"))


def _filled(name: str, types: dict[str, Any], dice: random.Random) -> Any:
    if name.endswith("]"):
        inner, _, size = name[:-1].rpartition("[")
        return [_filled(inner, types, dice) for _ in range(int(size or dice.randint(0, 2)))]
    if name not in types:
        return _value(name, dice)
    return {row["name"]: _filled(row["type"], types, dice) for row in types[name]}


def _numbers(kind: str, value: Any, types: dict[str, Any]) -> Any:
    """As eth_account takes it: numbers as numbers."""
    if isinstance(value, list):
        return [_numbers(kind.rpartition("[")[0], each, types) for each in value]
    if kind in types:
        return {
            row["name"]: _numbers(row["type"], value[row["name"]], types) for row in types[kind]
        }
    return int(value) if kind.startswith(("uint", "int")) else value


def test_eth_account_hashes_the_same() -> None:
    dice = random.Random(3)
    for _ in range(CASES):
        document = _drawn(dice)
        message = _numbers("S0", document["message"], document["types"])
        theirs = encode_typed_data(full_message={**document, "message": message})
        digest = keccak(b"\x19\x01" + theirs.header + theirs.body)
        assert _parse(document).digest == digest, document


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(None, id="nothing"),
        pytest.param({**MAIL, "more": 1}, id="a member more"),
        pytest.param(_changed("message.more", "x"), id="a member more in the message"),
        pytest.param(_changed("domain.salt", "0x" + "00" * 32), id="a member more in the domain"),
        pytest.param(_changed("message.to", None), id="no structure"),
        pytest.param(_changed("message.to.name", 1), id="a number for a text"),
        pytest.param(_changed("message.to.wallet", "0x" + "b" * 40), id="a spelling of an address"),
        pytest.param(_changed("message.to.wallet", "0x"), id="no address"),
        pytest.param(_changed("primaryType", "Person2"), id="no such structure"),
        pytest.param(_changed("primaryType", "EIP712Domain"), id="the domain itself"),
        pytest.param(_changed("primaryType", "Person"), id="a structure that nothing uses"),
        pytest.param(_changed("domain.chainId", "1"), id="a chain id as a text"),
        pytest.param(_changed("message.contents", 1), id="a number"),
        pytest.param(_changed("domain.chainId", 1.0), id="a fraction"),
        pytest.param(_changed("domain.chainId", 2**53), id="a chain id beyond"),
        pytest.param(_changed("domain.chainId", True), id="a truth"),
        pytest.param(_changed("types.EIP712Domain", DOMAIN[::-1]), id="a domain in another order"),
        pytest.param(_changed("types.EIP712Domain", []), id="no domain"),
        pytest.param(
            _changed("types.Person", [{"name": "name", "type": "Mail"}]), id="within itself"
        ),
        pytest.param(
            _changed("types.address", [{"name": "a", "type": "bool"}]), id="a type's name"
        ),
        pytest.param(_changed("types.Person", [{"name": "a", "type": "uint"}]), id="a short name"),
        pytest.param(_changed("types.Person", [{"name": "a b", "type": "bool"}]), id="a space"),
        pytest.param(_changed("types.Person", []), id="an empty structure"),
        pytest.param(
            _changed("types.Person", [{"name": "a", "type": "bool"}] * 2), id="a name twice"
        ),
    ],
)
def test_what_is_not_exactly_typed_data_is_refused(document: Any) -> None:
    with pytest.raises(MalformedTransaction):
        _parse(document)


@pytest.mark.parametrize(
    "payload",
    [
        _bytes(MAIL) + b" ",
        json.dumps(MAIL).encode(),
        _bytes(MAIL).replace(b'{"domain"', b'{"domain":{},"domain"'),
        _bytes(MAIL).replace(b"Hello", b"\\u0048ello"),
        _bytes(MAIL).replace(b"Hello", b"\\ud800"),
        _bytes(MAIL).replace(b'"chainId":1', b'"chainId":NaN'),
        b"\xff",
        b"[" * 100_000,
        b" " * (64 * 1024 + 1),
    ],
)
def test_another_spelling_is_refused(payload: bytes) -> None:
    with pytest.raises(MalformedTransaction):
        parse(payload, _octets)


def test_structures_that_name_each_other_many_times_are_looked_at_once() -> None:
    """Sixty in a row, each with many parts of the next, are more ways than there are atoms."""
    names = [f"S{at}" for at in range(60)]
    types: dict[str, Any] = {"EIP712Domain": DOMAIN[:1]}
    for name, inner in pairwise(names):
        types[name] = [{"name": f"m{n}", "type": f"{inner}[]"} for n in range(10)]
    types[names[-1]] = [{"name": "a", "type": "bool"}]
    message: dict[str, Any] = {f"m{n}": [] for n in range(10)}
    document = {"types": types, "primaryType": "S0", "domain": {"name": "A"}, "message": message}
    assert len(_parse(document).digest) == 32
