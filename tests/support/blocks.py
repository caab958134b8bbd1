"""Blocks that hold a transaction, and the proofs that they do, for tests of the verifier.

EVM's tries are made by `trie` and `rlp`, bitcoin's transactions by our own code: the verifier has
neither.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import Any

import rlp
from coincurve import PrivateKey
from trie.hexary import HexaryTrie

from chains.bitcoin.transaction import Transaction, TxInput, TxOutput, parse_transaction
from chains.hashes import keccak256, sha256d
from chains.tron.address import from_public_key, to_bytes

Shown = tuple[Any, int, str]
"""A proof, and the block's height and hash."""
REGTEST_BITS = 0x207FFFFF
OTHERS = 6
"""Transactions in a block beside the one that is looked for."""
_TOPIC = keccak256(b"Transfer(address,address,uint256)")


def proof_of(family: str, raw: bytes) -> Shown:
    return _MAKERS[family](raw)


# Bitcoin


def mined(previous: bytes, root: bytes) -> bytes:
    """A header of regtest with its work."""
    start = b"\0\0\0\x20" + previous + root + bytes(4) + REGTEST_BITS.to_bytes(4, "little")
    for nonce in range(1 << 16):
        header = start + nonce.to_bytes(4, "little")
        if int.from_bytes(sha256d(header), "little") >> 255 == 0:
            return header
    raise AssertionError("no work was found")


