"""What a TRON block credited to whom, read from the node's block and transaction infos.

Counted are transfers of TRX that the chain executed successfully and TRX that contracts passed on
(call, create, suicide). Not counted is what moves only inside one account or to its owner at the
owner's own command: staking and unstaking, votes' rewards, the call value of a contract call. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from google.protobuf.message import DecodeError

from chains.block import Block, Movement
from chains.errors import BlockUnreadable, NodeMisbehaved, NodeUnavailable
from chains.model import Address, AssetId, TxId
from chains.tron import SMART_CONTRACT_TYPES, TRANSFER_TYPE, address
from chains.tron import tron_pb2 as pb
from chains.tron.rpc import NodeBlock, NodeTransaction, TransactionInfo

_MOVES_TRX: Final = frozenset({"call", "create", "suicide"})


def needs_infos(block: NodeBlock) -> bool:
    """Whether a contract ran in it, so that credits may hide in the transaction infos."""
    return any(_contract(one).type in SMART_CONTRACT_TYPES for one in _succeeded(block))


def credited(block: NodeBlock, infos: tuple[TransactionInfo, ...] | None, asset: AssetId) -> Block:
    """`infos` as the node gives them for this block, None if `needs_infos` says no.

    Raises NodeUnavailable if they belong to another block: the chain moved between two answers.
    """
    by_id = {} if infos is None else _checked(block, infos)
    found: list[Movement] = []
    for transaction in _succeeded(block):
        found += (
            Movement(transaction.txid, place, recipient, asset, amount)
            for place, recipient, amount in _receipts(transaction, by_id)
        )
    return Block(
        ref=block.ref,
        parent_hash=block.parent_hash,
        timestamp=block.timestamp_ms // 1000,
        movements=tuple(found),
    )


def _succeeded(block: NodeBlock) -> Iterator[NodeTransaction]:
    """Those of the first months of the chain have no result; whether they paid, their block alone
    does not say. Of a younger one a node has left it out. Raises BlockUnreadable."""
    if any(not one.result for one in block.transactions):
        raise BlockUnreadable("a transaction without its result", height=block.ref.height)
    return (one for one in block.transactions if one.result == "SUCCESS")


def _contract(transaction: NodeTransaction) -> pb.Contract:
    """The transaction's one contract. Read leniently: the chain has already executed it."""
    try:
        contracts = pb.RawData.FromString(transaction.raw_data).contract
    except DecodeError as error:
        raise NodeMisbehaved(f"transaction {transaction.txid} can't be decoded") from error
    return contracts[0] if len(contracts) == 1 else pb.Contract()


def _receipts(
    transaction: NodeTransaction, infos: Mapping[TxId, TransactionInfo]
) -> Iterator[tuple[str, Address, int]]:
    contract = _contract(transaction)
    if contract.type == TRANSFER_TYPE:
        try:
            transfer = pb.TransferContract.FromString(contract.parameter.value)
        except DecodeError as error:
            raise NodeMisbehaved(f"transaction {transaction.txid} can't be decoded") from error
        if transfer.amount > 0 and address.is_address(transfer.to_address):
            yield "call:", address.to_text(transfer.to_address), transfer.amount
    elif contract.type in SMART_CONTRACT_TYPES:
        yield from _internal_receipts(infos[transaction.txid])


def _internal_receipts(info: TransactionInfo) -> Iterator[tuple[str, Address, int]]:
    """A contract that destroys itself in its own favour burns its TRX: no credit."""
    for index, move in enumerate(info.internal):
        counted = move.kind in _MOVES_TRX and not move.rejected and move.amount > 0
        if counted and address.is_address(move.recipient) and move.recipient != move.caller:
            yield f"internal:{index}", address.to_text(move.recipient), move.amount


def _checked(
    block: NodeBlock, infos: tuple[TransactionInfo, ...]
) -> Mapping[TxId, TransactionInfo]:
    by_id = {info.txid: info for info in infos}
    here = all(
        info.height == block.ref.height and info.timestamp_ms == block.timestamp_ms
        for info in infos
    )
    if not here or by_id.keys() != {one.txid for one in block.transactions}:
        raise NodeUnavailable(
            f"no transaction infos for block {block.ref.height}",
            advice="if this lasts, the node does not keep them: turn its history on",
        )
    return by_id
