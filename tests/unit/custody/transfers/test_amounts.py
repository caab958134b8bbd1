"""Amounts: exact both ways, never rounded, and every wrong one has its own code."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from custody.errors import Invalid
from custody.transfers.amounts import format_decimal, parse_base_units, parse_decimal


@pytest.mark.parametrize(
    ("text", "decimals", "units"),
    [
        ("1", 8, 100_000_000),
        ("0.00000001", 8, 1),
        ("1.5", 6, 1_500_000),
        ("1.50", 6, 1_500_000),
        ("007", 0, 7),
        ("123456789.123456789012345678", 18, 123456789123456789012345678),
    ],
)
def test_decimal(text: str, decimals: int, units: int):
    assert parse_decimal(text, decimals) == units


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "amount_malformed"),
        (".5", "amount_malformed"),
        ("5.", "amount_malformed"),
        ("+1", "amount_malformed"),
        ("1e3", "amount_malformed"),
        ("1,5", "amount_malformed"),
        (" 1", "amount_malformed"),
        ("1\n", "amount_malformed"),
        ("٣", "amount_malformed"),
        ("0x10", "amount_malformed"),
        ("NaN", "amount_malformed"),
        ("1" * 79, "amount_malformed"),
        ("-1", "amount_negative"),
        ("-0", "amount_negative"),
        ("0", "amount_zero"),
        ("0.000", "amount_zero"),
        ("0.000000001", "amount_too_many_decimals"),
        ("1.000000000", "amount_too_many_decimals"),
    ],
)
def test_bad_decimals(text: str, code: str):
    with pytest.raises(Invalid) as refused:
        parse_decimal(text, 8)
    assert (refused.value.code, refused.value.field) == (code, "amount")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("1.0", "amount_malformed"),
        ("", "amount_malformed"),
        ("1_000", "amount_malformed"),
        ("-5", "amount_negative"),
        ("0", "amount_zero"),
    ],
)
def test_bad_base_units(text: str, code: str):
    with pytest.raises(Invalid) as refused:
        parse_base_units(text)
    assert refused.value.code == code


@given(st.integers(1, 2**256 - 1), st.integers(0, 30))
def test_there_and_back(units: int, decimals: int):
    text = format_decimal(units, decimals)
    assert parse_decimal(text, decimals) == units
    assert Fraction(text) * 10**decimals == units
    assert parse_base_units(str(units)) == units
