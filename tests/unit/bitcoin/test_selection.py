"""Which coins pay: the outcomes of `choose_coins` and `settle`, in order of precedence.

The order pays P2WPKH and takes P2WPKH change at 10 sat/vB. A P2WPKH input weighs 272 units and
costs 680, the change output 310, the rest of a transaction with one output 425 or so; change below
680 (what spending it would cost) is left to the miners.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from chains.bitcoin.adapter import _chosen
from chains.bitcoin.selection import Order, Plan, add_coins, choose_coins, empty, settle
from chains.bitcoin.transaction import Transaction, TxInput, TxOutput
from chains.bitcoin.weight import fee, weight
from chains.errors import (
    BuildError,
    CoinsInUse,
    FeeAboveMaximum,
    InsufficientFunds,
    ReplacementPinned,
    TooManyCoins,
)
from chains.model import AddressType, Coin, TxId
from chains.transaction import CoinsFirst
from tests.unit.bitcoin.support import P2TR, P2WPKH, Wallet, script_of

WALLET = Wallet()
SCRIPT = script_of(WALLET.address(0))
ONE_INPUT = fee(weight([P2WPKH], [TxOutput(0, SCRIPT)]), 10_000)
ONE_INPUT_AND_CHANGE = fee(weight([P2WPKH], [TxOutput(0, SCRIPT)] * 2), 10_000)


def order(amount: int, fee_max: int = 100_000, fee_rate: int = 10_000) -> Order:
    return Order((TxOutput(amount, SCRIPT),), SCRIPT, P2WPKH, fee_rate, fee_max)


def coins(*amounts: int) -> list[Coin]:
    return [
        Coin(TxId(f"{position:064x}"), 0, amount, WALLET.address(position))
        for position, amount in enumerate(amounts)
    ]


def spent(plan: Plan) -> list[int]:
    return sorted(coin.amount for coin in plan.coins)


CHOICES = [
    # an exact match beats every change
    (20_000, [50_000, 20_000 + ONE_INPUT, 30_000], [20_000 + ONE_INPUT]),
    # two coins that fit without change beat one with change, if that costs less over time
    (40_000, [20_000 + ONE_INPUT, 20_000 + 680, 90_000], [20_680, 20_000 + ONE_INPUT]),
    # the smallest single coin that suffices, with change
    (20_000, [90_000, 30_000, 40_000, 15_000], [30_000]),
    # no single coin suffices: the largest first
    (60_000, [30_000, 20_000, 10_000, 40_000], [30_000, 40_000]),
    # coins that cost more to spend than they are worth stay
    (20_000, [600, 500, 680, 30_000], [30_000]),
]


@pytest.mark.parametrize(("amount", "offered", "expected"), CHOICES)
def test_choices(amount: int, offered: list[int], expected: list[int]) -> None:
    plan = choose_coins(order(amount), coins(*offered))
    assert spent(plan) == sorted(expected)
    assert sum(spent(plan)) == amount + plan.change + plan.fee
    assert choose_coins(order(amount), reversed(coins(*offered))) == plan


# total of one coin beside a payment of 20 000 -> change, fee
SETTLEMENTS = [
    (20_000 + ONE_INPUT, 0, ONE_INPUT),
    (20_000 + ONE_INPUT + 300, 0, ONE_INPUT + 300),
    (20_000 + ONE_INPUT_AND_CHANGE + 679, 0, ONE_INPUT_AND_CHANGE + 679),
    (20_000 + ONE_INPUT_AND_CHANGE + 680, 680, ONE_INPUT_AND_CHANGE),
    (90_000, 70_000 - ONE_INPUT_AND_CHANGE, ONE_INPUT_AND_CHANGE),
]


@pytest.mark.parametrize(("total", "change", "fee_paid"), SETTLEMENTS)
def test_settlements(total: int, change: int, fee_paid: int) -> None:
    plan = settle(order(20_000), coins(total))
    assert (plan.change, plan.fee) == (change, fee_paid)


def test_change_too_small_to_be_worth_it_is_still_kept_to_stay_below_the_maximum() -> None:
    total = 20_000 + ONE_INPUT_AND_CHANGE + 500
    plan = settle(order(20_000, fee_max=ONE_INPUT_AND_CHANGE), coins(total))
    assert (plan.change, plan.fee) == (500, ONE_INPUT_AND_CHANGE)


REFUSALS: list[tuple[int, list[int], int, type[BuildError]]] = [
    (20_000, [], 100_000, InsufficientFunds),
    (20_000, [20_000], 100_000, InsufficientFunds),
    (20_000, [20_000 + ONE_INPUT - 1], 100_000, InsufficientFunds),
    (20_000, [500] * 100, 100_000, InsufficientFunds),
    (20_000, [50_000], ONE_INPUT_AND_CHANGE - 1, FeeAboveMaximum),
    (20_000, [20_000 + ONE_INPUT + 200], ONE_INPUT + 199, FeeAboveMaximum),
]


@pytest.mark.parametrize(("amount", "offered", "fee_max", "error"), REFUSALS)
def test_refusals(amount: int, offered: list[int], fee_max: int, error: type[BuildError]) -> None:
    with pytest.raises(error):
        choose_coins(order(amount, fee_max), coins(*offered))


def test_too_many_coins_for_one_transaction() -> None:
    with pytest.raises(TooManyCoins) as caught:
        choose_coins(order(1_400_000, fee_rate=1000), coins(*[1000] * 2000))
    assert caught.value.code == "too_many_coins"
    assert "consolidate" in caught.value.advice


def test_too_many_coins_that_are_also_too_little_are_too_little() -> None:
    """Whoever consolidates them would still not have enough."""
    with pytest.raises(InsufficientFunds) as caught:
        choose_coins(order(2_400_000, fee_rate=1000), coins(*[1000] * 2000))
    assert caught.value.code == "insufficient_funds"


def test_coins_that_others_spend_are_not_missing() -> None:
    free, every = coins(30_000), coins(30_000, 900_000)
    with pytest.raises(CoinsInUse):
        _chosen(order(500_000, 10_000), free, every)
    with pytest.raises(InsufficientFunds) as caught:
        _chosen(order(925_000, 10_000), free, every)
    assert caught.value.code == "insufficient_funds"
    assert _chosen(order(20_000, 10_000), free, every) == tuple(free)


def test_the_first_coins_that_suffice_are_spent_whatever_is_cheaper() -> None:
    offered = coins(900_000, 10_000, 20_000, 30_000)
    small = CoinsFirst.SMALLEST.ordered(offered)
    assert [each.amount for each in small] == [10_000, 20_000, 30_000, 900_000]
    wanted = order(25_000, 20_000)
    assert [each.amount for each in _chosen(wanted, offered, offered, CoinsFirst.SMALLEST)] == [
        10_000,
        20_000,
    ]
    (large,) = _chosen(wanted, offered, offered, CoinsFirst.LARGEST)
    assert large.amount == 900_000
    assert len(choose_coins(wanted, offered).coins) == 1


def test_many_coins_are_quick_and_the_same_every_time() -> None:
    offered = coins(*(10_000 + 137 * n % 9_973 for n in range(400)))
    first = choose_coins(order(1_000_000, 200_000), offered)
    assert first == choose_coins(order(1_000_000, 200_000), offered[::-1])


@pytest.mark.parametrize("kinds", [[P2WPKH], [P2TR], [P2WPKH, P2TR] * 130])
def test_weight_is_that_of_the_largest_transaction_there_can_be(
    kinds: list[AddressType],
) -> None:
    """Against BIP-141's definition, on a transaction with signatures of the largest size."""
    witness = {P2WPKH: (bytes(72), bytes(33)), P2TR: (bytes(64),)}
    inputs = tuple(TxInput(bytes(32), 0, 0, b"", witness[kind]) for kind in kinds)
    outputs = (TxOutput(1, SCRIPT), TxOutput(2, b"\x51\x20" + bytes(32)))
    signed = Transaction(2, inputs, outputs, 0)
    by_definition = 3 * len(signed.serialize(witness=False)) + len(signed.serialize())
    assert weight(kinds, outputs) == by_definition


