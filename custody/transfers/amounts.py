"""Amounts between the decimal strings people write and the integers we count in. Pure.

Nothing is ever rounded: what does not fit the asset's decimals is an error (`Invalid` with a
code of its own), and formatting is exact.
"""

from __future__ import annotations

import re

from custody.errors import Invalid

_DECIMAL = re.compile(r"-?(?P<whole>[0-9]{1,78})(\.(?P<fraction>[0-9]{1,78}))?", re.ASCII)
_INTEGER = re.compile(r"-?[0-9]{1,78}", re.ASCII)


def parse_decimal(text: str, decimals: int, field: str = "amount") -> int:
    """Base units of a decimal string like ``0.015``: no sign but minus, no exponent, no spaces.

    Raises Invalid: amount_malformed, amount_negative, amount_zero, amount_too_many_decimals.
    """
    match = _DECIMAL.fullmatch(text)
    if match is None:
        raise Invalid("amount_malformed", "not a decimal number like 0.015", field=field)
    fraction = match["fraction"] or ""
    if len(fraction) > decimals:
        raise Invalid("amount_too_many_decimals", f"at most {decimals} decimal places", field=field)
    units = int(match["whole"] + fraction.ljust(decimals, "0"))
    return _positive(units, text.startswith("-"), field)


def parse_base_units(text: str, field: str = "amount_base_units") -> int:
    """A positive integer written as a string. Raises Invalid with the codes above."""
    if _INTEGER.fullmatch(text) is None:
        raise Invalid("amount_malformed", "not a whole number of base units", field=field)
    return _positive(int(text), text.startswith("-"), field)


def format_decimal(units: int, decimals: int) -> str:
    """The exact decimal string, without trailing zeros: ``1500000`` with 6 is ``1.5``."""
    assert units >= 0 and decimals >= 0
    digits = str(units).rjust(decimals + 1, "0")
    whole, fraction = digits[: len(digits) - decimals], digits[len(digits) - decimals :]
    fraction = fraction.rstrip("0")
    return f"{whole}.{fraction}" if fraction else whole


def _positive(units: int, negative: bool, field: str) -> int:
    if negative:
        raise Invalid("amount_negative", "the amount is below zero", field=field)
    if units == 0:
        raise Invalid("amount_zero", "the amount is zero", field=field)
    return units
