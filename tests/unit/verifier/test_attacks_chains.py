"""Attacks on what chains say, by name: what was tried against such checkers elsewhere is refuted or
unreadable here."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from custody_verify import bitcoin, contracts, evm, solana, tron
from custody_verify.addresses import eip55
from custody_verify.errors import NotRead, Refuted, Unreadable
from custody_verify.model import Anchors, Call, Meaning, Pay, Transaction

from chains.bitcoin.signatures import der_encode
from chains.bitcoin.transaction import TxInput, parse_transaction
from chains.hashes import keccak256, sha256d
from tests.support import blocks
from tests.support.evidence import (
    refuted,
)

VECTORS = Path(__file__).resolve().parents[2] / "vectors"
ORDER = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141


def transaction_of(made):
    row = made.json(made.only("transactions"))
    sender = row["sender"]
    unsigned, signed = bytes.fromhex(row["unsigned"]), bytes.fromhex(row["signed"])
    return Transaction(row["network"], sender, row["txid"], unsigned, signed)


def listed(data) -> Any:
    """The members of an RLP list."""
    return evm.parse_rlp(data)


def proof_in(made):
    return made.json(made.only("chain"))["proof"]


# Bitcoin's blocks


def block_check(coins, **changes):
    _, made = coins
    tx = transaction_of(made)
    return bitcoin.check_block(
        tx, Meaning(None, Counter()), {**proof_in(made), **changes}, Anchors()
    )


def test_64_byte_transaction(coins):
    """A transaction of 64 bytes in a block is a node to who does not know the tree's depth: a
    payment that is in no block is shown below it."""
    forged = transaction_of(coins[1])
    core = parse_transaction(forged.signed).hash()
    trojan = core + bytes(32)
    first = blocks.coinbase(812_345)
    leaves = [first.hash(), sha256d(trojan)]
    path, root = blocks.branch_of(leaves, 1)
    side, _ = blocks.branch_of(leaves, 0)
    lie = {
        "header": blocks.mined(bytes(32), root).hex(),
        "index": 0b10,
        "branch": [bytes(32).hex(), *(each.hex() for each in path)],
        "coinbase": first.serialize().hex(),
        "headers": [],
    }
    with pytest.raises(Refuted, match="different depths"):
        block_check(coins, **lie, coinbase_branch=[each.hex() for each in side])
    deeper = [bytes(32).hex(), *(each.hex() for each in side)]
    with pytest.raises(Refuted, match="another root"):
        block_check(coins, **lie, coinbase_branch=deeper)


def test_cve_2012_2459_duplicate_sibling(coins):
    """The last leaf of an odd level, at the place of its copy."""
    proof = proof_in(coins[1])
    raw = transaction_of(coins[1]).signed
    proof, _, _ = blocks.bitcoin(raw, others=5)
    assert proof["branch"][0] == parse_transaction(raw).hash().hex()
    assert block_check(coins, **proof).height == 812_345
    with pytest.raises(Refuted, match="repeats"):
        block_check(coins, **{**proof, "index": proof["index"] + 1})


def test_headers_without_work_or_link(coins):
    proof = proof_in(coins[1])
    headers = proof["headers"]
    with pytest.raises(Refuted, match="does not follow"):
        block_check(coins, headers=headers[1:])
    with pytest.raises(Refuted, match="does not follow"):
        block_check(coins, headers=[headers[1], headers[0]])
    first = bytes.fromhex(proof["header"])
    for bits in ("ffff7f21", "00000000", "ffffff20", "ffff7fff"):
        with pytest.raises(Refuted, match="without the work"):
            block_check(coins, header=(first[:72] + bytes.fromhex(bits) + first[76:]).hex())
    idle = next(
        header
        for nonce in range(1000)
        if sha256d(header := first[:76] + nonce.to_bytes(4, "little"))[31] >= 0x80
    )
    with pytest.raises(Refuted, match="without the work"):
        block_check(coins, header=idle.hex(), headers=[])


def test_a_coinbase_of_another_height_or_none(coins):
    proof = proof_in(coins[1])
    with pytest.raises(Refuted, match="another height"):
        block_check(coins, height=proof["height"] + 1)
    raw = bytes.fromhex(proof["coinbase"])
    own = transaction_of(coins[1]).signed
    with pytest.raises(Refuted):
        block_check(coins, coinbase=own.hex())
    with pytest.raises(Unreadable, match="behind the end"):
        block_check(coins, coinbase=(raw + b"\0").hex())
    with pytest.raises(Refuted, match="different depths"):
        block_check(coins, index=0)


@pytest.mark.parametrize("name", ["branch", "coinbase_branch"])
def test_a_truncated_hash_is_none(coins, name):
    """As a checker did that kept the first 16 bits."""
    path = proof_in(coins[1])[name]
    for short in (path[0][:62], path[0][:4], path[0] + "00", ""):
        with pytest.raises(Unreadable):
            block_check(coins, **{name: [short, *path[1:]]})


def test_the_main_network_takes_no_header_of_regtest(coins):
    tx = transaction_of(coins[1])._replace(network="bip122:000000000019d6689c085ae165831e93")
    with pytest.raises(Refuted, match="without the work"):
        bitcoin.check_block(tx, Meaning(None, Counter()), proof_in(coins[1]), Anchors())


def test_block_100000_of_the_main_network():
    """Its four transactions hash to its root, and its header has its work."""
    block = json.loads((VECTORS / "bitcoin/blocks.json").read_text())["blocks"][0]
    raw, hashes = bytes.fromhex(block["raw"]), []
    assert sha256d(raw[:80])[::-1].hex() == block["hash"]
    at = 81
    for _ in range(raw[80]):
        end = next(end for end in range(at + 60, len(raw) + 1) if _is_transaction(raw[at:end]))
        hashes.append(bitcoin.parse(raw[at:end]).hash)
        at = end
    assert at == len(raw)
    for index, each in enumerate(hashes):
        path, _ = blocks.branch_of(hashes, index)
        assert bitcoin.merkle_root(each, index, path) == raw[36:68]
    work = bitcoin._work(raw[:80], "bip122:000000000019d6689c085ae165831e93")
    assert work == 2**256 // ((0x04864C << 8 * (0x1B - 3)) + 1)


def _is_transaction(data):
    try:
        bitcoin.parse(data)
    except Unreadable:
        return False
    return True


# Signatures in another spelling


def signed_again(made, raw, txid=None):
    name = made.only("transactions")
    row = made.json(name)
    return made.put(name, {**row, "signed": raw.hex(), "txid": txid or row["txid"]})


def test_der_in_another_spelling_and_high_s(coins):
    house, made = coins
    tx = parse_transaction(transaction_of(made).signed)
    der, key = tx.inputs[0].witness
    length = der[3]
    r = int.from_bytes(der[4 : 4 + length], "big")
    s = int.from_bytes(der[6 + length : -1], "big")
    assert der_encode(r, s) + b"\1" == der
    padded = b"\x30" + bytes([der[1] + 1]) + b"\x02" + bytes([length + 1]) + b"\0" + der[4:]
    wrong = {
        "no DER": padded,
        "high s": der_encode(r, ORDER - s) + b"\1",
        "another key, or not for this": der[:-1] + b"\2",
        "no DER ": der[:-1] + b"\0\1",
    }
    for words, signature in wrong.items():
        spending = tx.inputs[0]
        witness = TxInput(
            spending.previous, spending.position, spending.sequence, b"", (signature, key)
        )
        raw = type(tx)(tx.version, (witness, *tx.inputs[1:]), tx.outputs, tx.locktime).serialize()
        said = refuted(signed_again(made, raw), house.pins())
        assert "bytes" in said
        assert words.strip() in said["bytes"], said


def test_the_same_signature_with_high_s_is_refused_on_evm(ether):
    """It recovers to the same payer, and would give the payment another txid."""
    house, made = ether
    tx = transaction_of(made)
    kind, parts = tx.signed[:1], listed(tx.signed[1:])
    odd, s = int.from_bytes(parts[9], "big"), int.from_bytes(parts[11], "big")
    parts[9:] = [evm.natural(1 - odd), parts[10], evm.natural(ORDER - s)]
    raw = kind + evm.rlp(parts)
    said = refuted(signed_again(made, raw, "0x" + keccak256(raw).hex()), house.pins())
    assert "high s" in said["bytes"]


@pytest.mark.parametrize("name", ["coins", "ether", "trx", "sol"])
def test_bytes_behind_the_end(name, request):
    house, made = request.getfixturevalue(name)
    row = made.json(made.only("transactions"))
    for field in ("signed", "unsigned"):
        for more in ("00", "ff"):
            longer = made.put(made.only("transactions"), {**row, field: row[field] + more})
            assert "bytes" in refuted(longer, house.pins()), (field, more)


# RLP and tries


@pytest.mark.parametrize(
    "data", json.loads((VECTORS / "evm/rlp_invalid.json").read_text())["cases"].values()
)
def test_rlp_that_is_not_canonical(data):
    with pytest.raises(Unreadable):
        evm.parse_rlp(bytes.fromhex(data))


def test_a_receipt_that_failed_or_of_another_kind(ether):
    tx = transaction_of(ether[1])
    meaning = evm.decode(tx)
    for status in (b"", b"\2", bytes(32)):
        proof, _, _ = blocks.evm(tx.signed, status)
        with pytest.raises(Refuted, match="failed there"):
            evm.check_block(tx, meaning, proof, Anchors())


def test_nodes_of_another_trie_or_too_many(ether):
    tx = transaction_of(ether[1])
    meaning = evm.decode(tx)
    proof, _, _ = blocks.evm(tx.signed)
    nodes = proof["transaction_nodes"]
    assert len(nodes) > 1
    evm.check_block(tx, meaning, proof, Anchors())
    bad = [nodes[1:], nodes[:-1], [*nodes, nodes[-1]], nodes[::-1], [], proof["receipt_nodes"]]
    for wrong in bad:
        with pytest.raises(Refuted):
            evm.check_block(tx, meaning, {**proof, "transaction_nodes": wrong}, Anchors())
    for index in (proof["index"] + 1, 0, 2**40):
        with pytest.raises(Refuted):
            evm.check_block(tx, meaning, {**proof, "index": index}, Anchors())


USDT = "0x" + "dA" * 20


def token_payment(amount=700):
    """An ERC-20 payment, signed by nobody: what a receipt has to say about it."""
    payee = bytes.fromhex("11" * 20)
    called = contracts._PAY + payee + amount.to_bytes(32, "big")
    parts = [b"\x01", b"\x07", b"\1", b"\2", b"\x52\x08", bytes.fromhex("da" * 20), b"", called, []]
    unsigned = b"\x02" + evm.rlp(parts)
    signed = b"\x02" + evm.rlp([*parts, b"", b"\1", b"\1"])
    sender = eip55(bytes.fromhex("22" * 20))
    return Transaction("eip155:1", sender, "", unsigned, signed), eip55(payee)


def test_a_token_that_does_not_say_that_it_paid():
    """Only the token's own log of exactly that payment counts."""
    tx, payee = token_payment()
    meaning = evm.decode(tx)
    token = eip55(bytes.fromhex("da" * 20))
    assert list(meaning.effects) == [Pay(payee, f"eip155:1/erc20:{token}", 700)]
    good = blocks.transfer_log(token, tx.sender, payee, 700)
    other = "0x" + "33" * 20
    proof, _, _ = blocks.evm(tx.signed, logs=[good])
    evm.check_block(tx, meaning, proof, Anchors())
    bad = [
        [],
        [blocks.transfer_log(other, tx.sender, payee, 700)],
        [blocks.transfer_log(token, other, payee, 700)],
        [blocks.transfer_log(token, tx.sender, other, 700)],
        [blocks.transfer_log(token, tx.sender, payee, 699)],
        [blocks.transfer_log(token, payee, tx.sender, 700)],
        [[good[0], [*good[1], bytes(32)], good[2]]],
        [[good[0], good[1], good[2] + bytes(32)]],
    ]
    for logs in bad:
        proof, _, _ = blocks.evm(tx.signed, logs=logs)
        with pytest.raises(Refuted, match="does not say that it moved"):
            evm.check_block(tx, meaning, proof, Anchors())


