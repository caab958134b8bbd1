"""Which deposits a rule of quarantine fits."""

from __future__ import annotations

from dataclasses import replace

from chains.model import Address, AssetId, TxId
from custody.quarantine.model import Arrival, Rule, first_that_holds


def test_a_rule_fits_by_all_that_it_names():
    arrival = Arrival(TxId("t"), "call:", AssetId("a"), 10, "cli", "vlt", frozenset({Address("x")}))
    rule = Rule("qrl", "why", "rita")
    assert rule.holds(arrival)
    for fits, fails in (
        ({"client": "cli"}, {"client": "other"}),
        ({"vault": "vlt"}, {"vault": "other"}),
        ({"asset": "a"}, {"asset": "b"}),
        ({"amount_from": 10}, {"amount_from": 11}),
        ({"senders": {"x", "y"}}, {"senders": {"y"}}),
        ({"senders": {"x"}, "amount_from": 10}, {"senders": {"x"}, "amount_from": 11}),
    ):
        assert replace(rule, **fits).holds(arrival)
        assert not replace(rule, **fails).holds(arrival)
    assert not replace(rule, senders=()).holds(arrival)


def test_the_first_rule_that_holds_is_told():
    arrival = Arrival(TxId("t"), "call:", AssetId("a"), 10, "cli", "vlt")
    rules = [Rule("one", "w", "r", vault="other"), Rule("two", "w", "r"), Rule("three", "w", "r")]
    found = first_that_holds(rules, arrival)
    assert found is not None and found.id == "two"
    assert first_that_holds(rules[:1], arrival) is None