# Replacements


def outbidding(amount: int, paid: int, children: int = 0, **changes: int) -> Order:
    """Over what pays `paid` at 10 sat/vB, at a node that wants 1 sat/vB for the new bytes."""
    plain = order(amount, **{"fee_rate": 11_000, **changes})
    return replace(plain, outbids=paid + children, children=children, relay_rate=1_000)


def test_a_replacement_pays_for_what_it_replaces_and_for_its_own_bytes() -> None:
    (coin,) = coins(100_000)
    plan = add_coins(outbidding(20_000, ONE_INPUT_AND_CHANGE), [coin], ())
    assert plan.fee == ONE_INPUT_AND_CHANGE + ONE_INPUT_AND_CHANGE // 10
    assert (spent(plan), plan.change) == ([100_000], 80_000 - plan.fee)


def test_the_change_pays_first_then_further_coins_the_largest_first() -> None:
    first, *others = coins(20_000 + ONE_INPUT, 5_000, 30_000)
    wanted = outbidding(20_000, ONE_INPUT)
    assert spent(add_coins(wanted, [first], others)) == [first.amount, 30_000]
    with pytest.raises(InsufficientFunds):
        add_coins(wanted, [first], ())


def test_a_replacement_pays_for_the_children_too_and_says_why_it_can_not() -> None:
    """BIP-125 rule 3: of all that it evicts. A payee's large child makes a bump dear."""
    (coin,) = coins(100_000)
    plan = add_coins(outbidding(20_000, ONE_INPUT_AND_CHANGE, 5_000), [coin], ())
    assert plan.fee == ONE_INPUT_AND_CHANGE + 5_000 + ONE_INPUT_AND_CHANGE // 10
    with pytest.raises(ReplacementPinned, match="pay 50000"):
        add_coins(outbidding(20_000, 1_000, 50_000, fee_max=40_000), [coin], coins(1, 2))


