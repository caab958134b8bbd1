"""Amounts as people read them: in the asset's unit, with its symbol."""

from __future__ import annotations

from chains.model import AssetId
from chains.networks import all_networks
from custody.transfers.amounts import format_decimal


def in_units(asset: AssetId, base_units: int) -> str:
    """``0.015 BTC``; base units, and saying so, for an asset whose decimals are not known here."""
    for network in all_networks().values():
        if network.native.id == asset:
            unit = network.native
            return f"{format_decimal(base_units, unit.decimals)} {unit.symbol}"
    return f"{base_units} base units of {asset}"