def test_calldata_in_another_spelling():
    """Dirt before the address, another function, more or less bytes, coins with it: a call, which
    is no payment that anybody agreed to."""
    tx, _ = token_payment()
    parts = listed(tx.unsigned[1:])
    token, data = eip55(parts[5]), parts[7]
    for wrong in (data[:4] + b"\1" + data[5:], b"\0" + data[1:], data + b"\0", data[:-1]):
        changed = tx._replace(unsigned=b"\x02" + evm.rlp([*parts[:7], wrong, []]))
        assert list(evm.decode(changed).effects) == [Call(token, wrong[:4], 0)]
    coins = evm.decode(tx._replace(unsigned=b"\x02" + evm.rlp([*parts[:6], b"\1", data, []])))
    assert list(coins.effects) == [Call(token, data[:4], 1)]


# TRON


def test_tron_results_and_copies(trx):
    tx = transaction_of(trx[1])
    meaning, ok = tron.decode(tx), blocks.field(5, blocks.field(3, 1))
    reverted = blocks.field(5, blocks.field(3, 2))
    failed = blocks.field(5, blocks.field(2, 1) + blocks.field(3, 1))
    signed_twice = blocks.field(2, bytes(65)) + ok
    for result in (b"", reverted, failed, ok + ok, signed_twice):
        proof, _, _ = blocks.tron(tx.signed, result)
        with pytest.raises(Refuted):
            tron.check_block(tx, meaning, proof, Anchors())
    good, _, _ = blocks.tron(tx.signed)
    for wrong in ({"count": good["count"] + 1}, {"count": 0}, {"index": good["index"] - 1},
                  {"branch": good["branch"][1:]}, {"branch": [*good["branch"], "00" * 32]},
                  {"headers": good["headers"][1:]}):  # fmt: skip
        with pytest.raises(Refuted):
            tron.check_block(tx, meaning, {**good, **wrong}, Anchors())


