"""Headers, transactions, receipts and their tries: against py-evm and py-trie, kind by kind."""

from __future__ import annotations

import random
from typing import Any

import pytest
import rlp
from eth.vm.forks.cancun.blocks import CancunBlockHeader
from eth.vm.forks.london.blocks import LondonBlockHeader
from eth.vm.forks.prague.blocks import PragueBlockHeader
from eth.vm.forks.prague.transactions import PragueTransactionBuilder
from eth.vm.forks.shanghai.blocks import ShanghaiBlockHeader
from eth_account import Account
from trie.hexary import HexaryTrie

from chains.answers import found
from chains.errors import InclusionUnproven, NodeMisbehaved, NodeUnavailable
from chains.evm import envelopes
from chains.evm.adapter import EvmAdapter
from chains.evm.proving import _prove, shrunk_block, shrunk_receipts
from chains.evm.trie import EMPTY_ROOT, IndexTrie
from chains.hashes import keccak256
from chains.model import BlockRef, TxId
from chains.nodes.adapter import Nodes
from tests.support.networks import find_network

KEY = "0x" + "11" * 32
TO = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
ACCESS = [{"address": TO, "storageKeys": ["0x" + "07" * 32, "0x" + "00" * 32]}]
BLOB = "0x01" + "22" * 31
HEADER: dict[str, Any] = {
    "parentHash": "0x" + "01" * 32,
    "sha3Uncles": "0x" + "02" * 32,
    "miner": "0x" + "03" * 20,
    "stateRoot": "0x" + "04" * 32,
    "transactionsRoot": "0x" + "05" * 32,
    "receiptsRoot": "0x" + "06" * 32,
    "logsBloom": "0x" + "07" * 256,
    "difficulty": "0x0",
    "number": "0x1406f40",
    "gasLimit": "0x1c9c380",
    "gasUsed": "0xf42400",
    "timestamp": "0x68000000",
    "extraData": "0x",
    "mixHash": "0x" + "08" * 32,
    "nonce": "0x0000000000000000",
}
LATER: dict[str, Any] = {
    "baseFeePerGas": "0x0",
    "withdrawalsRoot": "0x" + "09" * 32,
    "blobGasUsed": "0x0",
    "excessBlobGas": "0x20000",
    "parentBeaconBlockRoot": "0x" + "0a" * 32,
    "requestsHash": "0x" + "0b" * 32,
}


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        (1, LondonBlockHeader),
        (2, ShanghaiBlockHeader),
        (5, CancunBlockHeader),
        (6, PragueBlockHeader),
    ],
    ids=["london", "shanghai", "cancun", "prague"],
)
def test_a_header_of_each_fork_is_what_py_evm_reads(fields: int, kind: Any):
    """BNB Smart Chain's have the same fields, its base fee of nothing included."""
    told = HEADER | dict(list(LATER.items())[:fields])
    written = envelopes.header(told)
    header = rlp.decode(written, kind)
    assert "0x" + header.hash.hex() == "0x" + keccak256(written).hex()
    assert header.block_number == 21_000_000
    assert header.base_fee_per_gas == 0
    if fields == len(LATER):
        assert header.requests_hash == bytes.fromhex("0b" * 32)


