"""The families of chains that exist, and the pure half of each: the one list of them.

Who reads addresses or bytes of any network asks here. What may be signed for is the signer's own
list (`signer.codecs`), and which nodes are spoken to is that of who composes a process.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Final, Protocol

from chains.bitcoin.codec import BitcoinCodec
from chains.codec import Traits, TransactionCodec
from chains.evm.codec import EvmCodec
from chains.model import NetworkId
from chains.networks import Family, Network, all_networks
from chains.solana.codec import SolanaCodec
from chains.tron.codec import TronCodec


class CodecClass(Protocol):
    """A family's class of codecs, one for each of its networks."""

    @property
    def traits(self) -> Traits: ...

    def __call__(self, network: Network) -> TransactionCodec: ...


Codecs = Mapping[Family, Callable[[Network], TransactionCodec]]

CODECS: Final[Mapping[Family, CodecClass]] = {
    Family.BITCOIN: BitcoinCodec,
    Family.EVM: EvmCodec,
    Family.TRON: TronCodec,
    Family.SOLANA: SolanaCodec,
}


@cache
def codec_of(network: NetworkId) -> TransactionCodec:
    """The codec of a known network, whether or not it is served here. Raises KeyError."""
    found = all_networks()[network]
    return CODECS[found.family](found)


def traits_of(network: Network) -> Traits:
    """How chains like this one differ from others."""
    return CODECS[network.family].traits
