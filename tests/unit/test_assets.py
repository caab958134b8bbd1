"""Amounts: exact both ways, never rounded, every wrong one with its own code. And what there is."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chains.assets import NATIVE, Amount, Asset, AssetKind
from chains.errors import InvalidAmount
from chains.model import AssetId, NetworkId
from tests.support.networks import all_assets, all_networks, assets_of, find_asset


def asset(decimals: int) -> Asset:
    network = NetworkId("eip155:1")
    return Asset(AssetId("eip155:1/x:1"), network, AssetKind("erc20"), "X", "X", decimals, 2**256)


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
    assert Amount.parse(asset(decimals), text).units == units


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
    with pytest.raises(InvalidAmount) as refused:
        Amount.parse(asset(8), text)
    assert refused.value.code == code


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
    with pytest.raises(InvalidAmount) as refused:
        Amount.parse_base_units(asset(8), text)
    assert refused.value.code == code


@given(st.integers(1, 2**256 - 1), st.integers(0, 30))
def test_there_and_back(units: int, decimals: int):
    text = Amount(asset(decimals), units).decimal
    assert Amount.parse(asset(decimals), text).units == units
    assert Fraction(text) * 10**decimals == units
    assert Amount.parse_base_units(asset(decimals), str(units)).units == units


def test_every_network_has_its_native_asset_first():
    for network in all_networks().values():
        native, *others = assets_of(network.id)
        assert native == network.native == find_asset(native.id)
        assert (native.kind, native.network) == (NATIVE, network.id)
        assert all(other.kind != NATIVE for other in others)
    assert {each.network for each in all_assets().values()} == set(all_networks())


def test_an_unknown_asset_is_not_guessed_at():
    with pytest.raises(KeyError):
        find_asset("eip155:1/erc20:0x00")


def test_people_read_the_unit_and_the_symbol():
    assert str(Amount(find_asset("eip155:1/slip44:60"), 15 * 10**15)) == "0.015 ETH"
