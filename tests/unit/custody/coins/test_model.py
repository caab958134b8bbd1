"""When coins are consolidated or split, and how many at a time."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from custody.coins.model import (
    SPLIT_MOST,
    Consolidate,
    Keep,
    Move,
    Standing,
    most_at_once,
    moves,
    parts,
)
from custody.transfers.kinds import Kind

MERGE = Consolidate(coins_min=5, coins_most=4, rate_max=7)
KEEP = Keep(coins=3, size=100, rate_max=9)
RICH = 10**9


def wanted(
    consolidate: Consolidate | None,
    keep: Keep | None,
    free: Sequence[int],
    *,
    claimed: Sequence[int] = (),
    available: int = RICH,
    most: int = 4,
    blocked: bool = False,
) -> list[tuple[str, int, int]]:
    standing = Standing([*free, *claimed], free, available)
    found = moves(consolidate, keep, standing, most=most, blocked=blocked)
    return [(move.kind.value, move.coins, move.amount) for move in found]


@pytest.mark.parametrize(
    ("free", "more", "merged"),
    [
        ([1, 2, 3, 4], {}, None),
        ([5, 4, 3, 2, 1], {}, (4, 10)),
        ([9, 8, 7, 6, 5, 4, 3, 2, 1], {}, (4, 10)),
        ([5, 4, 3, 2, 1], {"most": 2}, (2, 3)),
        ([4, 3, 2, 1], {"blocked": True}, (3, 6)),
        ([2, 1], {"blocked": True}, None),
        ([1], {"blocked": True}, None),
        ([], {"blocked": True}, None),
        ([5, 4, 3, 2, 1], {"available": 9}, (3, 6)),
        ([5, 4, 3, 2, 1], {"available": 2}, None),
        ([3, 2, 1], {"claimed": [5, 4]}, None),
    ],
)
def test_of_too_many_the_smallest_become_one(free, more, merged):
    expected = [] if merged is None else [("consolidation", *merged)]
    assert wanted(MERGE, None, free, **more) == expected


@pytest.mark.parametrize(
    ("free", "more", "split"),
    [
        ([1000], {}, (3, 1000)),
        ([1000, 100], {}, (2, 1000)),
        ([1000, 100, 100], {}, None),
        ([250], {}, (2, 250)),
        ([199], {}, None),
        ([], {}, None),
        ([1000, 99, 99, 99], {}, (3, 1000)),
        ([1000], {"claimed": [100, 100]}, None),
        ([100], {"claimed": [1000]}, None),
        ([1000], {"available": 210}, (2, 210)),
        ([1000], {"available": 199}, None),
    ],
)
def test_of_too_few_the_largest_becomes_several(free, more, split):
    expected = [] if split is None else [("splitting", *split)]
    assert wanted(None, KEEP, free, **more) == expected


def test_what_payments_wait_for_comes_first_and_what_is_kept_is_left_alone():
    keep = Keep(2, 100, 9)
    assert wanted(MERGE, keep, [300, 1, 2, 3, 4, 5]) == [
        ("splitting", 2, 300),
        ("consolidation", 4, 10),
    ]
    assert wanted(MERGE, keep, [100, 200, 300, 1, 2]) == [("consolidation", 3, 103)]


def test_no_part_is_smaller_than_what_is_kept():
    move = Move(Kind.SPLITTING, 3, 300, 9)
    assert [parts(move, 100, cost) for cost in (0, 1, 100, 101)] == [3, 2, 2, 1]
    assert wanted(None, Keep(10**6, 1, 9), [10**6]) == [("splitting", SPLIT_MOST, 10**6)]


def test_what_was_too_large_for_a_transaction_is_halved():
    assert most_at_once(400, []) == 400
    assert most_at_once(400, [(100, None), (400, "too_many_coins")]) == 200
    assert most_at_once(400, [(200, "too_many_coins"), (400, "too_many_coins")]) == 100
    assert most_at_once(400, [(3, "too_many_coins")]) == 2
    assert most_at_once(50, [(400, "too_many_coins")]) == 50
    assert most_at_once(400, [(400, "fee_above_maximum")]) == 400


def test_they_do_not_undo_each_other():
    """Whatever the coins are, it comes to rest."""
    keep, merge = Keep(5, 1_000, 9), Consolidate(10, 8, 7)
    coins = [10_000, *range(1, 300, 7)]
    for _ in range(40):
        found = moves(merge, keep, Standing(coins, coins, RICH), most=8, blocked=False)
        if not found:
            break
        move, coins = found[0], sorted(coins)
        if move.kind is Kind.CONSOLIDATION:
            coins = [sum(coins[: move.coins]) - 10, *coins[move.coins :]]
        else:
            count = parts(move, 1_000, 10)
            coins = [*coins[:-1], *[(move.amount - 10) // count] * count]
    else:
        raise AssertionError(coins)
    assert len(coins) < 10 and sum(coin >= 1_000 for coin in coins) >= 5
