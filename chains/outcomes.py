"""What a call may do to the balances of who makes it: bounds that people agree to. Pure.

A bound is about the paying address and one asset, base units, without the fee: the balance grows by
at least so much, or shrinks by at most so much; or `spender` may take at most so much of the asset
afterwards. Once a call has a bound, its list is closed: an asset that no bound names must not
shrink, coins shrink by at most what goes with the call, and no allowance that none names may grow.

In a mandate a bound is JSON (RFC 8785) with one spelling, and bounds stand in one order. Each has a
strength, which is no part of it: whoever reads it finds out what holds it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Any, Final

from chains.effects import Call
from chains.errors import MalformedOutcome
from chains.model import Address, AssetId, NetworkId

BOUNDS_MAX: Final = 64
UNITS_MAX: Final = 2**256 - 1
_UNITS: Final = re.compile(r"0|[1-9][0-9]{0,77}", re.ASCII)
_ID: Final = re.compile(r"[!-~]{1,255}", re.ASCII)
_LEAST: Final = frozenset({"asset", "at_least"})
_MOST: Final = frozenset({"asset", "at_most"})
_SPENDER: Final = frozenset({"asset", "spender", "at_most"})


class Strength(StrEnum):
    """What holds a bound, the strongest first."""

    ENFORCED = "enforced"
    """The bytes that are signed: whoever signs reads it in them."""
    SIMULATED = "simulated"
    """A node of the approver's own showed it, before."""
    STATED = "stated"
    """Custody's word."""


@dataclass(frozen=True, slots=True)
class Bound:
    """Base units. Either `at_least` (> 0: the balance grows by that or more) or `at_most` (it
    shrinks by that or less; with `spender`: what that one may take afterwards)."""

    asset: AssetId
    at_least: int | None = None
    at_most: int | None = None
    spender: Address | None = None

    @property
    def units(self) -> int:
        return (self.at_most if self.at_least is None else self.at_least) or 0

    @property
    def subject(self) -> tuple[AssetId, Address]:
        return self.asset, self.spender or Address("")


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a spender may take, base units."""

    before: int
    after: int


Changes = Mapping[AssetId, int]
"""Of balances, base units, less than 0 where one shrinks, without the fee; none of 0."""
Allowances = Mapping[tuple[AssetId, Address], Allowance]
"""Those that differ, by asset and spender."""


@dataclass(frozen=True, slots=True)
class Breach:
    """What is out of bounds. `units`: what was found: a change, or with `spender` an allowance.
    `bound`: None where none names it."""

    asset: AssetId
    units: int
    bound: Bound | None
    spender: Address | None = None

    def __str__(self) -> str:
        if self.spender is not None:
            most = 0 if self.bound is None else self.bound.units
            who = f"{self.spender} could take {self.units} of {self.asset}"
            return f"{who}, at most {most} was agreed"
        moved = f"{self.asset} changes by {self.units}"
        if self.bound is None:
            return f"{moved}, and nobody agreed to that"
        word = "at least" if self.bound.at_most is None else "at most"
        way = "in" if self.bound.at_most is None else "out"
        return f"{moved}, {word} {self.bound.units} {way} was agreed"


def write(bounds: Iterable[Bound]) -> tuple[str, ...]:
    """In the one order and spelling. Raises MalformedOutcome for what `read` refuses."""
    ordered = sorted(bounds, key=lambda each: each.subject)
    written = tuple(_spell(each) for each in ordered)
    read(written)
    return written


def read(outcome: Sequence[str], network: NetworkId | None = None) -> tuple[Bound, ...]:
    """The inverse of `write`. `network`: whose assets they must be, if that is known. Raises
    MalformedOutcome for another spelling or order, and for two bounds of one thing."""
    if len(outcome) > BOUNDS_MAX:
        raise MalformedOutcome(f"more than {BOUNDS_MAX} bounds")
    bounds = tuple(_read(each) for each in outcome)
    subjects = [each.subject for each in bounds]
    if any(one >= other for one, other in pairwise(subjects)):
        raise MalformedOutcome("bounds out of order, or two of one thing")
    if network is not None and any(not each.asset.startswith(f"{network}/") for each in bounds):
        raise MalformedOutcome("a bound of another network's asset")
    return bounds


def taken_by(call: Call, native: AssetId) -> Mapping[AssetId, int]:
    """The most that the contract takes of tokens, by asset: what the call's description says, or
    the bound that people agreed to."""
    taken: dict[AssetId, int] = {}
    for asset, units in call.moves:
        if asset != native and units:  # coins go as its value and in no other way
            taken[asset] = taken.get(asset, 0) + units
    for bound in read(call.outcome):
        if bound.at_most is not None and bound.spender is None and bound.asset != native:
            taken[bound.asset] = bound.at_most
    return taken


def breaches(
    bounds: Sequence[Bound],
    native: AssetId,
    value: int,
    changes: Changes,
    allowances: Allowances,
) -> tuple[Breach, ...]:
    """What of it is out of `bounds`; nothing where there are none. `value`: the coins that go with
    the call."""
    return tuple(_breaches(bounds, native, value, changes, allowances)) if bounds else ()


def _breaches(
    bounds: Sequence[Bound],
    native: AssetId,
    value: int,
    changes: Changes,
    allowances: Allowances,
) -> Iterator[Breach]:
    balances = {each.asset: each for each in bounds if each.spender is None}
    for asset in sorted({*balances, *changes}):
        bound, change = balances.get(asset), changes.get(asset, 0)
        if bound is not None and bound.at_least is not None:
            holds = change >= bound.at_least
        elif bound is not None:
            holds = change >= -bound.units
        else:
            holds = change >= (-value if asset == native else 0)
        if not holds:
            yield Breach(asset, change, bound)
    named = {each.subject: each for each in bounds if each.spender is not None}
    for (asset, spender), allowance in sorted(allowances.items(), key=lambda each: each[0]):
        bound = named.get((asset, spender))
        most = allowance.before if bound is None else bound.units
        if allowance.after > most:
            yield Breach(asset, allowance.after, bound, spender)


def _spell(bound: Bound) -> str:
    row: dict[str, str] = {"asset": bound.asset}
    if bound.spender is not None:
        row["spender"] = bound.spender
    row["at_most" if bound.at_least is None else "at_least"] = str(bound.units)
    return json.dumps(row, sort_keys=True, separators=(",", ":"))


def _read(text: str) -> Bound:
    try:
        row: Any = json.loads(text)
    except ValueError as error:
        raise MalformedOutcome("a bound that is no JSON") from error
    if not isinstance(row, dict) or not all(isinstance(each, str) for each in row.values()):
        raise MalformedOutcome("a bound that is no table of texts")
    if row.keys() not in (_LEAST, _MOST, _SPENDER):
        raise MalformedOutcome("a bound has an asset and either at_least or at_most")
    units = str(row.get("at_least", row.get("at_most")))
    if (
        _UNITS.fullmatch(units) is None
        or int(units) > UNITS_MAX
        or units == row.get("at_least") == "0"
    ):
        raise MalformedOutcome("a bound's number is decimal digits, and at_least more than 0")
    if any(_ID.fullmatch(row[each]) is None for each in row.keys() & {"asset", "spender"}):
        raise MalformedOutcome("a bound's name that is none")
    least, most = row.get("at_least"), row.get("at_most")
    bound = Bound(
        AssetId(row["asset"]),
        None if least is None else int(least),
        None if most is None else int(most),
        Address(row["spender"]) if "spender" in row else None,
    )
    if _spell(bound) != text:
        raise MalformedOutcome("a bound in another spelling")
    return bound
