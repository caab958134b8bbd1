"""Builds the one kind of transaction this folder makes: a transfer of TRX.

The bytes are serialized here and never by a node, which could put anything into them. Pure: block,
time and everything else are arguments.
"""

from __future__ import annotations

from google.protobuf.any_pb2 import Any

from chains.errors import InvalidAmount
from chains.model import Address, BlockRef
from chains.tron import TRANSFER_TYPE_URL
from chains.tron import tron_pb2 as pb
from chains.tron.address import to_bytes

AMOUNT_MAX = (1 << 63) - 1


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
    contract = pb.Contract(
        type=pb.Contract.TRANSFER,
        parameter=Any(
            type_url=TRANSFER_TYPE_URL, value=transfer.SerializeToString(deterministic=True)
        ),
    )
    raw = pb.RawData(
        ref_block_bytes=reference_bytes(reference.height),
        ref_block_hash=reference_hash(reference.hash),
        expiration=expiration_ms,
        contract=[contract],
        timestamp=timestamp_ms,
    )
    return raw.SerializeToString(deterministic=True)


def reference_bytes(height: int) -> bytes:
    """How raw_data names a block's height: the low 16 bits."""
    return (height & 0xFFFF).to_bytes(2)


def reference_hash(block_hash: str) -> bytes:
    """How raw_data names a block's hash: its second eight bytes (the first hold the height)."""
    return bytes.fromhex(block_hash)[8:16]
