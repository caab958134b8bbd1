"""Ways through pools and a router's commands: read and written beside an encoder that is not ours,
named so that rules can bound them, and everything refused that has a second meaning."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_abi.packed import encode_packed

from chains.catalogue import built_in
from chains.codec import TransactionCodec
from chains.contracts.types import PATH
from chains.contracts.values import decode
from chains.contracts.values import encode as encoded
from chains.effects import Call
from chains.errors import CallUnknown, MalformedTransaction, NetworkInvalid
from chains.families import CODECS
from chains.hashes import keccak256
from chains.model import Address
from signer.policy.calls import argument_of
from tests.support.rows import abi, contract_row
from tests.unit.contracts.test_nested import ASSET, ME, NETWORK, OTHER, POOL, TOKEN, WALLET, told

EXECUTE = abi("execute", ("commands", "bytes"), ("inputs", "bytes[]"), ("deadline", "uint256"))
SWAP: dict[str, Any] = {
    "type": "function",
    "name": "exactInput",
    "stateMutability": "payable",
    "outputs": [],
    "inputs": [
        {
            "name": "params",
            "type": "tuple",
            "components": [
                {"name": "path", "type": "bytes"},
                {"name": "recipient", "type": "address"},
                {"name": "amountIn", "type": "uint256"},
                {"name": "amountOutMinimum", "type": "uint256"},
            ],
        }
    ],
}
ROW = contract_row(
    NETWORK,
    WALLET,
    name="Router",
    functions=[
        {"abi": EXECUTE, "readers": {"commands": {"is": "commands", "inputs": "inputs"}}},
        {
            "abi": SWAP,
            "readers": {"params.path": {"is": "v3path"}},
            "moves": [{"token": "params.path.first", "argument": "params.amountIn"}],
        },
    ],
)


def codec_of(*rows: dict[str, Any]) -> TransactionCodec:
    network = built_in().with_rows([], [], rows).find_network("ethereum")
    return CODECS[network.family](network)


CODEC = codec_of(ROW)
SAYS = "(bytes,bytes[],uint256)"
MINE = Address("0x0000000000000000000000000000000000000001")


def way(*parts: object) -> bytes:
    kinds = ["uint24" if isinstance(each, int) else "address" for each in parts]
    return bytes(encode_packed(kinds, parts))


DIRECT, OVER = way(TOKEN, 3000, POOL), way(TOKEN, 500, OTHER, 10_000, POOL)


def swapped(path: bytes, units: int = 7) -> bytes:
    kinds = "(bytes,address,uint256,uint256)"
    selector = keccak256(f"exactInput({kinds})".encode())[:4]
    return selector + encode([kinds], [(path, ME, units, 5)])


def executed(commands: bytes, *inputs: bytes) -> bytes:
    return told(f"execute{SAYS}", commands, list(inputs), 2**40)


def step(types: str, *values: object) -> bytes:
    return bytes(encode(types.split(","), values))


def v3(path: bytes, *, user: bool = True, units: int = 7) -> bytes:
    return step("address,uint256,uint256,bytes,bool", MINE, units, 5, path, user)


def understood(data: bytes) -> Call:
    (found,) = CODEC.understand(ME, WALLET, data, 0)
    assert isinstance(found, Call)
    CODEC.check_call(found, ME)
    return found


def test_the_words_of_a_way_can_be_bounded() -> None:
    call = understood(swapped(OVER))
    at = {name: argument_of(call, ("params", "path", *name.split("."))) for name in (
        "first", "fees", "fees.1", "through", "last")}  # fmt: skip
    assert at == {
        "first": TOKEN,
        "fees": '["500","10000"]',
        "fees.1": "10000",
        "through": f'["{OTHER}"]',
        "last": POOL,
    }
    assert call.moves == ((ASSET, 7),)


WAYS = {
    "of no pool": way(TOKEN),
    "of nothing": b"",
    "an octet short": DIRECT[:-1],
    "an octet over": DIRECT + b"\0",
    "a fee over": way(TOKEN, 500, POOL, 500),
    "through nine pools": way(TOKEN, *(500, POOL) * 9),
}


@pytest.mark.parametrize("path", WAYS.values(), ids=WAYS)
def test_what_is_no_way_is_refused(path: bytes) -> None:
    with pytest.raises(CallUnknown, match="path"):
        understood(swapped(path))


def test_a_way_of_tokens_that_nobody_listed_takes_nothing() -> None:
    with pytest.raises(CallUnknown, match="a token that is not listed"):
        understood(swapped(way(OTHER, 500, TOKEN)))


@pytest.mark.parametrize("pools", range(1, 9))
def test_a_way_has_one_form(pools: int) -> None:
    path = way(TOKEN, *(500, POOL) * pools)
    said = step("bytes", path)
    (value,) = decode([PATH], said)
    assert isinstance(value, tuple)
    first, fees, through, last = value
    assert isinstance(fees, tuple) and isinstance(through, tuple)
    assert (len(fees), len(through)) == (pools, pools - 1)
    assert (first, last) == (path[:20], path[-20:])
    assert encoded([PATH], [value]) == said
    with pytest.raises(MalformedTransaction):
        decode([PATH], said[:-1] + b"\1")


@pytest.mark.parametrize(
    "lie",
    [
        {"first": TOKEN, "fees": ["500"], "through": [OTHER], "last": POOL},
        {"first": TOKEN, "fees": [], "through": [], "last": POOL},
        {"first": TOKEN, "fees": ["16777216"], "through": [], "last": POOL},
        {"first": TOKEN, "fees": ["-1"], "through": [], "last": POOL},
        {"first": TOKEN, "fees": "500", "through": [], "last": POOL},
        {"first": TOKEN, "fees": ["500"], "last": POOL},
        "0x" + DIRECT.hex(),
    ],
)
def test_words_that_are_no_way_have_no_bytes(lie: object) -> None:
    params = {"path": lie, "recipient": ME, "amountIn": "7", "amountOutMinimum": "5"}
    with pytest.raises(CallUnknown):
        CODEC.call_of(WALLET, "exactInput", {"params": params}, 0)


DETAILS = "(address,uint160,uint48,uint48)"


def permitted(details: str, *, sign: bytes = bytes(65)) -> bytes:
    one = (TOKEN, 9, 2**40, 0)
    said = ([one, one] if details.endswith("[]") else one, WALLET, 2**40)
    return bytes(encode([f"({details},address,uint256)", "bytes"], [said, sign]))


V2 = "address,uint256,uint256,address[],bool"
PAYS = "address,address,uint160"
STEPS: dict[str, tuple[bytes, list[bytes], list[str], list[int]]] = {
    "an exact input": (b"\0", [v3(DIRECT)], ["V3_SWAP_EXACT_IN"], [7]),
    "paid by the router": (b"\0", [v3(DIRECT, user=False)], ["V3_SWAP_EXACT_IN"], []),
    "an exact output pays its last": (
        b"\1",
        [v3(way(POOL, 500, TOKEN))],
        ["V3_SWAP_EXACT_OUT"],
        [5],
    ),
    "v2": (
        b"\x08\x09",
        [step(V2, ME, 7, 5, [TOKEN, POOL], True)] * 2,
        ["V2_SWAP_EXACT_IN", "V2_SWAP_EXACT_OUT"],
        [7, 5],
    ),
    "a payment through Permit2": (
        b"\2",
        [step(PAYS, TOKEN, OTHER, 9)],
        ["PERMIT2_TRANSFER_FROM"],
        [9],
    ),
    "a permit, which was counted when it was signed": (
        b"\x0a\x02",
        [permitted(DETAILS), step(PAYS, TOKEN, WALLET, 9)],
        ["PERMIT2_PERMIT", "PERMIT2_TRANSFER_FROM"],
        [9],
    ),
    "a permit of several tokens": (
        b"\x03",
        [permitted(f"{DETAILS}[]")],
        ["PERMIT2_PERMIT_BATCH"],
        [],
    ),
    "what the router has": (
        b"\x04\x05\x06\x0b\x0c\x0e",
        [step(PAYS, TOKEN, ME, 1)] * 3 + [step("address,uint256", MINE, 3)] * 2
        + [step(PAYS, ME, TOKEN, 1)],
        ["SWEEP", "TRANSFER", "PAY_PORTION", "WRAP_ETH", "UNWRAP_WETH", "BALANCE_CHECK_ERC20"],
        [],
    ),
    "a plan within": (
        b"\x21",
        [step("bytes,bytes[]", b"\0", [v3(DIRECT)])],
        ["EXECUTE_SUB_PLAN", "V3_SWAP_EXACT_IN"],
        [7],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("commands", "inputs", "names", "takes"), STEPS.values(), ids=STEPS)
def test_each_command_is_a_call_of_its_own(
    commands: bytes, inputs: list[bytes], names: list[str], takes: list[int]
) -> None:
    data = executed(commands, *inputs)
    call = understood(data)
    said = dict(call.arguments)["commands"]
    assert all(f"command.{name}(" in said for name in names)
    assert [row["contract"] for row in json.loads(said)] == [WALLET] * len(commands)
    assert call.moves == tuple((ASSET, units) for units in takes)
    for place in ("commands", "inputs"):
        for lie in ("[]", said + " ", said.replace("EXACT", "EXACTLY"), said.replace(WALLET, ME)):
            if lie != dict(call.arguments)[place]:
                other = dict(call.arguments) | {place: lie}
                with pytest.raises(CallUnknown):
                    CODEC.check_call(replace(call, arguments=tuple(other.items())), ME)


def plan(levels: int) -> bytes:
    commands, data = b"\0", v3(DIRECT)
    for _ in range(levels):
        commands, data = b"\x21", step("bytes,bytes[]", commands, [data])
    return executed(commands, data)


DIRTY = step(PAYS, TOKEN, ME, 1)
UNREAD = {
    "one that may fail unseen": (executed(b"\x80", v3(DIRECT)), "command 0x80"),
    "one that nobody knows": (executed(b"\x07", v3(DIRECT)), "command 0x07"),
    "a permit in another form": (executed(b"\x0a", v3(DIRECT)), "not a call of command.PERMIT2"),
    "a permit of one as of many": (executed(b"\x03", permitted(DETAILS)), "not a call of"),
    "a permit with dirty bits": (
        executed(b"\x0a", permitted(DETAILS)[:32] + b"\1" + permitted(DETAILS)[33:]),
        "a word that is no uint160",
    ),
    "a permit that may fail unseen": (executed(b"\x8a", permitted(DETAILS)), "command 0x8a"),
    "payments by Permit2 of many": (executed(b"\x0d", permitted(DETAILS)), "command 0x0d"),
    "another protocol's": (executed(b"\x10", v3(DIRECT)), "command 0x10"),
    "none": (executed(b""), "not 1 to 64 calls"),
    "too many": (executed(b"\0" * 65, *[v3(DIRECT)] * 65), "not 1 to 64 calls"),
    "more than is told": (executed(b"\0\0", v3(DIRECT)), "not one input for each"),
    "more told than done": (executed(b"\0", v3(DIRECT), v3(DIRECT)), "not one input for each"),
    "an input with a word behind": (executed(b"\0", v3(DIRECT) + bytes(32)), "behind the last"),
    "an offset to elsewhere": (
        executed(b"\0", v3(DIRECT)[:127] + b"\xc0" + v3(DIRECT)[128:] + v3(DIRECT)[160:]),
        "does not lead to the next tail",
    ),
    "dirty bits of an address": (
        executed(b"\4", b"\1" + DIRTY[1:]),
        "a word that is no address",
    ),
    "bits that SWEEP overlooks": (
        executed(b"\4", DIRTY[:64] + b"\1" + DIRTY[65:]),
        "a word that is no uint160",
    ),
    "a token that is not listed": (executed(b"\0", v3(way(OTHER, 1, TOKEN))), "not listed"),
    "five deep": (plan(4), "more than 4 deep"),
    "a step told from outside": (
        told("command.WRAP_ETH(address,uint256)", ME, 1),
        "no description of Router has a function",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("data", "says"), UNREAD.values(), ids=UNREAD)
def test_commands_that_have_no_words(data: bytes, says: str) -> None:
    with pytest.raises(CallUnknown) as refused:
        understood(data)
    assert says in str(refused.value)


def test_a_plan_three_deep_is_read() -> None:
    assert understood(plan(3)).moves == ((ASSET, 7),)


READS = {"is": "commands", "inputs": "inputs"}
REFUSED: dict[str, dict[str, Any]] = {
    "without inputs": {"abi": EXECUTE, "readers": {"commands": {"is": "commands"}}},
    "inputs that are none": {
        "abi": EXECUTE,
        "readers": {"commands": READS | {"inputs": "deadline"}},
    },
    "inputs of nobody": {"abi": EXECUTE, "readers": {"commands": READS | {"inputs": "others"}}},
    "inputs that are a list": {"abi": EXECUTE, "readers": {"commands": READS | {"inputs": []}}},
    "whom, beside what says it": {
        "abi": EXECUTE,
        "readers": {"commands": READS | {"to": "deadline"}},
    },
    "inputs shown too": {"abi": EXECUTE, "readers": {"commands": READS}, "opaque": ["inputs"]},
    "inputs read twice": {
        "abi": EXECUTE,
        "readers": {"commands": READS, "inputs": {"is": "calls"}},
    },
    "calls with inputs": {
        "abi": EXECUTE,
        "readers": {"inputs": {"is": "calls", "inputs": "inputs"}},
        "opaque": ["commands"],
    },
    "octets that calls would hide": {
        "abi": abi("batch", ("datas", "bytes[]"), ("others", "bytes[]")),
        "readers": {"datas": {"is": "calls", "inputs": "others"}},
    },
    "a way that is a number": {"abi": EXECUTE, "readers": {"deadline": {"is": "v3path"}}},
    "a way in a list": {
        "abi": EXECUTE,
        "readers": {"commands": READS, "inputs": {"is": "v3path"}},
    },
    "a way of nobody": {"abi": SWAP, "readers": {"params.way": {"is": "v3path"}}},
    "a way with a member more": {
        "abi": SWAP,
        "readers": {"params.path": {"is": "v3path", "to": "params.recipient"}},
    },
    "a way shown too": {
        "abi": SWAP,
        "readers": {"params.path": {"is": "v3path"}},
        "opaque": ["params.path"],
    },
    "a way that nobody reads": {"abi": SWAP},
}  # fmt: skip


@pytest.mark.parametrize("function", REFUSED.values(), ids=REFUSED)
def test_each_defect_refuses_the_row(function: dict[str, Any]) -> None:
    with pytest.raises(NetworkInvalid):
        codec_of(contract_row(NETWORK, WALLET, functions=[function]))
