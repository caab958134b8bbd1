"""The table of a transfer's life: every cell, and what must never be reachable."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chains.model import BlockRef, TxId
from custody.transfers import state
from custody.transfers.state import (
    ON_CHAIN,
    TABLE,
    TERMINAL,
    Enqueue,
    Event,
    IllegalTransition,
    ReleaseClaims,
    Settle,
    SettleFee,
    State,
    Transfer,
    Void,
    advance,
)

BLOCK = BlockRef(7, "aa")
EXAMPLES: dict[type[Event], Event] = {
    kind: example
    for example in (
        state.Deny("no"),
        state.AskApprovals(),
        state.Accept(),
        state.Reject("bob"),
        state.Cancel("alice"),
        state.Expire(),
        state.Build(),
        state.Postpone(),
        state.GiveUp("bad"),
        state.Refuse("denied"),
        state.Lapse(),
        state.Recover("record 7"),
        state.Sign(TxId("t")),
        state.Publish(),
        state.Include(BLOCK, 5, 2),
        state.Disconnect(),
        state.Finalize(),
        state.Revert(),
        state.Unsettle(),
        state.Die("spent"),
    )
    for kind in [type(example)]
}

# state        event         built  -> state, what is done
CELLS = """
requested      Deny          -      denied             -
requested      AskApprovals  -      awaiting_approval  -
requested      Accept        -      queued             sign
requested      Recover       -      queued             sign
awaiting       Recover       -      queued             sign
queued         Recover       -      queued             sign
denied         Recover       -      queued             sign
rejected       Recover       -      queued             sign
expired        Recover       -      queued             sign
cancelled      Recover       -      queued             sign
awaiting       Accept        -      queued             sign
awaiting       Reject        -      rejected           void release
awaiting       Cancel        -      cancelled          void release
awaiting       Expire        -      expired            void release
queued         Reject        no     rejected           void release
queued         Cancel        no     cancelled          void release
queued         Expire        no     expired            void release
queued         GiveUp        no     denied             void release
queued         Build         no     queued             -
queued         Postpone      yes    queued             release
queued         Refuse        yes    denied             void release
queued         Lapse         yes    expired            void release
queued         Sign          yes    signed             broadcast
signed         Publish       -      broadcast          -
signed         Include       -      included           -
signed         Die           -      dropped            void release
broadcast      Include       -      included           -
broadcast      Die           -      dropped            void release
included       Include       -      included           -
included       Disconnect    -      broadcast          broadcast
included       Finalize      -      final              settle release
included       Revert        -      reverted           settle-fee release
final          Unsettle      -      broadcast          broadcast
reverted       Unsettle      -      broadcast          broadcast
"""


def cells() -> Iterator[tuple[State, str, bool | None, State, str]]:
    for line in CELLS.strip().splitlines():
        before, event, built, after, *effects = line.split()
        before = {"awaiting": "awaiting_approval"}.get(before, before)
        expected_built = {"-": None, "yes": True, "no": False}[built]
        yield State(before), event, expected_built, State(after), " ".join(effects)


LEGAL = {(before, event, built): (after, done) for before, event, built, after, done in cells()}


def in_state(name: State, built: bool = False, reason: str | None = None) -> Transfer:
    included = name in (State.INCLUDED, State.FINAL, State.REVERTED)
    return Transfer(
        "tfr",
        name,
        3,
        built,
        block=BLOCK if included else None,
        fee=5 if included else None,
        locked=2 if included else None,
        reason=reason,
    )


def words(effects: tuple[state.Effect, ...]) -> str:
    names = {
        Void(): "void",
        ReleaseClaims(): "release",
        Settle(5, 2): "settle",
        SettleFee(5, 2): "settle-fee",
        Enqueue(state.Work.SIGN): "sign",
        Enqueue(state.Work.BROADCAST): "broadcast",
    }
    return " ".join(names[effect] for effect in effects) or "-"


def test_examples_cover_every_event():
    assert set(EXAMPLES) == set(get_args(Event))
    assert set(TABLE) == set(State)


@pytest.mark.parametrize("before", State)
@pytest.mark.parametrize("kind", EXAMPLES, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("built", [False, True], ids=["unbuilt", "built"])
def test_every_cell(before: State, kind: type[Event], built: bool):
    reason = "failed" if kind is state.Revert else None
    transfer = in_state(before, built, reason)
    expected = LEGAL.get((before, kind.__name__, None)) or LEGAL.get((before, kind.__name__, built))
    assert state.can(transfer, kind) == (expected is not None)
    if expected is None:
        with pytest.raises(IllegalTransition):
            advance(transfer, EXAMPLES[kind])
        return
    after, effects = advance(transfer, EXAMPLES[kind])
    assert (after.state, words(effects)) == expected
    assert after.version == transfer.version + 1


def test_what_is_signed_can_never_be_built_again():
    """The whole point: from `signed` on, no path leads to a state before it."""
    reachable = {State.SIGNED}
    while True:
        further = {rule.to for name in reachable for rule in TABLE[name].values()} | reachable
        if further == reachable:
            break
        reachable = further
    assert reachable == {*ON_CHAIN, State.FINAL, State.DROPPED, State.REVERTED}


def test_terminal_states_are_terminal():
    """But for a person who rewinds the chain: that is what it is for. And for ends of which custody
    believes that nothing was signed: the signer knows better."""
    past = {state.Unsettle, state.Recover}
    assert {name for name, rules in TABLE.items() if not rules.keys() - past} == TERMINAL
    again = {name for name in TERMINAL if state.Recover in TABLE[name]}
    assert again == {State.DENIED, State.REJECTED, State.EXPIRED, State.CANCELLED}


def test_while_the_signer_may_have_seen_the_bytes_people_and_clocks_are_refused():
    built = in_state(State.QUEUED, built=True)
    assert not any(
        state.can(built, kind) for kind in (state.Cancel, state.Reject, state.Expire, state.Build)
    )


@pytest.mark.parametrize("kind", [state.Finalize, state.Revert])
def test_settling_needs_an_inclusion_of_the_right_kind(kind: type[Event]):
    wrong = in_state(State.INCLUDED, reason="failed" if kind is state.Finalize else None)
    with pytest.raises(IllegalTransition):
        advance(wrong, EXAMPLES[kind])
    nowhere = Transfer("tfr", State.INCLUDED, reason=None if kind is state.Finalize else "failed")
    with pytest.raises(IllegalTransition):
        advance(nowhere, EXAMPLES[kind])


def test_a_disconnected_inclusion_leaves_nothing_of_it():
    after, _ = advance(in_state(State.INCLUDED, reason="failed"), state.Disconnect())
    assert (after.block, after.fee, after.locked, after.reason) == (None, None, None, None)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(sorted(EXAMPLES, key=lambda kind: kind.__name__)), max_size=25))
def test_whatever_happens_a_reservation_ends_exactly_once(kinds: list[type[Event]]):
    transfer = Transfer("tfr")
    done: list[state.Effect] = []
    for kind in kinds:
        if kind is state.Unsettle:  # holds the money anew
            continue
        ended = transfer.state in TERMINAL
        try:
            transfer, effects = advance(transfer, EXAMPLES[kind])
        except IllegalTransition:
            continue
        done += effects
        if ended:  # recovered: what it holds now is held anew
            done.clear()
    ends = [effect for effect in done if isinstance(effect, Void | Settle | SettleFee)]
    reserved = transfer.state not in (State.REQUESTED, State.DENIED) or bool(ends)
    ended = transfer.state in TERMINAL and reserved
    assert len(ends) == (1 if ended else 0)
