"""Tokens that wrap the network's coin, as WETH9 does: what they make and burn, told from logs.
Pure, JSON to JSON where answers are shrunk.

WETH9 writes no Transfer when it makes or burns (ERC-20 asks for none), but logs of its own
(`abi.WRAPS`). The coins themselves are seen where all coins are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from chains import abi
from chains.evm import erc20, transfers
from chains.evm.address import canonical
from chains.model import AssetId
from chains.networks import Network

Told = list[Any]
"""Ordinal, contract and account in lower case, and base units, below zero of what was burnt."""
ByTransaction = Mapping[str, Sequence[Told]]

DEPOSIT: Final = "0x" + abi.DEPOSIT.hex()
WITHDRAWAL: Final = "0x" + abi.WITHDRAWAL.hex()
TOPICS: Final = (DEPOSIT, WITHDRAWAL)


def told(logs: Iterable[Any]) -> list[Told]:
    """Of one transaction's logs, in order. The ordinal counts those with one of the topics, so that
    it is the same whether a node showed these alone or all."""
    return [
        [ordinal, log["address"].lower(), "0x" + made[0], made[1]]
        for ordinal, log in enumerate(each for each in logs if _is_one(each))
        if (made := abi.wrapped([each[2:] for each in log["topics"]], log["data"][2:])) is not None
    ]


def _is_one(log: Any) -> bool:
    return bool(log["topics"]) and log["topics"][0].lower() in TOPICS


def movements(network: Network, wrapped: Iterable[Told]) -> Iterator[tuple[str, AssetId, str, int]]:
    """Place, asset, account and base units."""
    for ordinal, contract, account, units in wrapped:
        asset = erc20.asset_of(network.id, canonical(contract))
        if wraps(network, asset):
            yield f"wrap:{ordinal}", asset, account, units


def wraps(network: Network, asset: AssetId) -> bool:
    token = network.tokens.get(asset)
    return token is not None and abi.WRAPS in token.traits


def may_be_in(network: Network, bloom: str) -> bool:
    """Whether a block with the filter may have such a log of a listed token."""
    return any(
        transfers.knows(bloom, erc20.contract_of(network.id, asset).lower(), topic)
        for asset in network.tokens
        if wraps(network, asset)
        for topic in TOPICS
    )
