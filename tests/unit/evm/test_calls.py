"""What a transaction's calls moved, told from the callTracer's answer as nodes write it."""

from __future__ import annotations

from typing import Any

import pytest

from chains.errors import NodeMisbehaved
from chains.evm.calls import moved

A, B, C, D = ("0x" + f"{n:02x}" * 20 for n in (0xA1, 0xB2, 0xC3, 0xD4))


def call(source: str, to: str, value: int | None = 0, **changes: Any) -> dict[str, Any]:
    frame = {"type": "CALL", "from": source, "to": to, "gasUsed": "0x5208"}
    if value is not None:
        frame["value"] = hex(value)
    return frame | changes


def test_a_plain_payment_has_the_place_of_the_transaction_s_own_call() -> None:
    assert moved(call(A, B, 100)) == [("call:", A, B, 100)]


def test_nested_calls_count_in_the_order_of_execution() -> None:
    inner = call(B, C, 5, calls=[call(C, D, 2), call(C, A, 1)])
    assert moved(call(A, B, 100, calls=[inner, call(B, D, 3)])) == [
        ("call:", A, B, 100),
        ("call:0", B, C, 5),
        ("call:1", C, D, 2),
        ("call:2", C, A, 1),
        ("call:3", B, D, 3),
    ]


def test_a_call_without_value_takes_no_number() -> None:
    root = call(A, B, 0, calls=[call(B, C, 0, calls=[call(C, D, 9)]), call(B, D, 0)])
    assert moved(root) == [("call:0", C, D, 9)]


def test_a_reverted_call_moves_nothing_nor_does_anything_below_it() -> None:
    failed = call(B, C, 5, error="execution reverted", calls=[call(C, D, 2)])
    assert moved(call(A, B, 100, calls=[failed, call(B, D, 1)])) == [
        ("call:", A, B, 100),
        ("call:0", B, D, 1),
    ]


def test_a_failed_transaction_moves_nothing() -> None:
    assert moved(call(A, B, 100, error="out of gas", calls=[call(B, C, 5)])) == []


@pytest.mark.parametrize("kind", ["CREATE", "CREATE2", "SELFDESTRUCT"])
def test_creation_and_selfdestruct_move_value(kind: str) -> None:
    assert moved(call(A, B, 0, calls=[call(B, C, 4, type=kind)])) == [("call:0", B, C, 4)]


def ends(contract: str, heir: str | None, value: int | None = 0) -> dict[str, Any]:
    return call(contract, heir or "", value, type="SELFDESTRUCT")


@pytest.mark.parametrize("kind", ["DELEGATECALL", "CALLCODE", "STATICCALL"])
def test_borrowed_code_moves_nothing_but_what_it_calls_does(kind: str) -> None:
    borrowed = call(B, C, 100, type=kind, calls=[call(B, D, 4)])
    assert moved(call(A, B, 100, calls=[borrowed])) == [
        ("call:", A, B, 100),
        ("call:0", B, D, 4),
    ]
    silent = call(B, C, None, type=kind)
    assert moved(call(A, B, 100, calls=[silent])) == [("call:", A, B, 100)]


def test_paying_oneself_moves_nothing_and_takes_no_number() -> None:
    """By a transaction, by a call, or as an old contract's own heir (EIP-6780: nothing happens)."""
    inside = [call(A, A, 7), call(A, B, 1), ends(A, A, 3)]
    assert moved(call(A, A, 100, calls=inside)) == [("call:0", A, B, 1)]


@pytest.mark.parametrize("kind", ["CREATE", "CREATE2"])
def test_a_contract_that_is_its_own_heir_where_it_was_made_burns_all_it_has(kind: str) -> None:
    made = call(A, C, 5, type=kind, calls=[ends(C, C, 6)])
    burnt = ("call:1", C, None, 6)
    assert moved(call(A, B, 0, calls=[made, call(B, D, 1)])) == [
        ("call:0", A, C, 5),
        burnt,
        ("call:2", B, D, 1),
    ]
    assert moved(made) == [("call:", A, C, 5), ("call:0", C, None, 6)]