def test_one_representative_counts_once(trx):
    """Twenty headers by one key are one."""
    tx = transaction_of(trx[1])
    proof, _, _ = blocks.tron(tx.signed, follow=60)
    pinned = frozenset(list(blocks.representatives(27))[:18])
    assert tron.check_block(tx, tron.decode(tx), proof, Anchors({}, pinned)).grade == "C"
    pinned = blocks.representatives(19)
    assert tron.check_block(tx, tron.decode(tx), proof, Anchors({}, pinned)).grade == "B"


@pytest.mark.parametrize(
    "data",
    [
        "0801" + "0802",  # a field twice
        "1001" + "0801",  # out of order
        "0800",  # zero, which is not written
        "088100",  # a number not in its shortest form
        "08ffffffffffffffffff01",  # -1
        "08ffffffffffffffffffffff01",  # beyond 64 bits
        "1801",  # unknown
        "0d00000000",  # of 32 bits
        "0a05",  # ends too early
        "0a00",  # empty, which is not written
        "08",
    ],
)
def test_protobuf_in_another_spelling(data):
    with pytest.raises(Unreadable):
        tron.proto(bytes.fromhex(data), "1 2")


# Solana


def test_solana_messages_that_do_more(sol):
    """More signers, lookup tables, an instruction more, an account twice. What two sign is not
    read."""
    tx = transaction_of(sol[1])
    data = bytearray(tx.unsigned)
    with pytest.raises(NotRead, match="two sign"):
        solana.decode(tx._replace(unsigned=bytes([*data[:1], 2, *data[2:]])))
    for at, value in ((0, 0), (1, 0), (1, 3), (0, 0x81)):
        changed = bytes(data[:at]) + bytes([value]) + bytes(data[at + 1 :])
        with pytest.raises((Refuted, Unreadable)):
            solana.decode(tx._replace(unsigned=changed))
    tables = bytes(data[:-1]) + b"\1" + bytes(32) + b"\1\0\0"
    with pytest.raises((Refuted, Unreadable)):
        solana.decode(tx._replace(unsigned=tables))
    with pytest.raises(Refuted, match="origin"):
        solana.decode(tx._replace(unsigned=bytes(data) + bytes(32)))
