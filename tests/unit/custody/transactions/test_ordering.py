"""In which order numbered transactions are signed, as tables to read."""

from __future__ import annotations

import pytest

from chains.evm.build import nonce_key
from chains.model import Address, ConflictKey, Excludes
from chains.numbering import Place, place_of
from custody.transactions.ordering import Numbers, Turn, gap, turns
from tests.support.networks import find_network

ASK, WAIT, LET_GO = Turn.ASK, Turn.WAIT, Turn.LET_GO


def numbers(text: str, first: int = 0) -> Numbers:
    """One letter for each number from 0 on: used, signed, in work (unsigned), free (.)."""

    def at(letter: str) -> frozenset[int]:
        return frozenset(n for n, each in enumerate(text) if each == letter)

    return Numbers(first, at("u"), at("s"), at("w"))


@pytest.mark.parametrize(
    ("taken", "wanted", "said"),
    [
        ("w", [0], [ASK]),
        ("www", [0, 1, 2], [ASK, ASK, ASK]),
        ("www", [2, 1, 0], [ASK, ASK, ASK]),
        ("ssw", [2], [ASK]),
        ("uuw", [2], [ASK]),
        ("usw", [2], [ASK]),
        # Somebody else has a lower number in work.
        ("ww", [1], [WAIT]),
        ("wsw", [2], [WAIT]),
        ("www", [1, 2], [WAIT, WAIT]),
        ("www", [0, 2], [ASK, WAIT]),
        # Nobody has it.
        (".w", [1], [LET_GO]),
        ("s.w", [2], [LET_GO]),
        ("w.w", [2], [LET_GO]),
        (".ww", [1, 2], [WAIT, LET_GO]),
        (".www", [1, 2, 3], [WAIT, WAIT, LET_GO]),
        ("..ww", [2, 3], [LET_GO, LET_GO]),
        ("..w", [2], [LET_GO]),
        ("w.w.w", [0, 2, 4], [ASK, WAIT, LET_GO]),
        ("w.w", [0, 2], [ASK, LET_GO]),
        # What replaces a signed one waits for nobody, and nobody waits for it.
        ("s", [0], [ASK]),
        (".s", [1], [ASK]),
        (".sw", [1, 2], [ASK, LET_GO]),
        ("ssw", [1, 2], [ASK, ASK]),
    ],
)
def test_whose_turn_it_is(taken: str, wanted: list[int], said: list[Turn]):
    assert list(turns(wanted, numbers(taken)).values()) == said
    assert list(turns(wanted, numbers(taken))) == sorted(wanted)


def test_below_the_first_everything_is_used():
    assert turns([7, 8], numbers("", first=7)) == {7: ASK, 8: ASK}
    assert turns([8], numbers("", first=7)) == {8: LET_GO}


@pytest.mark.parametrize(
    ("first", "taken", "signed", "found"),
    [
        (0, [], [], None),
        (3, [3, 4], [3, 4], None),
        (3, [4], [4], 3),
        (3, [3, 5], [5], 4),
        (3, [3, 4, 5], [5], None),  # in work: it will be signed, or given up
        (3, [3, 5], [3], None),  # nothing signed waits
        (5, [4], [4], None),  # our node is ahead of what we know
    ],
)
def test_a_gap(first: int, taken: list[int], signed: list[int], found: int | None):
    assert gap(first, taken, signed) == found


def test_the_spelling_of_a_number_returns():
    key = nonce_key(find_network("ethereum-local").id, Address("0xAbc"), 12)
    assert (place_of(key.text).number, place_of(key.text).key) == (12, key)
    place = Place("eip155:1/nonce:0xabc", 12)
    assert place.key == ConflictKey("eip155:1/nonce:0xabc:12", Excludes.INCLUSION)
    assert place_of(place.text) == place
    for text in ("", "12", ":12", "a:b", "a:-1", "a:"):
        with pytest.raises(ValueError, match="no number"):
            place_of(text)
