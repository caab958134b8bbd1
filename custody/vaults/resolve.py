"""Reads an address that somebody typed, and says whose it is when it isn't this network's.

Each codec knows its own family; only here do the families meet, so that a bitcoin address pasted
into an ethereum transfer is called by its name instead of "malformed".
"""

from __future__ import annotations

from chains.catalogue import Catalogue
from chains.errors import InvalidAddress, WrongChecksum, WrongNetwork, ZeroAddress
from chains.families import Codecs
from chains.model import ParsedAddress
from chains.networks import Network


def resolve_address(
    network: Network, text: str, codecs: Codecs, catalogue: Catalogue
) -> ParsedAddress:
    """The canonical form of an address of `network`; white space around it is forgiven.

    Raises InvalidAddress, WrongChecksum, ZeroAddress, or WrongNetwork with a message that names the
    network it belongs to, among all networks we know of.
    """
    typed = text.strip()
    try:
        return codecs[network.family](network).parse_address(typed)
    except (WrongChecksum, ZeroAddress):
        raise
    except InvalidAddress as error:
        owner = _owner(network, typed, codecs, catalogue)
        if owner is None:
            raise
        raise WrongNetwork(
            f"This is an address of {owner.name}, not of {network.name}.",
            advice="check which network the recipient asked for",
        ) from error


def _owner(network: Network, text: str, codecs: Codecs, catalogue: Catalogue) -> Network | None:
    """Another network whose address this is; of several, one in the same environment."""
    others = [other for other in catalogue.networks.values() if other.id != network.id]
    others.sort(key=lambda other: other.environment is not network.environment)
    for other in others:
        try:
            codecs[other.family](other).parse_address(text)
        except InvalidAddress:
            continue
        return other
    return None
