"""Reads an unsigned PSBT (BIP-174 version 0, BIP-371) and leaves nothing in it unread. Pure.

The signer reads bytes that an intruder may have written, so this reader is our own: every length is
bounded by the bytes that exist and has one spelling, no field occurs twice, and every field that is
not named here is reported as unexplained instead of being skipped. So what it accepts could be
written back to the same bytes. The builder writes with embit, so that two implementations agree on
every container we sign.

Knows the fields' form, not their truth: the codec checks them against each other.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from chains.bitcoin.transaction import (
    Reader,
    Transaction,
    TxOutput,
    parse_transaction,
)
from chains.errors import MalformedTransaction
from chains.hashes import sha256d

_MAGIC: Final = b"psbt\xff"
_GLOBAL_UNSIGNED_TX: Final = b"\x00"
_IN_NON_WITNESS_UTXO: Final = b"\x00"
_IN_WITNESS_UTXO: Final = b"\x01"
_IN_SIGHASH_TYPE: Final = b"\x03"
_IN_BIP32_DERIVATION: Final = b"\x06"
_IN_TAP_BIP32_DERIVATION: Final = b"\x16"
_IN_TAP_INTERNAL_KEY: Final = b"\x17"
_OUT_BIP32_DERIVATION: Final = b"\x02"
_OUT_TAP_INTERNAL_KEY: Final = b"\x05"
_OUT_TAP_BIP32_DERIVATION: Final = b"\x07"

_GLOBAL_EXPLAINED: Final = frozenset({_GLOBAL_UNSIGNED_TX})
_IN_EXPLAINED: Final = frozenset(
    {_IN_NON_WITNESS_UTXO, _IN_WITNESS_UTXO, _IN_SIGHASH_TYPE, _IN_TAP_INTERNAL_KEY}
)
_OUT_EXPLAINED: Final = frozenset({_OUT_TAP_INTERNAL_KEY})

_HARDENED: Final = 1 << 31
_DEPTH_MAX: Final = 255
UNKNOWN_MASTER: Final = bytes(4)
"""The fingerprint that says "the master key is not named here" (BIP-174)."""

Map = dict[bytes, bytes]


@dataclass(frozen=True, slots=True)
class KeyOrigin:
    """Whose key it is claimed to be. `public_key` has 33 bytes, or 32 in a taproot field."""

    public_key: bytes
    path: str


@dataclass(frozen=True, slots=True)
class PsbtInput:
    """`previous` is the whole transaction that made the coin, `previous_hash` that of its bytes,
    `witness_output` the coin alone."""

    previous: Transaction | None
    previous_hash: bytes
    witness_output: TxOutput | None
    sighash_type: int | None
    origin: KeyOrigin | None
    internal_key: bytes | None
    unexplained: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PsbtOutput:
    origin: KeyOrigin | None
    internal_key: bytes | None
    unexplained: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Psbt:
    transaction: Transaction
    inputs: tuple[PsbtInput, ...]
    outputs: tuple[PsbtOutput, ...]
    unexplained: tuple[str, ...]


def parse_psbt(payload: bytes) -> Psbt:
    """Every byte of `payload`. Raises MalformedTransaction."""
    reader = Reader(payload)
    if reader.take(len(_MAGIC)) != _MAGIC:
        raise MalformedTransaction("not a PSBT")
    header = _read_map(reader)
    transaction = _unsigned_transaction(header)
    inputs = [_read_map(reader) for _ in transaction.inputs]
    outputs = [_read_map(reader) for _ in transaction.outputs]
    if not reader.at_end:
        raise MalformedTransaction("a PSBT that is followed by other bytes")
    return Psbt(
        transaction,
        tuple(_interpret_input(f"input {index}", each) for index, each in enumerate(inputs)),
        tuple(_interpret_output(f"output {index}", each) for index, each in enumerate(outputs)),
        _unexplained("the PSBT", header, _GLOBAL_EXPLAINED),
    )


def _read_map(reader: Reader) -> Map:
    entries: Map = {}
    while key := reader.prefixed():
        if key in entries:
            raise MalformedTransaction("a PSBT field occurs twice")
        entries[key] = reader.prefixed()
    return entries


def _unsigned_transaction(header: Map) -> Transaction:
    if _GLOBAL_UNSIGNED_TX not in header:
        raise MalformedTransaction("a PSBT without its transaction")
    transaction = parse_transaction(header[_GLOBAL_UNSIGNED_TX])
    if transaction.has_witness or any(each.script_sig for each in transaction.inputs):
        raise MalformedTransaction("a PSBT whose transaction carries signatures")
    return transaction


def _interpret_input(place: str, fields: Map) -> PsbtInput:
    origin, origin_keys, doubts = _key_origin(
        place, fields, _IN_BIP32_DERIVATION, _IN_TAP_BIP32_DERIVATION
    )
    sighash = fields.get(_IN_SIGHASH_TYPE)
    if sighash is not None and len(sighash) != 4:
        raise MalformedTransaction(f"{place}: a signature hash type that is not 4 bytes long")
    previous = fields.get(_IN_NON_WITNESS_UTXO)
    return PsbtInput(
        previous=None if previous is None else _previous_transaction(place, previous),
        previous_hash=b"" if previous is None else sha256d(previous),
        witness_output=_witness_output(place, fields),
        sighash_type=None if sighash is None else int.from_bytes(sighash, "little"),
        origin=origin,
        internal_key=fields.get(_IN_TAP_INTERNAL_KEY),
        unexplained=doubts + _unexplained(place, fields, _IN_EXPLAINED | origin_keys),
    )


def _interpret_output(place: str, fields: Map) -> PsbtOutput:
    origin, origin_keys, doubts = _key_origin(
        place, fields, _OUT_BIP32_DERIVATION, _OUT_TAP_BIP32_DERIVATION
    )
    return PsbtOutput(
        origin=origin,
        internal_key=fields.get(_OUT_TAP_INTERNAL_KEY),
        unexplained=doubts + _unexplained(place, fields, _OUT_EXPLAINED | origin_keys),
    )


def _previous_transaction(place: str, raw: bytes) -> Transaction:
    previous = parse_transaction(raw)
    if previous.has_witness:
        # Its txid does not cover the witness, so those bytes could be anything.
        raise MalformedTransaction(f"{place}: the previous transaction carries its witness")
    return previous


def _witness_output(place: str, fields: Map) -> TxOutput | None:
    raw = fields.get(_IN_WITNESS_UTXO)
    if raw is None:
        return None
    reader = Reader(raw)
    output = TxOutput(reader.unsigned(8), reader.prefixed())
    if not reader.at_end:
        raise MalformedTransaction(f"{place}: the spent output is followed by other bytes")
    return output


def _key_origin(
    place: str, fields: Map, plain: bytes, taproot: bytes
) -> tuple[KeyOrigin | None, set[bytes], tuple[str, ...]]:
    """The one key origin of a map, the fields it is read from, and what is odd about them."""
    keys = [key for key in fields if key[:1] in (plain, taproot)]
    if not keys:
        return None, set(), ()
    if len(keys) > 1:
        return None, set(keys), (f"{place} names more than one key",)
    key, value = keys[0], fields[keys[0]]
    if key[:1] == taproot:
        if value[:1] != b"\x00":
            return None, {key}, (f"{place} names a key of a taproot script",)
        value = value[1:]
    if len(value) < 4 or len(value) % 4 or len(value) > 4 * (1 + _DEPTH_MAX):
        raise MalformedTransaction(f"{place}: no derivation path")
    doubts = () if value[:4] == UNKNOWN_MASTER else (f"{place} names a foreign master key",)
    return KeyOrigin(key[1:], _path(value[4:])), {key}, doubts


def _path(steps: bytes) -> str:
    """BIP-32 path in text. `'` marks the hardened steps."""
    numbers = struct.unpack(f"<{len(steps) // 4}I", steps)
    words = [f"{step - _HARDENED}'" if step >= _HARDENED else str(step) for step in numbers]
    return "/".join(["m", *words])


def _unexplained(place: str, fields: Map, explained: frozenset[bytes]) -> tuple[str, ...]:
    if fields.keys() <= explained:
        return ()
    return tuple(
        f"{place} has a field of type 0x{key[0]:02x} that nobody explains"
        for key in fields
        if key not in explained
    )
