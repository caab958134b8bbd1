"""What others paid for a compute unit lately, and what is bid after that. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from chains.prices import Prices, ranked, rising
from chains.solana import UNIT_PRICE_MIN, UNIT_PRICE_PERCENTILE

_SLOW_PERCENTILE = 50
_FAST_PERCENTILE = 95


def market_price(prices: Sequence[int]) -> int:
    """Micro-lamports per compute unit that would have entered most of the recent blocks."""
    return unit_prices(prices).normal


def unit_prices(recent: Sequence[int]) -> Prices:
    """`recent`: the least that got into each of the newest blocks."""
    slow, normal, fast = (
        max(UNIT_PRICE_MIN, ranked(recent, percent)) if recent else UNIT_PRICE_MIN
        for percent in (_SLOW_PERCENTILE, UNIT_PRICE_PERCENTILE, _FAST_PERCENTILE)
    )
    return rising("microlamport/CU", slow, normal, fast)
