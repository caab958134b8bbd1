"""What apps ask of an Ethereum wallet (EIP-1193), and what it means here: no I/O, no key.

`faults`: the codes with which a wallet says no. `fields`: how apps spell numbers, bytes and
addresses. `transactions`: what `eth_sendTransaction` wants. `reads`: what may be asked of a node.
"""

from __future__ import annotations

from typing import Final

from chains.networks import Family, Network

FAMILY: Final = Family("evm")


def speaks(network: Network) -> bool:
    """Whether apps ask wallets of this network in these words."""
    return network.family == FAMILY
