from dataclasses import replace
from hashlib import sha256

import pytest
from coincurve import PrivateKey
from google.protobuf.any_pb2 import Any

from chains.codec import TransactionCodec
from chains.costs import CostKind
from chains.devnet.tron_server.chain import block_identifier
from chains.effects import Pay
from chains.errors import (
    InvalidAddress,
    InvalidAmount,
    MalformedTransaction,
    SignatureMismatch,
)
from chains.model import (
    Address,
    AssetId,
    BlockRef,
    Signature,
    UnsignedTx,
)
from chains.tron import address, build, parse
from chains.tron import tron_pb2 as pb
from chains.tron.codec import TronCodec
from tests.support.tron import LOCAL, MAIN, key_at, owned, sign, vectors

VECTORS = vectors("transactions")
MNEMONIC = vectors("addresses")["mnemonic"]
CODEC: TransactionCodec = TronCodec(MAIN)
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


def reference(row) -> BlockRef:
    """A block whose height and hash end up in the transaction as the vector says."""
    if "block" in row:
        header = row["block"]
        block_id = block_identifier(
            header["number"],
            header["timestamp"],
            bytes.fromhex(header["txTrieRoot"]),
            bytes.fromhex(header["parentHash"]),
            bytes.fromhex(header["witnessAddress"]),
            header["version"],
        )
        return BlockRef(header["number"], block_id.hex())
    return BlockRef(int(row["ref_block_bytes"], 16), "00" * 8 + row["ref_block_hash"] + "00" * 16)


def built(row) -> bytes:
    return build.build_transfer(
        address.parse(row["owner"]),
        address.parse(row["to"]),
        int(row["amount"]),
        reference=reference(row),
        expiration_ms=row["expiration"],
        timestamp_ms=row["timestamp"],
    )


def unsigned(payload: bytes) -> UnsignedTx:
    return UnsignedTx(MAIN.id, payload)


def edited(row, edit) -> UnsignedTx:
    """A vector's raw_data after `edit(raw, contract, transfer)`, serialized canonically again."""
    raw = pb.RawData.FromString(bytes.fromhex(row["raw_data"]))
    contract = raw.contract[0]
    transfer = pb.TransferContract.FromString(contract.parameter.value)
    edit(raw, contract, transfer)
    contract.parameter.value = transfer.SerializeToString(deterministic=True)
    return unsigned(raw.SerializeToString(deterministic=True))


FIRST = VECTORS["transfers"][0]


@pytest.mark.parametrize("row", VECTORS["transfers"], ids=lambda row: row["name"])
def test_transfers_are_byte_for_byte_those_of_others(row):
    payload = built(row)
    assert payload.hex() == row.get("raw_data", payload.hex())
    assert sha256(payload).hexdigest() == row.get("txid", sha256(payload).hexdigest())
    summary = CODEC.summarize(unsigned(payload))
    assert summary.sources == (address.parse(row["owner"]),)
    assert summary.effects == (Pay(address.parse(row["to"]), MAIN.native.id, int(row["amount"])),)
    assert summary.unexplained == ()
    assert (summary.returns, summary.creates) == ((), ())
    assert summary.conflict_keys == frozenset()


@pytest.mark.parametrize(
    "row", [row for row in VECTORS["transfers"] if "signature" in row], ids=lambda row: row["name"]
)
def test_signed_transactions_are_byte_for_byte_those_of_others(row):
    key = (
        key_at(MNEMONIC, row["path"]) if "path" in row else PrivateKey.from_hex(row["private_key"])
    )
    payload = built(row)
    signed = sign(TronCodec(MAIN), unsigned(payload), key)
    assert signed.txid == sha256(payload).hexdigest()
    wire = parse.signed_transaction(signed.raw)
    assert wire.raw_data == payload
    assert [one.hex() for one in wire.signature] == [row["signature"]]


def test_the_worst_costs_are_the_whole_size_and_an_activation():
    """134 bytes of raw_data: 137 with tag and length, 67 for the signature, 64 for the result."""
    small = CODEC.summarize(unsigned(bytes.fromhex(FIRST["raw_data"])))
    native = MAIN.native.id
    assert small.costs.most == {
        (native, CostKind.FEE): (137 + 67 + 64) * 1000,
        (native, CostKind.ACTIVATION): 1_000_000,
    }

    def add_memo(raw, contract, transfer):
        raw.data = bytes(2_000)

    large = edited(FIRST, add_memo)
    size = len(large.payload) + 3 + 67 + 64
    assert CODEC.summarize(large).costs.most[native, CostKind.FEE] == size * 1000


