"""The block scanner against embit's parser, and against blocks that lie."""

from __future__ import annotations

import json
from dataclasses import replace
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from embit.transaction import Transaction as EmbitTransaction

from chains.bitcoin.blocks import merkle_root, read_block
from chains.bitcoin.codec import BitcoinCodec
from chains.bitcoin.transaction import Transaction, TxInput, TxOutput, compact_size
from chains.errors import NodeMisbehaved
from chains.hashes import sha256d
from chains.model import BlockRef
from tests.support.networks import find_network
from tests.unit.bitcoin.support import CODEC, P2TR, REGTEST, Wallet, script_of

WALLET = Wallet()
PARENT = "0f" * 32
HEIGHT = 500


def _spend(number: int, *outputs: TxOutput, witness: tuple[bytes, ...] = ()) -> Transaction:
    previous = sha256(bytes((number,))).digest()
    inputs = tuple(
        TxInput(previous, position, 0, b"", witness) for position in range(1 + number % 3)
    )
    return Transaction(2, inputs, outputs, 0)


COINBASE = Transaction(
    1,
    (TxInput(bytes(32), 0xFFFFFFFF, 0xFFFFFFFF, b"\x02\xf4\x01" + bytes(90), (bytes(32),)),),
    (
        TxOutput(50 * 10**8, script_of(WALLET.address(0))),
        TxOutput(0, b"\x6a\x24\xaa\x21\xa9\xed" + bytes(32)),
    ),
    0,
)
TRANSACTIONS = (
    COINBASE,
    _spend(1, TxOutput(5, script_of(WALLET.address(1))), witness=(bytes(71), bytes(33))),
    _spend(2, TxOutput(6, b"\x6a\x01x"), TxOutput(7, script_of(WALLET.address(2, P2TR)))),
    _spend(3, TxOutput(0, script_of(WALLET.address(3))), witness=(bytes(300), b"")),
    _spend(4, TxOutput(8, b"\x51" * 300), TxOutput(9, b"\xa9\x14" + bytes(20) + b"\x87")),
    _spend(5, *(TxOutput(10 + n, script_of(WALLET.address(4))) for n in range(260))),
)


def serialized(transactions: tuple[Transaction, ...], root: bytes | None = None) -> bytes:
    root = root or merkle_root([each.hash() for each in transactions])
    header = bytes(4) + bytes.fromhex(PARENT)[::-1] + root + (1_700_000_000).to_bytes(4, "little")
    body = b"".join(each.serialize() for each in transactions)
    return header + bytes(8) + compact_size(len(transactions)) + body


def reference(raw: bytes) -> BlockRef:
    return BlockRef(HEIGHT, sha256d(raw[:80])[::-1].hex())


RAW = serialized(TRANSACTIONS)


def test_credits_and_spent_outpoints_are_those_that_embit_sees() -> None:
    block = read_block(RAW, reference(RAW), REGTEST, CODEC.addresses)
    expected = []
    spent: dict[str, str] = {}
    for at, transaction in enumerate(TRANSACTIONS):
        seen = EmbitTransaction.parse(transaction.serialize())
        txid = seen.txid().hex()
        for position, output in enumerate(seen.vout):
            address = CODEC.addresses.address_of(output.script_pubkey.data)
            if address is not None and output.value:
                expected.append((txid, f"output:{position}", address, output.value, at == 0))
        for each in seen.vin if at else ():  # the coinbase spends nothing
            spent[f"{REGTEST.id}/outpoint:{each.txid.hex()}:{each.vout}"] = txid
    assert [
        (each.txid, each.place, each.address, each.units, each.mature_height is not None)
        for each in block.movements
    ] == expected
    assert block.consumed == spent
    assert block.movements[0].mature_height == HEIGHT + 100
    assert block.parent_hash == PARENT
    assert block.timestamp == 1_700_000_000
    assert {each.asset for each in block.movements} == {REGTEST.native.id}


