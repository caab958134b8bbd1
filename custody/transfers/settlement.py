"""What a transfer's transactions mean for it, and what it pays of their costs. Pure.

At most one of the transactions that name a transfer is ever in a block: each shares with all that
were signed before a key that excludes inclusion. So at most one is final or reverted.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from chains.costs import UNBOUNDED, CostKind, Costs, above, sum_of
from chains.model import AssetId
from chains.shares import shares_of
from custody.transactions.state import State, Transaction
from custody.transfers.state import Event
from signer.agreement import Purpose


@dataclass(frozen=True, slots=True)
class Charge:
    """A transfer's part of what its transaction took, by kind. `held`: what of that moved to
    accounts which stay the vault's. `returned`: what came back out of accounts of the vault's that
    it closed."""

    charged: Costs
    held: Costs
    returned: Costs = field(default_factory=dict)


def settle(transactions: Collection[Transaction]) -> Event | None:
    """A transfer's event, from all transactions that name it; None while one may still decide."""
    for each in transactions:
        if each.state is State.FINAL:
            return Event.UNDO if each.purpose is Purpose.CANCEL else Event.LAND
        if each.state is State.REVERTED:
            return Event.FAIL
    states = {each.state for each in transactions}
    if states == {State.ABANDONED}:
        return Event.RETURN
    if states and states <= {State.ABANDONED, State.DEAD}:
        return Event.FAIL
    return None


def outcome_of(transactions: Collection[Transaction]) -> tuple[Event, str | None] | None:
    """`settle`, with the reason that a person is told."""
    event = settle(transactions)
    if event is None:
        return None
    reasons = [
        each.reason
        for each in transactions
        if each.state in (State.REVERTED, State.DEAD) and each.reason is not None
    ]
    return event, reasons[-1] if event is Event.FAIL and reasons else None


def shares(cost: int, bounds: Mapping[str, int], *, bounded: bool = True) -> dict[str, int]:
    """What each transfer pays of `cost`, in proportion to its bound: rounded down, then one unit
    each in the order of the transfers' ids. Together exactly `cost`, and never above a bound,
    unless nothing bounds the cost."""
    total = sum(bounds.values())
    within = cost <= total
    assert cost >= 0 and (within or not bounded), "a transaction cost more than its transfers allow"
    weights = bounds if total or within else dict.fromkeys(bounds, 1)
    whole = sum(weights.values())
    found = {each: cost * weight // whole if whole else 0 for each, weight in weights.items()}
    left = cost - sum(found.values())
    for each in sorted(bounds):
        if left and (not within or found[each] < bounds[each]):
            found[each] += 1
            left -= 1
    assert left == 0
    return found


def parts(costs: Costs, bounds: Mapping[str, Costs]) -> dict[str, Costs]:
    """`shares` of each kind of cost, by transfer. `bounds`: of each transfer's mandate."""
    found: dict[str, dict[tuple[AssetId, CostKind], int]] = {each: {} for each in bounds}
    for kind, units in costs.items():
        of_kind = {each: most.get(kind, 0) for each, most in bounds.items()}
        for each, part in shares(units, of_kind, bounded=kind[1] not in UNBOUNDED).items():
            found[each][kind] = part
    return dict(found)


def parts_by_size(
    costs: Costs, bounds: Mapping[str, Costs], sizes: Mapping[str, int]
) -> dict[str, Costs]:
    """What each transfer pays of the costs by what its outputs add to the transaction, in the order
    in which the signer was shown them (`chains.shares`). It has checked that no share is above its
    bound; of a transaction that says otherwise, or is older than that rule, `parts` by bounds."""
    order = sorted(bounds)
    if sizes.keys() == bounds.keys():
        found = dict(zip(order, shares_of(costs, [sizes[each] for each in order]), strict=True))
        if len(order) == 1 or all(above(found[each], bounds[each]) is None for each in order):
            return found
    return parts(costs, bounds)


def charged(transaction: Transaction) -> Costs:
    """All that a transaction took beside its effects, also what stays ours."""
    return sum_of([transaction.costs or {}, transaction.held or {}])
