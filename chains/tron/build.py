"""Builds the transactions this folder makes: a transfer of TRX, and a call of a token.

The bytes are serialized here and never by a node, which could put anything into them. Pure: block,
time and everything else are arguments.
"""

from __future__ import annotations

from google.protobuf.any_pb2 import Any
from google.protobuf.message import Message

from chains.errors import InvalidAmount
from chains.model import Address, BlockRef
from chains.tron import AMOUNT_MAX, TRANSFER_TYPE_URL, TRIGGER_TYPE_URL
from chains.tron import tron_pb2 as pb
from chains.tron.address import to_bytes


def build_transfer(
    owner: Address,
    recipient: Address,
    amount: int,
    *,
    reference: BlockRef,
    expiration_ms: int,
    timestamp_ms: int,
) -> bytes:
    """The raw_data of a transfer of `amount` sun, valid in descendants of `reference` only and
    until a block is as late as `expiration_ms` (Unix milliseconds).

    Raises InvalidAddress or InvalidAmount.
    """
    if not 0 < amount <= AMOUNT_MAX:
        raise InvalidAmount("the amount does not fit a transfer of TRX")
    transfer = pb.TransferContract(
        owner_address=to_bytes(owner), to_address=to_bytes(recipient), amount=amount
    )
    return _raw_data(
        pb.Contract.TRANSFER, TRANSFER_TYPE_URL, transfer, reference, expiration_ms, timestamp_ms
    )


def build_call(
    owner: Address,
    contract: Address,
    data: bytes,
    *,
    value: int = 0,
    fee_limit: int,
    reference: BlockRef,
    expiration_ms: int,
    timestamp_ms: int,
) -> bytes:
    """The raw_data of a call of `contract` that sends it `value` sun, and burns at most `fee_limit`
    sun for energy. The rest as of `build_transfer`."""
    call = pb.TriggerSmartContract(
        owner_address=to_bytes(owner),
        contract_address=to_bytes(contract),
        call_value=value,
        data=data,
    )
    kind = pb.Contract.TRIGGER_SMART_CONTRACT
    return _raw_data(
        kind, TRIGGER_TYPE_URL, call, reference, expiration_ms, timestamp_ms, fee_limit
    )


def _raw_data(
    kind: pb.Contract.Type,
    type_url: str,
    parameter: Message,
    reference: BlockRef,
    expiration_ms: int,
    timestamp_ms: int,
    fee_limit: int = 0,
) -> bytes:
    value = parameter.SerializeToString(deterministic=True)
    raw = pb.RawData(
        ref_block_bytes=reference_bytes(reference.height),
        ref_block_hash=reference_hash(reference.hash),
        expiration=expiration_ms,
        contract=[pb.Contract(type=kind, parameter=Any(type_url=type_url, value=value))],
        timestamp=timestamp_ms,
        fee_limit=fee_limit,
    )
    return raw.SerializeToString(deterministic=True)


def reference_bytes(height: int) -> bytes:
    """How raw_data names a block's height: the low 16 bits."""
    return (height & 0xFFFF).to_bytes(2)


def reference_hash(block_hash: str) -> bytes:
    """How raw_data names a block's hash: its second eight bytes (the first hold the height)."""
    return bytes.fromhex(block_hash)[8:16]