@pytest.mark.parametrize("row", VECTORS["unexplained"], ids=lambda row: row["name"])
def test_unexplained_vectors(row):
    tx = unsigned(bytes.fromhex(row["raw_data"]))
    assert sha256(tx.payload).hexdigest() == row["txid"]
    assert row["word"] in CODEC.summarize(tx).unexplained[0]
    with pytest.raises(MalformedTransaction):
        CODEC.signing_inputs(tx)


def set_raw(**fields):
    return lambda raw, contract, transfer: assign(raw, fields)


def set_contract(**fields):
    return lambda raw, contract, transfer: assign(contract, fields)


def set_transfer(**fields):
    return lambda raw, contract, transfer: assign(transfer, fields)


def assign(message, fields) -> None:
    for name, value in fields.items():
        setattr(message, name, value)


UNEXPLAINED = {
    "memo": set_raw(data=b"for rent"),
    "fee_limit": set_raw(fee_limit=1),
    "ref_block_num": set_raw(ref_block_num=5),
    "scripts": set_raw(scripts=b"\x01"),
    "auths": lambda raw, contract, transfer: raw.auths.append(b"\x01"),
    "no_expiration": set_raw(expiration=0),
    "negative_expiration": set_raw(expiration=-1),
    "negative_timestamp": set_raw(timestamp=-1),
    "short_ref_block_bytes": set_raw(ref_block_bytes=b"\x01"),
    "long_ref_block_hash": set_raw(ref_block_hash=bytes(9)),
    "no_contract": lambda raw, contract, transfer: raw.ClearField("contract"),
    "two_contracts": lambda raw, contract, transfer: raw.contract.append(pb.Contract()),
    "permission": set_contract(permission_id=2),
    "provider": set_contract(provider=b"\x01"),
    "contract_name": set_contract(contract_name=b"x"),
    "other_type": set_contract(type=31),
    "unknown_type": set_contract(type=99),
    "type_url_of_another_contract": lambda raw, contract, transfer: assign(
        contract.parameter, {"type_url": "type.googleapis.com/protocol.TransferAssetContract"}
    ),
    "amount_zero": set_transfer(amount=0),
    "amount_negative": set_transfer(amount=-1),
    "owner_of_a_test_network": set_transfer(owner_address=b"\xa0" + bytes(20)),
    "owner_missing": set_transfer(owner_address=b""),
    "recipient_20_bytes": set_transfer(to_address=bytes(20)),
}


@pytest.mark.parametrize("name", UNEXPLAINED)
def test_anything_but_a_plain_transfer_is_unexplained(name):
    tx = edited(FIRST, UNEXPLAINED[name])
    assert len(CODEC.summarize(tx).unexplained) >= 1
    with pytest.raises(MalformedTransaction):
        CODEC.signing_inputs(tx)


def test_a_contract_call_is_unexplained_and_named():
    call = pb.TriggerSmartContract(
        owner_address=address.to_bytes(Address(FIRST["owner"])),
        contract_address=address.to_bytes(Address(FIRST["to"])),
        data=bytes.fromhex("a9059cbb"),
    )
    url = "type.googleapis.com/protocol.TriggerSmartContract"
    raw = pb.RawData.FromString(bytes.fromhex(FIRST["raw_data"]))
    raw.contract[0].type = pb.Contract.TRIGGER_SMART_CONTRACT
    raw.contract[0].parameter.CopyFrom(Any(type_url=url, value=call.SerializeToString()))
    summary = CODEC.summarize(unsigned(raw.SerializeToString()))
    assert summary.effects == ()
    assert any("TriggerSmartContract" in what for what in summary.unexplained)


def field(number: int, payload: bytes) -> bytes:
    return bytes([number << 3 | 2, len(payload)]) + payload


GOOD = bytes.fromhex(FIRST["raw_data"])
NOT_CANONICAL = {
    "truncated": GOOD[:-1],
    "unknown_field_at_the_end": GOOD + field(15, b"x"),
    "unknown_field_in_front": field(7, b"x") + GOOD,
    "field_repeated": GOOD + GOOD[:4],
    "default_spelled_out": GOOD + b"\x90\x01\x00",
    "varint_with_padding": GOOD.replace(b"\x18\xc0\x95\xd2\x08", b"\x18\xc0\x95\xd2\x88\x00"),
    "fields_out_of_order": GOOD[4:] + GOOD[:4],
    "no_protobuf": b"\xff" * 40,
}


@pytest.mark.parametrize("name", NOT_CANONICAL)
def test_only_the_canonical_serialization_is_read(name):
    data = NOT_CANONICAL[name]
    assert data != GOOD
    with pytest.raises(MalformedTransaction):
        CODEC.summarize(unsigned(data))


