"""The EVM codec over all transactions: agrees with eth_account, loses nothing, hides nothing."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import Any

import pytest
from coincurve import PrivateKey
from eth_account import Account
from hypothesis import given, settings
from hypothesis import strategies as st

from chains.errors import CodecError, MalformedTransaction
from chains.evm import UINT256_MAX, address, build, parse
from chains.evm.codec import EvmCodec
from chains.model import Signature, UnsignedTx
from chains.networks import Network
from tests.support.networks import find_network

ETHEREUM, BSC = find_network("ethereum"), find_network("bsc")

networks = st.sampled_from([ETHEREUM, BSC])
keys = st.integers(min_value=1, max_value=2**255).map(lambda n: PrivateKey(n.to_bytes(32, "big")))
addresses = st.binary(min_size=20, max_size=20).filter(any).map(address.checksum)
words = st.integers(min_value=0, max_value=UINT256_MAX)
small_words = st.one_of(st.integers(min_value=0, max_value=300), words)


@st.composite
def transfers(draw: st.DrawFn, network: Network) -> build.Transaction:
    """Anything we could ever build for `network`."""
    fee = draw(small_words)
    return build.transfer(
        network,
        nonce=draw(st.integers(min_value=0, max_value=2**64 - 2)),
        to=draw(addresses),
        value=draw(small_words),
        gas=draw(st.integers(min_value=21_000, max_value=2**64 - 1)),
        fee_per_gas_max=fee,
        priority_fee=draw(st.integers(min_value=0, max_value=fee)),
    )


@st.composite
def transactions(draw: st.DrawFn) -> build.Transaction:
    """Anything well-formed: with calldata, access lists, contract creations."""
    network = draw(networks)
    plain = draw(transfers(network))
    slots = st.lists(st.binary(min_size=32, max_size=32), max_size=2).map(tuple)
    entry = st.tuples(st.binary(min_size=20, max_size=20), slots)
    listed = st.lists(entry, max_size=2).map(tuple)
    return replace(
        plain,
        chain_id=draw(st.integers(min_value=1, max_value=2**64 - 1)),
        to=draw(st.one_of(st.none(), addresses)),
        gas=draw(st.integers(min_value=0, max_value=2**64 - 1)),
        data=draw(st.binary(max_size=80)),
        access_list=draw(listed) if plain.kind is build.Kind.EIP1559 else (),
    )


def _as_eth_account(tx: build.Transaction) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "chainId": tx.chain_id,
        "nonce": tx.nonce,
        "gas": tx.gas,
        "value": tx.value,
        "data": tx.data,
    }
    if tx.to is not None:
        fields["to"] = tx.to
    if tx.kind is build.Kind.LEGACY:
        return fields | {"gasPrice": tx.fee_per_gas_max}
    access = [
        {"address": "0x" + owner.hex(), "storageKeys": ["0x" + slot.hex() for slot in slots]}
        for owner, slots in tx.access_list
    ]
    return fields | {
        "type": 2,
        "maxFeePerGas": tx.fee_per_gas_max,
        "maxPriorityFeePerGas": tx.priority_fee,
        "accessList": access,
    }


@given(transactions())
def test_parse_is_the_inverse_of_build(tx: build.Transaction) -> None:
    assert parse.unsigned(build.encode_unsigned(tx)) == tx


@settings(deadline=None)
@given(networks.flatmap(lambda n: st.tuples(st.just(n), transfers(n))), keys)
def test_signed_bytes_and_ids_are_those_of_eth_account(
    built: tuple[Network, build.Transaction], key: PrivateKey
) -> None:
    network, tx = built
    codec, account = EvmCodec(network), Account.from_key(key.secret)
    unsigned = UnsignedTx(network.id, build.encode_unsigned(tx), account.address)
    (wanted,) = codec.signing_inputs(unsigned)
    signature = Signature(
        key.public_key.format(), key.sign_recoverable(wanted.message, hasher=None)
    )
    signed = codec.attach(unsigned, (signature,))
    theirs = account.sign_transaction(_as_eth_account(tx))
    assert signed.raw == bytes(theirs.raw_transaction)
    assert signed.txid == theirs.hash.to_0x_hex()
    assert parse.signed(signed.raw) == parse.Signed(tx, account.address)
    assert Account.recover_transaction(signed.raw) == account.address


@settings(deadline=None)
@given(transactions(), keys)
def test_what_others_sign_is_read_as_they_meant_it(tx: build.Transaction, key: PrivateKey) -> None:
    account = Account.from_key(key.secret)
    theirs = account.sign_transaction(_as_eth_account(tx))
    assert parse.signed(bytes(theirs.raw_transaction)) == parse.Signed(tx, account.address)


def _meaning(codec: EvmCodec, tx: UnsignedTx) -> Any:
    try:
        return codec.summarize(tx), codec.signing_inputs(tx)
    except CodecError as error:
        return type(error)


@given(networks.flatmap(lambda n: st.tuples(st.just(n), transfers(n))), st.data())
def test_no_byte_of_a_transaction_is_without_meaning(
    built: tuple[Network, build.Transaction], data: st.DataObject
) -> None:
    network, transfer = built
    codec = EvmCodec(network)
    tx = UnsignedTx(network.id, build.encode_unsigned(transfer), address.checksum(b"\x07" * 20))
    place = data.draw(st.integers(min_value=0, max_value=len(tx.payload) - 1))
    flip = data.draw(st.integers(min_value=1, max_value=255))
    changed = bytearray(tx.payload)
    changed[place] ^= flip
    other = replace(tx, payload=bytes(changed))
    assert _meaning(codec, other) != _meaning(codec, tx)
    try:
        summary = codec.summarize(other)
    except MalformedTransaction:
        return
    # Read again from its meaning, the changed transaction is itself: nothing was skipped.
    assert build.encode_unsigned(parse.unsigned(other.payload)) == other.payload
    # What the summary shows is all there is: the same summary means another tip, and no more.
    if summary == codec.summarize(tx):
        parsed = parse.unsigned(other.payload)
        assert replace(parsed, priority_fee=0) == replace(
            transfer, priority_fee=0, gas=parsed.gas, fee_per_gas_max=parsed.fee_per_gas_max
        )
        assert parsed.fee_max == transfer.fee_max


@given(st.binary(max_size=120))
def test_arbitrary_bytes_are_a_transaction_or_an_error_of_ours(data: bytes) -> None:
    for prefix in (b"", b"\x02", b"\x02\xc9"):
        with contextlib.suppress(MalformedTransaction):
            assert build.encode_unsigned(parse.unsigned(prefix + data)) == prefix + data
        with pytest.raises(MalformedTransaction):
            parse.signed(prefix + data)