@pytest.mark.parametrize(
    "fields",
    [
        {"gasPrice": 7},
        {"gasPrice": 7, "accessList": ACCESS, "type": 1},
        {"maxFeePerGas": 9, "maxPriorityFeePerGas": 0, "accessList": ACCESS, "type": 2},
        {"maxFeePerGas": 9, "maxPriorityFeePerGas": 1, "type": 3, "accessList": ACCESS,
         "maxFeePerBlobGas": 5, "blobVersionedHashes": [BLOB]},
        {"maxFeePerGas": 9, "maxPriorityFeePerGas": 1, "type": 4, "accessList": [],
         "authorizationList": "signed"},
    ],
    ids=["legacy", "2930", "1559", "4844", "7702"],
)  # fmt: skip
def test_a_transaction_of_each_kind_is_what_was_signed(fields: dict[str, Any]):
    """eth-account signs, py-evm reads; what a node tells of it gives the same bytes again."""
    account = Account.from_key(KEY)
    asked = {"chainId": 1, "nonce": 0, "gas": 21000, "to": TO, "value": 0, "data": "0x1234"}
    asked |= fields
    if "authorizationList" in fields:
        said = account.sign_authorization({"chainId": 1, "address": TO, "nonce": 300})
        asked["authorizationList"] = [said]
    raw = bytes(account.sign_transaction(asked).raw_transaction)
    told = _told(PragueTransactionBuilder.decode(raw))
    assert envelopes.transaction(told) == raw
    if "yParity" in told:  # some nodes leave it out and have `v` alone
        without = {name: value for name, value in told.items() if name != "yParity"}
        assert envelopes.transaction(without) == raw


def test_a_kind_that_is_not_known_is_not_guessed():
    for write in (envelopes.transaction, envelopes.receipt):
        with pytest.raises(KeyError):
            write({"type": "0x64"})


