"""The meaning of EVM transaction bytes: the exact inverse of `build`, refusing everything else.

Pure. Every byte is understood or the whole is refused (MalformedTransaction); whether a
well-formed transaction is one we would ever make is the codec's question.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from coincurve import PublicKey

from chains.errors import MalformedTransaction
from chains.evm import ADDRESS_BYTES, CURVE_ORDER, UINT64_MAX, UINT256_MAX, rlp
from chains.evm.address import checksum, derive
from chains.evm.build import EIP1559_TYPE, Kind, Transaction, encode_unsigned
from chains.hashes import keccak256
from chains.model import Address

_NONCE_MAX: Final = UINT64_MAX - 1
"""EIP-2681."""

_EIP1559_FIELDS: Final = 9
_LEGACY_FIELDS: Final = 6
_SIGNATURE_FIELDS: Final = 3


@dataclass(frozen=True, slots=True)
class Signed:
    """A signed transaction and who signed it, recovered from the bytes alone."""

    transaction: Transaction
    sender: Address


def unsigned(payload: bytes) -> Transaction:
    """Of `UnsignedTx.payload`. A legacy transaction must name its chain (EIP-155): one without
    would be valid on every network at once."""
    if payload[:1] == bytes([EIP1559_TYPE]):
        return _eip1559(_fields(payload[1:], _EIP1559_FIELDS))
    fields = _fields(payload, _LEGACY_FIELDS + _SIGNATURE_FIELDS)
    if fields[-2:] != [b"", b""]:
        raise MalformedTransaction("a transaction that is signed already")
    return _legacy(fields, rlp.decode_int(fields[_LEGACY_FIELDS], UINT64_MAX))


def signed(raw: bytes) -> Signed:
    """Of `SignedTx.raw`."""
    transaction, signature = signed_parts(raw)
    digest = keccak256(encode_unsigned(transaction))
    try:
        key = PublicKey.from_signature_and_message(signature, digest, hasher=None)
    except ValueError as error:
        raise MalformedTransaction("a signature that no key can have made") from error
    return Signed(transaction, derive(key.format()))


def signed_parts(raw: bytes) -> tuple[Transaction, bytes]:
    """The transaction in `raw`, and its signature as r || s || parity of y, not verified."""
    if raw[:1] == bytes([EIP1559_TYPE]):
        fields = _fields(raw[1:], _EIP1559_FIELDS + _SIGNATURE_FIELDS)
        transaction = _eip1559(fields)
        y_parity = rlp.decode_int(fields[_EIP1559_FIELDS], 1)
    else:
        fields = _fields(raw, _LEGACY_FIELDS + _SIGNATURE_FIELDS)
        v = rlp.decode_int(fields[_LEGACY_FIELDS], 2 * UINT64_MAX + 36)
        chain_id, y_parity = divmod(v - 35, 2)
        transaction = _legacy(fields, chain_id)
    r, s = (rlp.decode_int(field, CURVE_ORDER - 1) for field in fields[-2:])
    if s > CURVE_ORDER // 2:
        raise MalformedTransaction("a signature with high s (EIP-2)")
    return transaction, r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes([y_parity])


def _eip1559(fields: list[rlp.Item]) -> Transaction:
    chain_id, nonce, priority_fee, fee_per_gas_max, gas, to, value, data, access_list = fields[:9]
    return Transaction(
        kind=Kind.EIP1559,
        chain_id=_chain_id(rlp.decode_int(chain_id, UINT64_MAX)),
        nonce=rlp.decode_int(nonce, _NONCE_MAX),
        priority_fee=rlp.decode_int(priority_fee, UINT256_MAX),
        fee_per_gas_max=rlp.decode_int(fee_per_gas_max, UINT256_MAX),
        gas=rlp.decode_int(gas, UINT64_MAX),
        to=_to(to),
        value=rlp.decode_int(value, UINT256_MAX),
        data=_octets(data),
        access_list=tuple(_access(entry) for entry in _list(access_list)),
    )


def _legacy(fields: list[rlp.Item], chain_id: int) -> Transaction:
    nonce, gas_price, gas, to, value, data = fields[:_LEGACY_FIELDS]
    price = rlp.decode_int(gas_price, UINT256_MAX)
    return Transaction(
        kind=Kind.LEGACY,
        chain_id=_chain_id(chain_id),
        nonce=rlp.decode_int(nonce, _NONCE_MAX),
        priority_fee=price,
        fee_per_gas_max=price,
        gas=rlp.decode_int(gas, UINT64_MAX),
        to=_to(to),
        value=rlp.decode_int(value, UINT256_MAX),
        data=_octets(data),
    )


def _chain_id(chain_id: int) -> int:
    if chain_id < 1:
        raise MalformedTransaction("a transaction that names no chain (EIP-155)")
    return chain_id


def _fields(data: bytes, count: int) -> list[rlp.Item]:
    fields = _list(rlp.decode(data))
    if len(fields) != count:
        raise MalformedTransaction(f"{len(fields)} fields where {count} belong")
    return fields


def _access(entry: rlp.Item) -> tuple[bytes, tuple[bytes, ...]]:
    """An address and storage keys (EIP-2930)."""
    match entry:
        case [address, keys]:
            slots = tuple(_octets(key, 32) for key in _list(keys))
            return _octets(address, ADDRESS_BYTES), slots
    raise MalformedTransaction("not an access list")


def _to(item: rlp.Item) -> Address | None:
    return checksum(_octets(item, ADDRESS_BYTES)) if item != b"" else None


def _octets(item: rlp.Item, length: int | None = None) -> bytes:
    if not isinstance(item, bytes) or (length is not None and len(item) != length):
        raise MalformedTransaction("a field of the wrong length")
    return item


def _list(item: rlp.Item) -> list[rlp.Item]:
    if not isinstance(item, list):
        raise MalformedTransaction("bytes where a list belongs")
    return item
