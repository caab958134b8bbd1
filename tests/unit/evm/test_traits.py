"""Transactions that nobody signed, and what chains move beside calls, trait by trait.

Where no public recording is known, transactions are built by hand after the specification that the
trait's module names.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any, Final

import pytest

from chains.block import Block, cost_kind
from chains.costs import CostKind
from chains.evm import movements, shrink
from chains.evm.adapter import EvmAdapter
from chains.evm.address import canonical
from chains.evm.build import nonce_text
from chains.evm.traits import Trait
from chains.networks import Network
from tests.support.evm_networks import network_with

VECTORS: Final = Path(__file__).parents[2] / "vectors"
OP_STACK = network_with(Trait.L1_DATA_FEE, Trait.OP_DEPOSITS)
ARBITRUM = network_with(Trait.L1_GAS, Trait.ARBOS)
POLYGON = network_with(Trait.STATE_SYNC)

NOBODY = "0x" + "00" * 20
ADA, BOB, CAROL = ("0x" + digit * 40 for digit in "abc")
NETWORK_FEES, ESCROW = "0x" + "f" * 40, "0x" + "e" * 40
NAMES: Final = {
    canonical(address): name
    for name, address in {
        "ada": ADA,
        "bob": BOB,
        "carol": CAROL,
        "fees": NETWORK_FEES,
        "escrow": ESCROW,
        "nobody": NOBODY,
    }.items()
}


def hashed(number: int) -> str:
    return f"0x{number:064x}"


def transaction(kind: int, sender: str, to: str, value: int = 0, **more: Any) -> dict[str, Any]:
    fields = {"type": hex(kind), "from": sender, "to": to, "value": hex(value), "nonce": "0x0"}
    return {"hash": hashed(1), "gasPrice": "0x0", **fields, **more}


def receipt(*, status: int = 1, gas: int = 0, price: int = 0, **more: Any) -> dict[str, Any]:
    fields = {"status": hex(status), "gasUsed": hex(gas), "effectiveGasPrice": hex(price)}
    return {"transactionHash": hashed(1), "contractAddress": None, "logs": [], **fields, **more}


def call(sender: str, to: str, value: int = 0, kind: str = "CALL", **more: Any) -> dict[str, Any]:
    return {"type": kind, "from": sender, "to": to, "value": hex(value), "gasUsed": "0x0", **more}


def moves(*listed: tuple[str, str | None, str | None, int]) -> list[dict[str, Any]]:
    """As Nitro lists them: purpose, payer, payee and amount."""
    names = ("purpose", "from", "to", "value")
    return [dict(zip(names, (*each[:3], hex(each[3])), strict=True)) for each in listed]


def read(
    network: Network,
    tx: dict[str, Any],
    told: dict[str, Any],
    root: dict[str, Any] | None,
    *,
    traces: list[dict[str, Any]] | None = None,
) -> Block:
    """A block with this transaction alone. Without `root` and `traces` the node does not trace."""
    block = {
        "number": "0x5",
        "hash": hashed(5),
        "parentHash": hashed(4),
        "timestamp": "0x1",
        "gasUsed": told["gasUsed"],
        "baseFeePerGas": "0x1",
        "miner": NOBODY,
        "transactions": [tx],
    }
    if root is not None:
        traces = [{"txHash": tx["hash"], "result": root}]
    shrunk = None if traces is None else shrink.traces(traces)
    return movements.read(network, shrink.block(block), shrunk, shrink.receipts([told]))


def told_of(block: Block) -> list[str]:
    return sorted(f"{each.place} {NAMES[each.address]} {each.units}" for each in block.movements)


def gains(block: Block) -> dict[str, int]:
    found: Counter[str] = Counter()
    for each in block.movements:
        found[NAMES[each.address]] += each.units
    return {name: units for name, units in found.items() if units}


# The OP stack


DEPOSIT = transaction(0x7E, ADA, BOB, 30, mint=hex(100), sourceHash=hashed(9), nonce="0x3")


@pytest.mark.parametrize("traced", [True, False])
def test_a_deposit_mints_and_pays_and_nobody_is_charged(traced: bool):
    told = receipt(gas=21_000, depositNonce="0x3", depositReceiptVersion="0x1")
    block = read(OP_STACK, DEPOSIT, told, call(ADA, BOB, 30) if traced else None)
    assert told_of(block) == ["call: ada -30", "call: bob 30", "mint ada 100"]
    assert block.consumed == {nonce_text(OP_STACK.id, canonical(ADA), 3): hashed(1)}
    assert [each.failure for each in block.included] == [None]


@pytest.mark.parametrize(
    "root",
    [
        call(NOBODY, NOBODY, kind="STOP", value=0),  # op-geth, of one that never began
        {"type": "STOP", "from": NOBODY, "to": NOBODY, "gasUsed": "0x0"},
        call(ADA, BOB, 30, error="execution reverted"),
        call(ADA, BOB, 30, calls=[call(BOB, CAROL, 5)]),  # a node that forgets to say so
        None,
    ],
)
def test_what_a_failed_deposit_minted_stays(root: dict[str, Any] | None):
    told = receipt(status=0, gas=21_000, depositNonce="0x7")
    block = read(OP_STACK, DEPOSIT, told, root)
    assert told_of(block) == ["mint ada 100"]
    assert block.consumed == {nonce_text(OP_STACK.id, canonical(ADA), 7): hashed(1)}
    assert block.included[0].failure


def test_who_signs_is_charged_for_gas_and_beside_it():
    tx = transaction(2, ADA, BOB, 30, nonce="0x4")
    told = receipt(gas=21_000, price=3, l1Fee="0x64", operatorFeeConstant="0x5")
    block = read(OP_STACK, tx, told, call(ADA, BOB, 30))
    costs = {cost_kind(each.place): each.units for each in block.movements}
    assert (costs[CostKind.FEE], costs[CostKind.L1_DATA]) == (-63_000, -105)
    assert gains(block) == {"ada": -63_000 - 105 - 30, "bob": 30}


def test_a_receipt_of_the_stack_names_blob_gas_that_has_no_price():
    """Jovian's receipts, the figures as a main network's node told them."""
    tx = transaction(2, ADA, BOB)
    fields = {"blobGasUsed": hex(40_000), "daFootprintGasScalar": hex(400), "type": "0x2"}
    told = receipt(gas=21_000, price=3, l1Fee=hex(9_833_984_542)) | fields
    block = read(OP_STACK, tx, told, call(ADA, BOB))
    assert gains(block) == {"ada": -63_000 - 9_833_984_542}


# Arbitrum


def on_arbitrum(
    tx: dict[str, Any],
    told: dict[str, Any],
    *calls: dict[str, Any],
    before: list[dict[str, Any]],
    after: list[dict[str, Any]],
    error: str = "",
) -> Block:
    root = call(tx["from"], tx["to"], int(tx["value"], 16), calls=list(calls))
    root |= {"beforeEVMTransfers": before, "afterEVMTransfers": after}
    return read(ARBITRUM, tx, told, root | ({"error": error} if error else {}))


def test_a_message_from_l1_brings_its_value_along():
    tx = transaction(0x64, ADA, BOB, 100)
    minted = moves(("deposit", None, ADA, 100))
    block = on_arbitrum(tx, receipt(), before=minted, after=[])
    assert told_of(block) == ["call: ada -100", "call: bob 100", "mint ada 100"]
    assert told_of(read(ARBITRUM, tx, receipt(), None)) == told_of(block)
    assert block.consumed == {}


def test_who_signs_is_charged_what_the_receipt_says_and_may_get_some_back():
    """Gas of several kinds is given back afterwards (ArbOS 60); the tip never was taken."""
    tx = transaction(2, ADA, BOB, 30, maxFeePerGas="0x9", maxPriorityFeePerGas="0x5", nonce="0x4")
    before = moves(("feePayment", ADA, None, 500))
    after = moves(
        ("gasRefund", None, ADA, 200),
        ("feeCollection", None, NETWORK_FEES, 300),
        ("refund", NETWORK_FEES, ADA, 40),
    )
    block = on_arbitrum(tx, receipt(gas=100, price=3), before=before, after=after)
    assert told_of(block) == [
        "after:1 fees 300",
        "after:2 ada 40",
        "after:2 fees -40",
        "call: ada -30",
        "call: bob 30",
        "cost:fee ada -300",
    ]
    assert block.consumed == {nonce_text(ARBITRUM.id, canonical(ADA), 4): hashed(1)}


def test_a_ticket_is_paid_for_out_of_what_it_mints():
    """Submitted with 1000: 100 is the fee for keeping it, 20 of it come back to Carol; 500 wait in
    escrow, and 300 buy gas."""
    tx = transaction(0x69, ADA, "0x" + "00" * 19 + "6e")
    calls = [
        call(NOBODY, ADA, 1000),
        call(ADA, NETWORK_FEES, 80),
        call(ADA, CAROL, 20),
        call(ADA, ESCROW, 500),
        call(ADA, NETWORK_FEES, 300),
    ]
    root = call(ADA, "0x" + "00" * 19 + "6e", calls=calls)
    block = read(ARBITRUM, tx, receipt(gas=100, price=3), root)
    expected = {"nobody": -1000, "fees": 380, "carol": 20, "escrow": 500, "ada": 100}
    assert gains(block) == expected
    older = [each | {"type": "INVALID"} for each in calls]
    assert read(ARBITRUM, tx, receipt(gas=100, price=3), root | {"calls": older}) == block
    assert block.consumed == {}


def test_a_ticket_that_can_not_be_paid_for_keeps_what_it_minted():
    """The receipt says that it failed; what its calls moved before that stands."""
    tx = transaction(0x69, ADA, CAROL)
    block = read(ARBITRUM, tx, receipt(status=0), call(ADA, CAROL, calls=[call(NOBODY, ADA, 7)]))
    assert gains(block) == {"nobody": -7, "ada": 7}


@pytest.mark.parametrize("fails", [False, True])
def test_a_retry_runs_on_what_was_held_for_it(fails: bool):
    """Its value comes from escrow and its gas is prepaid; what is left of that goes to Carol."""
    tx = transaction(0x68, ADA, BOB, 500)
    before = moves(
        ("escrow", ESCROW, ADA, 500), ("prepaid", None, ADA, 300), ("feePayment", ADA, None, 300)
    )
    after = moves(
        ("gasRefund", None, ADA, 120),
        ("undoRefund", ADA, None, 120),
        ("refund", NETWORK_FEES, CAROL, 120),
        *([("escrow", ADA, ESCROW, 500)] if fails else []),
    )
    told = receipt(status=int(not fails), gas=60, price=3)
    error = "execution reverted" if fails else ""
    block = on_arbitrum(tx, told, before=before, after=after, error=error)
    paid = {} if fails else {"escrow": -500, "bob": 500}
    assert gains(block) == {**paid, "fees": -120, "carol": 120}
    assert block.consumed == {}


@pytest.mark.parametrize(
    ("kind", "consumed"), [(0x65, 1), (0x66, 0), (0x6A, 0), (0x64, 0), (0x68, 0)]
)
def test_only_who_has_a_nonce_to_name_uses_it_up(kind: int, consumed: int):
    block = on_arbitrum(transaction(kind, ADA, BOB), receipt(), before=[], after=[])
    assert len(block.consumed) == consumed


def test_what_a_node_of_arbitrum_one_said():
    """Its own transaction reaps two tickets that hold nothing; the other pays its fee."""
    told = json.loads((VECTORS / "evm" / "arbitrum_traces.json").read_text())
    own, signed = told["traces"]
    tx = transaction(0x6A, own["from"], own["to"])
    assert read(ARBITRUM, tx, receipt(), own).movements == ()
    payment, refund = (
        int(signed[f"{when}EVMTransfers"][0]["value"], 16) for when in ("before", "after")
    )
    charged = receipt(gas=1, price=payment - refund)
    block = read(ARBITRUM, transaction(0, signed["from"], signed["to"]), charged, signed)
    left = Counter[str]()
    for each in block.movements:
        left[each.address] += each.units
    assert left[canonical(signed["from"])] == refund - payment
    assert sum(left.values()) == 0  # every fee has its collector


# Polygon PoS


_SYNCED = "0xe6497e3ee548a3372136af2fcb0696db31fc6cf20260707645068bd3fe97f3c4"
_COIN = "0x" + "00" * 18 + "1010"


def payment_log(payer: str, payee: str, units: int) -> dict[str, Any]:
    topics = [_SYNCED, *("0x" + "00" * 12 + each[2:] for each in (_COIN, payer, payee))]
    return {"address": _COIN, "topics": topics, "data": f"0x{units:064x}" + "0" * 256}


OTHER_LOG: Final = {"address": BOB, "topics": ["0x" + "77" * 32], "data": "0x"}
BRIDGED: Final = [
    OTHER_LOG,
    payment_log(BOB, ADA, 100),
    payment_log(BOB, CAROL, 0),
    payment_log(CAROL, CAROL, 9),
]


@pytest.mark.parametrize(
    "traces",
    [
        [],  # bor before PIP-74
        [{"txHash": hashed(1), "error": "incorrect number of top-level calls"}],
        [{"txHash": hashed(1), "result": call(NOBODY, NOBODY)}],
        [{"txHash": hashed(1), "result": call(NOBODY, BOB, calls=[call(BOB, ADA, 100)])}],
        None,
    ],
)
@pytest.mark.parametrize("kind", [0x0, 0x7F])
def test_what_came_over_the_bridge_is_told_by_its_receipt(
    kind: int, traces: list[dict[str, Any]] | None
):
    tx = transaction(kind, NOBODY, NOBODY)
    told = receipt(logs=BRIDGED) | {"from": NOBODY, "type": hex(kind)}
    block = read(POLYGON, tx, told, None, traces=traces)
    assert told_of(block) == ["log:1 ada 100", "log:1 bob -100"]
    assert block.consumed == {}


@pytest.mark.parametrize("network", [OP_STACK, ARBITRUM, POLYGON, network_with()])
def test_only_receipts_tell_what_networks_with_traits_did(network: Network):
    tx = shrink.block({"transactions": [transaction(2, ADA, BOB)]})["transactions"]
    block = {"transactions": tx, "gasUsed": "0x0"}
    traces = [{"gasUsed": "0x0", "moved": []}]
    assert movements.needs_receipts(network, block, traces) == bool(network.traits)


async def test_a_row_says_how_far_back_its_nodes_trace():
    """Four blocks a second leave geth's window within half a minute."""
    for network, depth in ((network_with(), 128), (network_with(trace_depth=7_200), 7_200)):
        adapter = EvmAdapter(network, "http://127.0.0.1:9")
        assert adapter.capabilities.read_depth == depth
        await adapter.close()


def test_other_networks_know_no_such_things():
    """Zero's account can't sign; but without the trait its transactions are like any others."""
    tx = transaction(2, NOBODY, BOB, 5)
    told = receipt(logs=BRIDGED, gas=3, price=2) | {"from": NOBODY}
    assert gains(read(network_with(), tx, told, call(NOBODY, BOB, 5))) == {"bob": 5, "nobody": -11}