def test_what_reaches_a_contract_after_its_end_is_burnt() -> None:
    """Unless it ends again, or its code pays it on before the transaction is over."""
    made = call(B, C, 5, type="CREATE", calls=[ends(C, D, 5)])
    late = [call(B, C, 8), call(B, C, 9, calls=[call(C, D, 2)])]
    assert moved(call(A, B, 0, calls=[made, *late]))[-1] == ("burn:0", C, None, 8 + 9 - 2)
    again = call(B, C, 1, calls=[ends(C, D, 16)])
    places = [place for place, *_ in moved(call(A, B, 0, calls=[made, *late, again]))]
    assert places == [f"call:{n}" for n in range(7)]


def test_contracts_burn_in_the_order_in_which_they_ended() -> None:
    def made(address: str) -> dict[str, Any]:
        return call(B, address, 0, type="CREATE2", calls=[ends(address, A)])

    paid = [call(B, C, 3), call(B, D, 4)]
    assert moved(call(A, B, 0, calls=[made(D), made(C), *paid]))[2:] == [
        ("burn:0", D, None, 4),
        ("burn:1", C, None, 3),
    ]


def test_an_older_contract_that_ended_keeps_what_reaches_it() -> None:
    """Since EIP-6780 it only pays its balance out."""
    root = call(A, B, 0, calls=[call(B, C, 1, calls=[ends(C, D, 5)]), call(B, C, 8)])
    assert moved(root) == [("call:0", B, C, 1), ("call:1", C, D, 5), ("call:2", B, C, 8)]


@pytest.mark.parametrize("kind", ["DELEGATECALL", "CALLCODE"])
def test_borrowed_code_ends_who_borrows_it(kind: str) -> None:
    borrowed = call(B, C, None, type=kind, calls=[ends(B, D, 5)])
    assert moved(call(A, B, 0, calls=[borrowed])) == [("call:0", B, D, 5)]


def test_what_revm_shows_of_an_older_contract_that_is_its_own_heir_is_not_believed() -> None:
    """https://github.com/bluealloy/revm/pull/3797: what was paid last is shown once more, whoever
    paid it, or nobody as paying nothing."""
    paid = call(B, D, 5)
    once = [("call:", A, B, 9), ("call:0", B, D, 5)]
    assert moved(call(A, B, 9, calls=[paid, ends(B, D, 5)])) == once
    assert moved(call(A, B, 9, calls=[paid, ends(A, B, 9)])) == once
    assert moved(call(A, B, 9, calls=[paid, ends("0x" + "0" * 40, None, None)])) == once
    assert moved(call(A, B, 9, calls=[ends(A, B, 9), paid])) == once
    assert moved(call(A, B, 9, calls=[paid, ends(B, D, 4)])) == [*once, ("call:1", B, D, 4)]


def test_a_new_contract_that_pays_the_same_twice_is_believed() -> None:
    """Its end is recorded by every node."""
    made = call(B, C, 9, type="CREATE", calls=[call(C, D, 4), ends(C, D, 4)])
    assert [units for *_, units in moved(call(A, B, 0, calls=[made]))] == [9, 4, 4]


def test_an_unknown_kind_of_call_with_value_stops_everything() -> None:
    with pytest.raises(NodeMisbehaved, match="AUTHCALL"):
        moved(call(A, B, 0, calls=[call(B, C, 1, type="AUTHCALL")]))
    assert moved(call(A, B, 1, calls=[call(B, C, 0, type="AUTHCALL")])) == [("call:", A, B, 1)]


@pytest.mark.parametrize("kind", ["CALL", "CREATE", "CREATE2", "SELFDESTRUCT"])
def test_a_call_that_does_not_say_what_it_carries_is_not_taken_for_nothing(kind: str) -> None:
    silent = call(A, B, None, type=kind)
    own = [] if kind == "SELFDESTRUCT" else [silent]
    for root in (*own, call(D, A, 100, calls=[silent])):
        with pytest.raises(ValueError, match="without its value"):
            moved(root)


def test_calls_as_deep_as_the_chain_allows() -> None:
    root = call(A, B)
    inner = root
    for _ in range(1_024):
        inner["calls"] = [call(A, C, 1)]
        (inner,) = inner["calls"]
    assert len(moved(root)) == 1_024
