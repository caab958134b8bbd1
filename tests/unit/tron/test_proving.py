"""Branches under txTrieRoot, and headers as they are signed: against blocks of java-tron's own."""

from __future__ import annotations

import json
from copy import deepcopy
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from coincurve import PublicKey

from chains.answers import found
from chains.devnet.tron_server.chain import merkle_root
from chains.errors import InclusionUnproven
from chains.hashes import keccak256
from chains.model import BlockRef, TxId
from chains.tron.proving import Header, enough, proofs

VECTORS = Path(__file__).parents[2] / "vectors" / "tron" / "inclusion.json"
PRIVATE, MAIN = (each["block"] for each in json.loads(VECTORS.read_text())["blocks"])
REF = BlockRef(165, PRIVATE["blockID"])
TXID = TxId(PRIVATE["transactions"][0]["txID"])


@pytest.mark.parametrize("block", [PRIVATE, MAIN], ids=["private", "main"])
def test_a_header_is_written_as_its_witness_signed_it(block: Any):
    """The key that the signature gives has the witness's address."""
    header = Header(block)
    signature = header.signature
    parity = bytes([signature[64] % 27])
    key = PublicKey.from_signature_and_message(
        signature[:64] + parity, sha256(header.raw).digest(), hasher=None
    )
    address = b"\x41" + keccak256(key.format(compressed=False)[1:])[12:]
    assert address.hex() == block["block_header"]["raw_data"]["witness_address"]


def test_a_leaf_is_the_whole_transaction_with_its_result():
    """The root of a block with one transaction, as java-tron computed it."""
    proof = found(proofs(PRIVATE, [], [TXID], REF)[0])
    root = PRIVATE["block_header"]["raw_data"]["txTrieRoot"]
    assert sha256(bytes.fromhex(proof["transaction"])).hexdigest() == root


def changed(path: tuple[Any, ...], value: Any) -> Any:
    block = deepcopy(PRIVATE)
    at = block
    for each in path[:-1]:
        at = at[each]
    at[path[-1]] = value
    return block


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("block_header", "raw_data", "timestamp"), 1790865510001),
        (("block_header", "raw_data", "new_field"), 1),
        (("block_header", "raw_data", "number"), 166),
        (("transactions", 0, "ret", 0, "contractRet"), "REVERT"),
        (("transactions", 0, "ret", 0, "contractRet"), "NEWER"),
        (("transactions", 0, "ret", 0, "newer"), 7),
        (("transactions", 0, "ret"), []),
        (("transactions", 0, "signature"), []),
        (("transactions",), []),
    ],
)
def test_what_does_not_give_the_blocks_own_hashes_is_no_proof(path: tuple[Any, ...], value: Any):
    with pytest.raises(InclusionUnproven):
        found(proofs(changed(path, value), [], [TXID], REF)[0])


@pytest.mark.parametrize("count", range(1, 18))
def test_every_leaf_of_a_tree_has_its_branch(count: int):
    rows: list[Any] = [
        {"raw_data_hex": f"0a{at:04x}", "signature": [], "ret": [{"contractRet": "SUCCESS"}]}
        for at in range(count)
    ]
    leaves = [sha256(_leaf(row["raw_data_hex"])).digest() for row in rows]
    block = _sealed(rows, merkle_root(leaves))
    txids = [TxId(sha256(bytes.fromhex(row["raw_data_hex"])).hexdigest()) for row in rows]
    for index, answer in enumerate(proofs(block, [], txids, BlockRef(9, block["blockID"]))):
        proof = found(answer)
        assert (proof["index"], proof["count"]) == (index, count)
        node, at, size = leaves[index], index, count
        branch = [bytes.fromhex(each) for each in proof["branch"]]
        while size > 1:
            if at ^ 1 < size:
                sibling = branch.pop(0)
                node = sha256(sibling + node if at & 1 else node + sibling).digest()
            at, size = at // 2, (size + 1) // 2
        assert not branch
        assert node == merkle_root(leaves)


def test_nineteen_witnesses_are_enough_and_one_who_signs_twice_counts_once():
    headers = [Header(_sealed([], bytes(32), witness=each)) for each in range(19)]
    assert enough(headers[0], headers[1:])
    assert not enough(headers[0], headers[1:18])
    assert not enough(headers[0], [headers[1]] * 30)


def test_headers_that_do_not_follow_each_other_are_no_proof():
    stranger = Header(_sealed([], bytes(32)))
    with pytest.raises(InclusionUnproven):
        proofs(PRIVATE, [stranger], [TXID], REF)


def _leaf(raw_data: str) -> bytes:
    raw = bytes.fromhex(raw_data)
    return b"\x0a" + bytes([len(raw)]) + raw + b"\x2a\x02\x18\x01"


def _sealed(rows: list[Any], root: bytes, witness: int = 0) -> Any:
    address = f"41{witness:040x}"
    parts = [b"\x12\x20" + root, b"\x1a\x20" + bytes(32), b"\x38\x09"]
    raw = b"".join([*parts, b"\x4a\x15" + bytes.fromhex(address)])
    fields = {"txTrieRoot": root.hex(), "parentHash": "00" * 32, "number": 9}
    return {
        "blockID": ((9).to_bytes(8) + sha256(raw).digest()[8:]).hex(),
        "block_header": {
            "raw_data": {**fields, "witness_address": address},
            "witness_signature": "00" * 65,
        },
        "transactions": rows,
    }
