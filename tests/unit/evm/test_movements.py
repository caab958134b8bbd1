"""What a block moved, told from traces or receipts as nodes write them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest

from chains.block import Block, Inclusion, Reading
from chains.costs import CostKind
from chains.errors import NodeMisbehaved, NodeUnavailable
from chains.evm import address, charges, movements, shrink
from chains.evm.authorizations import Authorization
from chains.model import TxId
from chains.networks import Network
from tests.support.networks import find_network
from tests.unit.evm.test_calls import call

ETHEREUM = find_network("ethereum")
BLOCK_HASH = "0x" + "b0" * 32
TX, OTHER = TxId("0x" + "aa" * 32), TxId("0x" + "ab" * 32)
A, B, C, D = ("0x" + f"{n:02x}" * 20 for n in (0xA1, 0xB2, 0xC3, 0xD4))
MINER = "0x" + "ee" * 20
BASE_FEE = 7
GAS = 21_000


def network(**parameters: Any) -> Network:
    """Ethereum, but for these."""
    changed = MappingProxyType({**ETHEREUM.parameters, **parameters})
    return replace(ETHEREUM, parameters=changed)


def tx_of(**changes: Any) -> dict[str, Any]:
    plain = {"hash": TX, "from": A, "nonce": "0x5", "to": B, "value": "0x64", "gasPrice": "0x7"}
    return plain | changes


def block_of(*transactions: dict[str, Any], **changes: Any) -> dict[str, Any]:
    plain = {"number": "0x9", "hash": BLOCK_HASH, "parentHash": "0x" + "af" * 32}
    plain |= {"timestamp": "0x1", "miner": MINER, "baseFeePerGas": hex(BASE_FEE)}
    return (
        plain | {"gasUsed": hex(GAS * len(transactions))} | {"transactions": transactions} | changes
    )


def receipt_of(tx: dict[str, Any], **changes: Any) -> dict[str, Any]:
    plain = {"transactionHash": tx["hash"], "status": "0x1", "gasUsed": hex(GAS)}
    return (
        plain
        | {"effectiveGasPrice": tx["gasPrice"], "contractAddress": None}
        | {"logs": []}
        | changes
    )


def traced(block: dict[str, Any], *roots: dict[str, Any], on: Network = ETHEREUM) -> Block:
    hashes = [tx["hash"] for tx in block["transactions"]]
    traces = [{"txHash": each, "result": root} for each, root in zip(hashes, roots, strict=True)]
    return movements.read(on, shrink.block(block), shrink.traces(traces))


def received(block: dict[str, Any], *receipts: dict[str, Any], on: Network = ETHEREUM) -> Block:
    return movements.read(on, shrink.block(block), None, shrink.receipts(receipts))


def told(block: Block) -> list[tuple[str, str, int]]:
    return [(each.place, each.address.lower(), each.units) for each in block.movements]


FEE = ("cost:fee", A, -GAS * BASE_FEE)


def test_a_payment_is_two_movements_at_one_place_and_its_fee() -> None:
    tx = tx_of()
    expected = [("call:", A, -100), ("call:", B, 100), FEE]
    by_traces, by_receipts = (
        traced(block_of(tx), call(A, B, 100)),
        received(block_of(tx), receipt_of(tx)),
    )
    assert told(by_traces) == told(by_receipts) == expected
    assert by_traces.reading is Reading.COMPLETE
    assert by_receipts.reading is Reading.WITHOUT_INTERNAL
    assert replace(by_receipts, reading=Reading.COMPLETE) == by_traces
    for each in by_traces.movements:
        assert each.txid == TX and each.asset == ETHEREUM.native.id and each.mature_height is None
        assert each.address == address.canonical(each.address.lower()) != each.address.lower()


def test_what_is_consumed_and_included() -> None:
    found = traced(block_of(tx_of()), call(A, B, 100))
    sender = address.canonical(A)
    assert found.consumed == {f"eip155:1/nonce:{sender}:5": TX}
    assert found.included == (Inclusion(TX, sender),)
    used = [Authorization(sender, 5, OTHER), Authorization(sender, 6, OTHER)]
    block = shrink.block(block_of(tx_of()))
    traces = shrink.traces([{"txHash": TX, "result": call(A, B, 100)}])
    assert movements.read(ETHEREUM, block, traces, used=used).consumed == {
        f"eip155:1/nonce:{sender}:5": TX,
        f"eip155:1/nonce:{sender}:6": OTHER,
    }


def test_of_a_failed_transaction_only_the_charge_remains() -> None:
    tx = tx_of()
    root = call(A, B, 100, error="out of gas", calls=[call(B, C, 5)])
    by_traces = traced(block_of(tx), root)
    by_receipts = received(block_of(tx), receipt_of(tx, status="0x0"))
    assert told(by_traces) == told(by_receipts) == [FEE]
    assert [each.failure for each in by_traces.included] == ["out of gas"]
    assert [each.failure for each in by_receipts.included] == ["receipt status 0"]
    assert len(by_traces.consumed) == len(by_receipts.consumed) == 1


def test_creations_pay_the_contract() -> None:
    tx = tx_of(to=None)
    expected = [("call:", A, -100), ("call:", C, 100), FEE]
    assert told(received(block_of(tx), receipt_of(tx, contractAddress=C))) == expected
    assert told(traced(block_of(tx), call(A, C, 100, type="CREATE"))) == expected


def test_a_payment_to_oneself_costs_its_fee_and_moves_nothing() -> None:
    tx = tx_of(to=A)
    assert told(received(block_of(tx), receipt_of(tx))) == [FEE]
    assert told(traced(block_of(tx), call(A, A, 100))) == [FEE]


def test_without_value_there_is_only_the_fee_and_without_a_price_nothing() -> None:
    tx = tx_of(value="0x0")
    assert told(received(block_of(tx), receipt_of(tx))) == [FEE]
    free = tx_of(value="0x0", gasPrice="0x0")
    assert told(received(block_of(free, baseFeePerGas="0x0"), receipt_of(free))) == []


def test_the_price_of_gas_is_what_the_block_made_of_the_offer() -> None:
    """EIP-1559; what is above the base fee goes to the block's recipient, the rest is burnt."""
    legacy = tx_of(value="0x0", gasPrice="0x9")
    dynamic = tx_of(value="0x0", hash=OTHER, maxFeePerGas="0x14", maxPriorityFeePerGas="0x3")
    capped = tx_of(value="0x0", hash=BLOCK_HASH, maxFeePerGas="0x8", maxPriorityFeePerGas="0x3")
    found = traced(block_of(legacy, dynamic, capped), *[call(A, B)] * 3)
    assert [units for place, _, units in told(found) if place == "cost:fee"] == [
        -GAS * price for price in (9, 10, 8)
    ]
    fees = found.movements[-1]
    assert (fees.txid, fees.place, fees.address.lower()) == (BLOCK_HASH, "block-fee", MINER)
    assert fees.units == GAS * (2 + 3 + 1)


