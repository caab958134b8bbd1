"""Headers, transactions and receipts as a node tells them, back into the bytes that are hashed.

Of everybody's, so of more kinds than we sign. A kind that is not here is an error and never a
guess; whether all is right the block's hash and roots say. Pure, JSON to bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from chains.evm import rlp

Row = Mapping[str, Any]
_Form = Callable[[Any], rlp.Item]


def _number(value: Any) -> bytes:
    return rlp.encode_int(int(value, 16))


def _octets(value: Any) -> bytes:
    if not value.startswith("0x"):
        raise ValueError("not hexadecimal")
    return bytes.fromhex(value[2:])


def _flag(value: Any) -> bytes:
    return b"\1" if value else b""


def _to(value: Any) -> bytes:
    return b"" if value is None else _octets(value)


def _access_list(value: Any) -> rlp.Item:
    return [
        [_octets(each["address"]), [_octets(key) for key in each["storageKeys"]]] for each in value
    ]


def _hashes(value: Any) -> rlp.Item:
    return [_octets(each) for each in value]


def _authorizations(value: Any) -> rlp.Item:
    names = ("chainId", "address", "nonce", "yParity", "r", "s")
    return [
        [(_octets if name == "address" else _number)(each[name]) for name in names]
        for each in value
    ]


_HEADER: Final[tuple[tuple[str, _Form], ...]] = (
    ("parentHash", _octets),
    ("sha3Uncles", _octets),
    ("miner", _octets),
    ("stateRoot", _octets),
    ("transactionsRoot", _octets),
    ("receiptsRoot", _octets),
    ("logsBloom", _octets),
    ("difficulty", _number),
    ("number", _number),
    ("gasLimit", _number),
    ("gasUsed", _number),
    ("timestamp", _number),
    ("extraData", _octets),
    ("mixHash", _octets),
    ("nonce", _octets),
)
_HEADER_LATER: Final[tuple[tuple[str, _Form], ...]] = (
    ("baseFeePerGas", _number),  # London, EIP-1559
    ("withdrawalsRoot", _octets),  # Shanghai, EIP-4895
    ("blobGasUsed", _number),  # Cancun, EIP-4844
    ("excessBlobGas", _number),
    ("parentBeaconBlockRoot", _octets),  # Cancun, EIP-4788
    ("requestsHash", _octets),  # Prague, EIP-7685
)
"""Each came after all before it, and stands after them. BNB Smart Chain has the same."""

_SIGNATURE: Final = ("yParity", "r", "s")
_CALL: Final = ("gas", "to", "value", "input")
_DYNAMIC: Final = ("chainId", "nonce", "maxPriorityFeePerGas", "maxFeePerGas", *_CALL, "accessList")
_TRANSACTION: Final[Mapping[int, tuple[str, ...]]] = {
    0: ("nonce", "gasPrice", *_CALL, "v", "r", "s"),
    1: ("chainId", "nonce", "gasPrice", *_CALL, "accessList", *_SIGNATURE),  # EIP-2930
    2: (*_DYNAMIC, *_SIGNATURE),  # EIP-1559
    3: (*_DYNAMIC, "maxFeePerBlobGas", "blobVersionedHashes", *_SIGNATURE),  # EIP-4844
    4: (*_DYNAMIC, "authorizationList", *_SIGNATURE),  # EIP-7702
    # OP Stack, specs/protocol/deposits.md: "The Deposited Transaction Type"
    0x7E: ("sourceHash", "from", "to", "mint", "value", "gas", "isSystemTx", "input"),
}
_FORMS: Final[Mapping[str, _Form]] = {
    "to": _to,
    "from": _octets,
    "input": _octets,
    "sourceHash": _octets,
    "isSystemTx": _flag,
    "accessList": _access_list,
    "blobVersionedHashes": _hashes,
    "authorizationList": _authorizations,
}
_DEPOSITED: Final = ("depositNonce", "depositReceiptVersion")
"""Of the OP Stack's deposits, in their receipts alone."""


def header(row: Row) -> bytes:
    fields = [form(row[name]) for name, form in _HEADER]
    later = [(row.get(name), form) for name, form in _HEADER_LATER]
    fields += [form(value) for value, form in later if value is not None]
    return rlp.encode(fields)


def transaction(row: Row) -> bytes:
    """Raises KeyError for a kind that is not known."""
    kind = int(row.get("type", "0x0"), 16)
    told = {"yParity": row.get("v"), "mint": "0x0", "isSystemTx": False, **row}
    fields = [_FORMS.get(name, _number)(told[name]) for name in _TRANSACTION[kind]]
    return _typed(kind, fields)


def receipt(row: Row) -> bytes:
    """Of a block since Byzantium (EIP-658), by kind of its transaction (EIP-2718)."""
    kind = int(row.get("type", "0x0"), 16)
    if kind not in _TRANSACTION:
        raise KeyError(kind)
    logs: rlp.Item = [
        [_octets(each["address"]), _hashes(each["topics"]), _octets(each["data"])]
        for each in row["logs"]
    ]
    fields = [_number(row["status"]), _number(row["cumulativeGasUsed"]), _octets(row["logsBloom"])]
    later = [row.get(name) for name in _DEPOSITED if kind == 0x7E]
    return _typed(kind, [*fields, logs, *(_number(each) for each in later if each is not None)])


def _typed(kind: int, fields: list[rlp.Item]) -> bytes:
    return (bytes([kind]) if kind else b"") + rlp.encode(fields)
