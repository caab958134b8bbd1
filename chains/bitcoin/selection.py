"""Which coins pay, what comes back as change, and what the miners get. Pure and deterministic.

Branch and bound looks for coins that fit without change; beside it stand the smallest single coin
that suffices and the largest coins first, both with change. The cheapest of them wins, counting
what it will cost to spend the change one day. The same coins and the same order give the same plan.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from chains.bitcoin import STANDARD_WEIGHT_MAX
from chains.bitcoin.outputs import dust_threshold
from chains.bitcoin.transaction import TxOutput
from chains.bitcoin.weight import INPUT_WEIGHT, fee, output_weight, weight
from chains.errors import (
    BuildError,
    FeeAboveMaximum,
    InsufficientFunds,
    ReplacementPinned,
    TooManyCoins,
)
from chains.model import AddressType, Coin

_TRIES: Final = 20_000
_LONG_COUNT: Final = 253
_LONG_COUNT_WEIGHT: Final = 8
"""From so many inputs on their count takes three bytes instead of one."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be paid. `fee_rate`: satoshi per 1000 vbytes; `fee_max`: satoshi in all.
    `outbids`: satoshi that what it replaces pays, `children` of them by what spends that already:
    nodes want as much, and `relay_rate` for the new size on top of it (BIP-125 rules 3 and 4).
    `lift`: satoshi that what its coins come from lacks at the same rate: it pays that too."""

    outputs: tuple[TxOutput, ...]
    change_script: bytes
    change_type: AddressType
    fee_rate: int
    fee_max: int
    outbids: int = 0
    children: int = 0
    relay_rate: int = 0
    lift: int = 0

    @property
    def amount(self) -> int:
        return sum(output.amount for output in self.outputs)

    def fee(self, weight_units: int) -> int:
        """The least for a transaction of so much weight."""
        at_rate = fee(weight_units, self.fee_rate) + self.lift
        if not self.outbids:
            return at_rate
        return max(at_rate, self.outbids + fee(weight_units, self.relay_rate))

    def too_dear(self, needed: int) -> FeeAboveMaximum:
        """The error to raise where the fee has to be `needed`."""
        words = f"the fee would be {needed} satoshi of at most {self.fee_max}"
        if not self.children:
            return FeeAboveMaximum(words, needed=needed)
        words += f": others spend it already, and pay {self.children}"
        return ReplacementPinned(words, needed=needed)

    @property
    def change_fee(self) -> int:
        """What the change output adds to the fee."""
        return fee(output_weight(TxOutput(0, self.change_script)), self.fee_rate)

    @property
    def change_min(self) -> int:
        """Below this, change is dust or costs more to spend than it is worth."""
        spending = fee(INPUT_WEIGHT[self.change_type], self.fee_rate)
        return max(dust_threshold(self.change_script), spending)


@dataclass(frozen=True, slots=True)
class Plan:
    """inputs == outputs + change + fee, to the satoshi. `change` is 0 if there is none."""

    coins: tuple[Coin, ...]
    change: int
    fee: int


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A coin with its worth after paying for its own input."""

    coin: Coin
    fee: int
    effective: int


def settle(order: Order, coins: Sequence[Coin]) -> Plan:
    """The plan that spends exactly `coins`. Raises InsufficientFunds, TooManyCoins,
    FeeAboveMaximum."""
    kinds = [coin.owner.address_type for coin in coins]
    total = sum(coin.amount for coin in coins)
    plain = weight(kinds, order.outputs)
    with_change = weight(kinds, (*order.outputs, TxOutput(0, order.change_script)))
    rest = total - order.amount - order.fee(plain)
    if rest < 0:
        raise InsufficientFunds(f"{-rest} satoshi short of payments and fee")
    if with_change > STANDARD_WEIGHT_MAX:
        raise _too_many()
    change = total - order.amount - order.fee(with_change)
    too_dear = total - order.amount > order.fee_max
    if change >= order.change_min or (too_dear and change >= dust_threshold(order.change_script)):
        plan = Plan(tuple(coins), change, total - order.amount - change)
    else:
        plan = Plan(tuple(coins), 0, total - order.amount)
    if not plan.change and not order.outputs:
        raise InsufficientFunds("nothing would be left to come back")
    if plan.fee > order.fee_max:
        raise order.too_dear(plan.fee)
    assert total == order.amount + plan.change + plan.fee
    return plan


def empty(order: Order, coins: Sequence[Coin]) -> Plan | None:
    """The plan that leaves no change: the first of `coins`, in their order, that suffice, and all
    that is beside the payments is the fee. None if more than `fee_max` would be left: more coins
    have come than were to be spent. Raises InsufficientFunds, TooManyCoins, FeeAboveMaximum."""
    spent: list[Coin] = []
    total = 0
    for coin in coins:
        spent.append(coin)
        total += coin.amount
        if total >= order.amount + order.fee(_weight_of(order, spent)):
            break
    units = _weight_of(order, spent)
    if units > STANDARD_WEIGHT_MAX:
        raise _too_many()
    if order.fee(units) > order.fee_max:
        raise order.too_dear(order.fee(units))
    if total < order.amount + order.fee(units):
        raise InsufficientFunds(f"{order.amount + order.fee(units) - total} satoshi short")
    rest = total - order.amount
    return Plan(tuple(spent), 0, rest) if rest <= order.fee_max else None


