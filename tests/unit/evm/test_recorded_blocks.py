"""Blocks of main networks, as nodes told them, read to the last unit.

Polygon's client writes a log for each payment with both accounts' balances around it, and one for
each transaction with its sender's balance before it: an oracle that no reading of calls went into.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from chains.block import BLOCK_FEE, Block, Movement, Reading, cost_kind
from chains.costs import CostKind
from chains.evm import movements, shrink
from chains.evm.address import canonical
from chains.evm.authorizations import authorizations
from chains.evm.traits import Trait
from chains.model import Address
from chains.networks import Network
from tests.support.evm_networks import network_with
from tests.support.networks import find_network

BLOCKS: Final = Path(__file__).parents[2] / "vectors" / "evm_blocks"
OP_STACK = network_with(Trait.L1_DATA_FEE, Trait.OP_DEPOSITS)
ARBITRUM = network_with(Trait.L1_GAS, Trait.ARBOS)
POLYGON = network_with(Trait.STATE_SYNC)
NETWORKS: Final = {
    "ethereum": find_network("ethereum"),
    "base": OP_STACK,
    "optimism": OP_STACK,
    "arbitrum": ARBITRUM,
    "polygon_10000000": network_with(Trait.STATE_SYNC, transaction_type="legacy"),
    "polygon": POLYGON,
}
RECORDED: Final = sorted(path.stem for path in BLOCKS.glob("*.json"))

_PAYMENT: Final = "0xe6497e3ee548a3372136af2fcb0696db31fc6cf20260707645068bd3fe97f3c4"
_FEE: Final = "0x4dfe1bbbcf077ddc3e01291eea2d5c70c2b422b415d95645b9adcfd678cb1d63"


def recorded(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((BLOCKS / f"{name}.json").read_text())
    return found


def read(name: str, told: dict[str, Any], *, traced: bool = True) -> Block:
    network: Network = NETWORKS.get(name) or NETWORKS[name.partition("_")[0]]
    block, receipts = shrink.block(told["block"]), shrink.receipts(with_logs(told))
    traces = shrink.traces(told["traces"]) if traced else None
    return movements.read(network, block, traces, receipts)


def moved_by_calls(block: Block) -> list[Movement]:
    return [each for each in block.movements if each.place.startswith("call:")]


@pytest.mark.parametrize("name", RECORDED)
def test_what_left_is_what_receipts_and_values_say(name: str):
    """Everything together, kind by kind, and each transaction is told once."""
    told = recorded(name)
    block = read(name, told)
    assert block.reading is Reading.COMPLETE
    assert [each.txid for each in block.included] == [
        tx["hash"] for tx in told["block"]["transactions"]
    ]
    charged: Counter[str] = Counter()
    for receipt in told["receipts"]:
        charged["fee"] += int(receipt["gasUsed"], 16) * int(receipt["effectiveGasPrice"], 16)
        if "blobGasUsed" in receipt and receipt["type"] == "0x3":
            charged["fee"] += int(receipt["blobGasUsed"], 16) * int(receipt["blobGasPrice"], 16)
        charged["l1-data"] += int(receipt.get("l1Fee", "0x0"), 16)
    paid: Counter[str] = Counter()
    for each in block.movements:
        kind = cost_kind(each.place)
        if kind is not None:
            paid[kind.value] -= each.units
    assert +paid == +charged
    identities = [(each.txid, each.place, each.units > 0) for each in block.movements]
    assert len(identities) == len(set(identities))


@pytest.mark.parametrize("name", RECORDED)
def test_a_node_without_traces_tells_fewer_and_no_other_movements(name: str):
    told = recorded(name)
    complete, poorer = read(name, told), read(name, told, traced=False)
    assert set(poorer.movements) <= set(complete.movements)
    assert poorer.consumed == complete.consumed
    assert [(each.txid, each.sender, each.failure is None) for each in poorer.included] == [
        (each.txid, each.sender, each.failure is None) for each in complete.included
    ]


def test_polygon_told_by_its_own_logs():
    """Each payment of each transaction, in order; and every balance that the logs state follows
    from the one before it and what we read in between."""
    told = recorded("polygon_38102393")
    block = read("polygon_38102393", told)
    known: dict[Address, int] = {}
    compared = 0
    for receipt in told["receipts"]:
        ours = [each for each in block.movements if each.txid == receipt["transactionHash"]]
        calls = [each for each in ours if each.place.startswith("call:")]
        payments = list(_payments(receipt))
        outs, ins = calls[::2], calls[1::2]
        assert [
            (out.address, into.address, into.units) for out, into in zip(outs, ins, strict=True)
        ] == [(payer, payee, units) for payer, payee, units, *_ in payments]
        sender, before = _sender(receipt)
        assert known.get(sender, before) == before
        compared += sender in known
        (fee,) = [-each.units for each in ours if cost_kind(each.place) is CostKind.FEE]
        known[sender] = before
        for payer, payee, units, *balances in payments:
            for account, stated, change in (
                (payer, balances[0], -units),
                (payee, balances[1], units),
            ):
                if account != sender and account in known:
                    assert known[account] == stated
                    compared += 1
                if account != sender:
                    known[account] = stated + change
                else:
                    known[account] += change
        known[sender] -= fee
    assert compared == 16


def _payments(receipt: dict[str, Any]) -> Iterator[tuple[Address, Address, int, int, int]]:
    """Payer, payee, units, and what each had before; of those that are not of nothing."""
    for log in receipt["logs"]:
        if log.get("topics", [""])[0] == _PAYMENT:
            units, payer_had, payee_had, *_ = _words(log["data"])
            if units:
                yield (
                    _account(log["topics"][2]),
                    _account(log["topics"][3]),
                    units,
                    payer_had,
                    payee_had,
                )


def _sender(receipt: dict[str, Any]) -> tuple[Address, int]:
    (log,) = [log for log in receipt["logs"] if log.get("topics", [""])[0] == _FEE]
    sender = _account(log["topics"][2])
    assert sender == canonical(receipt["from"])
    return sender, _words(log["data"])[1]


def _account(topic: str) -> Address:
    return canonical("0x" + topic[-40:])


def _words(data: str) -> list[int]:
    return [int(data[at : at + 64], 16) for at in range(2, len(data), 64)]


ETHEREUM: Final = [name for name in RECORDED if name.startswith("ethereum")]


@pytest.mark.parametrize("name", ETHEREUM)
def test_on_ethereum_only_withdrawals_make_money_and_only_burning_ends_it(name: str):
    """All accounts together: the base fee, blobs and what ended contracts had are burnt."""
    told = recorded(name)
    header = told["block"]
    burnt = int(header["gasUsed"], 16) * int(header["baseFeePerGas"], 16)
    for receipt in told["receipts"]:
        blobs = receipt.get("blobGasUsed", "0x0"), receipt.get("blobGasPrice", "0x0")
        burnt += int(blobs[0], 16) * int(blobs[1], 16)
    made = 10**9 * sum(int(each["amount"], 16) for each in header.get("withdrawals", ()))
    movements_ = read(name, told).movements
    burnt += sum(-each.units for each in movements_ if each.place.startswith("burn:"))
    assert sum(each.units for each in movements_) == made - burnt


def test_a_contract_that_ended_burns_what_came_later():
    found = read("ethereum_15753009", recorded("ethereum_15753009"))
    assert [each.units for each in found.movements if each.place.startswith("burn:")] == [-5]


def test_ethereum_as_another_reader_told_it():
    """Each account of each transaction; a fee is split there into the tip and what is burnt."""
    told = recorded("ethereum_13998626")
    theirs: Counter[tuple[str, str]] = Counter()
    for txid, kind, status, account, units in told["rosetta"]:
        assert status == "SUCCESS"
        recipient = kind == "FEE" and int(units) > 0
        if kind != "MINER_REWARD":  # the chain's own, which ended with the merge
            theirs["" if recipient else txid, account] += int(units)
    block = read("ethereum_13998626", told)
    ours: Counter[tuple[str, str]] = Counter()
    for each in block.movements:
        ours["" if each.place == BLOCK_FEE else each.txid, each.address] += each.units
    assert {key: units for key, units in ours.items() if units} == {
        key: units for key, units in theirs.items() if units
    }


def test_an_account_that_delegates_to_a_contract():
    """EIP-7702: who signed the authorization is who the transaction is from, with the nonce that
    follows the transaction's; and what it was charged is what the source's own reader says."""
    told = recorded("ethereum_22526256")
    (tx,) = told["block"]["transactions"]
    (signed,) = authorizations(NETWORKS["ethereum"], shrink.block(told["block"]))
    assert (signed.authority, signed.txid) == (canonical(tx["from"]), tx["hash"])
    assert signed.nonce == int(tx["nonce"], 16) + 1
    block = read("ethereum_22526256", told)
    (charged,) = [-each.units for each in block.movements if cost_kind(each.place) is CostKind.FEE]
    assert -(-charged // 10**10) == told["charged_in_units_of_10_gwei"]
    used = movements.read(NETWORKS["ethereum"], *_shrunk(told), used=[signed])
    assert len(used.consumed) == len(block.consumed) + 1


def _shrunk(told: dict[str, Any]) -> tuple[Any, Any, Any]:
    return (
        shrink.block(told["block"]),
        shrink.traces(told["traces"]),
        shrink.receipts(with_logs(told)),
    )


def with_logs(told: dict[str, Any]) -> list[dict[str, Any]]:
    """The receipts; some were recorded without what nobody read of their logs."""
    return [
        receipt | {"logs": [{"topics": [], **log} for log in receipt.get("logs", ())]}
        for receipt in told["receipts"]
    ]
