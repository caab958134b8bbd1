"""A rule may demand that arguments take care of a call's bounds. Who asks claims nothing: it is
worked out of what is signed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chains.effects import Call
from chains.model import AssetId
from chains.outcomes import Bound, read, write
from signer.policy import InvalidPolicy, enforced
from tests.unit.signer.test_call_rules import (
    ALLOWED,
    CONDITION,
    ME,
    NATIVE,
    OTHER,
    ROW,
    calling,
    entry,
    facts,
    policy,
    swap,
    verdict,
)

TOKEN = AssetId(ROW["id"])
GOT = AssetId(f"eip155:31337/erc20:{OTHER}")
GIVES = {"asset": GOT, "argument": "amountOutMin", "to": "to"}
RULE = policy(calling(entry(enforced=True, gives=[GIVES])))
TAKEN = ((TOKEN, 1000),)


def bounded(*bounds: Bound, moves: tuple[tuple[AssetId, int], ...] = TAKEN, **more: Any) -> Call:
    return replace(swap(**more), outcome=write(bounds), moves=moves)


MOST, LEAST = Bound(TOKEN, at_most=1000), Bound(GOT, at_least=990)
CASES: dict[str, tuple[Call, str]] = {
    "both by arguments": (bounded(MOST, LEAST), ALLOWED),
    "less than the argument asks": (bounded(MOST, Bound(GOT, at_least=1)), ALLOWED),
    "coins by what goes with it": (bounded(MOST, LEAST, Bound(NATIVE, at_most=0)), ALLOWED),
    "no bounds": (bounded(), CONDITION),
    "more than the argument asks": (bounded(MOST, Bound(GOT, at_least=991)), CONDITION),
    "no least at all": (bounded(MOST, LEAST, amountOutMin="0"), CONDITION),
    "somebody else gets it": (bounded(MOST, LEAST, to=OTHER), CONDITION),
    "more is taken than bounded": (bounded(Bound(TOKEN, at_most=999), LEAST), CONDITION),
    "nothing says that it is taken": (bounded(MOST, LEAST, moves=()), CONDITION),
    "an asset that no argument gives": (bounded(Bound(NATIVE, at_least=1), MOST), CONDITION),
    "what a spender may take": (
        bounded(MOST, LEAST, Bound(TOKEN, at_most=0, spender=OTHER)),
        CONDITION,
    ),
    "coins that go with it": (bounded(MOST, LEAST, Bound(NATIVE, at_most=6), value=7), CONDITION),
}


@pytest.mark.parametrize(("call", "expected"), CASES.values(), ids=CASES)
def test_what_an_argument_takes_care_of(call: Call, expected: str) -> None:
    assert verdict(RULE, call) == expected


@pytest.mark.parametrize(("call", "expected"), CASES.values(), ids=CASES)
def test_people_are_told_the_same_of_each_bound(call: Call, expected: str) -> None:
    """Whether or not a rule demands it."""
    bounds = frozenset(read(call.outcome))
    for rules in (RULE, policy(calling(entry(gives=[GIVES])))):
        held = enforced(rules, facts(call).core, call)
        assert held <= bounds
        assert (held == bounds and bool(bounds)) == (expected == ALLOWED)


def test_another_functions_arguments_hold_nothing() -> None:
    rules = policy(calling(entry(function="deposit()", gives=[])))
    assert enforced(rules, facts(bounded(LEAST)).core, bounded(LEAST)) == frozenset()


def test_without_the_demand_bounds_are_as_custody_says() -> None:
    rules = policy(calling(entry()))
    assert verdict(rules, bounded(Bound(GOT, at_least=10**9))) == ALLOWED


def test_a_function_that_pays_who_calls_it() -> None:
    gives = GIVES | {"to": None}
    rules = policy(calling(entry(enforced=True, gives=[gives])))
    assert verdict(rules, bounded(MOST, LEAST, to=OTHER)) == ALLOWED
    assert ME != OTHER


WRONG: dict[str, dict[str, Any]] = {
    "no such argument": {"gives": [GIVES | {"argument": "amount"}]},
    "an address for a number": {"gives": [GIVES | {"argument": "to"}]},
    "a number for an address": {"gives": [GIVES | {"to": "amountIn"}]},
    "a member more": {"gives": [GIVES | {"strength": "enforced"}]},
    "no list": {"gives": GIVES},
    "no boolean": {"enforced": "yes"},
}


@pytest.mark.parametrize("changes", WRONG.values(), ids=WRONG)
def test_a_rule_that_can_not_be_read_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidPolicy):
        policy(calling(entry(**changes)))
