"""A contract's function, from the JSON fragment that compilers write, and its calldata. Pure.

Solidity's contract ABI, "JSON" and "Function Selector". A fragment names the arguments; nothing in
the calldata does. So whose fragment is believed decides what people are shown.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from chains.abi import selector
from chains.contracts.types import Type, parse_type
from chains.contracts.values import Value, decode, encode
from chains.errors import MalformedDescription, MalformedTransaction

SELECTOR_BYTES: Final = 4
_INPUTS_MAX: Final = 64
_DEPTH_MAX: Final = 8
_NAME: Final = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]{0,63}", re.ASCII)
_MEMBERS: Final = frozenset({"type", "name", "inputs", "stateMutability"})
_PASSED_OVER: Final = frozenset({"outputs", "constant", "payable", "gas"})
"""What it returns, and what compilers wrote before `stateMutability`."""
_ARGUMENT: Final = frozenset({"name", "type", "components", "internalType"})
_CHANGES: Final = {"payable": True, "nonpayable": False}
_READS: Final = frozenset({"view", "pure"})


@dataclass(frozen=True, slots=True)
class Function:
    """`arguments`: each with its name. `payable`: native coins may go with a call. `changes`: it is
    more than a question (neither `view` nor `pure`)."""

    name: str
    arguments: tuple[tuple[str, Type], ...]
    payable: bool
    changes: bool

    @property
    def signature(self) -> str:
        return f"{self.name}({','.join(each.name for each in self._types)})"

    @property
    def selector(self) -> bytes:
        return selector(self.signature)

    @property
    def _types(self) -> tuple[Type, ...]:
        return tuple(each for _, each in self.arguments)

    def read(self, data: bytes) -> tuple[Value, ...]:
        """The arguments of a call of it. Raises MalformedTransaction for any other calldata, and
        for what `call` would spell differently."""
        if data[:SELECTOR_BYTES] != self.selector:
            raise MalformedTransaction(f"no call of {self.signature}")
        return decode(self._types, data[SELECTOR_BYTES:])

    def call(self, values: Sequence[Value]) -> bytes:
        """Raises ValueError for values that are none of its arguments'."""
        return self.selector + encode(self._types, values)


def parse_function(fragment: object) -> Function:
    """Raises MalformedDescription for what is no function, and for a member that nobody here
    knows."""
    row = _table(fragment, _MEMBERS, _PASSED_OVER)
    if row["type"] != "function":
        raise MalformedDescription("not a function")
    mutability = row["stateMutability"]
    if mutability not in _CHANGES and mutability not in _READS:
        raise MalformedDescription("stateMutability: none that there is")
    return Function(
        _name(row["name"]),
        _arguments(row["inputs"]),
        _CHANGES.get(mutability, False),
        mutability in _CHANGES,
    )


def _arguments(rows: object, depth: int = 0) -> tuple[tuple[str, Type], ...]:
    """An argument without a name has its place for one, from 0 on."""
    if not isinstance(rows, list) or len(rows) > _INPUTS_MAX or depth > _DEPTH_MAX:
        raise MalformedDescription(f"not a list of up to {_INPUTS_MAX} arguments")
    found = dict[str, Type]()
    for at, each in enumerate(rows):
        row = _table(each, frozenset({"name", "type"}), _ARGUMENT)
        name = str(at) if row["name"] == "" else _name(row["name"])
        if name in found:
            raise MalformedDescription(f"two arguments called {name}")
        found[name] = _type(row, depth)
    return tuple(found.items())


def _type(row: Mapping[str, Any], depth: int) -> Type:
    if not isinstance(row["type"], str):
        raise MalformedDescription("a type is a text")
    if "components" not in row:
        return parse_type(row["type"])
    parts = _arguments(row["components"], depth + 1)
    if not parts:
        raise MalformedDescription("a tuple without members")
    return parse_type(row["type"], parts)


def _table(row: object, needed: frozenset[str], known: frozenset[str]) -> Mapping[str, Any]:
    if not isinstance(row, Mapping) or not needed <= row.keys() <= needed | known:
        raise MalformedDescription(f"not a table with {', '.join(sorted(needed))}")
    return row


def _name(value: object) -> str:
    if not isinstance(value, str) or _NAME.fullmatch(value) is None:
        raise MalformedDescription("a name that is no identifier of up to 64 letters")
    return value
