"""Which balances a block raised, told from traces or receipts as nodes write them."""

from __future__ import annotations

from typing import Any

import pytest

from chains.errors import NodeMisbehaved, NodeUnavailable
from chains.evm import address, crediting, shrink
from tests.support.networks import find_network

ETHEREUM, BSC = find_network("ethereum"), find_network("bsc")
BLOCK_HASH = "0x" + "b0" * 32
TX = "0x" + "aa" * 32
A, B, C, D = ("0x" + f"{n:02x}" * 20 for n in (0xA1, 0xB2, 0xC3, 0xD4))
MINER = "0x" + "ee" * 20


def _tx(**changes: Any) -> dict[str, Any]:
    plain = {"hash": TX, "from": A, "to": B, "value": "0x64", "gasPrice": "0x7"}
    return plain | changes


def _block(*transactions: dict[str, Any], **changes: Any) -> dict[str, Any]:
    plain = {"hash": BLOCK_HASH, "miner": MINER, "baseFeePerGas": "0x7"}
    return plain | {"transactions": list(transactions)} | changes


def _frame(source: str, to: str, value: int | None = 0, **changes: Any) -> dict[str, Any]:
    frame = {"type": "CALL", "from": source, "to": to, "gasUsed": "0x5208"}
    if value is not None:
        frame["value"] = hex(value)
    return frame | changes


def _traced(frame: dict[str, Any], network: Any = ETHEREUM) -> list[tuple[str, str, str, int]]:
    block = _block(_tx())
    traces = [{"txHash": TX, "result": frame}]
    found = crediting.from_traces(network, block, traces)
    return [(c.txid, c.place, c.address.lower(), c.units) for c in found]


def test_a_plain_payment_has_the_place_of_the_transaction_s_own_call() -> None:
    assert _traced(_frame(A, B, 100)) == [(TX, "call:", B, 100)]


def test_credits_are_canonical_and_of_the_native_asset() -> None:
    (credit,) = crediting.from_traces(ETHEREUM, _block(_tx()), [{"result": _frame(A, B, 100)}])
    assert credit.address == address.canonical(B) != B
    assert credit.asset == ETHEREUM.native.id
    assert credit.mature_height is None


def test_nested_calls_count_in_the_order_of_execution() -> None:
    inner = _frame(B, C, 5, calls=[_frame(C, D, 2), _frame(C, A, 1)])
    frame = _frame(A, B, 100, calls=[inner, _frame(B, D, 3)])
    assert _traced(frame) == [
        (TX, "call:", B, 100),
        (TX, "call:0", C, 5),
        (TX, "call:1", D, 2),
        (TX, "call:2", A, 1),
        (TX, "call:3", D, 3),
    ]


def test_a_call_without_value_takes_no_position() -> None:
    frame = _frame(A, B, 0, calls=[_frame(B, C, 0, calls=[_frame(C, D, 9)]), _frame(B, D, 0)])
    assert _traced(frame) == [(TX, "call:0", D, 9)]


def test_a_reverted_call_credits_nothing_nor_does_anything_below_it() -> None:
    failed = _frame(B, C, 5, error="execution reverted", calls=[_frame(C, D, 2)])
    assert _traced(_frame(A, B, 100, calls=[failed, _frame(B, D, 1)])) == [
        (TX, "call:", B, 100),
        (TX, "call:0", D, 1),
    ]


def test_a_failed_transaction_credits_nothing() -> None:
    frame = _frame(A, B, 100, error="out of gas", calls=[_frame(B, C, 5)])
    assert _traced(frame) == []


@pytest.mark.parametrize("kind", ["CREATE", "CREATE2", "SELFDESTRUCT"])
def test_creation_and_selfdestruct_move_value(kind: str) -> None:
    frame = _frame(A, B, 0, calls=[_frame(B, C, 4, type=kind)])
    assert _traced(frame) == [(TX, "call:0", C, 4)]


