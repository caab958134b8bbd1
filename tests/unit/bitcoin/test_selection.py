"""Which coins pay: the outcomes of `choose_coins` and `settle`, in order of precedence.

The order pays P2WPKH and takes P2WPKH change at 10 sat/vB. A P2WPKH input weighs 272 units and
costs 680, the change output 310, the rest of a transaction with one output 425 or so; change below
680 (what spending it would cost) is left to the miners.
"""

from __future__ import annotations

import pytest

from chains.bitcoin.adapter import _chosen
from chains.bitcoin.selection import Order, Plan, choose_coins, settle
from chains.bitcoin.transaction import Transaction, TxInput, TxOutput
from chains.bitcoin.weight import fee, weight
from chains.errors import (
    BuildError,
    CoinsInUse,
    FeeAboveMaximum,
    InsufficientFunds,
    TooManyCoins,
)
from chains.model import AddressType, Coin, TxId
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
