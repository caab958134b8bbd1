"""The families of chains that exist, and the pure half of each: the one list of them.

Who reads addresses or bytes of any network asks here. What may be signed for is the signer's own
list (`signer.codecs`), and which nodes are spoken to is that of who composes a process.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Protocol

from chains.bitcoin.codec import BitcoinCodec
from chains.codec import Traits, TransactionCodec
from chains.costs import CostKind, Costs
from chains.errors import InvalidAddress
from chains.evm.codec import EvmCodec
from chains.evm.messages import EvmMessages
from chains.messages.errors import MessageKindUnknown
from chains.messages.reading import Family as MessageFamily
from chains.messages.reading import MessageReader
from chains.model import AssetId
from chains.networks import Family, Network
from chains.schema import FamilySchema
from chains.solana.codec import SolanaCodec
from chains.solana.messages import SolanaMessages
from chains.tron.codec import TronCodec
from chains.tron.messages import TronMessages


class CodecClass(Protocol):
    """A family's class of codecs, one for each of its networks. `schema`: what a row about such a
    network may say."""

    @property
    def traits(self) -> Traits: ...

    @property
    def schema(self) -> FamilySchema: ...

    def __call__(self, network: Network) -> TransactionCodec: ...


Codecs = Mapping[Family, Callable[[Network], TransactionCodec]]

CODECS: Final[Mapping[Family, CodecClass]] = {
    Family("bitcoin"): BitcoinCodec,
    Family("evm"): EvmCodec,
    Family("tron"): TronCodec,
    Family("solana"): SolanaCodec,
}


MESSAGES: Final[Mapping[Family, MessageFamily]] = {
    Family("evm"): EvmMessages(),
    Family("tron"): TronMessages(),
    Family("solana"): SolanaMessages(),
}
"""What the addresses of each family sign beside transactions."""


def messages_of(codec: TransactionCodec) -> MessageReader:
    """What tells the messages of a network. Raises MessageKindUnknown where none is signed."""
    family = MESSAGES.get(codec.network.family)
    if family is None:
        raise MessageKindUnknown(f"no messages are signed on {codec.network.name}")
    return MessageReader(codec, family)


def names_token(codec: TransactionCodec, asset: str) -> bool:
    """Whether it is the one spelling of a token of the network, listed or not (CAIP-19)."""
    kinds = CODECS[codec.network.family].schema.token_kinds.values()
    heads = [f"{codec.network.id}/{kind}:" for kind in kinds]
    contract = next((asset.removeprefix(each) for each in heads if asset.startswith(each)), "")
    try:
        return bool(contract) and codec.parse_address(contract).address == contract
    except InvalidAddress:
        return False


def bounds_of(
    network: Network,
    fee_max: int | None = None,
    asset: AssetId | None = None,
    *,
    calls: bool = False,
) -> Costs:
    """`Network.bounds`, with no more rent for a payment of coins than one can cost: to know that
    needs no node, and what is held for nothing is money that can't be used."""
    most, rent = network.bounds(fee_max, asset, calls=calls), (network.native.id, CostKind.RENT)
    limit = traits_of(network).coin_rent_most
    if limit is None or rent not in most or asset not in (None, network.native.id):
        return most
    return {**most, rent: min(most[rent], limit)}


def calls_in(network: Network) -> bool:
    """Whether contracts are called there in words."""
    return CODECS[network.family].schema.reads is not None


def traits_of(network: Network) -> Traits:
    """How chains like this one differ from others."""
    return CODECS[network.family].traits