@pytest.mark.parametrize("kind", ["DELEGATECALL", "CALLCODE", "STATICCALL"])
def test_borrowed_code_moves_nothing_but_what_it_calls_does(kind: str) -> None:
    borrowed = _frame(B, C, 100, type=kind, calls=[_frame(B, D, 4)])
    assert _traced(_frame(A, B, 100, calls=[borrowed])) == [
        (TX, "call:", B, 100),
        (TX, "call:0", D, 4),
    ]
    assert _traced(_frame(A, B, 100, calls=[_frame(B, C, None, type=kind)])) == [
        (TX, "call:", B, 100)
    ]


def test_paying_oneself_counts_as_a_transaction_and_not_inside_one() -> None:
    inside = _frame(A, A, 7, type="SELFDESTRUCT")
    assert _traced(_frame(A, A, 100, calls=[inside])) == [(TX, "call:", A, 100)]


def test_an_unknown_kind_of_call_with_value_stops_everything() -> None:
    with pytest.raises(NodeMisbehaved, match="AUTHCALL"):
        _traced(_frame(A, B, 0, calls=[_frame(B, C, 1, type="AUTHCALL")]))
    assert _traced(_frame(A, B, 1, calls=[_frame(B, C, 0, type="AUTHCALL")])) == [
        (TX, "call:", B, 1)
    ]


def test_traces_must_be_those_of_the_block() -> None:
    with pytest.raises(NodeMisbehaved):
        crediting.from_traces(
            ETHEREUM, _block(_tx()), [{"txHash": BLOCK_HASH, "result": _frame(A, B)}]
        )
    with pytest.raises(ValueError, match="shorter"):
        crediting.from_traces(ETHEREUM, _block(_tx()), [])
    with pytest.raises(NodeUnavailable, match="trace"):
        crediting.from_traces(ETHEREUM, _block(_tx()), [{"txHash": TX, "error": "no state"}])


def _received(tx: dict[str, Any], **receipt: Any) -> list[tuple[str, str, int]]:
    plain = {"transactionHash": TX, "status": "0x1", "gasUsed": "0x5208", "contractAddress": None}
    found = crediting.from_receipts(ETHEREUM, _block(tx), [plain | receipt])
    return [(c.address.lower(), c.place, c.units) for c in found]


def test_receipts_tell_what_transactions_themselves_pay() -> None:
    assert _received(_tx()) == [(B, "call:", 100)]
    assert _received(_tx(), status="0x0") == []
    assert _received(_tx(value="0x0")) == []
    assert _received(_tx(to=None), contractAddress=C) == [(C, "call:", 100)]
    with pytest.raises(NodeMisbehaved):
        _received(_tx(), transactionHash=BLOCK_HASH)


def test_fees_of_the_block_go_to_its_recipient() -> None:
    dynamic = {"maxFeePerGas": "0x14", "maxPriorityFeePerGas": "0x3"}
    capped = {"maxFeePerGas": "0x8", "maxPriorityFeePerGas": "0x3"}
    block = _block(
        _tx(value="0x0", gasPrice="0x9"), _tx(value="0x0", **dynamic), _tx(value="0x0", **capped)
    )
    frame = _frame(A, B, 0, gasUsed="0x64")
    (credit,) = crediting.from_traces(ETHEREUM, block, [{"result": frame}] * 3)
    assert (credit.txid, credit.place) == (BLOCK_HASH, "block-fee")
    assert credit.address.lower() == MINER
    assert credit.units == 100 * (2 + 3 + 1)  # above the base fee of 7, which is burnt


