"""Networks as people name them on a command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.cli.output import Misuse

if TYPE_CHECKING:
    from chains.catalogue import Catalogue
    from chains.networks import Network


def named_network(name: str, catalogue: Catalogue) -> Network:
    """By alias or CAIP-2 id. Raises Misuse."""
    try:
        return catalogue.find_network(name)
    except KeyError:
        known = ", ".join(catalogue.aliases)
        raise Misuse(f"unknown network {name}; there are {known}") from None
