"""Tokens that wrap the network's coin, as WETH9 does: what they make and burn, told from logs.
Pure, JSON to JSON where answers are shrunk.

WETH9 writes no Transfer when it makes or burns (ERC-20 asks for none): its `Deposit` says whose
coins became tokens, its `Withdrawal` whose tokens became coins again. The coins themselves are seen
where all coins are. Others write logs of the same name, so only contracts that are listed with the
trait are believed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from chains.evm import erc20, transfers
from chains.evm.address import canonical
from chains.hashes import keccak256
from chains.model import AssetId
from chains.networks import Network

Told = list[Any]
"""Ordinal, contract and account in lower case, and base units, below zero of what was burnt."""
ByTransaction = Mapping[str, Sequence[Told]]

DEPOSIT: Final = "0x" + keccak256(b"Deposit(address,uint256)").hex()
WITHDRAWAL: Final = "0x" + keccak256(b"Withdrawal(address,uint256)").hex()
TOPICS: Final = (DEPOSIT, WITHDRAWAL)
_SIGNS: Final = {DEPOSIT: 1, WITHDRAWAL: -1}
_WORD_DIGITS: Final = 2 + 64
_PADDING: Final = "0x" + "00" * 12


def told(logs: Iterable[Any]) -> list[Told]:
    """Of one transaction's logs, in order. The ordinal counts those with one of the topics, so that
    it is the same whether a node showed these alone or all."""
    found = (log for log in logs if log["topics"] and log["topics"][0].lower() in _SIGNS)
    return [_told(ordinal, log) for ordinal, log in enumerate(found) if _is_one(log)]


def _is_one(log: Any) -> bool:
    topics = log["topics"]
    return (
        len(topics) == 2
        and len(topics[1]) == len(log["data"]) == _WORD_DIGITS
        and topics[1].startswith(_PADDING)
    )


def _told(ordinal: int, log: Any) -> Told:
    topic, account = (each.lower() for each in log["topics"])
    units = _SIGNS[topic] * int(log["data"], 16)
    return [ordinal, log["address"].lower(), "0x" + account[len(_PADDING) :], units]


def movements(network: Network, wrapped: Iterable[Told]) -> Iterator[tuple[str, AssetId, str, int]]:
    """Place, asset, account and base units."""
    for ordinal, contract, account, units in wrapped:
        asset = erc20.asset_of(network.id, canonical(contract))
        if wraps(network, asset):
            yield f"wrap:{ordinal}", asset, account, units


def wraps(network: Network, asset: AssetId) -> bool:
    token = network.tokens.get(asset)
    return token is not None and erc20.CodeTrait.WRAPS in token.traits


def may_be_in(network: Network, bloom: str) -> bool:
    """Whether a block with the filter may have such a log of a listed token."""
    return any(
        transfers.knows(bloom, erc20.contract_of(network.id, asset).lower(), topic)
        for asset in network.tokens
        if wraps(network, asset)
        for topic in TOPICS
    )