def coinbase(height: int) -> Transaction:
    digits = height.to_bytes(height.bit_length() // 8 + 1, "little")
    spending = TxInput(bytes(32), 0xFFFFFFFF, 0xFFFFFFFF, bytes([len(digits)]) + digits + b"\0")
    return Transaction(2, (spending,), (TxOutput(5_000_000_000, b"\x51"),), 0)


def branch_of(leaves: Sequence[bytes], index: int) -> tuple[list[bytes], bytes]:
    """The siblings of a leaf from the bottom, and the root."""
    level, path = list(leaves), list[bytes]()
    while len(level) > 1:
        level += level[-1:] if len(level) % 2 else []
        path.append(level[index ^ 1])
        level = [sha256d(level[at] + level[at + 1]) for at in range(0, len(level), 2)]
        index >>= 1
    return path, level[0]


def bitcoin(raw: bytes, height: int = 812_345, others: int = OTHERS, follow: int = 5) -> Shown:
    """The transaction is the last one, where levels are odd."""
    first = coinbase(height)
    leaves = [first.hash(), *(sha256d(bytes([at])) for at in range(others))]
    leaves.append(parse_transaction(raw).hash())
    path, root = branch_of(leaves, len(leaves) - 1)
    side, _ = branch_of(leaves, 0)
    headers = [mined(sha256(b"before").digest(), root)]
    for at in range(follow):
        headers.append(mined(sha256d(headers[-1]), sha256(bytes([at])).digest()))
    proof = {
        "header": headers[0].hex(),
        "height": height,
        "index": len(leaves) - 1,
        "branch": [each.hex() for each in path],
        "coinbase": first.serialize().hex(),
        "coinbase_branch": [each.hex() for each in side],
        "headers": [each.hex() for each in headers[1:]],
    }
    return proof, height, sha256d(headers[0])[::-1].hex()


# EVM


def evm(raw: bytes, status: bytes = b"\x01", logs: Sequence[Any] = (), index: int = 3) -> Shown:
    """In a block of more transactions, so that the tries branch."""
    kind = raw[:1] if raw[:1] == b"\x02" else b""
    receipt = kind + rlp.encode(
        [status, rlp.sedes.big_endian_int.serialize(21000), bytes(256), list(logs)]
    )
    tries = []
    for here in (raw, receipt):
        trie = HexaryTrie({})
        for at in range(OTHERS * 30):
            trie[rlp.encode(at)] = here if at == index else b"\x02" + bytes([at]) * 40
        nodes = trie.get_proof(rlp.encode(index))
        tries.append((trie.root_hash, [rlp.encode(node).hex() for node in nodes]))
    number = 17_053_184
    header = rlp.encode([
        bytes(32), bytes(32), bytes(20), bytes(32), tries[0][0], tries[1][0], bytes(256), b"",
        number.to_bytes(4, "big"), b"\x01", b"\x01", b"\x01", b"", bytes(32), bytes(8), b"\x07",
    ])  # fmt: skip
    proof = {
        "header": header.hex(),
        "index": index,
        "transaction_nodes": tries[0][1],
        "receipt_nodes": tries[1][1],
    }
    return proof, number, "0x" + keccak256(header).hex()


def transfer_log(token: str, payer: str, payee: str, amount: int) -> list[Any]:
    words = [bytes(12) + bytes.fromhex(each[2:]) for each in (payer, payee)]
    return [bytes.fromhex(token[2:]), [_TOPIC, *words], amount.to_bytes(32, "big")]


# TRON


def witness(number: int) -> PrivateKey:
    return PrivateKey.from_int(1000 + number)


def representatives(count: int = 27) -> frozenset[bytes]:
    return frozenset(
        to_bytes(from_public_key(witness(at).public_key.format())) for at in range(count)
    )


def varint(value: int) -> bytes:
    low = value & 0x7F
    return bytes([low]) if value < 0x80 else bytes([low | 0x80]) + varint(value >> 7)


def field(number: int, value: int | bytes) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def tron_header(number: int, parent: bytes, root: bytes, by: int) -> dict[str, str]:
    address = to_bytes(from_public_key(witness(by).public_key.format()))
    raw = field(1, 1_777_445_721_000 + number) + field(2, root) + field(3, parent)
    raw += field(7, number) + field(9, address) + field(10, 34)
    signature = witness(by).sign_recoverable(sha256(raw).digest(), hasher=None)
    wire = signature[:64] + bytes([signature[64] + 27])
    return {"raw_data": raw.hex(), "witness_signature": wire.hex()}


def tron_id(header: Mapping[str, str], number: int) -> bytes:
    return number.to_bytes(8, "big") + sha256(bytes.fromhex(header["raw_data"])).digest()[8:]


def tron(raw: bytes, result: bytes | None = None, others: int = OTHERS, follow: int = 20) -> Shown:
    """The transaction is the last one, where levels are odd."""
    leaf = raw + (field(5, field(3, 1)) if result is None else result)
    leaves = [*(sha256(bytes([at])).digest() for at in range(others)), sha256(leaf).digest()]
    level, path, index = list(leaves), list[bytes](), len(leaves) - 1
    while len(level) > 1:
        if index ^ 1 < len(level):
            path.append(level[index ^ 1])
        pairs = range(0, len(level), 2)
        level = [
            sha256(level[at] + level[at + 1]).digest() if at + 1 < len(level) else level[at]
            for at in pairs
        ]
        index >>= 1
    number = 78_861_100
    first = tron_header(number, bytes(32), level[0], 0)
    headers, parent = [], tron_id(first, number)
    for at in range(1, follow + 1):
        headers.append(tron_header(number + at, parent, sha256(bytes([at])).digest(), at % 27))
        parent = tron_id(headers[-1], number + at)
    proof = {
        "header": first,
        "transaction": leaf.hex(),
        "index": len(leaves) - 1,
        "count": len(leaves),
        "branch": [each.hex() for each in path],
        "headers": headers,
    }
    return proof, number, tron_id(first, number).hex()


def solana(raw: bytes) -> Shown:
    return None, 321_000_000, "4uQeVj5tqViQh7yWWGStvkEG1Zmhx6uasJtWCJziofM"


_MAKERS: Mapping[str, Callable[[bytes], Shown]] = {
    "bitcoin": bitcoin,
    "evm": evm,
    "tron": tron,
    "solana": solana,
}
