"""Networks as people name them on a command line."""

from __future__ import annotations

from chains.catalogue import all_networks, find_network
from chains.networks import Network
from custody.cli.output import Misuse


def named_network(name: str) -> Network:
    """By alias or CAIP-2 id. Raises Misuse."""
    try:
        return find_network(name)
    except KeyError:
        known = ", ".join(network.alias for network in all_networks().values())
        raise Misuse(f"unknown network {name}; there are {known}") from None
