"""Networks and assets as people name them on a command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.cli.output import Misuse

if TYPE_CHECKING:
    from chains.assets import Asset
    from chains.catalogue import Catalogue
    from chains.networks import Network


def named_network(name: str, catalogue: Catalogue) -> Network:
    """By alias or CAIP-2 id. Raises Misuse."""
    try:
        return catalogue.find_network(name)
    except KeyError:
        known = ", ".join(catalogue.aliases)
        raise Misuse(f"unknown network {name}; there are {known}") from None


def named_asset(name: str, catalogue: Catalogue) -> Asset:
    """By CAIP-19 id. Raises Misuse."""
    try:
        return catalogue.find_asset(name)
    except KeyError:
        raise Misuse(f"no asset {name} is known") from None