def test_fees_are_told_from_receipts_where_traces_do_not_add_up() -> None:
    """anvil shows the gas of all transactions so far in each trace of a block."""
    block = _block(_tx(gasPrice="0x8"), _tx(gasPrice="0x9"), gasUsed="0x64")
    honest, cumulative = (
        [{"result": _frame(A, B, 0, gasUsed=gas)} for gas in used]
        for used in (("0x32", "0x32"), ("0x32", "0x64"))
    )
    assert not crediting.needs_receipts(ETHEREUM, block, honest)
    assert crediting.needs_receipts(ETHEREUM, block, cumulative)
    assert not crediting.needs_receipts(BSC, block, cumulative)
    receipts = [{"transactionHash": TX, "gasUsed": "0x32"}] * 2
    (fees,) = crediting.from_traces(ETHEREUM, block, cumulative, receipts)
    assert fees.units == 50 * 1 + 50 * 2
    assert crediting.from_traces(ETHEREUM, block, honest) == (fees,)
    with pytest.raises(NodeMisbehaved):
        crediting.from_traces(
            ETHEREUM, block, honest, [{"transactionHash": B, "gasUsed": "0x0"}] * 2
        )


def test_a_network_that_distributes_fees_otherwise_credits_none() -> None:
    block = _block(_tx(gasPrice="0x9"))
    assert len(crediting.from_traces(ETHEREUM, block, [{"result": _frame(A, B, 1)}])) == 2
    assert len(crediting.from_traces(BSC, block, [{"result": _frame(A, B, 1)}])) == 1


def test_withdrawals_are_gwei_and_named_by_their_index() -> None:
    rows = [
        {"index": "0x9", "validatorIndex": "0x1", "address": C, "amount": "0x0"},
        {"index": "0xa", "validatorIndex": "0x2", "address": D, "amount": "0x3"},
    ]
    (credit,) = crediting.from_receipts(ETHEREUM, _block(withdrawals=rows), [])
    assert (credit.txid, credit.place) == (BLOCK_HASH, "withdrawal:10")
    assert (credit.address.lower(), credit.units) == (D, 3 * 10**9)


def test_identifiers_are_unique_in_a_block() -> None:
    other = "0x" + "ab" * 32
    block = _block(
        _tx(gasPrice="0x9"),
        _tx(hash=other, gasPrice="0x9"),
        withdrawals=[{"index": index, "address": C, "amount": "0x1"} for index in ("0x1", "0x2")],
    )
    frames = [{"result": _frame(A, B, 1, calls=[_frame(B, C, 1), _frame(B, C, 1)])}] * 2
    found = crediting.from_traces(ETHEREUM, block, frames)
    assert len({(c.txid, c.place) for c in found}) == len(found) == 9


@pytest.mark.parametrize("kind", ["CALL", "CREATE", "CREATE2", "SELFDESTRUCT"])
def test_a_call_that_does_not_say_what_it_carries_is_not_taken_for_nothing(kind: str) -> None:
    silent = _frame(A, B, None, type=kind)
    nested = _frame(A, B, 100, calls=[silent])
    for frame in (silent, nested):
        with pytest.raises(ValueError, match="without its value"):
            _traced(frame)
        with pytest.raises(ValueError, match="without its value"):
            shrink.traces([{"txHash": TX, "result": nested}])
    delegated = _frame(A, B, 100, calls=[_frame(B, C, None, type="DELEGATECALL")])
    assert _traced(delegated) == [(TX, "call:", B, 100)]


def test_a_block_that_keeps_its_base_fee_or_its_withdrawals_back() -> None:
    block, traces = _block(_tx()), [{"txHash": TX, "result": _frame(A, B, 100)}]
    del block["baseFeePerGas"]
    with pytest.raises(KeyError, match="baseFeePerGas"):
        crediting.from_traces(ETHEREUM, block, traces)
    kept = _block(_tx(), withdrawalsRoot="0x" + "56" * 32)
    with pytest.raises(NodeMisbehaved, match="withdrawals"):
        crediting.from_traces(ETHEREUM, kept, traces)
    none = kept | {"withdrawals": []}
    assert len(crediting.from_traces(ETHEREUM, none, traces)) == 1
    assert shrink.block(kept)["withdrawalsRoot"] == kept["withdrawalsRoot"]
