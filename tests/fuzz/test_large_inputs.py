"""Inputs made to be slow or large: no count, depth or length in them is believed before it is paid
for with bytes, and reading takes time in proportion to the bytes.

Message sizes are those that the signer's socket lets through: 4 MiB, so 2 MiB of transaction.
"""

from __future__ import annotations

import gc
import sys
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import replace

import pytest
from solders.hash import Hash
from solders.instruction import Instruction
from solders.message import MessageV0, to_bytes_versioned
from solders.pubkey import Pubkey

from chains.bitcoin.transaction import Transaction, TxInput, TxOutput, parse_transaction
from chains.evm import parse
from chains.evm.build import encode_unsigned
from chains.families import CODECS
from chains.keys import parse_path
from chains.model import Address, UnsignedTx
from signer.wire import MESSAGE_BYTES_MAX
from tests.fuzz.driver import run_one
from tests.fuzz.seeds import (
    EVM_SENDER,
    SOLANA_KEY,
    evm_unsigned,
    policy,
    psbts,
    solana_messages,
    tron_raw_data,
)
from tests.fuzz.targets import targets
from tests.support.networks import find_network
from tests.unit.bitcoin.support import join_psbt, split_psbt

MIB = 1 << 20
SECONDS_MAX = 20
"""Of processor time, on any machine; a quadratic reader would need minutes."""
HUGE_COUNT = b"\xff" * 9


def long_list() -> bytes:
    """RLP: two million members, each one byte."""
    return b"\x02\xfa" + (2 * MIB).to_bytes(3, "big") + b"\x01" * (2 * MIB)


