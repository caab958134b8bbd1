"""The EVM codec against published transactions, and one test for each thing it refuses."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from coincurve import PrivateKey

from chains.costs import CostKind
from chains.effects import Pay
from chains.errors import (
    InvalidAddress,
    InvalidAmount,
    MalformedTransaction,
    SignatureMismatch,
    WrongChecksum,
    ZeroAddress,
)
from chains.evm import CURVE_ORDER, address, build, parse, rlp
from chains.evm.codec import EvmCodec
from chains.hashes import keccak256
from chains.model import (
    Address,
    AddressType,
    AssetId,
    ConflictKey,
    Excludes,
    KeyScheme,
    NetworkId,
    Signature,
    SignatureAlgorithm,
    UnsignedTx,
)
from chains.networks import Network
from tests.support.networks import find_network

VECTORS = Path(__file__).parents[2] / "vectors" / "evm"
ETHEREUM = find_network("ethereum")
BSC = find_network("bsc")
KEY = PrivateKey(b"\x46" * 32)
SENDER = address.derive(KEY.public_key.format())
PAYEE = Address("0x3535353535353535353535353535353535353535")


def _vectors(name: str) -> Any:
    return json.loads((VECTORS / f"{name}.json").read_text())


def _network(chain_id: int, transaction_type: str) -> Network:
    """A network as the vectors have it."""
    parameters = {"chain_id": chain_id, "transaction_type": transaction_type}
    merged = MappingProxyType({**ETHEREUM.parameters, **parameters})
    return replace(ETHEREUM, id=NetworkId(f"eip155:{chain_id}"), parameters=merged)


def _sign(key: PrivateKey, digest: bytes) -> Signature:
    return Signature(key.public_key.format(), key.sign_recoverable(digest, hasher=None))


def _transaction(network: Network = ETHEREUM, **changes: Any) -> build.Transaction:
    plain = build.transfer(
        network,
        nonce=9,
        to=PAYEE,
        value=10**18,
        gas=21000,
        fee_per_gas_max=20 * 10**9,
        priority_fee=10**9,
    )
    return replace(plain, **changes)


def _unsigned(network: Network = ETHEREUM, **changes: Any) -> UnsignedTx:
    return UnsignedTx(network.id, build.encode_unsigned(_transaction(network, **changes)), SENDER)


def test_eip155_example() -> None:
    (case,) = _vectors("eip155")["cases"]
    network = _network(case["chain_id"], "legacy")
    codec = EvmCodec(network)
    transfer = build.transfer(
        network,
        nonce=case["nonce"],
        to=Address(case["to"]),
        value=int(case["value"]),
        gas=case["gas"],
        fee_per_gas_max=case["gas_price"],
        priority_fee=7,
    )
    tx = UnsignedTx(network.id, build.encode_unsigned(transfer), SENDER)
    assert tx.payload.hex() == case["unsigned"]
    (wanted,) = codec.signing_inputs(tx)
    assert wanted.message.hex() == case["signing_hash"]
    assert wanted.algorithm is SignatureAlgorithm.ECDSA_RECOVERABLE
    assert wanted.address == SENDER
    signed = codec.attach(tx, (_sign(KEY, wanted.message),))
    assert signed.raw.hex() == case["signed"]
    assert int(case["r"]).to_bytes(32, "big") in signed.raw
    assert signed.txid == "0x" + keccak256(signed.raw).hex()


@pytest.mark.parametrize("case", _vectors("eip155_signed")["cases"], ids=lambda c: c["sender"])
def test_eip155_signed_transactions(case: dict[str, str]) -> None:
    raw = bytes.fromhex(case["signed"])
    read = parse.signed(raw)
    assert read.sender.lower() == "0x" + case["sender"]
    assert read.transaction.chain_id == 1
    assert keccak256(build.encode_unsigned(read.transaction)).hex() == case["signing_hash"]


@pytest.mark.parametrize("index", range(len(_vectors("eip1559")["cases"])))
def test_eip1559_vectors(index: int) -> None:
    vectors = _vectors("eip1559")
    case, network = vectors["cases"][index], _network(vectors["chain_id"], "eip1559")
    codec = EvmCodec(network)
    key = PrivateKey(bytes.fromhex(vectors["private_key"]))
    sender = codec.derive_address(key.public_key.format(), AddressType.EVM)
    transfer = build.transfer(
        network,
        nonce=case["nonce"],
        to=codec.parse_address(vectors["to"]).address,
        value=case["value"],
        gas=case["gas"],
        fee_per_gas_max=case["fee_per_gas_max"],
        priority_fee=case["priority_fee"],
    )
    tx = UnsignedTx(network.id, build.encode_unsigned(transfer), sender)
    (wanted,) = codec.signing_inputs(tx)
    signed = codec.attach(tx, (_sign(key, wanted.message),))
    assert signed.raw.hex() == case["signed"]
    assert parse.signed(signed.raw) == parse.Signed(transfer, sender)


@pytest.mark.parametrize("case", _vectors("eip1559_refused")["cases"])
def test_calldata_and_access_lists_are_read_and_not_explained(case: dict[str, Any]) -> None:
    codec = EvmCodec(network := _network(case["chain_id"], "eip1559"))
    tx = UnsignedTx(network.id, bytes.fromhex(case["unsigned"]), SENDER)
    (wanted,) = codec.signing_inputs(tx)
    assert wanted.message.hex() == case["signing_hash"]
    parsed = parse.unsigned(tx.payload)
    assert parsed.data.hex() == case["data"]
    assert len(parsed.access_list) == case["access_list_entries"]
    assert build.encode_unsigned(parsed) == tx.payload
    unexplained = codec.summarize(tx).unexplained
    assert any(each.startswith("3 bytes of calldata: ") for each in unexplained)
    assert "an access list" in unexplained


@pytest.mark.parametrize("network", [ETHEREUM, BSC], ids=lambda n: n.alias)
def test_summary_says_everything(network: Network) -> None:
    summary = EvmCodec(network).summarize(_unsigned(network))
    assert summary.network == network.id
    assert summary.sources == (SENDER,)
    assert summary.effects == (Pay(PAYEE, network.native.id, 10**18),)
    assert (summary.returns, summary.creates) == ((), ())
    fee = 21000 * 20 * 10**9
    assert summary.costs.most == {(network.native.id, CostKind.FEE): fee}
    assert (
        summary.conflict_keys
        == summary.binding_keys
        == {ConflictKey(f"{network.id}/nonce:{SENDER}:9", Excludes.INCLUSION)}
    )
    assert summary.unexplained == ()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"data": b"\xa9\x05\x9c\xbb", "gas": 21_064}, "4 bytes of calldata"),
        ({"to": None}, "creates a contract"),
        ({"to": Address("0x" + "00" * 20)}, "pays the zero address"),
        ({"access_list": ((b"\1" * 20, ()),)}, "an access list"),
        ({"gas": 20_999}, "less than 21000 gas"),
        ({"priority_fee": 20 * 10**9 + 1}, "priority fee above"),
        ({"kind": build.Kind.LEGACY}, "legacy transaction"),
    ],
)
def test_unexplained(changes: dict[str, Any], words: str) -> None:
    (found,) = EvmCodec(ETHEREUM).summarize(_unsigned(**changes)).unexplained
    assert words in found


def test_a_type_2_transaction_is_unexplained_where_the_network_uses_legacy() -> None:
    tx = UnsignedTx(BSC.id, build.encode_unsigned(_transaction(chain_id=56)), SENDER)
    (found,) = EvmCodec(BSC).summarize(tx).unexplained
    assert "eip1559 transaction" in found


def _refuses_everywhere(codec: EvmCodec, tx: UnsignedTx) -> str:
    messages = set()
    for use in (codec.summarize, codec.signing_inputs, lambda tx: codec.attach(tx, ())):
        with pytest.raises(MalformedTransaction) as caught:
            use(tx)
        messages.add(str(caught.value))
    (message,) = messages
    return message


@pytest.mark.parametrize("network", [ETHEREUM, BSC], ids=lambda n: n.alias)
def test_another_chain_id_is_refused_by_every_call(network: Network) -> None:
    foreign = build.encode_unsigned(_transaction(network, chain_id=31337))
    assert "chain id" in _refuses_everywhere(
        EvmCodec(network), UnsignedTx(network.id, foreign, SENDER)
    )


def test_another_network_is_refused_by_every_call() -> None:
    assert "eip155:56" in _refuses_everywhere(
        EvmCodec(ETHEREUM), replace(_unsigned(), network=BSC.id)
    )


@pytest.mark.parametrize(
    "sender", [None, "", SENDER.lower(), "0x" + "00" * 20, SENDER[:-1] + "f", "bc1qxyz"]
)
def test_a_payer_that_is_not_canonical_is_refused(sender: Any) -> None:
    assert "payer" in _refuses_everywhere(EvmCodec(ETHEREUM), replace(_unsigned(), sender=sender))


def _fields(payload: bytes) -> list[Any]:
    fields = rlp.decode(payload.removeprefix(b"\x02"))
    assert isinstance(fields, list)
    return fields


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (0, b""),
        (0, b"\0"),
        (1, b"\xff" * 8),
        (1, b"\0\1"),
        (1, []),
        (2, b"\1" + b"\0" * 32),
        (4, b"\xff" * 9),
        (5, b"\1" * 19),
        (5, b"\1" * 21),
        (5, []),
        (6, b"\1" + b"\0" * 32),
        (7, []),
        (8, b""),
        (8, [b""]),
        (8, [[b"\1" * 20]]),
        (8, [[b"\1" * 19, []]]),
        (8, [[b"\1" * 20, b""]]),
        (8, [[b"\1" * 20, [b"\1" * 31]]]),
        (8, [[b"\1" * 20, [[]]]]),
    ],
)
def test_malformed_fields(place: int, value: Any) -> None:
    fields = _fields(_unsigned().payload)
    fields[place] = value
    tx = replace(_unsigned(), payload=b"\x02" + rlp.encode(fields))
    _refuses_everywhere(EvmCodec(ETHEREUM), tx)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda p: b"",
        lambda p: p + b"\0",
        lambda p: p[:-1],
        lambda p: p[1:],
        lambda p: b"\x01" + p[1:],
        lambda p: b"\x03" + p[1:],
        lambda p: b"\x02" + p,
        lambda p: b"\x02" + rlp.encode(_fields(p)[:-1]),
        lambda p: b"\x02" + rlp.encode([*_fields(p), b""]),
        lambda p: b"\x02" + rlp.encode(b"\1"),
        lambda p: rlp.encode(_fields(p)),
    ],
)
def test_malformed_envelopes(spoil: Any) -> None:
    tx = _unsigned()
    _refuses_everywhere(EvmCodec(ETHEREUM), replace(tx, payload=spoil(tx.payload)))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda fields: fields[:6],  # before EIP-155: valid on every chain
        lambda fields: [*fields[:6], b"", b"", b""],
        lambda fields: [*fields[:6], fields[6], b"\1", b""],
        lambda fields: [*fields[:6], fields[6], b"", b"\1"],
        lambda fields: [*fields[:6], b"\x1b", b"\1" * 32, b"\1" * 32],
    ],
)
def test_legacy_without_replay_protection_is_refused(spoil: Any) -> None:
    tx = _unsigned(BSC)
    payload = rlp.encode(spoil(_fields(tx.payload)))
    _refuses_everywhere(EvmCodec(BSC), replace(tx, payload=payload))


@pytest.mark.parametrize("network", [ETHEREUM, BSC], ids=lambda n: n.alias)
def test_signatures_are_proven(network: Network) -> None:
    codec, tx = EvmCodec(network), _unsigned(network)
    (wanted,) = codec.signing_inputs(tx)
    good = _sign(KEY, wanted.message)
    other = _sign(PrivateKey(b"\x47" * 32), wanted.message)
    r, s, parity = good.signature[:32], good.signature[32:64], good.signature[64]
    high_s = (CURVE_ORDER - int.from_bytes(s, "big")).to_bytes(32, "big")
    bad = {
        "none": (),
        "two": (good, good),
        "another key": (other,),
        "another key, ours named": (replace(other, public_key=good.public_key),),
        "another message": (_sign(KEY, b"\1" * 32),),
        "ours, another named": (replace(good, public_key=other.public_key),),
        "high s": (replace(good, signature=r + high_s + bytes([1 - parity])),),
        "other parity": (replace(good, signature=r + s + bytes([1 - parity])),),
        "recovery id 2": (replace(good, signature=r + s + bytes([parity + 2])),),
        "no recovery id": (replace(good, signature=r + s),),
        "zero r": (replace(good, signature=bytes(32) + s + b"\0"),),
        "zero s": (replace(good, signature=r + bytes(32) + b"\0"),),
        "r out of range": (replace(good, signature=b"\xff" * 32 + s + b"\0"),),
    }
    for defect, signatures in bad.items():
        with pytest.raises(SignatureMismatch):
            _ = (defect, codec.attach(tx, signatures))
    with pytest.raises(SignatureMismatch):
        codec.attach(replace(tx, sender=PAYEE), (good,))
    signed = codec.attach(tx, (good,))
    assert parse.signed(signed.raw).sender == SENDER
    assert signed.network == network.id


def test_signed_bytes_with_high_s_are_refused() -> None:
    codec, tx = EvmCodec(ETHEREUM), _unsigned()
    (wanted,) = codec.signing_inputs(tx)
    raw = codec.attach(tx, (_sign(KEY, wanted.message),)).raw
    fields = _fields(raw)
    fields[-1] = rlp.encode_int(CURVE_ORDER - int.from_bytes(fields[-1], "big"))
    fields[-3] = rlp.encode_int(1 - int.from_bytes(fields[-3], "big"))
    with pytest.raises(MalformedTransaction, match="high s"):
        parse.signed(b"\x02" + rlp.encode(fields))


@pytest.mark.parametrize("network", [ETHEREUM, BSC], ids=lambda n: n.alias)
def test_paths_are_bip44_with_one_coin_type_for_all_evm(network: Network) -> None:
    codec = EvmCodec(network)
    assert codec.account_path(AddressType.EVM, 7) == "m/44'/60'/7'"
    assert codec.address_path(AddressType.EVM, 7, 3) == "m/44'/60'/7'/0/3"
    assert codec.address_path(AddressType.EVM, 7, 3, change=True) == "m/44'/60'/7'/1/3"
    assert codec.key_scheme(AddressType.EVM) is KeyScheme.SECP256K1


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"amount": 0}, InvalidAmount),
        ({"amount": -1}, InvalidAmount),
        ({"amount": 2**256}, InvalidAmount),
        (
            {"asset": AssetId("eip155:1/erc20:0x3535353535353535353535353535353535353535")},
            InvalidAmount,
        ),
        ({"asset": BSC.native.id}, InvalidAmount),
        ({"address": Address("0x" + "00" * 20)}, ZeroAddress),
        ({"address": Address(SENDER.lower())}, InvalidAddress),
        ({"address": Address("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD")}, WrongChecksum),
        ({"address": Address("bitcoin")}, InvalidAddress),
    ],
)
def test_payments_that_can_never_be(changes: dict[str, Any], error: type[Exception]) -> None:
    good = Pay(PAYEE, ETHEREUM.native.id, 1)
    codec = EvmCodec(ETHEREUM)
    codec.check_payment(good)
    codec.check_payment(replace(good, amount=2**256 - 1))
    with pytest.raises(error):
        codec.check_payment(replace(good, **changes))


def test_nonce_keys_return() -> None:
    key = build.nonce_key(ETHEREUM.id, SENDER, 12)
    assert build.parse_nonce_key(ETHEREUM.id, SENDER, key) == 12
    assert build.parse_nonce_key(BSC.id, SENDER, key) is None
    assert build.parse_nonce_key(ETHEREUM.id, PAYEE, key) is None
