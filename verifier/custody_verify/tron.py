"""TRON: raw_data, its one signature, blocks of signed headers, and the tree of their transactions.

The protobuf reader takes one spelling: numbers in their shortest form, fields in ascending order,
each at most once, and none that is not known here. A leaf of a block's tree is the hash of the
whole transaction with its result, so the result is proven with it. TRON has no proof of what a
contract moved: of a token's payment the call and its success are shown.
"""

from __future__ import annotations

from collections import Counter
from hashlib import sha256
from itertools import pairwise
from typing import Any, Final

from custody_verify.addresses import tron as address_of
from custody_verify.errors import Refuted, Unreadable
from custody_verify.hashes import keccak256
from custody_verify.keys import recover
from custody_verify.model import Anchors, Block, Meaning, Pay, Transaction, pinned
from custody_verify.strict import Reader, fields, listed, number, octets

REPRESENTATIVES_NEEDED: Final = 19
"""Of 27: 70 %, rounded up (java-tron, Parameter.java, SOLIDIFIED_THRESHOLD)."""
_TYPES: Final = {
    1: b"type.googleapis.com/protocol.TransferContract",
    31: b"type.googleapis.com/protocol.TriggerSmartContract",
}
_CALL: Final = keccak256(b"transfer(address,uint256)")[:4] + bytes(12)
_BRANCH_MAX: Final = 32

Message = dict[int, list[int | bytes]]


def _varint(reader: Reader) -> int:
    value, shift = 0, 0
    while True:
        byte = reader.little(1)
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            break
    if (not byte and shift > 7) or value >= 1 << 63:
        raise Unreadable("a number below zero, too large, or not in its shortest form")
    return value


def proto(data: bytes, known: str, repeated: str = "") -> Message:
    """Fields by number. `known`: those that there may be; `repeated`: of these, more than once."""
    reader, found, before = Reader(data), Message(), 0
    names, many = set(map(int, known.split())), set(map(int, repeated.split()))
    while reader.at < len(data):
        key = _varint(reader)
        field, kind = key >> 3, key & 7
        if field not in names or field < before or (field == before and field not in many):
            raise Unreadable("a field of a message that is not known here, twice, or out of order")
        if kind not in (0, 2):
            raise Unreadable("a field of a message in a form that is not known here")
        value = _varint(reader) if kind == 0 else reader.take(_varint(reader))
        if value in (0, b"") and field not in many:
            raise Unreadable("a field of a message that says what its absence says")
        found.setdefault(field, []).append(value)
        before = field
    return found


def _octets(message: Message, field: int) -> bytes:
    value = message.get(field, [b""])[0]
    if not isinstance(value, bytes):
        raise Unreadable("a number where bytes belong")
    return value


def _number(message: Message, field: int) -> int:
    value = message.get(field, [0])[0]
    if not isinstance(value, int):
        raise Unreadable("bytes where a number belongs")
    return value


def decode(tx: Transaction) -> Meaning:
    raw = proto(tx.unsigned, "1 4 8 11 14 18")
    contract = proto(_octets(raw, 11), "1 2")
    parameter, kind = proto(_octets(contract, 2), "1 2"), _number(contract, 1)
    if tx.sender is not None or _octets(parameter, 1) != _TYPES.get(kind):
        raise Refuted("a contract that is no payment, or a sender beside it")
    if len(_octets(raw, 1)) != 2 or len(_octets(raw, 4)) != 8 or not _number(raw, 8):
        raise Refuted("no block or no end of its life is named")
    call = proto(_octets(parameter, 2), "1 2 3" if kind == 1 else "1 2 4")
    payer, other = address_of(_octets(call, 1)), address_of(_octets(call, 2))
    limit, returns, pays = _number(raw, 18), (), Counter[Pay]()
    if kind == 1:
        if limit or not _number(call, 3):
            raise Refuted("a payment of nothing, or one with a fee limit")
        if other == payer:
            return Meaning(payer, pays, ((other, _number(call, 3)),))
        pays[Pay(other, tx.coin, _number(call, 3))] += 1
        return Meaning(payer, pays, returns)
    data = _octets(call, 4)
    if data[:16] != _CALL or len(data) != 68 or not limit:
        raise Refuted("it calls a contract for something else than one payment of its token")
    payee, units = address_of(b"\x41" + data[16:36]), int.from_bytes(data[36:], "big")
    pays[Pay(payee, f"{tx.network}/trc20:{other}", units)] += 1
    return Meaning(payer, pays, returns, {"energy": limit})


