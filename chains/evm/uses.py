"""Which payments that were signed apart a block made, told from logs (EIP-3009, "Events"). Pure,
JSON to JSON where answers are shrunk.

The log names payer and nonce, in whoever's transaction, and the contract writes it only beside the
payment. Which contracts are believed is said by the network's rows. A node that keeps the log back
and shows the payment shows money of ours that nobody explains: that freezes and pays nobody twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from chains.evm import erc20
from chains.evm.address import canonical
from chains.evm.permits import PermitTrait, key_text
from chains.hashes import keccak256
from chains.networks import Network

Told = list[Any]
"""Contract, payer and nonce, in lower case."""
ByTransaction = Mapping[str, Sequence[Told]]

TOPIC: Final = "0x" + keccak256(b"AuthorizationUsed(address,bytes32)").hex()
_TOPICS: Final = 3
_WORD_DIGITS: Final = 2 + 64
_PADDING: Final = "0x" + "00" * 12


def told(logs: Iterable[Any]) -> list[Told]:
    """Of one transaction's logs, in order."""
    return [_told(log) for log in logs if _is_use(log)]


def _is_use(log: Any) -> bool:
    topics = log["topics"]
    return (
        len(topics) == _TOPICS
        and topics[0].lower() == TOPIC
        and all(len(topic) == _WORD_DIGITS for topic in topics)
        and topics[1].startswith(_PADDING)
    )


def _told(log: Any) -> Told:
    _, payer, nonce = (topic.lower() for topic in log["topics"])
    return [log["address"].lower(), "0x" + payer[len(_PADDING) :], nonce[2:]]


def keys(network: Network, used: Iterable[Told]) -> Iterator[str]:
    """As `Block.consumed` has them: of contracts that are listed with the trait."""
    for contract, payer, nonce in used:
        asset = network.tokens.get(erc20.asset_of(network.id, canonical(contract)))
        if asset is not None and PermitTrait.EIP3009 in asset.traits:
            token = erc20.contract_of(network.id, asset.id)
            yield key_text(network.id, token, canonical(payer), nonce)