def _weight_of(order: Order, coins: Sequence[Coin]) -> int:
    """Of a transaction that spends them without change."""
    return weight([coin.owner.address_type for coin in coins], order.outputs)


def _too_many() -> TooManyCoins:
    return TooManyCoins(
        "the coins are too many for one transaction",
        advice="consolidate small coins first, while fees are low",
    )


def add_coins(order: Order, coins: Sequence[Coin], others: Iterable[Coin]) -> Plan:
    """The plan that spends all of `coins`, and as few of the others as it takes, the most valuable
    first. Raises InsufficientFunds, TooManyCoins or FeeAboveMaximum."""
    spent = list(coins)
    least = order.fee(weight([coin.owner.address_type for coin in spent], order.outputs))
    if least > order.fee_max:
        raise order.too_dear(least)
    for each in _candidates(order, others):
        try:
            return settle(order, spent)
        except InsufficientFunds:
            spent.append(each.coin)
    return settle(order, spent)


def first_coins(order: Order, coins: Sequence[Coin]) -> Plan:
    """The plan that spends the first of the coins, in their order, that suffice. Raises
    InsufficientFunds, TooManyCoins or FeeAboveMaximum."""
    spent: list[Coin] = []
    amount = 0
    for coin in coins:
        spent.append(coin)
        amount += coin.amount
        if amount >= order.amount + order.fee(_weight_of(order, spent)):
            break
    return settle(order, spent)


def choose_coins(order: Order, coins: Iterable[Coin]) -> Plan:
    """The cheapest plan found. Raises InsufficientFunds, TooManyCoins or FeeAboveMaximum."""
    usable = _candidates(order, coins)
    frame = weight((), order.outputs)
    if len(usable) >= _LONG_COUNT:
        frame += _LONG_COUNT_WEIGHT
    target = order.amount + fee(frame, order.fee_rate)
    if sum(each.effective for each in usable) < target:
        return settle(order, [each.coin for each in usable])  # to the exact satoshi, or an error
    choices = [
        _branch_and_bound(usable, target, order.change_fee + order.change_min),
        _smallest_sufficient(usable, target + order.change_fee + order.change_min),
        _largest_first(usable, target + order.change_fee + order.change_min),
    ]
    plans: list[Plan] = []
    refusal: BuildError | None = None
    for choice in choices:
        if choice is None:
            continue
        try:
            plans.append(settle(order, [each.coin for each in choice]))
        except BuildError as error:
            refusal = refusal or error
    if not plans:
        assert refusal is not None  # `_largest_first` always chooses
        raise refusal
    return min(plans, key=lambda plan: _waste(order, plan))


def _waste(order: Order, plan: Plan) -> int:
    later = fee(INPUT_WEIGHT[order.change_type], order.fee_rate) if plan.change else 0
    return plan.fee + later


def _candidates(order: Order, coins: Iterable[Coin]) -> list[_Candidate]:
    """Coins worth more than their input costs, the most valuable first, ties by outpoint."""
    fees = {kind: fee(units, order.fee_rate) for kind, units in INPUT_WEIGHT.items()}
    found = []
    for coin in coins:
        cost = fees[coin.owner.address_type]
        if coin.amount > cost:
            found.append(_Candidate(coin, cost, coin.amount - cost))
    return sorted(found, key=lambda each: (-each.effective, each.coin.txid, each.coin.position))


def _branch_and_bound(
    coins: list[_Candidate], target: int, tolerance: int
) -> list[_Candidate] | None:
    """Coins whose worth lies within `tolerance` above `target`; the cheapest set within the tries.

    Depth first through "with" and "without" each coin, the largest first (M. Erhardt, "An
    Evaluation of Coin Selection Strategies", 2016).
    """
    below = [0, *accumulate(each.effective for each in reversed(coins))][::-1]
    best: list[int] | None = None
    best_cost = 0
    chosen: list[int] = []
    worth = index = 0
    for _ in range(_TRIES):
        if worth < target and worth + below[index] >= target:
            chosen.append(index)
            worth += coins[index].effective
            index += 1
            continue
        if target <= worth <= target + tolerance:
            cost = sum(coins[each].fee for each in chosen) + worth - target
            if best is None or cost < best_cost:
                best, best_cost = list(chosen), cost
        if not chosen:
            break
        index = chosen.pop()
        worth -= coins[index].effective
        left_out = coins[index].effective
        while index < len(coins) and coins[index].effective == left_out:
            index += 1  # leaving out one coin or its equal leads to the same sums
    return None if best is None else [coins[each] for each in best]


def _smallest_sufficient(coins: list[_Candidate], target: int) -> list[_Candidate] | None:
    sufficient = [each for each in coins if each.effective >= target]
    return sufficient[-1:] or None


def _largest_first(coins: list[_Candidate], target: int) -> list[_Candidate]:
    """As many as it takes, or all."""
    worth = 0
    for count, each in enumerate(coins, start=1):
        worth += each.effective
        if worth >= target:
            return coins[:count]
    return coins