def psbt_with(previous: bytes, script: bytes | None = None) -> bytes:
    """A PSBT that spends the first output of a transaction, which comes along, and pays `script`,
    by default the one it came from."""
    made_by = parse_transaction(previous)
    spend = Transaction(
        2,
        (TxInput(made_by.hash(), 0, 0xFFFFFFFD),),
        (TxOutput(made_by.outputs[0].amount // 2, script or made_by.outputs[0].script),),
        0,
    )
    fields = {b"\x00": previous}
    return join_psbt([{b"\x00": spend.serialize()}, fields, {}])


def many_outputs(count: int, salt: int = 0) -> bytes:
    outputs = (TxOutput(100_000, b"\x00\x14" + bytes(20)), *[TxOutput(1, b"")] * count)
    return Transaction(2, (TxInput(bytes(31) + bytes([salt]), 0, 0),), outputs, 0).serialize()


def many_fields() -> bytes:
    maps = split_psbt(psbts()[0])
    maps[1].update({b"\xfc" + n.to_bytes(3, "big"): b"" for n in range(100_000)})
    return join_psbt(maps)


LARGE: dict[str, tuple[str, Callable[[], bytes]]] = {
    "brackets": ("wire", lambda: b"[" * MESSAGE_BYTES_MAX),
    "closed brackets": ("wire", lambda: b"[" * MIB + b"]" * MIB),
    "objects in objects": ("wire", lambda: b'{"a":' * 500_000),
    "one long number": ("wire", lambda: b"1" * MESSAGE_BYTES_MAX),
    "one long text": ("wire", lambda: b'"' + b"x" * MESSAGE_BYTES_MAX + b'"'),
    "many frames": ("frames", lambda: b"\0\0\0\1x" * 20_000),
    "a policy of brackets": ("policy", lambda: b"[" * MIB),
    "a policy of spaces": ("policy", lambda: policy() + b" " * MIB),
    "a list of two million": ("evm", long_list),
    "lists in lists": ("evm", lambda: b"\x02" + b"\xc1" * MIB),
    "a length of 2**64": ("evm", lambda: b"\x02\xff" + b"\xff" * 8 + evm_unsigned()[0]),
    "2**64 inputs": ("bitcoin-transaction", lambda: bytes(4) + HUGE_COUNT + bytes(MIB)),
    "2**64 outputs": (
        "bitcoin-transaction",
        lambda: bytes(4) + b"\x01" + bytes(41) + HUGE_COUNT + bytes(MIB),
    ),
    "100,000 outputs": ("bitcoin-transaction", lambda: many_outputs(100_000)),
    "100,000 fields": ("bitcoin", many_fields),
    "100,000 outputs behind a coin": ("bitcoin", lambda: psbt_with(many_outputs(100_000))),
    "2**64 transactions": ("block", lambda: HUGE_COUNT + bytes(MIB)),
    "2**64 witnesses": (
        "block",
        lambda: b"\x01" + bytes(4) + b"\0\1\x01" + bytes(41) + b"\0" + HUGE_COUNT + bytes(MIB),
    ),
    "a million contracts": ("tron", lambda: b"\x5a\x00" * MIB),
    "messages in messages": ("tron", lambda: nested_protobuf(20_000)),
    "a long memo": (
        "tron",
        lambda: tron_raw_data()[0] + b"\x52" + b"\x80\x80\x80\x01" + bytes(2 * MIB),
    ),
    "zeros after a message": ("solana", lambda: solana_messages()[0] + bytes(2 * MIB)),
    "accounts without end": ("solana", lambda: b"\x80\x01\0\x01\xff\xff\x03" + bytes(2 * MIB)),
    "a long address": ("address", lambda: b"1" * MIB),
    "a long address with a prefix": ("address", lambda: b"bc1" + b"q" * MIB),
    "a long path": ("keys", lambda: b"m" + b"/1" * MIB),
    "a long extended key": ("keys", lambda: b"xpub" + b"z" * 4_000),
    "a keystore of brackets": ("keystore", lambda: b"[" * MIB),
    "a log without line ends": ("audit-log", lambda: b"x" * (5 * MIB)),
}


def nested_protobuf(depth: int) -> bytes:
    data = b""
    for _ in range(depth):
        data = b"\x5a" + _varint(len(data)) + data
        if len(data) > MIB:
            break
    return data


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


@pytest.mark.parametrize("name", LARGE)
def test_it_is_read_or_refused_in_time(name: str) -> None:
    target, make = LARGE[name]
    data = make()
    started = time.process_time()
    run_one(targets()[target], data)
    assert time.process_time() - started < SECONDS_MAX


def big_psbt(salt: int) -> bytes:
    return psbt_with(many_outputs(15_000, salt))


def big_script(salt: int) -> bytes:
    return psbt_with(many_outputs(1), bytes([salt]) * 200_000)


def big_calldata(salt: int) -> bytes:
    plain = parse.unsigned(evm_unsigned()[0])
    return encode_unsigned(replace(plain, data=bytes([salt]) * 200_000))


def big_memo(salt: int) -> bytes:
    memo = Instruction(Pubkey(b"\x05" * 32), bytes([salt]) * 60_000, [])
    payer, blockhash = SOLANA_KEY.pubkey(), Hash(b"\x07" * 32)
    return to_bytes_versioned(MessageV0.try_compile(payer, [memo] * 3, [], blockhash))


@pytest.mark.parametrize(
    ("alias", "make", "sender"),
    [
        ("bitcoin-regtest", big_psbt, None),
        ("bitcoin-regtest", big_script, None),
        ("ethereum-local", big_calldata, EVM_SENDER),
        ("solana-local", big_memo, None),
    ],
)
def test_readings_of_large_transactions_are_not_kept(
    alias: str, make: Callable[[int], bytes], sender: Address | None
) -> None:
    """Somebody who sends a new one each time must not fill the signer's memory with them."""
    network = find_network(alias)
    codec = CODECS[network.family](network)
    payloads = [make(salt) for salt in range(8)]
    holders = [sys.getrefcount(payload) for payload in payloads]
    tracemalloc.start()
    try:
        for payload in payloads:
            codec.summarize(UnsignedTx(network.id, payload, sender))
        gc.collect()
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    del payload
    assert kept < 2 * len(payloads[0])
    # What a library in another language keeps is not traced, but whoever remembers has the bytes.
    assert [sys.getrefcount(payload) for payload in payloads] == holders


def test_long_paths_are_not_kept() -> None:
    tracemalloc.start()
    try:
        for first in range(1_000):
            parse_path(f"m/{first}" + "/7" * 250)
        gc.collect()
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 100_000
