"""What a TRON block did to accounts, read from the node's block and transaction infos. Pure.

For each transaction: what its contract moved (`contracts`), what contracts moved while it ran, what
tokens say that they moved (`transfers`), and what it cost its owner. Of one that failed only the
costs; and one has failed too that told a token to pay and moved nothing. Blocks themselves move
nothing: what witnesses and voters earn arrives when they withdraw it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from google.protobuf.message import DecodeError

from chains.block import Block, Inclusion, Movement, Reading, cost_place
from chains.errors import BlockUnreadable, NodeMisbehaved, NodeUnavailable
from chains.model import AssetId, TxId
from chains.networks import Network
from chains.tron import SMART_CONTRACT_TYPES, address, contracts, transfers
from chains.tron import tron_pb2 as pb
from chains.tron.contracts import UNKNOWN, Executed, Kind, Pairs
from chains.tron.rpc import NodeBlock, NodeTransaction, TransactionInfo

_SUCCESS: Final = "SUCCESS"
_CALL: Final = "call:"
_SELF_DESTRUCTION: Final = "suicide"
_MOVES_TRX: Final = frozenset({"call", "create", _SELF_DESTRUCTION})
"""Words for internal transactions that every node keeps which keeps any. Others (staking, votes:
`vm.saveFeaturedInternalTx`) concern the contract's own stakes, and are not counted."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """A transaction of a block with its one contract, None if it has not exactly one."""

    txid: TxId
    result: str
    contract: pb.Contract | None

    @property
    def runs_code(self) -> bool:
        return self.contract is not None and self.contract.type in SMART_CONTRACT_TYPES


def parse(block: NodeBlock) -> list[Parsed]:
    """All that the block holds. Those of the first months of the chain have no result; whether they
    paid, their block alone does not say. Of a younger one a node has left it out. Raises
    BlockUnreadable."""
    if any(not one.result for one in block.transactions):
        raise BlockUnreadable("a transaction without its result", height=block.ref.height)
    return [Parsed(one.txid, one.result, contract_of(one)) for one in block.transactions]


def contract_of(transaction: NodeTransaction) -> pb.Contract | None:
    try:
        found = pb.RawData.FromString(transaction.raw_data).contract
    except DecodeError as error:
        raise NodeMisbehaved(f"transaction {transaction.txid} can't be decoded") from error
    return found[0] if len(found) == 1 else None


def runs_code(parsed: Iterable[Parsed]) -> bool:
    """Whether a contract ran, so that payments may hide in the transaction infos."""
    return any(one.runs_code and one.result == _SUCCESS for one in parsed)


def exchanges(parsed: Iterable[Parsed]) -> set[int]:
    """Of which the tokens must be known."""
    named = (contracts.exchange_of(one.contract) for one in parsed if one.contract is not None)
    return {each for each in named if each is not None}


def failure_of(result: str, info: TransactionInfo) -> str:
    """Empty if both the block and the info say success."""
    return info.failure or (result if result != _SUCCESS else "")


def outcome_of(result: str, contract: pb.Contract | None, info: TransactionInfo) -> str:
    """Why it did not do what it says; empty if it did."""
    return failure_of(result, info) or transfers.undone(contract, info.moved) or ""


def read(
    block: NodeBlock,
    parsed: Sequence[Parsed],
    infos: Sequence[TransactionInfo],
    pairs: Pairs,
    network: Network,
) -> Block:
    """`infos` as the node gives them for this block; `pairs` for all `exchanges`.

    Raises NodeUnavailable if the infos belong to another block: the chain moved between two
    answers.
    """
    by_id, asset = _checked(block, infos), network.native.id
    movements: list[Movement] = []
    included: list[Inclusion] = []
    complete = True
    for one in parsed:
        info = by_id[one.txid]
        kind = UNKNOWN if one.contract is None else contracts.kind_of(one.contract)
        parameter = kind.parse(one.contract or pb.Contract())
        failure = failure_of(one.result, info)
        if not failure:
            complete = complete and kind.complete
            movements += _effects(one, kind, Executed(parameter, info, pairs), asset)
            movements += _tokens(one, info, network)
            failure = transfers.undone(one.contract, info.moved) or ""
        sender = contracts.owner_of(parameter)
        if sender is not None:
            movements += _costs(one, sender, info, asset)
            included.append(Inclusion(one.txid, address.to_text(sender), failure or None))
    return Block(
        ref=block.ref,
        parent_hash=block.parent_hash,
        timestamp=block.timestamp_ms // 1000,
        movements=tuple(movements),
        included=tuple(included),
        reading=Reading.COMPLETE if complete else Reading.PARTIAL,
    )


def _effects(one: Parsed, kind: Kind, executed: Executed, asset: AssetId) -> Iterator[Movement]:
    for party, units in kind.moves(executed):
        if units and address.is_address(party):
            yield Movement(one.txid, _CALL, address.to_text(party), asset, units)
    if one.runs_code:
        for place, party, units in _internal(executed.info):
            yield Movement(one.txid, place, address.to_text(party), asset, units)


def _tokens(one: Parsed, info: TransactionInfo, network: Network) -> Iterator[Movement]:
    moved = transfers.movements(network.id, one.contract, info.moved)
    for place, asset, account, units in (*moved, *transfers.wrapped(network, info.wrapped)):
        yield Movement(one.txid, place, account, asset, units)


def _internal(info: TransactionInfo) -> Iterator[tuple[str, bytes, int]]:
    """Nodes differ in which other internal transactions they keep, so the place counts those that
    all keep. A contract that destroys itself in its own favour burns its TRX."""
    listed = [each for each in info.internal if each.kind in _MOVES_TRX]
    for index, move in enumerate(listed):
        if move.rejected or not move.amount:
            continue
        place = f"internal:{index}"
        burns = move.kind == _SELF_DESTRUCTION
        if address.is_address(move.caller) and (burns or move.caller != move.recipient):
            yield place, move.caller, -move.amount
        if address.is_address(move.recipient) and move.caller != move.recipient:
            yield place, move.recipient, move.amount


def _costs(one: Parsed, sender: bytes, info: TransactionInfo, asset: AssetId) -> Iterator[Movement]:
    for cost, units in contracts.paid(one.contract, info).items():
        if units:
            yield Movement(one.txid, cost_place(cost), address.to_text(sender), asset, -units)


def _checked(block: NodeBlock, infos: Sequence[TransactionInfo]) -> Mapping[TxId, TransactionInfo]:
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
