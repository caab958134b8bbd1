"""Which chains this signer can sign for: the one list, to be found by searching for it.

Pure halves only. A family that is not named here cannot be signed for, whatever anybody configures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from chains.bitcoin.codec import BitcoinCodec
from chains.codec import TransactionCodec
from chains.evm.codec import EvmCodec
from chains.model import NetworkId
from chains.networks import Family, Network, find_network
from chains.solana.codec import SolanaCodec
from chains.tron.codec import TronCodec

CODECS: Final[Mapping[Family, Callable[[Network], TransactionCodec]]] = {
    Family.BITCOIN: BitcoinCodec,
    Family.EVM: EvmCodec,
    Family.TRON: TronCodec,
    Family.SOLANA: SolanaCodec,
}


def codecs_for(names: Iterable[str]) -> dict[NetworkId, TransactionCodec]:
    """One codec for each enabled network, by id. `names`: aliases or ids. Raises KeyError."""
    networks = [find_network(name) for name in names]
    return {network.id: CODECS[network.family](network) for network in networks}