def test_only_receipts_tell_the_price_of_blobs() -> None:
    tx = tx_of(type="0x3", maxFeePerGas="0x14", maxPriorityFeePerGas="0x3", gasPrice="0xa")
    root = call(A, B, 100)
    block = shrink.block(block_of(tx))
    traces = shrink.traces([{"txHash": TX, "result": root}])
    assert movements.needs_receipts(ETHEREUM, block, traces)
    with pytest.raises(AssertionError):
        movements.read(ETHEREUM, block, traces)
    receipts = shrink.receipts([receipt_of(tx, blobGasUsed="0x20000", blobGasPrice="0x5")])
    charge = ("cost:fee", A, -(GAS * 10 + 0x20000 * 5))
    for seen in (traces, None):
        found = told(movements.read(ETHEREUM, block, seen, receipts))
        assert found[2:] == [charge, ("block-fee", MINER, GAS * 3)]
    parlia = network(blob_fee_recipient="coinbase")
    found = told(movements.read(parlia, block, traces, receipts))
    assert found[-1] == ("block-fee", MINER, GAS * 3 + 0x20000 * 5)
    del receipts[0]["blobGasPrice"]
    with pytest.raises(KeyError):
        movements.read(ETHEREUM, block, traces, receipts)


def test_receipts_are_asked_for_where_traces_do_not_add_up() -> None:
    """anvil shows the gas of all transactions so far in each trace of a block."""
    block = shrink.block(block_of(tx_of(), tx_of(hash=OTHER), gasUsed="0x64"))

    def traces(*gas: str) -> Any:
        return shrink.traces([{"result": call(A, B, 1, gasUsed=each)} for each in gas])

    honest, cumulative = traces("0x32", "0x32"), traces("0x32", "0x64")
    assert not movements.needs_receipts(ETHEREUM, block, honest)
    assert movements.needs_receipts(ETHEREUM, block, cumulative)
    assert movements.needs_receipts(ETHEREUM, block, None)
    assert movements.needs_receipts(
        replace(ETHEREUM, traits=frozenset({"l1-data-fee"})), block, honest
    )
    assert not movements.needs_receipts(ETHEREUM, shrink.block(block_of()), None)
    receipts = [receipt_of(tx_of(hash=each), gasUsed="0x32") for each in (TX, OTHER)]
    found = movements.read(ETHEREUM, block, cumulative, shrink.receipts(receipts))
    assert found == movements.read(ETHEREUM, block, honest)


