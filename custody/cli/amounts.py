"""Amounts as people read them: in the asset's unit, with its symbol."""

from __future__ import annotations

from chains.assets import signed_decimal
from chains.catalogue import Catalogue
from chains.model import AssetId


def in_units(asset: AssetId, base_units: int, catalogue: Catalogue) -> str:
    """``0.015 BTC``; base units, and saying so, for an asset whose decimals are not known here."""
    try:
        known = catalogue.find_asset(asset)
        return f"{signed_decimal(known, base_units)} {known.symbol}"
    except KeyError:
        return f"{base_units} base units of {asset}"
