"""What an asset is, and amounts of it. Which there are is in `catalogue.py`.

The one place where decimals meet base units: what people type becomes an integer here, and what
they are shown comes from here. Nothing is ever rounded. Knows no node and no code of any chain.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, NewType

from chains.errors import MalformedAmount, NegativeAmount, TooManyDecimals, ZeroAmount
from chains.model import AssetId, NetworkId

_DECIMAL: Final = re.compile(r"-?(?P<whole>[0-9]{1,78})(\.(?P<fraction>[0-9]{1,78}))?", re.ASCII)
_INTEGER: Final = re.compile(r"-?[0-9]{1,78}", re.ASCII)


AssetKind = NewType("AssetKind", str)
"""`NATIVE`, or a token kind that a family's schema names."""
NATIVE: Final = AssetKind("native")


@dataclass(frozen=True, slots=True)
class Asset:
    """`decimals` places shift base units to the unit people use; `maximum` bounds any amount.
    `traits`: what sets a token apart from what its kind promises. `domain`: name and version under
    which its holders sign what others submit (EIP-712), None where they can't."""

    id: AssetId
    network: NetworkId
    kind: AssetKind
    symbol: str
    name: str
    decimals: int
    maximum: int
    traits: frozenset[str] = frozenset()
    domain: tuple[str, str] | None = None


WITHHOLDS: Final = "transfer-fee"
"""The trait of tokens of which less arrives than was sent, in every family."""


@dataclass(frozen=True, slots=True)
class TokenSaid:
    """What a token's contract says of itself, which proves nothing. None: nothing that can be
    shown. `kind`: where the asset's id does not tell it; `maximum`: where its kind has less than
    every chain could say. `traits`: by name, what sets it apart. `domain`: as an asset's."""

    symbol: str | None
    name: str | None
    decimals: int | None
    kind: AssetKind | None = None
    maximum: int = 2**256 - 1
    traits: frozenset[str] = frozenset()
    domain: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Amount:
    """`units` base units of `asset`, zero or more. Carries its decimals to every reader and is
    never sent with them: the wire has the asset's id and the units."""

    asset: Asset
    units: int

    @classmethod
    def parse(cls, asset: Asset, text: str) -> Amount:
        """Of a decimal string like ``0.015``: no sign but minus, no exponent, no spaces.

        Raises MalformedAmount, NegativeAmount, ZeroAmount or TooManyDecimals.
        """
        match = _DECIMAL.fullmatch(text)
        if match is None:
            raise MalformedAmount("not a decimal number like 0.015")
        fraction = match["fraction"] or ""
        if len(fraction) > asset.decimals:
            raise TooManyDecimals(f"at most {asset.decimals} decimal places")
        units = int(match["whole"] + fraction.ljust(asset.decimals, "0"))
        return cls(asset, _positive(units, text))

    @classmethod
    def parse_base_units(cls, asset: Asset, text: str) -> Amount:
        """Of an integer written as a string. Raises as `parse`."""
        if _INTEGER.fullmatch(text) is None:
            raise MalformedAmount("not a whole number of base units")
        return cls(asset, _positive(int(text), text))

    @property
    def decimal(self) -> str:
        """Exact, without trailing zeros: 1500000 of six decimals is ``1.5``."""
        assert self.units >= 0
        digits = str(self.units).rjust(self.asset.decimals + 1, "0")
        point = len(digits) - self.asset.decimals
        whole, fraction = digits[:point], digits[point:].rstrip("0")
        return f"{whole}.{fraction}" if fraction else whole

    def __str__(self) -> str:
        """As people read it: ``0.015 BTC``."""
        return f"{self.decimal} {self.asset.symbol}"


def signed_decimal(asset: Asset, units: int) -> str:
    """`Amount.decimal`, with a minus below zero: of books that are broken, and of differences."""
    sign = "-" if units < 0 else ""
    return f"{sign}{Amount(asset, abs(units)).decimal}"


def _positive(units: int, text: str) -> int:
    if text.startswith("-"):
        raise NegativeAmount("the amount is below zero")
    if units == 0:
        raise ZeroAmount("the amount is zero")
    return units
