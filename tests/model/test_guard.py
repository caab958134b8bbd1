"""The rules of the guard hold against a hostile custody, and each of them is needed.

`python -m tests.model` plays more games and writes what it finds into the threat model.
"""

from __future__ import annotations

import pytest

from tests.model.guard import Rule
from tests.model.table import DOCUMENT, documented, look, read
from tests.model.world import first_fault

GAMES = 2_000
GAMES_LONG = 100_000
GAMES_WITHOUT = 25_000

TABLE = {row.rule: row for row in read(DOCUMENT.read_text())}


def test_a_hostile_custody_gets_nothing_with_all_rules():
    assert first_fault(range(GAMES)) is None


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_hostile_custody_gets_nothing_in_many_games():
    assert first_fault(range(GAMES_LONG)) is None


def test_the_threat_model_shows_every_rule():
    text = DOCUMENT.read_text()
    assert list(TABLE) == list(Rule), "run python -m tests.model"
    assert text == documented(text, list(TABLE.values()))


@pytest.mark.parametrize("rule", Rule, ids=lambda rule: rule.name.lower())
def test_without_one_rule_it_gets_what_the_threat_model_says(rule: Rule):
    """In the game that the table names, which goes well with all rules."""
    row = TABLE[rule]
    assert look(rule, [row.game]) == row
    assert first_fault([row.game]) is None


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("rule", Rule, ids=lambda rule: rule.name.lower())
def test_the_threat_model_names_the_first_game(rule: Rule):
    assert look(rule, range(GAMES_WITHOUT)) == TABLE[rule]