def test_unknown_field_inside_the_transfer_is_refused():
    raw = pb.RawData.FromString(GOOD)
    raw.contract[0].parameter.value += field(9, b"x")
    with pytest.raises(MalformedTransaction):
        CODEC.summarize(unsigned(raw.SerializeToString()))


def test_unknown_field_inside_the_contract_is_refused():
    raw = pb.RawData.FromString(GOOD)
    contract = pb.Contract.FromString(raw.contract[0].SerializeToString() + field(6, b"x"))
    del raw.contract[:]
    raw.contract.append(contract)
    with pytest.raises(MalformedTransaction):
        CODEC.summarize(unsigned(raw.SerializeToString()))


def test_an_empty_payload_is_unexplained():
    assert CODEC.summarize(unsigned(b"")).unexplained != ()


def test_another_network_or_a_sender_beside_the_bytes_is_refused():
    with pytest.raises(MalformedTransaction):
        CODEC.summarize(UnsignedTx(LOCAL.id, GOOD))
    with pytest.raises(MalformedTransaction):
        CODEC.summarize(UnsignedTx(MAIN.id, GOOD, sender=Address(FIRST["owner"])))


def good_signature() -> Signature:
    key = key_at(MNEMONIC, FIRST["path"])
    digest = sha256(GOOD).digest()
    return Signature(key.public_key.format(), key.sign_recoverable(digest, hasher=None))


def high_s(signature: bytes) -> bytes:
    s = ORDER - int.from_bytes(signature[32:64])
    return signature[:32] + s.to_bytes(32) + bytes([signature[64] ^ 1])


STRANGER = PrivateKey(b"\x07" * 32)
BAD_SIGNATURES = {
    "none": lambda good: (),
    "two": lambda good: (good, good),
    "short": lambda good: (replace(good, signature=good.signature[:64]),),
    "wire_form_of_v": lambda good: (
        replace(good, signature=good.signature[:64] + bytes([good.signature[64] + 27])),
    ),
    "high_s": lambda good: (replace(good, signature=high_s(good.signature)),),
    "bit_flipped": lambda good: (replace(good, signature=b"\x01" + good.signature[1:]),),
    "zero": lambda good: (replace(good, signature=bytes(65)),),
    "key_of_a_stranger": lambda good: (replace(good, public_key=STRANGER.public_key.format()),),
    "made_by_a_stranger": lambda good: (
        replace(good, signature=STRANGER.sign_recoverable(sha256(GOOD).digest(), hasher=None)),
    ),
    "no_key": lambda good: (replace(good, public_key=b""),),
    "signed_by_a_stranger": lambda good: (
        Signature(
            STRANGER.public_key.format(),
            STRANGER.sign_recoverable(sha256(GOOD).digest(), hasher=None),
        ),
    ),
}


@pytest.mark.parametrize("name", BAD_SIGNATURES)
def test_bad_signatures_are_refused(name):
    with pytest.raises(SignatureMismatch):
        CODEC.attach(unsigned(GOOD), BAD_SIGNATURES[name](good_signature()))


def test_what_expires_later_than_the_chain_takes_is_refused():
    """It could be kept, and sent when nobody thinks of it any more."""
    tx, expires_s = unsigned(built(FIRST)), FIRST["expiration"] // 1000
    CODEC.check_lifetime(tx, expires_s - 24 * 3600 + 1)
    with pytest.raises(MalformedTransaction, match="expires"):
        CODEC.check_lifetime(tx, expires_s - 24 * 3600 - 1)


def test_check_payment():
    to = owned(STRANGER).address
    native = MAIN.native.id
    CODEC.check_payment(Pay(to, native, 1))
    for amount in (0, -1, MAIN.native.maximum + 1):
        with pytest.raises(InvalidAmount):
            CODEC.check_payment(Pay(to, native, amount))
    with pytest.raises(InvalidAmount):
        CODEC.check_payment(Pay(to, AssetId(f"{MAIN.id}/trc20:{to}"), 1))
    with pytest.raises(InvalidAddress):
        CODEC.check_payment(Pay(Address(address.to_bytes(to).hex()), native, 1))


def test_amounts_that_no_transfer_can_carry():
    to = owned(STRANGER).address
    for amount in (0, -5, 1 << 63):
        with pytest.raises(InvalidAmount):
            build.build_transfer(
                Address(FIRST["owner"]),
                to,
                amount,
                reference=reference(FIRST),
                expiration_ms=1,
                timestamp_ms=1,
            )
