"""The local chain's own rules, without HTTP. Sources: java-tron as named in `tron_server`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
from coincurve import PrivateKey

from chains.devnet.tron_server import faucet, wire
from chains.devnet.tron_server.chain import Chain, Journal, block_identifier, merkle_root
from chains.devnet.tron_server.rules import (
    Account,
    Moment,
    Refused,
    check_signature,
    execute,
    free_bandwidth_used,
)
from chains.devnet.tron_server.wire import Transfer
from chains.tron import address
from chains.tron import tron_pb2 as pb
from tests.support.tron import vectors

GENESIS = bytes(8) + b"\x07" * 24
SOLID_AFTER = 3
KEY = PrivateKey(b"\x05" * 32)
RECIPIENT = b"\x41" + b"\x09" * 20
VECTORS = vectors("transactions")


def raw_address(key: PrivateKey) -> bytes:
    return address.to_bytes(address.from_public_key(key.public_key.format()))


OWNER = raw_address(KEY)


@pytest.fixture
def chain() -> Chain:
    made = Chain(GENESIS, 1_700_000_000_000, faucet.ADDRESS, solid_after=SOLID_AFTER)
    for amount in (100_000_000, 1):  # the second one finds the account there
        faucet.pay(made, OWNER, amount)
    faucet.pay(made, RECIPIENT, 1)
    made.mine()
    return made


def signed(
    chain: Chain,
    amount: int = 5,
    *,
    to: bytes = RECIPIENT,
    edit: Callable[[pb.RawData], object] = lambda raw: None,
    key: PrivateKey = KEY,
    signatures: int = 1,
) -> wire.Transaction:
    """Made with the generated protobuf module, so that the chain's own reader is tested on it."""
    made = wire.write_transfer(
        Transfer(OWNER, to, amount),
        chain.solid.number.to_bytes(8)[6:],
        chain.solid.id[8:16],
        chain.head.timestamp_ms + 60_000,
        chain.head.timestamp_ms,
    )
    raw = pb.RawData.FromString(made)
    assert raw.SerializeToString(deterministic=True) == made
    edit(raw)
    payload = raw.SerializeToString(deterministic=True)
    signature = key.sign_recoverable(sha256(payload).digest(), hasher=None)
    message = pb.Transaction(raw_data=payload, signature=[signature] * signatures)
    return wire.read_transaction(message.SerializeToString())


def refused(chain: Chain, transaction: wire.Transaction) -> str:
    with pytest.raises(Refused) as caught:
        chain.submit(transaction)
    return caught.value.code


def test_block_identifier_of_a_real_block():
    row = VECTORS["block"]
    computed = block_identifier(
        row["number"],
        row["timestamp"],
        bytes.fromhex(row["txTrieRoot"]),
        bytes.fromhex(row["parentHash"]),
        bytes.fromhex(row["witness_address"]),
        row["version"],
    )
    assert computed.hex() == row["blockID"]


def test_merkle_root_moves_the_odd_one_up():
    a, b, c = (bytes([n]) * 32 for n in range(3))
    assert merkle_root([]) == bytes(32)
    assert merkle_root([a]) == a
    assert merkle_root([a, b]) == sha256(a + b).digest()
    assert merkle_root([a, b, c]) == sha256(sha256(a + b).digest() + c).digest()


@pytest.mark.parametrize(
    "row", [row for row in VECTORS["transfers"] if "raw_data" in row], ids=lambda row: row["name"]
)
def test_reads_the_transactions_of_others(row):
    raw_data = bytes.fromhex(row["raw_data"])
    signature = bytes.fromhex(row.get("signature", ""))
    found = wire.read_transaction(wire.data(1, raw_data) + wire.data(2, signature))
    assert found.id == row.get("txid", found.id)
    assert found.reference_bytes.hex() == row["ref_block_bytes"]
    assert found.reference_hash.hex() == row["ref_block_hash"]
    assert (found.expiration_ms, found.timestamp_ms) == (row["expiration"], row["timestamp"])
    (contract,) = found.contracts
    assert contract.transfer is not None
    assert contract.transfer.amount == int(row["amount"])
    if signature:
        check_signature(found)


@pytest.mark.parametrize(
    "data", [b"\x0a", b"\x0a\x05ab", b"\xff" * 11, b"\x0b", b"\x08\x01", b"\x12\x80"]
)
def test_unreadable(data):
    with pytest.raises(wire.Unreadable):
        wire.read_transaction(data)


def test_the_last_of_repeated_fields_counts():
    doubled = wire.data(1, wire.number(8, 5) + wire.number(8, 6) + b"\x11" + bytes(8))
    assert wire.read_transaction(doubled).expiration_ms == 6


