"""What a unit of gas should cost, and whether a transfer can afford it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median_low
from typing import Final

from chains.errors import FeeAboveMaximum, InsufficientFunds

REPLACEMENT_PERCENT: Final = 10
"""By how much geth wants a replacement to pay more (core/txpool/legacypool, PriceBump)."""


@dataclass(frozen=True, slots=True)
class FeeLevel:
    """Base units per unit of gas. `needed`: below it, inclusion is unlikely now. `wanted`: leaves
    room for the base fee to rise while the transaction waits. `priority`: the part of it that goes
    to the block's maker (no meaning in legacy transactions)."""

    needed: int
    wanted: int
    priority: int


def eip1559_level(next_base_fee: int, priority: int) -> FeeLevel:
    """The base fee rises at most an eighth per block (EIP-1559), on networks with shorter blocks
    by less: `needed` survives one full block, `wanted` six. What the base fee does not use stays
    with the sender."""
    return FeeLevel(
        needed=next_base_fee + -(-next_base_fee // 8) + priority,
        wanted=2 * next_base_fee + priority,
        priority=priority,
    )


def legacy_level(gas_price: int) -> FeeLevel:
    """A legacy transaction pays its whole price, so the margin is a tenth and no more."""
    return FeeLevel(needed=gas_price, wanted=gas_price + -(-gas_price // 10), priority=0)


def outbidding(level: FeeLevel, fee_per_gas_max: int, priority: int, percent: int) -> FeeLevel:
    """The level for a transaction that takes the place of one which offers so much: nodes ask that
    *both* figures rise by so many per cent."""
    least = _raised(fee_per_gas_max, percent)
    return FeeLevel(
        needed=max(level.needed, least),
        wanted=max(level.wanted, least),
        priority=max(level.priority, _raised(priority, percent)),
    )


def _raised(units: int, percent: int) -> int:
    """By at least one unit, also where the tip was nothing."""
    return max(units + 1, -(-units * (100 + percent) // 100))


def usual_priority(rewards: Sequence[int]) -> int | None:
    """The median of what recent blocks with transactions were paid; None if there were none."""
    return max(1, median_low(rewards)) if rewards else None


def choose_fee(level: FeeLevel, *, gas: int, amount: int, fee_max: int, balance: int) -> int:
    """The most to offer per unit of gas: `wanted`, or what the limit and the balance allow above
    `needed`. `amount`: what must stay in the balance beside it. Raises InsufficientFunds or
    FeeAboveMaximum."""
    needed = gas * level.needed
    if balance < amount + needed:
        raise InsufficientFunds(f"the balance is {balance}; {amount} and up to {needed} for fees")
    if needed > fee_max:
        raise FeeAboveMaximum(f"the network asks for {needed}, the transfer allows {fee_max}")
    return min(level.wanted, fee_max // gas, (balance - amount) // gas)


def check_data_fee(data: int, data_max: int) -> None:
    """Of what is paid beside gas. Raises FeeAboveMaximum."""
    if data > data_max:
        raise FeeAboveMaximum(
            f"the network asks for {data} beside gas, the transfer allows {data_max}"
        )
