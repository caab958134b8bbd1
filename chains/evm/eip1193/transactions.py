"""What `eth_sendTransaction` wants, read strictly: what is not understood is refused by name.

The wallet chooses the nonce. What the app would pay is a bound and no wish: `gas` times the
greatest price of gas. Nothing else of the envelope is the app's: no blobs, no delegations, no list
of storage slots, whose cost nobody agreed to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from chains.evm import TRANSFER_GAS
from chains.evm.eip1193.faults import CHAIN_DISCONNECTED, RpcFault, invalid, unsupported
from chains.evm.eip1193.fields import octets, party, quantity
from chains.model import Address

TYPES: Final = (0, 1, 2)
_GAS_MAX: Final = 2**64
_SPARE: Final = 4
"""A quarter, as `quotes` adds it to an estimate."""
_IGNORED: Final = ("nonce", "maxPriorityFeePerGas")
_KNOWN: Final = frozenset(
    {
        "from", "to", "value", "data", "input", "gas", "gasLimit", "gasPrice", "maxFeePerGas",
        "chainId", "type", "accessList", *_IGNORED,
    }
)  # fmt: skip
_REFUSED: Final = {
    "authorizationList": "this wallet gives no code power over its accounts at an app's wish",
    "blobs": "transactions with blobs are not sent",
    "blobVersionedHashes": "transactions with blobs are not sent",
    "maxFeePerBlobGas": "transactions with blobs are not sent",
    "sidecars": "transactions with blobs are not sent",
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """`value` in wei. `gas` and `price` (wei for each unit of it): None where the app said
    nothing; together they bound the fee."""

    sender: Address | None
    to: Address
    value: int
    data: bytes
    gas: int | None
    price: int | None

    def fee_max(self, gas_needed: int | None = None) -> int | None:
        """The most that the fee may be, in wei; None where the app does not bound it. `gas_needed`:
        in place of a limit that the app did not name; of a plain payment it is known. Of a call a
        part more, which is never burnt unless the contract needs it: apps name what an estimate
        says, and we leave the contract something to spare."""
        gas = self.gas or gas_needed or (None if self.data else TRANSFER_GAS)
        if self.price is None or gas is None:
            return None
        return (gas + gas // _SPARE if self.data else gas) * self.price

    @property
    def needs_gas(self) -> bool:
        """Whether the price bounds nothing until somebody says how much gas that is."""
        return self.price is not None and self.gas is None and bool(self.data)

    @property
    def question(self) -> dict[str, str]:
        """As `eth_estimateGas` takes it."""
        asked = {"to": self.to, "value": hex(self.value), "data": "0x" + self.data.hex()}
        return asked if self.sender is None else {"from": self.sender, **asked}


def wanted(given: Mapping[str, Any], chain_id: int) -> Wanted:
    """The transaction that an app asks for. Raises RpcFault."""
    _check_names(given)
    if (chain := _number(given, "chainId")) not in (None, chain_id):
        words = f"this is chain {chain_id}, and the transaction is for {chain}"
        raise RpcFault(CHAIN_DISCONNECTED, words)
    if given.get("to") is None:
        raise unsupported("a transaction without `to` makes a contract, which is not done here")
    data = _one_of(_bytes(given, "data"), _bytes(given, "input"), "data and input") or b""
    value = _number(given, "value") or 0
    if not data and not value:
        raise invalid("value: nothing is paid")
    gas = _one_of(_number(given, "gas"), _number(given, "gasLimit"), "gas and gasLimit")
    if gas is not None and not 0 < gas < _GAS_MAX:
        raise invalid("gas: no block has so much, or it is none")
    return Wanted(
        sender=None if given.get("from") is None else party(given["from"], "from"),
        to=party(given["to"], "to"),
        value=value,
        data=data,
        gas=gas,
        price=_price(given),
    )


def _check_names(given: Mapping[str, Any]) -> None:
    for name, why in _REFUSED.items():
        if name in given:
            raise unsupported(f"{name}: {why}")
    kind = _number(given, "type")
    if kind is not None and kind not in TYPES:
        raise unsupported(f"transactions of type {kind} are not sent: types 0, 1 and 2 are")
    unknown = sorted(given.keys() - _KNOWN)
    if unknown:
        raise invalid(f"{unknown[0][:64]}: not understood here")
    if given.get("accessList"):
        raise unsupported("accessList: what it costs was agreed to by nobody; leave it out")
    for name in _IGNORED:
        _number(given, name)


def _price(given: Mapping[str, Any]) -> int | None:
    old, new = _number(given, "gasPrice"), _number(given, "maxFeePerGas")
    if old is not None and new is not None and old != new:
        raise invalid("give gasPrice or maxFeePerGas, not both")
    return old if new is None else new


def _one_of(first: Any, second: Any, names: str) -> Any:
    if first is not None and second is not None and first != second:
        raise invalid(f"{names} say different things")
    return second if first is None else first


def _number(given: Mapping[str, Any], name: str) -> int | None:
    return None if given.get(name) is None else quantity(given[name], name)


def _bytes(given: Mapping[str, Any], name: str) -> bytes | None:
    return None if given.get(name) is None else octets(given[name], name)
