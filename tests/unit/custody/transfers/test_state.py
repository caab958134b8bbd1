"""The tables of a transfer's life and of its mandates': every cell, and what is unreachable."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from custody.errors import IllegalTransition
from custody.transfers import consent
from custody.transfers.consent import Consent, Word
from custody.transfers.state import (
    NEVER_SIGNED,
    REPEATABLE,
    TABLE,
    TERMINAL,
    Effect,
    Event,
    State,
    Transfer,
    advance,
    can,
)

# state      event       -> state, what is done
CELLS = """
requested    deny        denied             -
requested    ask         awaiting_approval  -
requested    accept      approved           sign
requested    recover     in_flight          sign
awaiting     accept      approved           sign
awaiting     reject      rejected           abandon void
awaiting     cancel      cancelled          abandon void
awaiting     expire      expired            abandon void
awaiting     void        rejected           abandon void
awaiting     recover     in_flight          sign
approved     launch      in_flight          -
approved     ask         awaiting_approval  abandon
approved     give_up     denied             abandon void
approved     reject      rejected           abandon void
approved     cancel      cancelled          abandon void
approved     expire      expired            abandon void
approved     void        rejected           abandon void
approved     recover     in_flight          sign
in_flight    return      approved           -
in_flight    refuse      denied             void
in_flight    lapse       expired            void
in_flight    land        final              settle
in_flight    undo        cancelled          settle_costs
in_flight    fail        failed             settle_costs
in_flight    recover     in_flight          sign
final        unsettle    in_flight          -
failed       unsettle    in_flight          -
failed       revive      in_flight          -
cancelled    unsettle    in_flight          -
cancelled    recover     in_flight          sign
denied       recover     in_flight          sign
rejected     recover     in_flight          sign
expired      recover     in_flight          sign
"""
PEOPLE_AND_CLOCKS = (Event.REJECT, Event.CANCEL, Event.EXPIRE, Event.VOID, Event.GIVE_UP)


def cells() -> Iterator[tuple[State, Event, State, str]]:
    for line in CELLS.strip().splitlines():
        before, event, after, *effects = line.split()
        before = {"awaiting": "awaiting_approval"}.get(before, before)
        yield State(before), Event(event), State(after), " ".join(effects)


LEGAL = {(before, event): (after, done) for before, event, after, done in cells()}


@pytest.mark.parametrize("before", State)
@pytest.mark.parametrize("event", Event)
def test_every_cell(before: State, event: Event):
    transfer = Transfer("tfr", before, 3, "earlier")
    expected = LEGAL.get((before, event))
    assert can(transfer, event) == (expected is not None)
    if expected is None:
        with pytest.raises(IllegalTransition):
            advance(transfer, event)
        return
    after, effects = advance(transfer, event, "why")
    assert (after.state, " ".join(effects) or "-") == expected
    assert (after.version, after.reason) == (4, "why")


def test_in_flight_people_and_clocks_are_refused():
    """The signer may have seen the bytes: only what transactions say moves it from there."""
    assert not any(can(Transfer("tfr", State.IN_FLIGHT), event) for event in PEOPLE_AND_CLOCKS)


def test_terminal_states_are_terminal():
    """But for a person who rewinds the chain, a signer that remembers better, and a chain that
    proves a death wrong."""
    past = {Event.UNSETTLE, Event.RECOVER, Event.REVIVE}
    assert {name for name, rules in TABLE.items() if not rules.keys() - past} == TERMINAL
    assert {name for name in TERMINAL if Event.RECOVER in TABLE[name]} == NEVER_SIGNED
    assert {State.FINAL} == TERMINAL - REPEATABLE


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(Event), max_size=25))
def test_whatever_happens_a_reservation_ends_exactly_once(events: list[Event]):
    transfer = Transfer("tfr")
    ends = 0
    for event in events:
        if event not in TABLE[transfer.state]:
            continue
        ended = transfer.state in TERMINAL
        transfer, effects = advance(transfer, event)
        if ended:  # what it holds is held anew
            ends = 0
        ends += sum(each in (Effect.VOID, Effect.SETTLE, Effect.SETTLE_COSTS) for each in effects)
        held = transfer.state not in TERMINAL
        assert ends == (0 if held or (transfer.state is State.DENIED and not ends) else 1)


# Mandates


def test_every_word_to_a_mandate():
    legal = {
        (Consent.OFFERED, Word.AGREE): Consent.AGREED,
        (Consent.OFFERED, Word.REJECT): Consent.REJECTED,
        (Consent.OFFERED, Word.EXPIRE): Consent.EXPIRED,
        (Consent.OFFERED, Word.VOID): Consent.VOID,
        (Consent.AGREED, Word.VOID): Consent.VOID,
    }
    for before in Consent:
        for word in Word:
            expected = legal.get((before, word))
            assert consent.can(before, word) == (expected is not None)
            if expected is None:
                with pytest.raises(IllegalTransition):
                    consent.decide(before, word)
            else:
                assert consent.decide(before, word) is expected