def test_negative_numbers_are_read_as_such():
    minus_one = b"\x18" + b"\xff" * 9 + b"\x01"
    contract = wire.number(1, 1) + wire.data(
        2,
        wire.data(1, b"type.googleapis.com/protocol.TransferContract") + wire.data(2, minus_one),
    )
    found = wire.read_transaction(wire.data(1, wire.data(11, contract)))
    assert found.contracts[0].transfer == Transfer(b"", b"", -1)


# Taken or refused


def test_a_payment_is_taken_and_included(chain):
    transaction = signed(chain)
    chain.submit(transaction)
    assert chain.find(transaction.id) is None
    chain.mine()
    found = chain.find(transaction.id)
    assert found is not None
    assert found[1].receipt.net_usage == len(transaction.serialized) + 64
    assert found[1].receipt.fee == 0
    assert chain.accounts[RECIPIENT].balance == 6


REFUSED: dict[str, list[dict[str, Any]]] = {
    "SIGERROR": [
        {"key": PrivateKey(b"\x06" * 32)},
        {"signatures": 0},
        {"signatures": 2},
        {"edit": lambda raw: setattr(raw.contract[0], "permission_id", 3)},
    ],
    "TAPOS_ERROR": [
        {"edit": lambda raw: setattr(raw, "ref_block_hash", bytes(8))},
        {"edit": lambda raw: setattr(raw, "ref_block_bytes", b"\x00")},
        {"edit": lambda raw: setattr(raw, "ref_block_bytes", b"\xff\xff")},
    ],
    "TRANSACTION_EXPIRATION_ERROR": [
        {"edit": lambda raw: setattr(raw, "expiration", 1)},
        {"edit": lambda raw: setattr(raw, "expiration", raw.expiration - 57_001)},
        {"edit": lambda raw: setattr(raw, "expiration", raw.expiration + 86_400_000)},
    ],
    "CONTRACT_VALIDATE_ERROR": [
        {"amount": 100_000_002},
        {"amount": 0},
        {"to": OWNER},
        {"to": b"\x41" * 20},
        {"edit": lambda raw: raw.ClearField("contract")},
        {"edit": lambda raw: setattr(raw.contract[0], "type", 31)},
    ],
    "OTHER_ERROR": [{"edit": lambda raw: raw.contract.append(raw.contract[0])}],
    "TOO_BIG_TRANSACTION_ERROR": [
        {"edit": lambda raw: setattr(raw, "data", bytes(520_000))},
        {"edit": lambda raw: setattr(raw, "data", bytes(1_000)), "to": b"\x41" + bytes(20)},
    ],
    "BANDWITH_ERROR": [{"edit": lambda raw: setattr(raw, "data", bytes(120_000))}],
}


@pytest.mark.parametrize(
    ("code", "arguments"),
    [(code, arguments) for code, rows in REFUSED.items() for arguments in rows],
)
def test_refused_with_java_trons_code(chain, code, arguments):
    before = dict(chain.accounts)
    assert refused(chain, signed(chain, **arguments)) == code
    chain.mine()
    assert chain.accounts == before


def test_the_last_moment_is_the_next_block(chain):
    chain.submit(
        signed(chain, edit=lambda raw: setattr(raw, "expiration", raw.expiration - 57_000))
    )
    assert len(chain.mine().included) == 1


def test_an_unknown_owner_is_refused(chain):
    key = PrivateKey(b"\x08" * 32)

    def from_nowhere(raw):
        transfer = pb.TransferContract(
            owner_address=raw_address(key), to_address=RECIPIENT, amount=1
        )
        raw.contract[0].parameter.value = transfer.SerializeToString()

    assert refused(chain, signed(chain, edit=from_nowhere, key=key)) == "CONTRACT_VALIDATE_ERROR"


def test_duplicates_waiting_and_included(chain):
    transaction = signed(chain)
    chain.submit(transaction)
    assert refused(chain, transaction) == "DUP_TRANSACTION_ERROR"
    chain.mine()
    assert refused(chain, transaction) == "DUP_TRANSACTION_ERROR"


def test_both_forms_of_the_recovery_id(chain):
    transaction = signed(chain)
    signature = transaction.signatures[0]
    with_27 = signature[:64] + bytes([signature[64] + 27])
    check_signature(replace(transaction, signatures=(with_27,)))
    check_signature(replace(transaction, signatures=(signature + b"more",)))
    with pytest.raises(Refused):
        check_signature(replace(transaction, signatures=(signature[:64],)))


def test_waiting_transactions_see_each_other(chain):
    chain.submit(signed(chain, 99_000_000))
    assert refused(chain, signed(chain, 98_000_000)) == "CONTRACT_VALIDATE_ERROR"


def test_what_expires_while_waiting_is_dropped(chain):
    transaction = signed(
        chain, edit=lambda raw: setattr(raw, "expiration", raw.expiration - 57_000)
    )
    chain.submit(transaction)
    waiting, chain.waiting = chain.waiting, {}
    chain.mine()
    chain.waiting = waiting
    assert chain.mine().included == ()


