"""Protobuf by hand: just enough to read TRON transactions and write those of the faucet.

Independent of `chains/tron` and of any generated code. Field numbers are java-tron's (`Tron.proto`,
`balance_contract.proto`, `smart_contract.proto`). Reads like java: the last value of a field
counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

_URL: Final = "type.googleapis.com/protocol."
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
class Creation:
    """A new contract. `percent`: how much of the energy its callers pay; `energy_limit`: the most
    that its maker pays of the rest in a call."""

    owner: bytes
    origin: bytes
    bytecode: bytes
    call_value: int
    percent: int
    name: str
    energy_limit: int


@dataclass(frozen=True, slots=True)
class Trigger:
    """A call of a contract. `call_value`: sun that go with it; `token_value`: of a TRC-10 token."""

    owner: bytes
    contract: bytes
    call_value: int
    data: bytes
    token_value: int


@dataclass(frozen=True, slots=True)
class Delegation:
    """Staked sun whose resource somebody else uses. `resource`: 0 bandwidth, 1 energy."""

    owner: bytes
    resource: int
    amount: int
    receiver: bytes


Body = Transfer | Creation | Trigger | Delegation
KINDS: Final[dict[type[Body], tuple[int, str]]] = {
    Transfer: (1, "TransferContract"),
    Creation: (30, "CreateSmartContract"),
    Trigger: (31, "TriggerSmartContract"),
    Delegation: (57, "DelegateResourceContract"),
}
"""Number and name of each contract type that there is here."""


@dataclass(frozen=True, slots=True)
class Contract:
    """`body` is None for a contract type that is not in `KINDS`."""

    kind: int
    type_url: str
    permission: int
    body: Body | None

    @property
    def transfer(self) -> Transfer | None:
        return self.body if isinstance(self.body, Transfer) else None


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
    return write(transfer, reference, block_hash, expiration_ms, timestamp_ms)


def write(
    body: Body,
    reference: bytes,
    block_hash: bytes,
    expiration_ms: int,
    timestamp_ms: int,
    fee_limit: int = 0,
) -> bytes:
    """The raw_data of any kind; the rest as of `write_transfer`."""
    kind, name = KINDS[type(body)]
    parameter = data(1, (_URL + name).encode()) + data(2, _WRITERS[type(body)](body))
    return (
        data(1, reference)
        + data(4, block_hash)
        + number(8, expiration_ms)
        + data(11, number(1, kind) + data(2, parameter))
        + number(14, timestamp_ms)
        + number(18, fee_limit)
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
    named = {(number, _URL + name): each for each, (number, name) in KINDS.items()}
    found = named.get((kind, type_url))
    body = None if found is None else _READERS[found](_Fields(parameter.data(2)))
    return Contract(kind, type_url, fields.number(5), body)


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


def _read_creation(fields: _Fields) -> Creation:
    new = _Fields(fields.data(2))
    return Creation(
        owner=fields.data(1),
        origin=new.data(1),
        bytecode=new.data(4),
        call_value=new.number(5),
        percent=new.number(6),
        name=new.data(7).decode(errors="replace"),
        energy_limit=new.number(8),
    )


def _write_creation(body: Creation) -> bytes:
    new = (
        data(1, body.origin)
        + data(4, body.bytecode)
        + number(5, body.call_value)
        + number(6, body.percent)
        + data(7, body.name.encode())
        + number(8, body.energy_limit)
    )
    return data(1, body.owner) + data(2, new)


def _write_trigger(body: Trigger) -> bytes:
    return (
        data(1, body.owner)
        + data(2, body.contract)
        + number(3, body.call_value)
        + data(4, body.data)
        + number(5, body.token_value)
    )


def _write_delegation(body: Delegation) -> bytes:
    paid = number(2, body.resource) + number(3, body.amount)
    return data(1, body.owner) + paid + data(4, body.receiver)


_READERS: Final[dict[type[Body], Callable[[_Fields], Body]]] = {
    Transfer: lambda at: Transfer(at.data(1), at.data(2), at.number(3)),
    Creation: _read_creation,
    Trigger: lambda at: Trigger(at.data(1), at.data(2), at.number(3), at.data(4), at.number(5)),
    Delegation: lambda at: Delegation(at.data(1), at.number(2), at.number(3), at.data(4)),
}
_WRITERS: Final[dict[type[Body], Callable[[Any], bytes]]] = {
    Transfer: lambda body: data(1, body.owner) + data(2, body.recipient) + number(3, body.amount),
    Creation: _write_creation,
    Trigger: _write_trigger,
    Delegation: _write_delegation,
}


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
