"""What accounts of a TRON network tell contracts: `chains.contracts.calling` with its addresses,
where an account is the last 20 bytes of one. Pure."""

from __future__ import annotations

from chains.contracts.calling import Calling
from chains.errors import InvalidAddress
from chains.model import Address
from chains.networks import Network
from chains.tron import ADDRESS_PREFIX, address, trc20


def calling_of(network: Network) -> Calling:
    return Calling(network, trc20.NAMESPACE, spell, _octets, _parsed)


def spell(account: bytes) -> Address:
    return address.to_text(ADDRESS_PREFIX + account)


def _octets(spelled: str) -> bytes:
    try:
        return address.to_bytes(Address(spelled))[1:]
    except InvalidAddress as error:
        raise ValueError(str(error)) from error


def _parsed(text: str) -> bytes:
    return address.to_bytes(address.parse(text))[1:]