def test_bitcoins_genesis_block() -> None:
    """Its bytes are known to everybody, and its hash to our table of networks."""
    message = b"The Times 03/Jan/2009 Chancellor on brink of second bailout for banks"
    script_sig = bytes.fromhex("04ffff001d0104") + bytes((len(message),)) + message
    key = "04678afdb0fe5548271967f1a67130b7105cd6a828e03909a67962e0ea1f61deb649f6bc3f4cef38c4f3"
    key += "5504e51ec112de5c384df7ba0b8d578a4c702b6bf11d5f"
    coinbase = Transaction(
        1,
        (TxInput(bytes(32), 0xFFFFFFFF, 0xFFFFFFFF, script_sig),),
        (TxOutput(50 * 10**8, b"\x41" + bytes.fromhex(key) + b"\xac"),),
        0,
    )
    end = bytes.fromhex("dae5494dffff7f2002000000")  # time, target and nonce on regtest
    raw = b"\1\0\0\0" + bytes(32) + coinbase.hash() + end + b"\1" + coinbase.serialize()
    assert reference(raw).hash == REGTEST.text("genesis")
    block = read_block(raw, replace(reference(raw), height=0), REGTEST, CODEC.addresses)
    assert (block.movements, block.consumed) == ((), {})


VECTORS = Path(__file__).parents[2] / "vectors" / "bitcoin" / "blocks.json"


@pytest.mark.parametrize("vector", json.loads(VECTORS.read_text())["blocks"])
def test_blocks_of_the_main_network(vector: dict[str, Any]) -> None:
    """Each output with an address, to the last satoshi, and each coin that was spent."""
    raw, main = bytes.fromhex(vector["raw"]), find_network("bitcoin")
    addresses = BitcoinCodec(main).addresses
    ref = BlockRef(vector["height"], vector["hash"])
    block = read_block(raw, ref, main, addresses)
    assert block == read_block(raw, ref, main, addresses)
    paid, spent, stream = [], {}, BytesIO(raw[81:])
    for _ in range(raw[80]):
        seen = EmbitTransaction.read_from(stream)
        txid = seen.txid().hex()
        for at, output in enumerate(seen.vout):
            if (to := addresses.address_of(output.script_pubkey.data)) is not None:
                paid.append((txid, f"output:{at}", to, output.value))
        for each in seen.vin:
            spent[f"{main.id}/outpoint:{each.txid.hex()}:{each.vout}"] = txid
    del spent[f"{main.id}/outpoint:{'00' * 32}:{0xFFFFFFFF}"]
    moved = [(each.txid, each.place, each.address, each.units) for each in block.movements]
    assert moved == paid
    assert len(moved) > 1
    assert block.consumed == spent


LIES = {
    "nothing": (b"", "00" * 32),
    "another block": (RAW, "00" * 32),
    "a byte too many": (RAW + b"\0", reference(RAW).hash),
    "a byte too few": (RAW[:-1], reference(RAW).hash),
    "header only": (RAW[:80], reference(RAW).hash),
    "no transactions": (RAW[:80] + b"\0", reference(RAW).hash),
    "more transactions than bytes": (RAW[:80] + b"\xff" * 9 + RAW[81:], reference(RAW).hash),
    "an amount changed": (
        serialized(
            (COINBASE, replace(TRANSACTIONS[1], outputs=(TxOutput(6, b""),)), *TRANSACTIONS[2:]),
            merkle_root([each.hash() for each in TRANSACTIONS]),
        ),
        reference(RAW).hash,
    ),
    "a transaction left out": (
        serialized(TRANSACTIONS[:-1], merkle_root([each.hash() for each in TRANSACTIONS])),
        reference(RAW).hash,
    ),
}


@pytest.mark.parametrize("lie", LIES)
def test_lies(lie: str) -> None:
    raw, block_hash = LIES[lie]
    with pytest.raises(NodeMisbehaved):
        read_block(raw, BlockRef(HEIGHT, block_hash), REGTEST, CODEC.addresses)


def test_cve_2012_2459_repeated_transactions_with_the_same_root() -> None:
    three = TRANSACTIONS[:3]
    four = (*three, three[-1])
    assert merkle_root([each.hash() for each in three]) == merkle_root(
        [each.hash() for each in four]
    )
    raw = serialized(four)
    with pytest.raises(NodeMisbehaved):
        read_block(raw, reference(raw), REGTEST, CODEC.addresses)
    raw = serialized(three)
    assert read_block(raw, reference(raw), REGTEST, CODEC.addresses).movements
