"""Protobuf by hand: just enough to read TRON transactions and write those of the faucet.

Independent of `chains/tron` and of any generated code. Field numbers are java-tron's
(`Tron.proto`, `balance_contract.proto`). Reads like java: the last value of a field counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

TRANSFER: Final = 1
_TRANSFER_URL: Final = "type.googleapis.com/protocol.TransferContract"
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_FIXED_SIZE: Final = {_FIXED64: 8, _FIXED32: 4}


class Unreadable(ValueError):
    """Not a protobuf message, or not a transaction."""


@dataclass(frozen=True, slots=True)
class Transfer:
    owner: bytes
    recipient: bytes
    amount: int


@dataclass(frozen=True, slots=True)
class Contract:
    """`transfer` is None for every contract type but the transfer of TRX."""

    kind: int
    type_url: str
    permission: int
    transfer: Transfer | None


@dataclass(frozen=True, slots=True)
class Transaction:
    """A signed transaction as it travels, and the raw_data in it as it was hashed."""

    serialized: bytes
    raw_data: bytes
    signatures: tuple[bytes, ...]
    reference_bytes: bytes
    reference_hash: bytes
    expiration_ms: int
    timestamp_ms: int
    memo: bytes
    fee_limit: int
    contracts: tuple[Contract, ...]

    @property
    def id(self) -> str:
        return self.digest.hex()

    @property
    def digest(self) -> bytes:
        return sha256(self.raw_data).digest()


def read_transaction(serialized: bytes) -> Transaction:
    """Raises Unreadable."""
    outer = _Fields(serialized)
    raw_data = outer.data(1)
    raw = _Fields(raw_data)
    return Transaction(
        serialized=serialized,
        raw_data=raw_data,
        signatures=tuple(outer.all_data(2)),
        reference_bytes=raw.data(1),
        reference_hash=raw.data(4),
        expiration_ms=raw.number(8),
        timestamp_ms=raw.number(14),
        memo=raw.data(10),
        fee_limit=raw.number(18),
        contracts=tuple(_read_contract(one) for one in raw.all_data(11)),
    )


def write_transfer(
    transfer: Transfer, reference: bytes, block_hash: bytes, expiration_ms: int, timestamp_ms: int
) -> bytes:
    """The raw_data of a transfer; `reference` and `block_hash` are the two and eight bytes."""
    parameter = data(1, _TRANSFER_URL.encode()) + data(
        2, data(1, transfer.owner) + data(2, transfer.recipient) + number(3, transfer.amount)
    )
    return (
        data(1, reference)
        + data(4, block_hash)
        + number(8, expiration_ms)
        + data(11, number(1, TRANSFER) + data(2, parameter))
        + number(14, timestamp_ms)
    )


def number(field: int, value: int) -> bytes:
    """A varint field; nothing for 0, as proto3 has it."""
    return _varint(field << 3 | _VARINT) + _varint(value) if value else b""


def data(field: int, value: bytes) -> bytes:
    """A length-delimited field; nothing for an empty one."""
    return _varint(field << 3 | _BYTES) + _varint(len(value)) + value if value else b""


def _read_contract(serialized: bytes) -> Contract:
    fields = _Fields(serialized)
    parameter = _Fields(fields.data(2))
    kind, type_url = fields.number(1), parameter.data(1).decode(errors="replace")
    transfer = None
    if kind == TRANSFER and type_url == _TRANSFER_URL:
        inner = _Fields(parameter.data(2))
        transfer = Transfer(inner.data(1), inner.data(2), inner.number(3))
    return Contract(kind, type_url, fields.number(5), transfer)


class _Fields:
    """The fields of one message by number, in order of appearance."""

    def __init__(self, serialized: bytes) -> None:
        self._found: dict[int, list[int | bytes]] = {}
        for field, value in _split(serialized):
            self._found.setdefault(field, []).append(value)

    def number(self, field: int) -> int:
        """An int64, 0 if absent."""
        value = self._found.get(field, [0])[-1]
        if not isinstance(value, int):
            raise Unreadable(f"field {field} is no number")
        return value - (1 << 64) if value >= 1 << 63 else value

    def data(self, field: int) -> bytes:
        return (self.all_data(field) or [b""])[-1]

    def all_data(self, field: int) -> list[bytes]:
        values = self._found.get(field, [])
        found = [value for value in values if isinstance(value, bytes)]
        if len(found) != len(values):
            raise Unreadable(f"field {field} is no byte string")
        return found


def _split(serialized: bytes) -> Iterator[tuple[int, int | bytes]]:
    position = 0
    while position < len(serialized):
        tag, position = _read_varint(serialized, position)
        field, wire = tag >> 3, tag & 7
        if wire == _VARINT:
            value, position = _read_varint(serialized, position)
            yield field, value
            continue
        if wire == _BYTES:
            size, position = _read_varint(serialized, position)
        elif wire in _FIXED_SIZE:
            size = _FIXED_SIZE[wire]
        else:
            raise Unreadable(f"wire type {wire}")
        if position + size > len(serialized):
            raise Unreadable("truncated")
        yield field, serialized[position : position + size]
        position += size


def _read_varint(serialized: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if position >= len(serialized) or shift > 63:
            raise Unreadable("bad varint")
        byte = serialized[position]
        value |= (byte & 0x7F) << shift
        position, shift = position + 1, shift + 7
        if byte < 0x80:
            return value & ((1 << 64) - 1), position


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