def test_answers_must_be_those_of_the_block() -> None:
    tx = tx_of()
    block = shrink.block(block_of(tx))
    other = shrink.traces([{"txHash": OTHER, "result": call(A, B)}])
    with pytest.raises(NodeMisbehaved, match="traces of other"):
        movements.read(ETHEREUM, block, other)
    with pytest.raises(ValueError, match="shorter"):
        movements.read(ETHEREUM, block, [])
    with pytest.raises(NodeUnavailable, match="trace"):
        movements.read(ETHEREUM, block, shrink.traces([{"txHash": TX, "error": "no state"}]))
    with pytest.raises(NodeMisbehaved, match="receipts of other"):
        received(block_of(tx), receipt_of(tx, transactionHash=OTHER))
    with pytest.raises(ValueError, match="shorter"):
        received(block_of(tx))


def test_a_network_that_distributes_fees_otherwise_gives_the_recipient_none() -> None:
    block = block_of(tx_of(gasPrice="0x9"))
    assert told(traced(block, call(A, B, 1)))[-1][0] == "block-fee"
    elsewhere = network(fee_recipient="elsewhere")
    assert told(traced(block, call(A, B, 1), on=elsewhere))[-1][0] == "cost:fee"


def test_withdrawals_are_gwei_and_named_by_their_index() -> None:
    rows = [
        {"index": "0x9", "validatorIndex": "0x1", "address": C, "amount": "0x0"},
        {"index": "0xa", "validatorIndex": "0x2", "address": D, "amount": "0x3"},
    ]
    found = received(block_of(withdrawals=rows))
    assert told(found) == [("withdrawal:10", D, 3 * 10**9)]
    assert found.movements[0].txid == BLOCK_HASH
    assert found.reading is Reading.COMPLETE, "nothing ran that could have paid unseen"


def test_places_are_unique_among_what_comes_in_and_among_what_goes_out() -> None:
    block = block_of(
        tx_of(gasPrice="0x9"),
        tx_of(hash=OTHER, gasPrice="0x9"),
        withdrawals=[{"index": index, "address": C, "amount": "0x1"} for index in ("0x1", "0x2")],
    )
    root = call(A, B, 1, calls=[call(B, C, 1), call(B, C, 1)])
    found = traced(block, root, root).movements
    names = Counter((each.txid, each.place, each.units > 0) for each in found)
    assert set(names.values()) == {1}
    assert len(found) == 2 * (3 * 2 + 1) + 1 + 2


def test_a_block_that_keeps_its_base_fee_or_its_withdrawals_back() -> None:
    block = block_of(tx_of())
    del block["baseFeePerGas"]
    with pytest.raises(KeyError, match="baseFeePerGas"):
        traced(block, call(A, B, 100))
    kept = block_of(tx_of(), withdrawalsRoot="0x" + "56" * 32)
    with pytest.raises(NodeMisbehaved, match="withdrawals"):
        traced(kept, call(A, B, 100))
    assert len(traced(kept | {"withdrawals": []}, call(A, B, 100)).movements) == 3


def test_a_receipt_that_keeps_its_price_back() -> None:
    tx = tx_of()
    for missing in ("effectiveGasPrice", "gasUsed", "status"):
        receipt = receipt_of(tx)
        del receipt[missing]
        with pytest.raises(KeyError, match=missing):
            received(block_of(tx), receipt)


def test_costs_are_told_the_same_for_a_block_and_for_a_status() -> None:
    receipt = receipt_of(tx_of(), blobGasUsed="0x2", blobGasPrice="0x3")
    charge = charges.by_receipt(ETHEREUM, receipt, BASE_FEE)
    assert charge.costs == charges.costs(ETHEREUM, receipt) == {CostKind.FEE: GAS * 7 + 6}
    assert charge.tip == 0


def test_what_a_rollup_charges_for_bytes_is_a_cost_of_its_own() -> None:
    rollup = replace(ETHEREUM, traits=frozenset({"l1-data-fee"}))
    tx = tx_of()
    receipt = receipt_of(tx, l1Fee="0x1f4", operatorFeeScalar="0x0", operatorFeeConstant="0x5")
    found = received(block_of(tx), receipt, on=rollup)
    assert told(found)[2:] == [FEE, ("cost:l1-data", A, -505)]
