"""Which chains this signer can sign for: the one list, to be found by searching for it.

Pure halves only. A family that is not named here cannot be signed for, whatever anybody configures.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from chains.catalogue import codec_of, find_network
from chains.codec import TransactionCodec
from chains.model import NetworkId
from chains.networks import Family

SIGNED_FOR: Final = frozenset(map(Family, ("bitcoin", "evm", "tron", "solana")))


def codecs_for(names: Iterable[str]) -> dict[NetworkId, TransactionCodec]:
    """One codec for each enabled network, by id. `names`: aliases or ids. Raises KeyError, also
    for a network of a family that is not signed for."""
    networks = [find_network(name) for name in names]
    for network in networks:
        if network.family not in SIGNED_FOR:
            raise KeyError(network.alias)
    return {network.id: codec_of(network.id) for network in networks}
