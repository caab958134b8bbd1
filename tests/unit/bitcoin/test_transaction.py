"""Bytes and values of transactions, and what signatures commit to, against the BIPs' vectors."""

from __future__ import annotations

from dataclasses import replace

import pytest
from embit.transaction import Transaction as EmbitTransaction

from chains.bitcoin.sighash import SignatureHashes
from chains.bitcoin.transaction import (
    Reader,
    Transaction,
    TxInput,
    TxOutput,
    compact_size,
    parse_transaction,
)
from chains.errors import MalformedTransaction
from tests.unit.bitcoin.support import vectors

BIP143 = vectors("bip143_native_p2wpkh")
BIP341 = vectors("bip341_wallet")["keyPathSpending"][0]
SIGNED = bytes.fromhex(BIP143["signed_tx"])
UNSIGNED = bytes.fromhex(BIP143["unsigned_tx"])


def test_bip143_native_p2wpkh() -> None:
    spent = tuple(
        TxOutput(each["amount"], bytes.fromhex(each["script"])) for each in BIP143["spent"]
    )
    hashes = SignatureHashes(parse_transaction(UNSIGNED), spent)
    assert hashes.p2wpkh(BIP143["input_index"]).hex() == BIP143["sighash"]


def test_bip341_key_path_with_default_hash_type() -> None:
    spent = tuple(
        TxOutput(each["amountSats"], bytes.fromhex(each["scriptPubKey"]))
        for each in BIP341["given"]["utxosSpent"]
    )
    hashes = SignatureHashes(
        parse_transaction(bytes.fromhex(BIP341["given"]["rawUnsignedTx"])), spent
    )
    rows = [row for row in BIP341["inputSpending"] if row["given"]["hashType"] == 0]
    assert rows
    for row in rows:
        digest = hashes.p2tr_key_path(row["given"]["txinIndex"])
        assert digest.hex() == row["intermediary"]["sigHash"]


def test_reads_and_writes_both_forms() -> None:
    signed, unsigned = parse_transaction(SIGNED), parse_transaction(UNSIGNED)
    assert signed.serialize() == SIGNED
    assert unsigned.serialize() == UNSIGNED
    assert signed.has_witness and not unsigned.has_witness
    stripped = parse_transaction(signed.serialize(witness=False))
    assert not stripped.has_witness
    assert signed.txid() == stripped.txid() == EmbitTransaction.parse(SIGNED).txid().hex()


def test_final_transaction_of_bip341() -> None:
    raw = bytes.fromhex(
        vectors("bip341_wallet")["keyPathSpending"][0]["auxiliary"]["fullySignedTx"]
    )
    parsed = parse_transaction(raw)
    assert parsed.serialize() == raw
    assert parsed.txid() == EmbitTransaction.parse(raw).txid().hex()


DEFECTS = {
    "empty": b"",
    "ends too early": SIGNED[:-1],
    "followed by a byte": SIGNED + b"\0",
    "no inputs": bytes.fromhex("02000000000100000000000000000000000000"),
    "no outputs": UNSIGNED[:4] + b"\x01" + UNSIGNED[5:46] + b"\x00" + bytes(4),
    "marker without any witness": (
        UNSIGNED[:4] + b"\x00\x01" + UNSIGNED[4:-4] + b"\x00\x00" + UNSIGNED[-4:]
    ),
    "long spelling of a length": UNSIGNED[:4] + b"\xfd\x02\x00" + UNSIGNED[5:],
    "counts more inputs than fit": UNSIGNED[:4] + b"\xff" + b"\xff" * 8 + UNSIGNED[5:],
    "more money than there can be": replace(
        parse_transaction(UNSIGNED), outputs=(TxOutput(21 * 10**14, b""), TxOutput(1, b""))
    ).serialize(),
}


@pytest.mark.parametrize("defect", DEFECTS)
def test_refuses(defect: str) -> None:
    with pytest.raises(MalformedTransaction):
        parse_transaction(DEFECTS[defect])


@pytest.mark.parametrize(
    "value", [0, 1, 0xFC, 0xFD, 0xFFFF, 0x1_0000, 0xFFFF_FFFF, 0x1_0000_0000, 2**64 - 1]
)
def test_compact_size(value: int) -> None:
    reader = Reader(compact_size(value))
    assert reader.compact_size() == value
    assert reader.at_end


def test_a_negative_version_survives() -> None:
    raw = Transaction(-1, (TxInput(bytes(32), 0, 0),), (TxOutput(0, b""),), 0).serialize()
    assert parse_transaction(raw).version == -1