def check_signed(tx: Transaction) -> str:
    whole = proto(tx.signed, "1 2", "2")
    if _octets(whole, 1) != tx.unsigned or len(whole.get(2, [])) != 1:
        raise Refuted("the signed bytes are another transaction, or have not one signature")
    payer, digest = decode(tx).payer, sha256(tx.unsigned).digest()
    if address_of(_signer(_octets(whole, 2), digest)) != payer:
        raise Refuted("it is not signed by the key of who pays")
    if digest.hex() != tx.txid:
        raise Refuted("the bytes hash to another txid")
    return f"signed by the key of {payer}"


def _signer(signature: bytes, digest: bytes) -> bytes:
    """The address, 21 bytes, whose key made r, s and v."""
    if len(signature) != 65 or signature[64] not in (0, 1, 27, 28):
        raise Refuted("no signature of 65 bytes")
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")
    return b"\x41" + keccak256(recover(r, s, signature[64] % 27, digest))[-20:]


def check_block(tx: Transaction, meaning: Meaning, proof: Any, anchors: Anchors) -> Block:
    shown = fields(proof, "header transaction index count branch headers")
    leaf = octets(shown["transaction"])
    _check_result(leaf, tx)
    first = _header(shown["header"])
    branch = [octets(each, 32) for each in listed(shown["branch"], most=_BRANCH_MAX)]
    index, count = number(shown["index"]), number(shown["count"])
    if merkle_root(sha256(leaf).digest(), index, count, branch) != first.root:
        raise Refuted("the branch leads to another root than the header's")
    headers = [first, *(_header(each) for each in listed(shown["headers"], most=10_000))]
    for before, after in pairwise(headers):
        if after.parent != before.id or after.number != before.number + 1:
            raise Refuted("a header does not follow the one before it")
    at = pinned(anchors, tx.network, {each.number: each.id.hex() for each in headers})
    signers = {each.signer for each in headers} & anchors.representatives
    by = f"{len(signers)} of the pinned representatives signed it or what follows"
    if at is not None:
        grade, words = "A", f"block {at}, which is pinned, follows it"
    elif len(signers) >= REPRESENTATIVES_NEEDED:
        grade, words = "B", f"{by}, {REPRESENTATIVES_NEEDED} make it final"
    else:
        grade, words = "C", f"{by}: that this block is of the chain, nodes said"
    return Block(first.number, first.id.hex(), grade, words, None if grade == "C" else grade, words)


def merkle_root(node: bytes, index: int, count: int, branch: list[bytes]) -> bytes:
    """java-tron's MerkleTree: a node without a sibling goes up as it is."""
    if not index < count:
        raise Refuted("no place of this block")
    left = list(branch)
    while count > 1:
        if index & 1 or index + 1 < count:
            if not left:
                raise Refuted("the branch is shorter than the tree is high")
            sibling = left.pop(0)
            node = sha256(sibling + node if index & 1 else node + sibling).digest()
        index, count = index >> 1, (count + 1) >> 1
    if left:
        raise Refuted("the branch is longer than the tree is high")
    return node


def _check_result(leaf: bytes, tx: Transaction) -> None:
    """The block's own copy is the signed transaction, and says that it succeeded."""
    whole, signed = proto(leaf, "1 2 5", "2 5"), proto(tx.signed, "1 2", "2")
    if len(leaf) == 64 or {1: whole.get(1), 2: whole.get(2)} != signed:
        raise Refuted("the block has another transaction at that place")
    results = whole.get(5, [])
    result = proto(_octets(whole, 5), "1 2 3") if len(results) == 1 else {}
    if _number(result, 3) != 1 or _number(result, 2):
        raise Refuted("the block has it, but does not say that it succeeded")


class _Header:
    """A header, by what it names: its number and id, its parent, the root of its transactions, and
    who signed it (21 bytes)."""

    def __init__(self, raw: bytes, signature: bytes) -> None:
        said = proto(raw, "1 2 3 7 8 9 10 11")
        digest = sha256(raw).digest()
        self.number, self.parent, self.root = _number(said, 7), _octets(said, 3), _octets(said, 2)
        self.id = self.number.to_bytes(8, "big") + digest[8:]
        self.signer = _signer(signature, digest)


def _header(value: Any) -> _Header:
    row = fields(value, "raw_data witness_signature")
    return _Header(octets(row["raw_data"]), octets(row["witness_signature"], 65))
