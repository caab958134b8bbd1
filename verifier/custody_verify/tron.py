"""TRON: raw_data, its one signature, blocks of signed headers, and the tree of their transactions.

The protobuf reader takes one spelling: numbers in their shortest form, fields in ascending order,
each at most once, and none that is not known here. A leaf of a block's tree is the hash of the
whole transaction with its result, so the result is proven with it. TRON has no proof of what a
contract moved: of a token's payment the call and its success are shown.
"""

from collections import Counter
from hashlib import sha256
from itertools import pairwise
from typing import Any, Final

from custody_verify.addresses import tron as address_of
from custody_verify.contracts import told
from custody_verify.errors import Refuted, Unreadable, refute, reject
from custody_verify.keys import account
from custody_verify.model import Anchors, Block, Meaning, Pay, Transaction, pinned
from custody_verify.strict import Reader, fields, listed, number, octets

REPRESENTATIVES_NEEDED: Final = 19
"""Of 27: 70 %, rounded up (java-tron, Parameter.java, SOLIDIFIED_THRESHOLD)."""
_TYPES: Final = {
    1: b"type.googleapis.com/protocol.TransferContract",
    31: b"type.googleapis.com/protocol.TriggerSmartContract",
}
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
    reject((not byte and shift > 7) or value >= 1 << 63, "a number not in its one form")
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
        reject(kind not in (0, 2), "a field of a message in a form that is not known here")
        value = _varint(reader) if kind == 0 else reader.take(_varint(reader))
        reject(value in (0, b"") and field not in many, "a field that says what its absence says")
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


def spell(account_: bytes) -> str:
    """Contracts know 20 bytes."""
    return address_of(b"\x41" + account_)


def decode(tx: Transaction) -> Meaning:
    raw = proto(tx.unsigned, "1 4 8 11 14 18")
    contract = proto(_octets(raw, 11), "1 2")
    parameter, kind = proto(_octets(contract, 2), "1 2"), _number(contract, 1)
    if tx.sender is not None or _octets(parameter, 1) != _TYPES.get(kind):
        raise Refuted("a contract that is no payment, or a sender beside it")
    if len(_octets(raw, 1)) != 2 or len(_octets(raw, 4)) != 8 or not _number(raw, 8):
        raise Refuted("no block or no end of its life is named")
    call = proto(_octets(parameter, 2), "1 2 3" if kind == 1 else "1 2 3 4")
    payer, other = address_of(_octets(call, 1)), address_of(_octets(call, 2))
    limit, units = _number(raw, 18), _number(call, 3)
    if kind == 1:
        refute(limit or not units, "a payment of nothing, or one with a fee limit")
        if other == payer:
            return Meaning(payer, Counter(), ((other, units),))
        return Meaning(payer, Counter([Pay(other, tx.coin, units)]))
    data = _octets(call, 4)
    refute(not limit, "a call without a fee limit")
    effect = told(f"{tx.network}/trc20:{other}", other, units, data, spell)
    return Meaning(payer, Counter([effect]), (), {"energy": limit}, data)


def check_signed(tx: Transaction) -> str:
    whole = proto(tx.signed, "1 2", "2")
    if _octets(whole, 1) != tx.unsigned or len(whole.get(2, [])) != 1:
        raise Refuted("the signed bytes are another transaction, or have not one signature")
    payer, digest = decode(tx).payer, sha256(tx.unsigned).digest()
    refute(spell(account(_octets(whole, 2), digest)) != payer, "not signed by the key of who pays")
    refute(digest.hex() != tx.txid, "the bytes hash to another txid")
    return f"signed by the key of {payer}"


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
    refute(not index < count, "no place of this block")
    left = list(branch)
    while count > 1:
        if index & 1 or index + 1 < count:
            refute(not left, "the branch is shorter than the tree is high")
            sibling = left.pop(0)
            node = sha256(sibling + node if index & 1 else node + sibling).digest()
        index, count = index >> 1, (count + 1) >> 1
    refute(left, "the branch is longer than the tree is high")
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
        self.signer = b"\x41" + account(signature, digest)


def _header(value: Any) -> _Header:
    row = fields(value, "raw_data witness_signature")
    return _Header(octets(row["raw_data"]), octets(row["witness_signature"], 65))
