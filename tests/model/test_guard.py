"""The rules of the guard hold against a hostile custody, and each of them is needed.

`python -m tests.model` plays more games and prints the first fault without each rule.
"""

from __future__ import annotations

import pytest

from tests.model.guard import Rule
from tests.model.world import first_fault

GAMES = 2_000
GAMES_LONG = 100_000
GAMES_WITHOUT = 12_000

FIRST_SEED = {
    Rule.SUM: 100,
    Rule.PAYS_NOBODY: 80,
    Rule.NOT_VACUOUS: 8_860,
    Rule.SIGNED_BOUNDS: 980,
    Rule.EVERY_RECORD: 5_200,
    Rule.ONE_SET: 980,
    Rule.MOST: 1_030,
    Rule.TOGETHER: 560,
    Rule.NOT_AHEAD: 2_070,
}
"""Where to begin to look, so that rare faults are found at once; any seed may be the first."""


def test_a_hostile_custody_gets_nothing_with_all_rules():
    assert first_fault(range(GAMES)) is None


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_hostile_custody_gets_nothing_in_many_games():
    assert first_fault(range(GAMES_LONG)) is None


@pytest.mark.parametrize("rule", Rule, ids=lambda rule: rule.name.lower())
def test_without_one_rule_it_gets_something(rule: Rule):
    start = FIRST_SEED.get(rule, 0)
    order = [*range(start, GAMES_WITHOUT), *range(start)]
    assert first_fault(order, {rule}) is not None
