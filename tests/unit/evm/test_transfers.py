"""Which logs are money, what a transaction did of what it was told, what a header's filter says."""

from __future__ import annotations

from typing import Any

import pytest

from chains.errors import NodeMisbehaved
from chains.evm import address, erc20, transfers
from chains.hashes import keccak256
from chains.model import Address
from tests.support.networks import find_network

NETWORK = find_network("ethereum").id
TOKEN = Address("0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48")
A, B = Address("0x" + "11" * 20), Address("0x" + "22" * 20)
NOBODY = Address("0x" + "00" * 20)


def topic(account: str) -> str:
    return "0x" + "00" * 12 + account[2:].lower()


def log(payer: str = A, payee: str = B, units: int = 5, **changes: Any) -> dict[str, Any]:
    plain = {"address": TOKEN, "topics": [erc20.TOPIC, topic(payer), topic(payee)]}
    return plain | {"data": f"0x{units:064x}"} | changes


OTHER = {
    "address": TOKEN,
    "topics": ["0x" + keccak256(b"Sync(uint112,uint112)").hex()],
    "data": "0x",
}
NAMELESS = {"address": TOKEN, "topics": [], "data": "0x"}


def test_an_ordinal_counts_logs_of_transfer_and_no_others() -> None:
    everything = [OTHER, log(units=1), NAMELESS, log(units=2), OTHER, log(units=3)]
    alone = [each for each in everything if each["topics"][:1] == [erc20.TOPIC]]
    found = transfers.told(everything)
    assert found == transfers.told(alone)
    assert [(each[0], each[-1]) for each in found] == [(0, 1), (1, 2), (2, 3)]


@pytest.mark.parametrize(
    "changes",
    [
        {"topics": [erc20.TOPIC, topic(A), topic(B), "0x" + "00" * 31 + "07"], "data": "0x"},
        {"topics": [erc20.TOPIC], "data": "0x" + "00" * 96},
        {"data": "0x"},
        {"data": "0x" + "00" * 31},
        {"data": "0x" + "00" * 64},
        {"topics": [erc20.TOPIC, "0x" + "01" + topic(A)[4:], topic(B)]},
        {"topics": [erc20.TOPIC, topic(A), "0x" + "00" * 11 + "01" + B[2:]]},
    ],
    ids=["ERC-721", "not indexed", "no amount", "short", "long", "dirty payer", "dirty payee"],
)
def test_what_is_no_money_still_counts(changes: dict[str, Any]) -> None:
    """So that what comes after it has its place, whoever reads."""
    found = transfers.told([log(**changes), log(units=9)])
    assert [(each[0], each[-1]) for each in found] == [(1, 9)]


def moves(*logs: dict[str, Any]) -> list[tuple[str, str, int]]:
    found = transfers.movements(NETWORK, {}, transfers.told(logs))
    return [(place, address.canonical(who), units) for place, _, who, units in found]


def test_a_transfer_is_two_movements_at_one_place() -> None:
    assert moves(log(units=2**256 - 1)) == [
        ("transfer:0", A, -(2**256 - 1)),
        ("transfer:0", B, 2**256 - 1),
    ]


def test_what_is_made_or_burnt_has_one_end_and_nothing_has_both() -> None:
    assert moves(log(payer=NOBODY)) == [("transfer:0", B, 5)]
    assert moves(log(payee=NOBODY)) == [("transfer:0", A, -5)]
    assert moves(log(units=0)) == [("transfer:0", A, 0), ("transfer:0", B, 0)]
    assert moves(log(payee=A)) == [] == moves(log(payee=A, units=0))


def told_to_pay(payee: str = B, units: int = 5, to: str = TOKEN) -> dict[str, Any]:
    tx = {"from": A, "to": to, "input": "0x" + erc20.transfer(Address(payee), units).hex()}
    return tx | transfers.asked(tx)


@pytest.mark.parametrize(
    ("logs", "done"),
    [
        ([log()], True),
        ([log(units=4), log(payee=NOBODY, units=1)], True),
        ([], False),
        ([log(units=0)], False),
        ([log(payee=NOBODY)], False),
        ([log(payer=B, payee=A)], False),
        ([log(address=A)], False),
    ],
    ids=[
        "paid",
        "less arrives",
        "no log",
        "nothing",
        "to another",
        "from another",
        "another's log",
    ],
)
def test_a_payment_is_done_if_its_token_says_so(logs: list[dict[str, Any]], done: bool) -> None:
    assert (transfers.undone(told_to_pay(), transfers.told(logs)) is None) == done


