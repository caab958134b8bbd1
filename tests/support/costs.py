"""Sums of costs, for tests that don't care which kind they are of."""

from __future__ import annotations

from chains.costs import Costs
from chains.transaction import TxStatus, TxSummary


def total(costs: Costs) -> int:
    return sum(costs.values())


def most(summary: TxSummary) -> int:
    """What the transaction can cost, all kinds together."""
    assert not summary.costs.uncapped
    return total(summary.costs.most)


def left(status: TxStatus) -> int:
    """What has left the source beside the effects, gone or held."""
    return total(status.costs) + total(status.held)
