"""Bitcoin transactions as bytes and as values. Pure and strict.

`parse_transaction` accepts exactly one spelling of a transaction and consumes every byte, so that
`serialize` gives back what was read. Anything else raises MalformedTransaction. Hashes are in the
byte order of the wire; `txid` is in the order people and nodes print.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from chains.bitcoin import SATOSHI_MAX
from chains.errors import MalformedTransaction
from chains.hashes import sha256d
from chains.model import TxId

_WITNESS_MARKER: Final = b"\x00\x01"
_INPUT_BYTES_MIN: Final = 41
_OUTPUT_BYTES_MIN: Final = 9


@dataclass(frozen=True, slots=True)
class TxInput:
    """`previous` is the spent transaction's hash in wire order, `witness` its stack, from below."""

    previous: bytes
    position: int
    sequence: int
    script_sig: bytes = b""
    witness: tuple[bytes, ...] = ()

    @property
    def previous_txid(self) -> TxId:
        return TxId(self.previous[::-1].hex())

    @property
    def outpoint(self) -> bytes:
        return self.previous + self.position.to_bytes(4, "little")


@dataclass(frozen=True, slots=True)
class TxOutput:
    """`amount` satoshi to whoever satisfies `script`."""

    amount: int
    script: bytes

    def serialize(self) -> bytes:
        return self.amount.to_bytes(8, "little") + length_prefixed(self.script)


@dataclass(frozen=True, slots=True)
class Transaction:
    version: int
    inputs: tuple[TxInput, ...]
    outputs: tuple[TxOutput, ...]
    locktime: int

    @property
    def has_witness(self) -> bool:
        return any(spent.witness for spent in self.inputs)

    def serialize(self, *, witness: bool = True) -> bytes:
        """BIP-144 if any input has a witness and it is asked for, else the form that is hashed."""
        witness = witness and self.has_witness
        parts = [struct.pack("<i", self.version), _WITNESS_MARKER if witness else b""]
        parts.append(compact_size(len(self.inputs)))
        for spent in self.inputs:
            parts += (spent.outpoint, length_prefixed(spent.script_sig))
            parts.append(spent.sequence.to_bytes(4, "little"))
        parts.append(compact_size(len(self.outputs)))
        parts += (output.serialize() for output in self.outputs)
        if witness:
            for spent in self.inputs:
                parts.append(compact_size(len(spent.witness)))
                parts += (length_prefixed(item) for item in spent.witness)
        parts.append(self.locktime.to_bytes(4, "little"))
        return b"".join(parts)

    def hash(self) -> bytes:
        return sha256d(self.serialize(witness=False))

    def txid(self) -> TxId:
        return TxId(self.hash()[::-1].hex())


class Reader:
    """Takes bytes from the front. Raises MalformedTransaction where there are not enough."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, count: int) -> bytes:
        end = self._at + count
        if end > len(self._data):
            raise MalformedTransaction("ends too early")
        taken = self._data[self._at : end]
        self._at = end
        return taken

    def peek(self, count: int) -> bytes:
        return self._data[self._at : self._at + count]

    def unsigned(self, count: int) -> int:
        return int.from_bytes(self.take(count), "little")

    def compact_size(self) -> int:
        """A length in its shortest spelling; every longer one is refused."""
        first = self.take(1)[0]
        if first < 0xFD:
            return first
        value = self.unsigned(1 << (first - 0xFC))
        if len(compact_size(value)) != 1 + (1 << (first - 0xFC)):
            raise MalformedTransaction("a length is not in its shortest spelling")
        return value

    def count(self, size_min: int) -> int:
        """How many items follow, each of at least `size_min` bytes: never more than fit."""
        count = self.compact_size()
        if count * size_min > len(self._data) - self._at:
            raise MalformedTransaction("counts more items than there are bytes")
        return count

    def prefixed(self) -> bytes:
        """Bytes behind their length."""
        data, begin = self._data, self._at + 1
        # Most are short, and a transaction has dozens of them: no calls for the parts of these.
        if begin <= len(data) and (length := data[begin - 1]) < 0xFD:
            end = begin + length
            if end <= len(data):
                self._at = end
                return data[begin:end]
        return self.take(self.compact_size())

    @property
    def at_end(self) -> bool:
        return self._at == len(self._data)


def parse_transaction(raw: bytes) -> Transaction:
    """One transaction with at least one input and one output, every byte consumed.

    What is accepted is what `serialize` writes: parts follow each other in one order, lengths have
    one spelling, and the witness form is taken only where there is a witness.
    """
    reader = Reader(raw)
    version = struct.unpack("<i", reader.take(4))[0]
    # A count of zero inputs is no transaction, so it can mark the witness form (BIP-144).
    witness = reader.peek(2) == _WITNESS_MARKER
    if witness:
        reader.take(2)
    inputs = [_read_input(reader) for _ in range(reader.count(_INPUT_BYTES_MIN))]
    outputs = tuple(_read_output(reader) for _ in range(reader.count(_OUTPUT_BYTES_MIN)))
    if witness:
        stacks = [tuple(reader.prefixed() for _ in range(reader.count(1))) for _ in inputs]
        if not any(stacks):
            raise MalformedTransaction("the witness form without a witness")
        inputs = [_with_witness(*pair) for pair in zip(inputs, stacks, strict=True)]
    transaction = Transaction(version, tuple(inputs), outputs, reader.unsigned(4))
    if not inputs or not outputs:
        raise MalformedTransaction("a transaction without inputs or without outputs")
    if not reader.at_end:
        raise MalformedTransaction("a transaction that is followed by other bytes")
    if sum(output.amount for output in outputs) > SATOSHI_MAX:
        raise MalformedTransaction("more money than there can be")
    return transaction


def compact_size(value: int) -> bytes:
    if value < 0xFD:
        return value.to_bytes(1, "little")
    if value <= 0xFFFF:
        return b"\xfd" + value.to_bytes(2, "little")
    if value <= 0xFFFFFFFF:
        return b"\xfe" + value.to_bytes(4, "little")
    return b"\xff" + value.to_bytes(8, "little")


def length_prefixed(data: bytes) -> bytes:
    return compact_size(len(data)) + data


def _read_input(reader: Reader) -> TxInput:
    outpoint, script_sig, sequence = reader.take(36), reader.prefixed(), reader.take(4)
    position = int.from_bytes(outpoint[32:], "little")
    return TxInput(outpoint[:32], position, int.from_bytes(sequence, "little"), script_sig)


def _read_output(reader: Reader) -> TxOutput:
    return TxOutput(int.from_bytes(reader.take(8), "little"), reader.prefixed())


def _with_witness(spent: TxInput, witness: tuple[bytes, ...]) -> TxInput:
    return TxInput(spent.previous, spent.position, spent.sequence, spent.script_sig, witness)