@pytest.mark.parametrize(
    "data", ["", "0x", "0xa9059cbb", "0x" + erc20.transfer(B, 5).hex() + "00", "0x" + "ff" * 68]
)
def test_other_calldata_asks_for_nothing(data: str) -> None:
    tx = {"from": A, "to": TOKEN, "input": data}
    assert transfers.asked(tx) == {}
    assert transfers.undone(tx, []) is None


def test_logs_of_another_block_are_nobodys() -> None:
    row = {"blockHash": "0x01", "transactionHash": "0x02", "logIndex": "0x0"}
    (found,) = transfers.told(transfers.by_transaction([log() | row], "0x01")["0x02"])
    assert found[-1] == 5
    for odd in ({"blockHash": "0x03"}, {"removed": True}):
        with pytest.raises(NodeMisbehaved):
            transfers.by_transaction([log() | row | odd], "0x01")


def test_logs_are_put_in_order() -> None:
    """By number and not by text: 0x9 comes before 0x10."""
    row = {"blockHash": "0x01", "transactionHash": "0x02"}
    logs = [
        log(units=16) | row | {"logIndex": "0x10"},
        log(units=9) | row | {"logIndex": "0x9"},
    ]
    found = transfers.told(transfers.by_transaction(logs, "0x01")["0x02"])
    assert [(each[0], each[-1]) for each in found] == [(0, 9), (1, 16)]


def test_receipts_explain_a_filter_or_do_not() -> None:
    one, both = transfers.shown([{"logs": [log()]}]), [{"logs": [log(), log(payee=A, address=B)]}]
    assert transfers.may_be_in(one)
    assert not transfers.may_be_in(transfers.shown([{"logs": [OTHER]}]))
    assert transfers.explains(transfers.shown(both), one), "more may be shown"
    assert not transfers.explains(one, transfers.shown(both))
    assert not transfers.explains(transfers.shown([{"logs": []}]), one)


C, D = Address("0x" + "33" * 20), Address("0x" + "44" * 20)
KEPT = {
    "as another payment": (
        [log(payee=C, units=2), log(units=8)],
        [("transfer:0", C, 2), ("cost:withheld:1", A, -2), ("transfer:1", A, -8)],
        2,
    ),
    "burnt": ([log(units=8), log(payee=NOBODY, units=2)], [("cost:withheld:0", A, -2)], 2),
    "without a log": ([log(units=8)], [("cost:withheld:0", A, -2), ("transfer:0", A, -8)], 2),
    "to several": (
        [log(payee=C, units=1), log(payee=D, units=1), log(units=8)],
        [("cost:withheld:2", A, -2), ("transfer:2", A, -8)],
        2,
    ),
    "more than is missing": (
        [log(payee=C, units=3), log(units=8)],
        [("transfer:0", A, -1), ("cost:withheld:1", A, -2), ("transfer:1", A, -8)],
        2,
    ),
    "on top": ([log(units=10), log(payee=C, units=1)], [("transfer:1", A, -1)], 0),
    "another contract's": ([log(address=C, payee=C, units=2), log(units=10)], [], 0),
    "in two parts": (
        [log(units=8), log(units=1)],
        [("cost:withheld:0", A, -2), ("transfer:0", A, -8)],
        2,
    ),
    "nothing arrives": ([log(payee=C, units=10)], [("transfer:0", A, -10)], 0),
}


@pytest.mark.parametrize(("logs", "told", "kept"), KEPT.values(), ids=KEPT)
def test_what_a_token_keeps_of_a_payment(
    logs: list[dict[str, Any]], told: list[tuple[str, Address, int]], kept: int
) -> None:
    """A cost of who pays, in place of what its logs say of the same units. All that left is told,
    and nothing twice, but for what no log says."""
    tx, said = told_to_pay(units=10), transfers.told(logs)
    found = [
        (place, address.canonical(who), units)
        for place, _, who, units in transfers.movements(NETWORK, tx, said)
    ]
    assert set(told) <= set(found)
    assert sum(transfers.withheld(NETWORK, tx, said).values()) == kept
    out = -sum(units for _, who, units in found if who == A)
    logged = sum(each[4] for each in said if each[2] == A.lower())
    assert out == max(logged, 10 if kept else 0)
