"""Types of Solidity's contract ABI, read from their names. Pure.

What is left out has no words here and is refused: `function`, `fixed` and `ufixed`, arrays of no
elements and tuples of no members. So every value takes at least one word, and the number of values
in calldata is bounded by its length.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from chains.errors import MalformedDescription

WORD: Final = 32
DEPTH_MAX: Final = 8
"""Arrays and tuples within each other."""
_ELEMENTS_MAX: Final = 1024
"""Of an array with a fixed length, and words in the head of one value."""
_BITS_MAX: Final = 256
_SIZED: Final = re.compile(r"(uint|int|bytes)([1-9][0-9]{0,2})", re.ASCII)
_ARRAY: Final = re.compile(r"(.+)\[([1-9][0-9]{0,3})?\]", re.ASCII | re.DOTALL)


class Kind(Enum):
    UINT = "uint"
    INT = "int"
    BOOL = "bool"
    ADDRESS = "address"
    BYTES_N = "bytesN"
    BYTES = "bytes"
    STRING = "string"
    ARRAY = "array"
    """`size` elements, or as many as the value says where `size` is None."""
    TUPLE = "tuple"
    PATH = "path"
    """Octets that are a way through the pools of Uniswap v3, read as `PATH` says."""


@dataclass(frozen=True, slots=True)
class Type:
    """`size`: bits of a number, octets of bytesN, elements of an array. `members`: of a tuple, each
    with its name (which may be empty); of an array, its one element."""

    kind: Kind
    size: int | None = None
    members: tuple[tuple[str, Type], ...] = ()

    @property
    def name(self) -> str:
        """The one that a selector is made of ("Function Selector")."""
        if self.kind is Kind.TUPLE:
            return f"({','.join(each.name for _, each in self.members)})"
        if self.kind is Kind.ARRAY:
            return f"{self.element.name}[{'' if self.size is None else self.size}]"
        if self.kind is Kind.PATH:
            return Kind.BYTES.value
        if self.kind is Kind.BYTES_N:
            return f"bytes{self.size}"
        return f"{self.kind.value}{self.size or ''}"

    @property
    def element(self) -> Type:
        return self.members[0][1]

    @property
    def is_dynamic(self) -> bool:
        """Whether what stands in the head is an offset ("Formal Specification of the Encoding")."""
        if self.kind in (Kind.BYTES, Kind.STRING, Kind.PATH):
            return True
        if self.kind is Kind.ARRAY and self.size is None:
            return True
        return any(each.is_dynamic for _, each in self.members)

    @property
    def head(self) -> int:
        """Octets that it takes in the head of what it is a part of."""
        return WORD if self.is_dynamic else WORD * self._words

    @property
    def _words(self) -> int:
        """Of a static type."""
        times = self.size or 1 if self.kind is Kind.ARRAY else 1
        return times * sum(each._words for _, each in self.members) if self.members else 1


_PLAIN: Final = {
    "bool": Type(Kind.BOOL),
    "address": Type(Kind.ADDRESS),
    "bytes": Type(Kind.BYTES),
    "string": Type(Kind.STRING),
    "uint": Type(Kind.UINT, _BITS_MAX),
    "int": Type(Kind.INT, _BITS_MAX),
}


FEE_BYTES: Final = 3
PATH: Final = Type(
    Kind.PATH,
    None,
    (
        ("first", _PLAIN["address"]),
        ("fees", Type(Kind.ARRAY, None, (("", Type(Kind.UINT, 8 * FEE_BYTES)),))),
        ("through", Type(Kind.ARRAY, None, (("", _PLAIN["address"]),))),
        ("last", _PLAIN["address"]),
    ),
)
"""`fees`: of each pool, in hundredths of a basis point. `through`: the tokens between. Swaps of an
exact input begin with the token that is paid, those of an exact output with the one bought."""


def parse_type(name: str, components: Sequence[tuple[str, Type]] = ()) -> Type:
    """A JSON fragment's `type`; `components`: what it says of a tuple's members. Raises
    MalformedDescription."""
    return _bounded(_parsed(name, tuple(components)))


def _parsed(name: str, components: tuple[tuple[str, Type], ...]) -> Type:
    if found := _ARRAY.fullmatch(name):
        size = int(found[2]) if found[2] else None
        return Type(Kind.ARRAY, size, (("", _parsed(found[1], components)),))
    if name == "tuple":
        if not components:
            raise MalformedDescription("a tuple without members")
        return Type(Kind.TUPLE, None, components)
    if components:
        raise MalformedDescription(f"{name!r} has no components")
    if name in _PLAIN:
        return _PLAIN[name]
    if found := _SIZED.fullmatch(name):
        return _sized(found[1], int(found[2]), name)
    raise MalformedDescription(f"{name!r} is no type that has words here")


def _sized(kind: str, size: int, name: str) -> Type:
    if kind == "bytes":
        if size <= WORD:
            return Type(Kind.BYTES_N, size)
    elif size <= _BITS_MAX and size % 8 == 0:
        return Type(Kind(kind), size)
    raise MalformedDescription(f"{name!r} is no type that has words here")


def _bounded(found: Type, depth: int = 0) -> Type:
    if depth > DEPTH_MAX:
        raise MalformedDescription(f"types within types, more than {DEPTH_MAX} deep")
    for _, each in found.members:
        _bounded(each, depth + 1)
    too_many = found.kind is Kind.ARRAY and (found.size or 0) > _ELEMENTS_MAX
    if too_many or (not found.is_dynamic and found.head > WORD * _ELEMENTS_MAX):
        raise MalformedDescription(f"more than {_ELEMENTS_MAX} elements of a fixed number")
    return found