@pytest.mark.parametrize("count", [1, 2, 3, 15, 16, 17, 127, 128, 129, 130, 300])
def test_both_tries_are_py_tries(count: int):
    draw = random.Random(count)
    values = [draw.randbytes(draw.randrange(1, 200)) for _ in range(count)]
    theirs = HexaryTrie({})
    for index, value in enumerate(values):
        theirs[rlp.encode(index)] = value
    ours = IndexTrie(values)
    assert ours.root == theirs.root_hash
    for index in {0, count // 2, count - 1}:
        nodes = [rlp.decode(each) for each in ours.proof(index)]
        key = rlp.encode(index)
        assert HexaryTrie.get_from_proof(theirs.root_hash, key, nodes) == values[index]


def test_a_block_without_transactions_has_the_empty_root():
    assert IndexTrie([]).root == EMPTY_ROOT == HexaryTrie({}).root_hash


def block() -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A block of three payments with its receipts, as a node tells them."""
    raws, rows, receipts = [], [], []
    for nonce in range(3):
        asked = {"chainId": 1, "nonce": nonce, "gas": 21000, "to": TO, "value": 5, "gasPrice": 7}
        raws.append(bytes(Account.from_key(KEY).sign_transaction(asked).raw_transaction))
        rows.append(_told(PragueTransactionBuilder.decode(raws[-1])))
        log = {"address": TO, "topics": ["0x" + "0c" * 32], "data": "0x"}
        receipts.append(
            {"type": "0x0", "status": "0x1", "cumulativeGasUsed": hex(21000 * (nonce + 1)),
             "logsBloom": "0x" + "00" * 256, "logs": [log], "transactionIndex": hex(nonce)}
        )  # fmt: skip
    told = [bytes.fromhex(each) for each in shrunk_receipts(receipts)]
    whole = HEADER | LATER | {"transactions": rows}
    whole["transactionsRoot"] = "0x" + IndexTrie(raws).root.hex()
    whole["receiptsRoot"] = "0x" + IndexTrie(told).root.hex()
    return whole, receipts


def test_a_transaction_and_its_receipt_lead_to_the_blocks_hash():
    whole, receipts = block()
    shrunk = shrunk_block(whole)
    ref = BlockRef(21_000_000, "0x" + keccak256(bytes.fromhex(shrunk["header"])).hex())
    txid = TxId("0x" + keccak256(bytes.fromhex(shrunk["transactions"][1])).hex())
    proof = found(_prove(shrunk, shrunk_receipts(receipts[::-1]), [txid], ref)[0])
    assert proof["index"] == 1


@pytest.mark.parametrize("defect", ["header", "transaction", "receipt", "missing"])
def test_what_does_not_give_the_blocks_own_hashes_is_no_proof(defect: str):
    whole, receipts = block()
    hashed = keccak256(bytes.fromhex(shrunk_block(whole)["header"])).hex()
    if defect == "header":
        whole["gasUsed"] = "0x1"
    if defect == "transaction":
        whole["transactions"][2]["value"] = "0x6"
    if defect == "receipt":
        receipts[1]["status"] = "0x0"
    if defect == "missing":
        receipts.pop()
    with pytest.raises(InclusionUnproven):
        _prove(shrunk_block(whole), shrunk_receipts(receipts), [], BlockRef(1, "0x" + hashed))


@pytest.mark.parametrize("trouble", [NodeMisbehaved("a block"), NodeUnavailable("no receipts")])
async def test_a_node_that_proves_nothing_is_asked_all_else_as_before(
    trouble: Exception, monkeypatch: pytest.MonkeyPatch
):
    """A block of a new kind must not take a node out: payments hang on it."""

    async def nothing(adapter: EvmAdapter) -> None:
        return None

    async def fail(adapter: EvmAdapter, txids: Any, block: Any) -> Any:
        raise trouble

    monkeypatch.setattr(EvmAdapter, "check", nothing)
    monkeypatch.setattr(EvmAdapter, "prove", fail)
    network = find_network("ethereum-local")
    adapters = [EvmAdapter(network, f"http://127.0.0.1:{port}") for port in (1, 2)]
    nodes = Nodes([("one", adapters[0]), ("two", adapters[1])])
    try:
        for _ in range(5):
            (answer,) = await nodes.prove([TxId("0x" + "00" * 32)], BlockRef(1, "0x" + "00" * 32))
            assert answer is trouble
        assert nodes.asked == "one"
        assert nodes.troubles() == ()
        assert all(each.health.failures == 0 for each in nodes._nodes)
    finally:
        await nodes.close()


def _told(tx: Any) -> dict[str, Any]:
    """As a node tells what py-evm has read."""
    inner = getattr(tx, "_inner", tx)
    names = {
        "chain_id": "chainId", "nonce": "nonce", "gas_price": "gasPrice", "gas": "gas",
        "max_priority_fee_per_gas": "maxPriorityFeePerGas", "max_fee_per_gas": "maxFeePerGas",
        "value": "value", "max_fee_per_blob_gas": "maxFeePerBlobGas", "r": "r", "s": "s",
    }  # fmt: skip
    told: dict[str, Any] = {
        ours: hex(getattr(inner, name)) for name, ours in names.items() if _has(inner, name)
    }
    told |= {"to": "0x" + inner.to.hex(), "input": "0x" + inner.data.hex()}
    kind = getattr(tx, "type_id", None)
    if kind is None:
        return told | {"type": "0x0", "v": hex(inner.v)}
    told |= {"type": hex(kind), "v": hex(inner.y_parity), "yParity": hex(inner.y_parity)}
    told["accessList"] = [
        {"address": "0x" + address.hex(), "storageKeys": [_word(each) for each in keys]}
        for address, keys in inner.access_list
    ]
    if _has(inner, "blob_versioned_hashes"):
        told["blobVersionedHashes"] = ["0x" + each.hex() for each in inner.blob_versioned_hashes]
    if _has(inner, "authorization_list"):
        told["authorizationList"] = [_authorization(each) for each in inner.authorization_list]
    return told


def _authorization(each: Any) -> dict[str, str]:
    numbers = {"chainId": each.chain_id, "nonce": each.nonce, "yParity": each.y_parity}
    numbers |= {"r": each.r, "s": each.s}
    return {name: hex(value) for name, value in numbers.items()} | {
        "address": "0x" + each.address.hex()
    }


def _word(slot: Any) -> str:
    return "0x" + int(slot).to_bytes(32).hex()


def _has(inner: Any, name: str) -> bool:
    return name in inner._meta.field_names
