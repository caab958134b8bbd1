"""Transfers of tokens, told from logs: what a TRC-20 contract says that it moved. Pure.

A contract may log what it likes; which contracts are believed is not known here. Whether a
transaction did what it tells a token is said by the token's log alone: USDT on TRON returns false
from a transfer that succeeded. A block's header has no filter of its logs, so what a node keeps
back can't be found out from one node.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any, Final

from google.protobuf.message import DecodeError

from chains import abi, keeping
from chains.costs import CostKind, Costs
from chains.model import Address, AssetId, NetworkId
from chains.networks import Network
from chains.tron import ADDRESS_PREFIX, trc20
from chains.tron import tron_pb2 as pb
from chains.tron.address import to_text

Told = tuple[int, str, str, str, int]
"""Ordinal, contract, payer, payee and base units; addresses in 40 hexadecimal digits, without the
first byte."""

Wrapped = tuple[int, str, str, int]
"""Ordinal, contract, account and base units, below zero of what was burnt; addresses as in
`Told`."""

_WRAPPING: Final = {abi.DEPOSIT.hex(), abi.WITHDRAWAL.hex()}
_TOPIC: Final = abi.TOPIC.hex()
_PREFIX: Final = ADDRESS_PREFIX.hex()


def told(logs: Iterable[Any]) -> tuple[Told, ...]:
    """Of one transaction's logs, in order. The ordinal counts those with Transfer's topic."""
    return tuple(
        (ordinal, _contract(log), *moved)
        for ordinal, log in enumerate(each for each in logs if _topic(each) == _TOPIC)
        if (moved := abi.moved(log["topics"], log.get("data", ""))) is not None
    )


def wraps(logs: Iterable[Any]) -> tuple[Wrapped, ...]:
    """As `told`, of what tokens say that they made of coins or burnt. The ordinal counts those with
    one of the topics."""
    return tuple(
        (ordinal, _contract(log), *made)
        for ordinal, log in enumerate(each for each in logs if _topic(each) in _WRAPPING)
        if (made := abi.wrapped(log["topics"], log.get("data", ""))) is not None
    )


def undone(contract: pb.Contract | None, moved: Sequence[Told]) -> str | None:
    """Why a transaction that did not fail has still not done what it tells a token; None if it
    has, or tells none. What wallets write before the payee's 20 bytes is overlooked, as older
    tokens do: this reads other people's transactions too."""
    asked = _order(contract)
    return None if asked is None else abi.undone(*asked, (each[1:] for each in moved))


def _order(contract: pb.Contract | None) -> keeping.Asked | None:
    if contract is None or contract.type != pb.Contract.TRIGGER_SMART_CONTRACT:
        return None
    try:
        call = pb.TriggerSmartContract.FromString(contract.parameter.value)
    except DecodeError:
        return None
    head = 4 + len(abi.PADDING)
    if call.data[:4] != abi.TRANSFER or len(call.data) != abi.CALL_BYTES:
        return None
    payee, units = call.data[head : head + abi.ACCOUNT_BYTES], call.data[4 + abi.WORD :]
    token, payer = (each[1:].hex() for each in (call.contract_address, call.owner_address))
    return token, payer, payee.hex(), int.from_bytes(units)


def withheld(network: NetworkId, contract: pb.Contract | None, moved: Sequence[Told]) -> Costs:
    """What the token kept of what it is told to pay."""
    asked = _order(contract)
    found = None if asked is None else keeping.kept(*asked, moved)
    if asked is None or found is None:
        return {}
    return {(trc20.asset_of(network, _text(asked[0])), CostKind.WITHHELD): found.units}


def movements(
    network: NetworkId, contract: pb.Contract | None, moved: Sequence[Told]
) -> Iterator[tuple[str, AssetId, Address, int]]:
    """Place, asset, account and base units."""
    for place, token, account, units in keeping.movements(_order(contract), moved):
        yield place, trc20.asset_of(network, _text(token)), _text(account), units


def wrapped(
    network: Network, found: Iterable[Wrapped]
) -> Iterator[tuple[str, AssetId, Address, int]]:
    """Place, asset, account and base units of tokens that are listed as wrapping."""
    for ordinal, contract, account, units in found:
        token = network.tokens.get(trc20.asset_of(network.id, _text(contract)))
        if token is not None and abi.WRAPS in token.traits:
            yield f"wrap:{ordinal}", token.id, _text(account), units


def _topic(log: Any) -> str:
    return str((log.get("topics") or [""])[0]).lower()


def _contract(log: Any) -> str:
    """java-tron leaves the first byte out."""
    digits = str(log["address"]).lower()
    is_whole = len(digits) == len(_PREFIX) + 2 * abi.ACCOUNT_BYTES
    return digits.removeprefix(_PREFIX) if is_whole else digits


@lru_cache(maxsize=4096)
def _text(digits: str) -> Address:
    return to_text(ADDRESS_PREFIX + bytes.fromhex(digits))
