"""tronweb and Trust Wallet Core must agree with us on addresses, bytes, ids and signatures."""

import pytest

from chains.effects import Pay
from chains.model import AddressType, BlockRef, UnsignedTx
from chains.tron import address, build, parse, trc20
from chains.tron.codec import TronCodec
from tests.support.oracle import Oracle
from tests.support.tron import MAIN, key_at, owned, sign, vectors

pytestmark = pytest.mark.slow  # needs Node

MNEMONIC = vectors("addresses")["mnemonic"]
HEADER = vectors("transactions")["block"]
REFERENCE = BlockRef(HEADER["number"], HEADER["blockID"])
CODEC = TronCodec(MAIN)
CASES = [  # amount in sun, expiration, timestamp
    (1, 1_777_445_721_000, 1_777_445_121_000),
    (127, 1_777_445_721_001, 1_777_445_121_000),
    (128, 1_777_445_721_000, 1),
    (18_123_456, 1_777_445_721_000, 1_777_445_120_999),
    ((1 << 53) - 1, 1_777_531_521_000, 1_777_445_121_000),
]


@pytest.fixture(scope="module")
def oracle():
    with Oracle() as started:
        yield started


@pytest.mark.parametrize("index", range(3))
def test_addresses(oracle, index):
    path = CODEC.address_path(AddressType.TRON, index, index * 7)
    key = key_at(MNEMONIC, path)
    ours = address.from_public_key(key.public_key.format())
    assert oracle.call("address", coin="tron", mnemonic=MNEMONIC, path=path) == ours
    theirs = oracle.call("tronwebAddress", privateKey=key.to_hex())
    assert theirs == {"address": ours, "hex": address.to_bytes(ours).hex()}


def test_both_refuse_the_same_addresses(oracle):
    for row in vectors("addresses")["refused"]:
        if row["code"] != "address_zero":  # well formed; only we refuse to pay it
            # tronweb takes its own retired test network's and bare EVM digits for hexadecimal
            taken = oracle.call("tronwebIsAddress", text=row["text"])
            assert not taken or row["code"] == "address_wrong_network", row["text"]


@pytest.mark.parametrize(("amount", "expiration", "timestamp"), CASES)
def test_transfers(oracle, amount, expiration, timestamp):
    path = "m/44'/195'/0'/0/0"
    key = key_at(MNEMONIC, path)
    owner, to = owned(key).address, owned(key_at(MNEMONIC, "m/44'/195'/0'/0/1")).address
    payload = build.build_transfer(
        owner,
        to,
        amount,
        reference=REFERENCE,
        expiration_ms=expiration,
        timestamp_ms=timestamp,
    )
    signed = sign(CODEC, UnsignedTx(MAIN.id, payload), key)
    signature = parse.signed_transaction(signed.raw).signature[0].hex()

    meant = {
        "owner": owner,
        "to": to,
        "amount": str(amount),
        "expiration": str(expiration),
        "timestamp": str(timestamp),
    }
    tronweb = oracle.call(
        "tronwebTransfer",
        **meant,
        referenceBytes=build.reference_bytes(REFERENCE.height).hex(),
        referenceHash=build.reference_hash(REFERENCE.hash).hex(),
    )
    assert tronweb == {"rawData": payload.hex(), "txid": signed.txid}
    assert oracle.call("tronwebRecover", digest=signed.txid, signature=signature) == owner

    header = {**HEADER, "number": str(HEADER["number"]), "timestamp": str(HEADER["timestamp"])}
    header["witnessAddress"] = HEADER["witness_address"]
    wallet_core = oracle.call("signTron", mnemonic=MNEMONIC, path=path, **meant, block=header)
    assert wallet_core["rawData"] == payload.hex()
    assert wallet_core["txid"] == signed.txid
    assert wallet_core["signature"][:128] == signature[:128]
    assert int(wallet_core["signature"][128:], 16) + 27 == int(signature[128:], 16)


@pytest.mark.parametrize("units", [1, 1_500_000, (1 << 64) + 7, (1 << 256) - 1])
def test_payments_of_tokens(oracle, units):
    owner, to = (owned(key_at(MNEMONIC, f"m/44'/195'/0'/0/{each}")).address for each in (0, 1))
    (usdt,) = MAIN.tokens
    contract, expiration, timestamp = trc20.contract_of(MAIN.id, usdt), *CASES[0][1:]
    payload = build.build_call(
        owner,
        contract,
        trc20.transfer(to, units),
        fee_limit=30_000_000,
        reference=REFERENCE,
        expiration_ms=expiration,
        timestamp_ms=timestamp,
    )
    theirs = oracle.call(
        "tronwebToken",
        owner=owner,
        token=contract,
        to=to,
        amount=str(units),
        feeLimit="30000000",
        expiration=str(expiration),
        timestamp=str(timestamp),
        referenceBytes=build.reference_bytes(REFERENCE.height).hex(),
        referenceHash=build.reference_hash(REFERENCE.hash).hex(),
    )
    summary = CODEC.summarize(UnsignedTx(MAIN.id, payload))
    assert theirs == {"rawData": payload.hex(), "txid": summary.identity}
    assert (summary.effects, summary.unexplained) == ((Pay(to, usdt, units),), ())
