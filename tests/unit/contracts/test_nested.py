"""Calls within calls: each reader both ways beside an encoder that is not ours, and what is handed
on to a contract that nobody described."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from eth_abi.abi import encode

from chains.catalogue import built_in
from chains.codec import TransactionCodec
from chains.contracts.nested import Handed, packed
from chains.effects import Call
from chains.errors import CallUnknown, NetworkInvalid
from chains.families import CODECS
from chains.hashes import keccak256
from chains.model import Address, AssetId
from tests.support.rows import DEPOSIT, abi, contract_row

NETWORK = "eip155:1"
TOKEN = Address("0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48")
ASSET = AssetId(f"{NETWORK}/erc20:{TOKEN}")
ME = Address("0x9858EfFD232B4033E47d90003D41EC34EcaEda94")
WALLET = Address("0x7a250d5630B4cF539739dF2C5dAcb4c659F2488D")
POOL = Address("0x3535353535353535353535353535353535353535")
OTHER = Address("0x52908400098527886E0F7030069857D2E4169EE7")
MAX = 2**256 - 1

RUN = abi("run", ("to", "address"), ("coins", "uint256"), ("data", "bytes"), payable=True)
BATCH = abi("batch", ("targets", "address[]"), ("coins", "uint256[]"), ("datas", "bytes[]"))
MULTICALL = abi("multicall", ("data", "bytes[]"))
SEND = abi("multiSend", ("transactions", "bytes"))
TAKE = abi("take", ("units", "uint256"))
WALLET_ROW = contract_row(
    NETWORK,
    WALLET,
    name="Wallet",
    functions=[
        {"abi": RUN, "readers": {"data": {"is": "call", "to": "to", "value": "coins"}}},
        {"abi": BATCH, "readers": {"datas": {"is": "calls", "to": "targets", "value": "coins"}}},
        {"abi": MULTICALL, "readers": {"data": {"is": "calls"}}},
        {"abi": SEND, "readers": {"transactions": {"is": "multisend"}}},
        {"abi": TAKE, "moves": [{"asset": ASSET, "argument": "units"}]},
    ],
)
POOL_ROW = contract_row(NETWORK, POOL, name="Pool", functions=[{"abi": DEPOSIT}, {"abi": TAKE}])


def codec_of(*rows: dict[str, Any]) -> TransactionCodec:
    network = built_in().with_rows([], [], rows or (WALLET_ROW, POOL_ROW)).find_network("ethereum")
    return CODECS[network.family](network)


CODEC = codec_of()


def told(signature: str, *arguments: object) -> bytes:
    inner = signature.partition("(")[2].removesuffix(")")
    return keccak256(signature.encode())[:4] + (
        encode(inner.split(","), arguments) if inner else b""
    )


TAKES = told("take(uint256)", 7)
PAYS = told("transfer(address,uint256)", OTHER, 9)
RUNS, BATCHES = "run(address,uint256,bytes)", "batch(address[],uint256[],bytes[])"


def safe(*rows: tuple[int, str, int, bytes]) -> bytes:
    """As Safe's own library packs them."""
    return b"".join(
        bytes([kind]) + bytes.fromhex(to[2:]) + coins.to_bytes(32) + len(data).to_bytes(32) + data
        for kind, to, coins, data in rows
    )


READ: dict[str, tuple[bytes, list[str], list[int]]] = {
    "one": (told(RUNS, POOL, 0, TAKES), ["take(uint256)"], []),
    "one with coins": (told(RUNS, POOL, 5, told("deposit()")), ["deposit()"], []),
    "what a token is told": (told(RUNS, TOKEN, 0, PAYS), ["transfer(address,uint256)"], [9]),
    "several": (
        told(BATCHES, [POOL, TOKEN], [0, 0], [TAKES, PAYS]),
        ["take(uint256)", "transfer(address,uint256)"],
        [9],
    ),
    "to itself": (told("multicall(bytes[])", [TAKES, TAKES]), ["take(uint256)"] * 2, [7, 7]),
    "packed": (
        told("multiSend(bytes)", safe((0, POOL, 3, told("deposit()")), (0, TOKEN, 0, PAYS))),
        ["deposit()", "transfer(address,uint256)"],
        [9],
    ),
    "within each other": (
        told("multicall(bytes[])", [told("multicall(bytes[])", [TAKES])]),
        ["multicall(bytes[])"],
        [7],
    ),
}


