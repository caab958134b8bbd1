"""Bounds of a call's outcome: one spelling, one order, and what is out of them."""

from __future__ import annotations

import json

import pytest

from chains.effects import Call
from chains.errors import MalformedOutcome
from chains.model import Address, AssetId, NetworkId
from chains.outcomes import BOUNDS_MAX, UNITS_MAX, Allowance, Bound, breaches, read, write
from signer.agreement import effect_to_json, parse_effect
from signer.canonical import MalformedMessage

NETWORK = NetworkId("eip155:1")
COIN = AssetId("eip155:1/slip44:60")
TOKEN = AssetId("eip155:1/erc20:0x3535353535353535353535353535353535353535")
OTHER = AssetId("eip155:1/erc20:0x7777777777777777777777777777777777777777")
SPENDER = Address("0x1111111111111111111111111111111111111111")

SWAP = (
    Bound(COIN, at_most=100),
    Bound(TOKEN, at_least=9),
    Bound(TOKEN, at_most=0, spender=SPENDER),
)


def test_bounds_have_one_form() -> None:
    written = write(reversed(SWAP))
    assert read(written, NETWORK) == tuple(sorted(SWAP, key=lambda each: each.subject))
    assert json.loads(written[0]) == {"asset": TOKEN, "at_least": "9"}
    with pytest.raises(MalformedOutcome):
        read(tuple(reversed(written)))
    with pytest.raises(MalformedOutcome):
        read(written, NetworkId("eip155:56"))
    with pytest.raises(MalformedOutcome):
        write([Bound(COIN, at_most=1), Bound(COIN, at_least=1)])
    with pytest.raises(MalformedOutcome):
        write([Bound(AssetId(f"a/{at}"), at_most=1) for at in range(BOUNDS_MAX + 1)])


REFUSED = {
    "no JSON": "{",
    "a list": "[]",
    "spaces": '{"asset": "a/b","at_most":"1"}',
    "another order": '{"at_most":"1","asset":"a/b"}',
    "no number": '{"asset":"a/b"}',
    "both": '{"asset":"a/b","at_least":"1","at_most":"1"}',
    "a member more": '{"asset":"a/b","at_most":"1","strength":"enforced"}',
    "a number as number": '{"asset":"a/b","at_most":1}',
    "below zero": '{"asset":"a/b","at_most":"-1"}',
    "a zero before": '{"asset":"a/b","at_most":"01"}',
    "at least nothing": '{"asset":"a/b","at_least":"0"}',
    "too much": f'{{"asset":"a/b","at_most":"{UNITS_MAX + 1}"}}',
    "no asset": '{"asset":"","at_most":"1"}',
    "a space in a name": '{"asset":"a b","at_most":"1"}',
    "letters escaped": '{"asset":"\\u0061/b","at_most":"1"}',
    "a spender who gives": '{"asset":"a/b","at_least":"1","spender":"x"}',
    "said twice": '{"asset":"a/b","at_most":"1","at_most":"1"}',
    "other digits": '{"asset":"a/b","at_most":"\u0661"}',
}


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED)
def test_any_other_form_is_refused_by_who_signs_too(text: str) -> None:
    with pytest.raises(MalformedOutcome):
        read((text,))
    row = effect_to_json(Call(SPENDER, "f()", (), 0)) | {"outcome": [text]}
    with pytest.raises(MalformedMessage):
        parse_effect(row)


def test_a_mandate_keeps_the_bounds_and_a_comparison_with_bytes_does_not_see_them() -> None:
    call = Call(SPENDER, "f()", (), 0, outcome=write(SWAP))
    back = parse_effect(effect_to_json(call))
    assert isinstance(back, Call) and back.outcome == call.outcome
    assert call == Call(SPENDER, "f()", (), 0)  # as it is read from the bytes


WITHIN = {
    "as agreed": ({COIN: -100, TOKEN: 9}, {}),
    "better": ({COIN: -99, TOKEN: 10, OTHER: 5}, {}),
    "an allowance that is used up": ({COIN: -1, TOKEN: 9}, {(OTHER, SPENDER): Allowance(5, 2)}),
}
OUTSIDE = {
    "less comes": ({COIN: -100, TOKEN: 8}, {}, "changes by 8, at least 9"),
    "nothing comes": ({COIN: -100}, {}, "changes by 0, at least 9"),
    "more goes": ({COIN: -101, TOKEN: 9}, {}, "changes by -101, at most 100"),
    "something else goes": ({TOKEN: 9, OTHER: -1}, {}, "nobody agreed"),
    "an allowance nobody named": (
        {TOKEN: 9},
        {(OTHER, SPENDER): Allowance(0, 1)},
        "at most 0",
    ),
    "more than the spender may take": (
        {TOKEN: 9},
        {(TOKEN, SPENDER): Allowance(0, 1)},
        "at most 0",
    ),
}


@pytest.mark.parametrize("found", WITHIN.values(), ids=WITHIN)
def test_what_is_within(
    found: tuple[dict[AssetId, int], dict[tuple[AssetId, Address], Allowance]],
) -> None:
    assert breaches(SWAP, COIN, 0, *found) == ()


@pytest.mark.parametrize("found", OUTSIDE.values(), ids=OUTSIDE)
def test_what_is_outside(
    found: tuple[dict[AssetId, int], dict[tuple[AssetId, Address], Allowance], str],
) -> None:
    changes, allowances, words = found
    (breach,) = breaches(SWAP, COIN, 0, changes, allowances)
    assert words in str(breach)


def test_coins_that_nobody_bounds_shrink_by_what_goes_with_the_call() -> None:
    bounds = (Bound(TOKEN, at_least=1),)
    assert breaches(bounds, COIN, 7, {COIN: -7, TOKEN: 1}, {}) == ()
    assert breaches(bounds, COIN, 7, {COIN: -8, TOKEN: 1}, {}) != ()
    assert breaches((), COIN, 7, {COIN: -8}, {}) == ()  # nothing was agreed on
