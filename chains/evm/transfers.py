"""Transfers of tokens, told from logs: what an ERC-20 contract says that it moved. Pure, JSON to
JSON where answers are shrunk.

A contract may log what it likes; which contracts are believed is not known here. A log of ERC-721
has a fourth topic and is no money. Whether a transaction did what its calldata asks of a token is
told by the token's log alone: a call that returns false, or nothing, may have moved all or nothing.

A node that keeps logs back would hide payments. The block's header has a filter that knows each
log's contract and topics (Yellow Paper, section 4.4.3), so an empty answer is believed only if the
filter does not know the topic, or if the block's receipts explain every bit of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from chains import abi as token
from chains import keeping
from chains.costs import CostKind, Costs
from chains.errors import NodeMisbehaved
from chains.evm import erc20
from chains.evm.address import canonical
from chains.hashes import keccak256
from chains.model import AssetId, NetworkId

Json = Mapping[str, Any]
Told = list[Any]
"""Ordinal, contract, payer, payee and base units; addresses in lower case."""
ByTransaction = Mapping[str, Sequence[Told]]

_NOBODY: Final = "0x" + token.NOBODY
_BLOOM_BITS: Final = 2048
_CALL_DIGITS: Final = 2 + 2 * token.CALL_BYTES
_CALLS: Final = "0x" + (token.TRANSFER + token.PADDING).hex()


def told(logs: Iterable[Any]) -> list[Told]:
    """Of one transaction's logs, in order. The ordinal counts those with Transfer's topic, so that
    it is the same whether a node showed these alone or all."""
    return [
        [ordinal, *moved]
        for ordinal, log in enumerate(log for log in logs if is_transfer(log))
        if (moved := _moved(log)) is not None
    ]


def is_transfer(log: Any) -> bool:
    return bool(log["topics"]) and bool(log["topics"][0].lower() == erc20.TOPIC)


def _moved(log: Any) -> tuple[str, str, str, int] | None:
    found = token.moved([topic[2:] for topic in log["topics"]], log["data"][2:])
    if found is None:
        return None
    payer, payee, units = found
    return log["address"].lower(), "0x" + payer, "0x" + payee, units


def asked(tx: Any) -> dict[str, list[Any]]:
    """What a transaction's calldata tells a token to do, to be kept of it: payee and base units;
    nothing of any other calldata."""
    data = tx.get("input") or tx.get("data") or ""
    if len(data) != _CALL_DIGITS or not data.lower().startswith(_CALLS):
        return {}
    digits = data[len(_CALLS) :].lower()
    return {"asked": ["0x" + digits[:40], int(digits[40:], 16)]}


def undone(tx: Json, moved: Sequence[Told]) -> str | None:
    """Why a transaction that did not fail has still not done what it asks of a token; None if it
    has. `tx`: shrunk."""
    order = _order(tx)
    return None if order is None else token.undone(*order, (each[1:] for each in moved))


def withheld(network: NetworkId, tx: Json, moved: Sequence[Told]) -> Costs:
    """What the token kept of what the transaction's calldata pays. `tx`: shrunk."""
    order = _order(tx)
    found = None if order is None else keeping.kept(*order, moved)
    if order is None or found is None:
        return {}
    return {(_asset(network, order[0]), CostKind.WITHHELD): found.units}


def _order(tx: Json) -> keeping.Asked | None:
    if not tx.get("asked"):
        return None
    payee, units = tx["asked"]
    return str(tx["to"]).lower(), tx["from"].lower(), payee, units


def movements(
    network: NetworkId, tx: Json, moved: Sequence[Told]
) -> Iterator[tuple[str, AssetId, str, int]]:
    """Place, asset, account and base units. `tx`: shrunk."""
    for place, contract, account, units in keeping.movements(_order(tx), moved, _NOBODY):
        yield place, _asset(network, contract), account, units


@lru_cache(maxsize=4096)
def _asset(network: NetworkId, contract: str) -> AssetId:
    return erc20.asset_of(network, canonical(contract))


def by_transaction(logs: Iterable[Any], block_hash: str) -> dict[str, list[Any]]:
    """Of eth_getLogs about one block: each transaction's, in order. Raises NodeMisbehaved for logs
    of another."""
    found: dict[str, list[Any]] = {}
    for log in logs:
        if log["blockHash"] != block_hash or log.get("removed"):
            raise NodeMisbehaved("logs of another block than was asked for")
        found.setdefault(log["transactionHash"], []).append(log)
    return {
        txid: sorted(those, key=lambda log: int(log["logIndex"], 16))
        for txid, those in found.items()
    }


def may_be_in(bloom: str) -> bool:
    """Whether a block with the filter may have a log of Transfer."""
    return knows(bloom, erc20.TOPIC)


def knows(bloom: str, *parts: str) -> bool:
    """Whether the filter has all of a log's parts: contract and topics."""
    bits = 0
    for part in parts:
        bits |= _bits(part)
    return int(bloom, 16) & bits == bits


def shown(receipts: Iterable[Any]) -> str:
    """The filter of all logs in receipts, as a header spells it."""
    found = 0
    for receipt in receipts:
        for log in receipt["logs"]:
            for part in (log["address"], *log["topics"]):
                found |= _bits(part)
    return f"0x{found:0{_BLOOM_BITS // 4}x}"


def explains(shown_: str, bloom: str) -> bool:
    """Whether receipts with one filter leave nothing of a header's unexplained. They may have more:
    some chains end blocks with logs that the header does not count."""
    return int(bloom, 16) & ~int(shown_, 16) == 0


@lru_cache(maxsize=4096)
def _bits(part: str) -> int:
    """Three bits, by the first three pairs of the hash's bytes."""
    digest = keccak256(bytes.fromhex(part[2:]))
    pairs = (int.from_bytes(digest[at : at + 2], "big") for at in (0, 2, 4))
    found = 0
    for pair in pairs:
        found |= 1 << pair % _BLOOM_BITS
    return found