def test_what_may_not_be_paid_takes_no_further_coins() -> None:
    (coin,) = coins(20_000 + ONE_INPUT)
    with pytest.raises(FeeAboveMaximum):
        add_coins(outbidding(20_000, ONE_INPUT, fee_max=ONE_INPUT), [coin], coins(10**6))


def test_a_cancel_leaves_something_to_come_back() -> None:
    (coin,) = coins(3_000)
    nothing = replace(outbidding(0, 2_000), outputs=())
    assert add_coins(nothing, [coin], ()).change == 3_000 - add_coins(nothing, [coin], ()).fee
    with pytest.raises(InsufficientFunds):
        add_coins(replace(nothing, outbids=2_500), [coin], ())


# what is offered -> the coins that are spent, and the fee
TWO = fee(weight([P2WPKH] * 2, [TxOutput(0, SCRIPT)]), 10_000)
EMPTYING = [
    # to the satoshi
    ([30_000, 20_000 + TWO - 10_000], [20_000 + TWO - 10_000, 30_000], TWO),
    # what is left is the fee, also where it would be good for change
    ([40_000 + TWO + 5_000, 5_000], [40_000 + TWO + 5_000], TWO + 5_000),
    # the oldest suffice: what came later stays
    ([30_000, 10_000 + TWO, 90_000], [10_000 + TWO, 30_000], TWO),
]


@pytest.mark.parametrize(("offered", "expected", "paid"), EMPTYING)
def test_emptying(offered: list[int], expected: list[int], paid: int) -> None:
    plan = empty(order(40_000, fee_max=TWO + 5_000), coins(*offered))
    assert plan is not None
    assert (spent(plan), plan.change, plan.fee) == (sorted(expected), 0, paid)


def test_more_than_the_bound_is_never_the_fee() -> None:
    """Else a coin that comes in between would be the miners'."""
    assert empty(order(40_000, fee_max=TWO + 5_000), coins(90_000)) is None


def test_emptying_with_too_little_or_too_dear() -> None:
    with pytest.raises(InsufficientFunds):
        empty(order(40_000), coins(30_000, 10_000))
    with pytest.raises(FeeAboveMaximum):
        empty(order(40_000, fee_max=TWO - 1), coins(30_000, 10_000 + TWO))
    with pytest.raises(TooManyCoins):
        empty(order(3_000_000, fee_max=3_000_000), coins(*[2_000] * 1_600))
