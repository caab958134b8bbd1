"""What accounts of an EVM network tell contracts: `chains.contracts.calling` with its addresses and
what is submitted for others. Pure."""

from __future__ import annotations

from chains.contracts.calling import Calling
from chains.evm import address, carrying, erc20
from chains.evm.permits import octets
from chains.networks import Network


def calling_of(network: Network) -> Calling:
    return Calling(network, erc20.NAMESPACE, address.spell, octets, _parsed, carrying)


def _parsed(text: str) -> bytes:
    return address.to_bytes(address.parse(text))
