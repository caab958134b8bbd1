"""What a row about a network may say, family by family; and strict readers of its members.

A family's folder declares its own part as one `FamilySchema`. A member, cost kind or trait that it
does not name is refused: nobody believes in a row that this program does not understand. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from chains.assets import AssetKind
from chains.costs import CostKind
from chains.errors import NetworkInvalid
from chains.model import Address, AddressType
from chains.networks import Network

T = TypeVar("T")
Value = str | int

HARDENED_MAX: Final = 2**31 - 1
"""Highest number of a hardened step in a path (BIP-32), and so of a coin type (SLIP-44)."""
SAFE_INTEGER_MAX: Final = 2**53 - 1
"""Largest integer that every JSON reader keeps exactly (RFC 8785, 3.2.2.3)."""
_DIGITS: Final = re.compile(r"0|[1-9][0-9]{0,77}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One of a family's own constants. `read` returns the value or raises NetworkInvalid.
    `lasting`: addresses and money hang on it, so that it never changes."""

    read: Callable[[object], Value]
    required: bool = True
    lasting: bool = False


@dataclass(frozen=True, slots=True)
class FamilySchema:
    """`namespace`: of CAIP-2. `reference`: the rest of a network's id, as its parameters imply it.
    `token_kinds`: of assets beside the native one, each with what the asset's part of its id begins
    with (CAIP-19). `cost_kinds`: what a transaction may cost.
    `traits`: what code of the family's folder a row may ask for by name, with the cost kinds that
    each brings. `token_traits`: what an asset's row may say that sets the token apart, by its kind.
    `signed_traits`: those of them that need the domain which a holder signs for.
    `reads`: selectors of functions that the house itself reads at an address, which nobody
    describes; None where contracts have no descriptions.
    `one_key_one_network`: the bytes that are signed don't name their network, so a key
    must not be used on two (SLIP-44: type 1 is any test network's)."""

    namespace: str
    reference: Callable[[Mapping[str, Value]], str]
    address_types: frozenset[AddressType]
    token_kinds: Mapping[AssetKind, str]
    cost_kinds: frozenset[CostKind]
    parameters: Mapping[str, Parameter]
    traits: Mapping[str, frozenset[CostKind]] = field(default_factory=dict)
    token_traits: Mapping[AssetKind, frozenset[str]] = field(default_factory=dict)
    signed_traits: frozenset[str] = frozenset()
    reads: Callable[[Network, Address], frozenset[bytes]] | None = None
    one_key_one_network: bool = False

    @property
    def lasting(self) -> frozenset[str]:
        """Names of the parameters that never change."""
        return frozenset(name for name, each in self.parameters.items() if each.lasting)


def located(row: str, member: str, read: Callable[[], T]) -> T:
    """What `read` returns; its complaint gets the names of row and member."""
    try:
        return read()
    except NetworkInvalid as error:
        path = ".".join(part for part in (member, error.member) if part)
        raise NetworkInvalid(error.why, row=row, member=path) from error


def members(row: object, required: frozenset[str], optional: frozenset[str]) -> Mapping[str, Any]:
    """`row` if it is a table with all of the one and none but both."""
    if not isinstance(row, Mapping):
        raise NetworkInvalid("not a table")
    for name in sorted(required - row.keys()):
        raise NetworkInvalid("missing", member=name)
    for name in sorted(row.keys() - required - optional):
        raise NetworkInvalid("there is no such member", member=name)
    return row


def whole(minimum: int, maximum: int) -> Callable[[object], int]:
    """A reader of integers in a range, both ends included."""

    def read(value: object) -> int:
        if type(value) is not int or not minimum <= value <= maximum:
            raise NetworkInvalid(f"a whole number from {minimum} to {maximum}")
        return value

    return read


def matching(pattern: str, like: str) -> Callable[[object], str]:
    """A reader of text. `like`: an example, for people."""
    compiled = re.compile(pattern, re.ASCII)

    def read(value: object) -> str:
        if not isinstance(value, str) or compiled.fullmatch(value) is None:
            raise NetworkInvalid(f"text like {like}")
        return value

    return read


def one_of(*names: str) -> Callable[[object], str]:
    """A reader of one of these names."""

    def read(value: object) -> str:
        if not isinstance(value, str) or value not in names:
            raise NetworkInvalid(f"one of {', '.join(names)}" if names else "there is none")
        return value

    return read


def units(value: object) -> int:
    """Base units, as decimal digits in a string: JSON's numbers are too small for them."""
    if not isinstance(value, str) or _DIGITS.fullmatch(value) is None:
        raise NetworkInvalid("a whole number of base units in quotes")
    return int(value)


def listed(value: object, read: Callable[[object], T]) -> tuple[T, ...]:
    """A list of distinct values."""
    if not isinstance(value, list):
        raise NetworkInvalid("not a list")
    found = tuple(read(each) for each in value)
    if len(set(found)) != len(found):
        raise NetworkInvalid("the same twice")
    return found


COIN_TYPE: Final = Parameter(whole(0, HARDENED_MAX), lasting=True)
"""SLIP-44: which keys are the network's."""
