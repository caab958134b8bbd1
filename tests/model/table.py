"""The table of the threat model: each rule of the guard, and what happens without it.

A row names the game in which a hostile custody first got something, and games are played again from
their number: so a row can be checked by playing one game.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.model.guard import Rule
from tests.model.world import first_fault

DOCUMENT: Final = Path(__file__).resolve().parents[2] / "docs" / "threat-model.md"
_START: Final = "<!-- guard model -->\n"
_END: Final = "<!-- /guard model -->\n"
_HEAD: Final = ("| rule | without it | found in game |", "|---|---|---|")


@dataclass(frozen=True, slots=True)
class Found:
    """Without `rule`, `harm` is done in game number `game`, and in none before."""

    rule: Rule
    harm: str
    game: int


class NotFound(Exception):
    """So many games show no harm without a rule: it is not needed, or the games are too tame."""


def look(rule: Rule, games: Iterable[int]) -> Found:
    """Play games in that order. Raises NotFound."""
    found = first_fault(games, {rule})
    if found is None:
        raise NotFound(rule)
    seed, harm = found
    return Found(rule, harm, seed)


def documented(text: str, rows: Sequence[Found]) -> str:
    """The threat model with these rows."""
    before, _, rest = text.partition(_START)
    _, _, after = rest.partition(_END)
    lines = [*_HEAD, *(f"| {row.rule} | {row.harm} | {row.game:,} |" for row in rows)]
    return before + _START + "\n".join(lines) + "\n" + _END + after


def read(text: str) -> Iterator[Found]:
    """The rows that the threat model shows. Raises ValueError for a rule that there is not."""
    _, _, rest = text.partition(_START)
    table, _, _ = rest.partition(_END)
    for line in table.splitlines()[len(_HEAD) :]:
        rule, harm, game = line.strip("| ").split(" | ")
        yield Found(Rule(rule), harm, int(game.replace(",", "")))