# Fees


def test_activation_costs_a_flat_fee(chain):
    new = b"\x41" + b"\x0a" * 20
    before = chain.accounts[OWNER].balance
    transaction = signed(chain, 7, to=new)
    chain.submit(transaction)
    chain.mine()
    found = chain.find(transaction.id)
    assert found is not None
    assert (found[1].receipt.fee, found[1].receipt.net_fee) == (1_100_000, 100_000)
    assert chain.accounts[OWNER].balance == before - 7 - 1_100_000
    assert chain.accounts[new].balance == 7


def test_free_bandwidth_runs_out_then_each_byte_burns(chain):
    receipts = []
    for amount in range(1, 5):
        transaction = signed(chain, amount)
        chain.submit(transaction)
        chain.mine()
        found = chain.find(transaction.id)
        assert found is not None
        size = len(transaction.serialized) + 64
        receipts.append((found[1].receipt.net_usage == size, found[1].receipt.fee == size * 1000))
    assert receipts == [(True, False), (True, False), (False, True), (False, True)]


def test_a_memo_costs_one_trx(chain):
    transaction = signed(chain, edit=lambda raw: setattr(raw, "data", b"memo"))
    chain.submit(transaction)
    chain.mine()
    found = chain.find(transaction.id)
    assert found is not None
    assert found[1].receipt.fee == 1_000_000


def test_bandwidth_comes_back_over_a_day():
    """By hand with java-tron's formula: precision 1,000,000 over 28,800 slots, rounded up."""
    account = Account(balance=0, created_ms=0, free_used=300, free_slot=0)
    assert free_bandwidth_used(account, 0) == 300
    assert free_bandwidth_used(account, 14_400) == 150
    assert free_bandwidth_used(account, 28_799) == 0
    assert free_bandwidth_used(account, 28_800) == 0


def test_a_refused_payment_leaves_the_accounts_alone():
    accounts = {OWNER: Account(balance=10, created_ms=0)}
    moment = Moment(timestamp_ms=0, slot=0)
    chain = Chain(GENESIS, 0, faucet.ADDRESS, solid_after=1)
    with pytest.raises(Refused):
        execute(signed(chain, 11), Transfer(OWNER, RECIPIENT, 11), accounts, moment)
    assert accounts == {OWNER: Account(balance=10, created_ms=0)}


# Reorganisations and the journal


def test_a_reorganisation_undoes_and_takes_back(chain):
    before = dict(chain.accounts)
    old_head = chain.head
    transaction = signed(chain)
    chain.submit(transaction)
    replaced = chain.mine()
    chain.reorganise(1)
    assert chain.head.number == replaced.number + 1
    assert chain.blocks[replaced.number].parent == old_head.id
    assert chain.blocks[replaced.number].id != replaced.id
    assert chain.accounts == before
    assert chain.find(transaction.id) is None
    assert list(chain.waiting) == [transaction.id]
    assert len(chain.mine().included) == 1


def test_empty_blocks_are_replaced_by_others(chain):
    ids = [chain.mine().id for _ in range(2)]
    chain.reorganise(2)
    assert {block.id for block in chain.blocks} & set(ids) == set()


def test_a_transaction_that_names_a_replaced_block_is_gone(chain):
    chain.mine()
    head = chain.head

    def refer_to_head(raw):
        raw.ref_block_bytes = head.number.to_bytes(8)[6:]
        raw.ref_block_hash = head.id[8:16]

    transaction = signed(chain, edit=refer_to_head)
    chain.submit(transaction)
    chain.mine()
    chain.reorganise(2)
    assert chain.waiting == {}
    assert refused(chain, transaction) == "TAPOS_ERROR"


def test_solidified_blocks_stay(chain):
    for _ in range(5):
        chain.mine()
    assert chain.solid.number == chain.head.number - SOLID_AFTER
    with pytest.raises(ValueError, match="solidified"):
        chain.reorganise(SOLID_AFTER + 1)


def test_the_journal_gives_the_same_chain_again(tmp_path):
    path = tmp_path / "chain" / "journal.jsonl"

    def opened(now_ms: int) -> Journal:
        return Journal.open(path, GENESIS, now_ms, faucet.ADDRESS, solid_after=SOLID_AFTER)

    journal = opened(1_000)
    faucet.pay(journal.chain, OWNER, 100_000_000)
    journal.mine(2)
    faucet.pay(journal.chain, RECIPIENT, 5)
    journal.mine(1)
    journal.reorganise(1)
    journal.mine(3)
    again = opened(2_000).chain
    assert [block.id for block in again.blocks] == [block.id for block in journal.chain.blocks]
    assert again.accounts == journal.chain.accounts
    opened(3_000).reorganise(2)
    assert opened(4_000).chain.head.number == again.head.number + 1
