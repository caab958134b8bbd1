"""The pure half of each chain, for commands that read addresses and speak to no node.

The dict is the explicit list of the chains they know.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

from chains.bitcoin.codec import BitcoinCodec
from chains.codec import TransactionCodec
from chains.evm.codec import EvmCodec
from chains.model import NetworkId
from chains.networks import Family, Network, all_networks, find_network
from chains.solana.codec import SolanaCodec
from chains.tron.codec import TronCodec
from custody.cli.output import Misuse

CODECS: Mapping[Family, Callable[[Network], TransactionCodec]] = {
    Family.BITCOIN: BitcoinCodec,
    Family.EVM: EvmCodec,
    Family.TRON: TronCodec,
    Family.SOLANA: SolanaCodec,
}


@cache
def codec_of(network: NetworkId) -> TransactionCodec:
    found = all_networks()[network]
    return CODECS[found.family](found)


def named_network(name: str) -> Network:
    """By alias or CAIP-2 id. Raises Misuse."""
    try:
        return find_network(name)
    except KeyError:
        known = ", ".join(network.alias for network in all_networks().values())
        raise Misuse(f"unknown network {name}; there are {known}") from None
