"""The branch of a transaction under a block's txTrieRoot, and the headers that stand on the block.

No node gives a branch out, and blocks come as JSON: what is hashed is written anew from it, and the
roots and ids must come out as the chain has them. A leaf is the whole transaction with its
signatures and its result (java-tron, TransactionCapsule.getMerkleHash). Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from hashlib import sha256
from typing import Any, Final

from chains.answers import Answers, attempt
from chains.errors import InclusionUnproven
from chains.inclusion import Proof, proving
from chains.model import BlockRef, TxId

SIGNERS: Final = 19
"""More than two thirds of the 27 witnesses: what they build on is solidified."""
FOLLOWING_MAX: Final = 81
"""Three rounds. In each every witness that works makes a block."""

# java-tron, protocol/core/Tron.proto: BlockHeader.raw, by number
_HEADER: Final = {
    "timestamp": 1,
    "txTrieRoot": 2,
    "parentHash": 3,
    "number": 7,
    "witness_id": 8,
    "witness_address": 9,
    "version": 10,
    "accountStateRoot": 11,
}
# Transaction.Result, and its enums
_CODES: Final = ("SUCESS", "FAILED")
_RESULTS: Final = (
    "DEFAULT",
    "SUCCESS",
    "REVERT",
    "BAD_JUMP_DESTINATION",
    "OUT_OF_MEMORY",
    "PRECOMPILED_CONTRACT",
    "STACK_TOO_SMALL",
    "STACK_TOO_LARGE",
    "ILLEGAL_OPERATION",
    "STACK_OVERFLOW",
    "OUT_OF_ENERGY",
    "OUT_OF_TIME",
    "JVM_STACK_OVER_FLOW",
    "UNKNOWN",
    "TRANSFER_FAILED",
    "INVALID_CODE",
)
_RESULT: Final = {"fee": 1, "ret": 2, "contractRet": 3}


class Header:
    """A block's header as it is hashed and signed, from the node's JSON. Raises
    InclusionUnproven."""

    def __init__(self, row: Any) -> None:
        with proving("a header"):
            told = row["block_header"]
            fields = told["raw_data"]
            parts = sorted((_HEADER[name], value) for name, value in fields.items())
            self.raw: Final = b"".join(_field(number, value) for number, value in parts)
            self.signature: Final = bytes.fromhex(told["witness_signature"])
            self.height: Final = int(fields.get("number", 0))
            self.parent: Final = str(fields["parentHash"])
            self.witness: Final = str(fields["witness_address"])
            self.root: Final = bytes.fromhex(fields["txTrieRoot"])
        self.id: Final = (self.height.to_bytes(8) + sha256(self.raw).digest()[8:]).hex()
        if row.get("blockID") != self.id:
            raise InclusionUnproven("the header's fields do not give the block's id")

    @property
    def json(self) -> Proof:
        return {"raw_data": self.raw.hex(), "witness_signature": self.signature.hex()}


def enough(header: Header, following: Sequence[Header]) -> bool:
    """Whether as many witnesses have built on the block as make it solid."""
    return len({each.witness for each in (header, *following)}) >= SIGNERS


def proofs(
    block: Any, following: Sequence[Header], txids: Sequence[TxId], ref: BlockRef
) -> Answers[Proof]:
    """`block`: the node's JSON, whole. `following`: the headers after it, each on the one
    before."""
    header = Header(block)
    if header.id != ref.hash:
        raise InclusionUnproven("another block than the one asked for")
    parent = header.id
    for each in following:
        if each.parent != parent:
            raise InclusionUnproven("a header that does not stand on the one before it")
        parent = each.id
    with proving("a transaction"):
        rows = block.get("transactions", ())
        wholes = [_transaction(row) for row in rows]
        place = {TxId(_txid(row)): index for index, row in enumerate(rows)}
    levels = _levels([sha256(whole).digest() for whole in wholes])
    if levels[-1] != [header.root]:
        raise InclusionUnproven("the block's transactions do not give its root")

    def proof(txid: TxId) -> Proof:
        if txid not in place:
            raise InclusionUnproven(f"block {ref.height} has no transaction {txid}")
        index = place[txid]
        return {
            "header": header.json,
            "transaction": wholes[index].hex(),
            "index": index,
            "count": len(wholes),
            "branch": [each.hex() for each in _branch(levels, index)],
            "headers": [each.json for each in following],
        }

    return [attempt(partial(proof, each)) for each in txids]


def _txid(row: Any) -> str:
    return sha256(bytes.fromhex(row["raw_data_hex"])).hexdigest()


def _transaction(row: Any) -> bytes:
    """With its result, as the block has it. Raises KeyError for a field that is not known."""
    parts = [_bytes(1, bytes.fromhex(row["raw_data_hex"]))]
    parts += [_bytes(2, bytes.fromhex(each)) for each in row.get("signature", ())]
    parts += [_bytes(5, _result(each)) for each in row.get("ret", ())]
    return b"".join(parts)


def _result(row: Any) -> bytes:
    fields = {_RESULT[name]: value for name, value in row.items()}
    for number, words in ((2, _CODES), (3, _RESULTS)):
        if number in fields:
            fields[number] = words.index(fields[number])
    return b"".join(_field(number, fields[number]) for number in sorted(fields))


def _levels(leaves: list[bytes]) -> list[list[bytes]]:
    """The leaves, and above them what each pair hashes to: the last of an odd number moves up as it
    is (java-tron, MerkleTree)."""
    levels = [leaves]
    while len(levels[-1]) > 1:
        below = levels[-1]
        pairs = [below[at : at + 2] for at in range(0, len(below), 2)]
        levels.append([sha256(b"".join(p)).digest() if len(p) > 1 else p[0] for p in pairs])
    return levels


def _branch(levels: Sequence[Sequence[bytes]], index: int) -> list[bytes]:
    """The siblings from the leaf up; none at a level where it has none."""
    found = []
    for level in levels[:-1]:
        if index ^ 1 < len(level):
            found.append(level[index ^ 1])
        index //= 2
    return found


def _field(number: int, value: Any) -> bytes:
    """In protobuf: a whole number, or bytes in hexadecimal. What is zero is not written."""
    if isinstance(value, str):
        return _bytes(number, bytes.fromhex(value)) if value else b""
    return _varint(number << 3) + _varint(value) if value else b""


def _bytes(number: int, value: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    if not isinstance(value, int) or not 0 <= value < 1 << 63:
        raise ValueError("not a whole number")
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])