@pytest.mark.parametrize(("data", "functions", "takes"), READ.values(), ids=READ)
def test_each_reader_reads_and_writes_the_same_calls(
    data: bytes, functions: list[str], takes: list[int]
) -> None:
    (call,) = CODEC.understand(ME, WALLET, data, 0)
    assert isinstance(call, Call)
    said = call.arguments[-1][1]
    assert all(f'"function":"{each}"' in said for each in functions)
    assert call.moves == tuple((ASSET, units) for units in takes)
    CODEC.check_call(call, ME)
    for lie in (said + " ", said.replace(":", ": "), "[]", "[{}]", "7", "[" * 4000):
        other = replace(call, arguments=(*call.arguments[:-1], (call.arguments[-1][0], lie)))
        with pytest.raises(CallUnknown):
            CODEC.check_call(other, ME)


def deep(levels: int) -> bytes:
    data = TAKES
    for _ in range(levels):
        data = told("multicall(bytes[])", [data])
    return data


UNREAD: dict[str, tuple[bytes, str]] = {
    "to whom nobody described": (told(RUNS, OTHER, 0, TAKES), "which nobody describes"),
    "of what nobody described": (told(RUNS, POOL, 0, told("drain()")), "has a function 0x"),
    "coins to what takes none": (told(RUNS, POOL, 1, TAKES), "takes no coins"),
    "nothing": (told(RUNS, POOL, 0, b""), "has a function 0x"),
    "with a word behind": (told(RUNS, POOL, 0, TAKES + bytes(32)), "not a call of take(uint256)"),
    "a token that another is paid from": (
        told(RUNS, TOKEN, 0, told("transferFrom(address,address,uint256)", ME, OTHER, 1)),
        "has a function 0x",
    ),
    "fewer whom than what": (told(BATCHES, [POOL], [0, 0], [TAKES, TAKES]), "different lengths"),
    "none": (told("multicall(bytes[])", []), "not 1 to 64 calls"),
    "too many": (told("multicall(bytes[])", [TAKES] * 65), "not 1 to 64 calls"),
    "another's code": (told("multiSend(bytes)", safe((1, POOL, 0, TAKES))), "operation 1"),
    "cut off": (told("multiSend(bytes)", safe((0, POOL, 0, TAKES))[:-1]), "ends within a call"),
    "a head cut off": (told("multiSend(bytes)", b"\0" * 84), "ends within a call"),
    "a length beyond": (
        told("multiSend(bytes)", b"\0" + bytes.fromhex(POOL[2:]) + bytes(32) + b"\xff" * 32),
        "ends within a call",
    ),
    "five deep": (deep(5), "more than 4 deep"),
    "without an end": (
        told(RUNS, TOKEN, 0, told("approve(address,uint256)", OTHER, MAX)),
        "without an end",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("data", "says"), UNREAD.values(), ids=UNREAD)
def test_what_is_handed_on_and_has_no_words(data: bytes, says: str) -> None:
    with pytest.raises(CallUnknown) as refused:
        CODEC.understand(ME, WALLET, data, 0)
    assert says in str(refused.value)


def test_four_deep_is_read() -> None:
    (call,) = CODEC.understand(ME, WALLET, deep(4), 0)
    assert isinstance(call, Call) and call.moves == ((ASSET, 7),)


def test_packed_is_what_safe_packs() -> None:
    row = Handed(bytes.fromhex(POOL[2:]), 3, TAKES)
    assert packed([row, row]) == safe((0, POOL, 3, TAKES), (0, POOL, 3, TAKES))


REFUSED: dict[str, dict[str, Any]] = {
    "no table": {"abi": RUN, "readers": ["data"]},
    "an unknown reader": {"abi": RUN, "readers": {"data": {"is": "orders"}}},
    "no argument": {"abi": RUN, "readers": {"calldata": {"is": "call"}}},
    "no octets": {"abi": RUN, "readers": {"to": {"is": "call"}}},
    "no address": {"abi": RUN, "readers": {"data": {"is": "call", "to": "coins"}}},
    "no number": {"abi": RUN, "readers": {"data": {"is": "call", "value": "to"}}},
    "a name that is none": {"abi": RUN, "readers": {"data": {"is": "call", "to": 7}}},
    "one where a list belongs": {"abi": RUN, "readers": {"data": {"is": "calls"}}},
    "a list where one belongs": {"abi": MULTICALL, "readers": {"data": {"is": "call"}}},
    "whom, beside what says it": {
        "abi": abi("f", ("to", "address"), ("data", "bytes")),
        "readers": {"data": {"is": "multisend", "to": "to"}},
    },
    "another member": {"abi": RUN, "readers": {"data": {"is": "call", "depth": 2}}},
    "read and opaque": {"abi": RUN, "readers": {"data": {"is": "call"}}, "opaque": ["data"]},
}


@pytest.mark.parametrize("function", REFUSED.values(), ids=REFUSED)
def test_each_defect_refuses_the_row(function: dict[str, Any]) -> None:
    with pytest.raises(NetworkInvalid):
        codec_of(contract_row(NETWORK, WALLET, functions=[function]))
