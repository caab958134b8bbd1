"""The table of a transaction's life: every cell, and what is unreachable."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

import pytest

from chains.costs import CostKind
from chains.model import AssetId, BlockRef, TxId
from custody.errors import IllegalTransition
from custody.transactions import state
from custody.transactions.state import ON_CHAIN, TABLE, Event, State, Transaction, advance, can

BLOCK = BlockRef(7, "aa")
COSTS = {(AssetId("n/slip44:60"), CostKind.FEE): 5}
EXAMPLES: dict[type[Event], Event] = {
    type(example): example
    for example in (
        state.Claim(),
        state.Build(),
        state.Abandon("no coin"),
        state.Refuse("denied"),
        state.Sign(TxId("t")),
        state.Publish(),
        state.Include(BLOCK, COSTS, {}),
        state.Disconnect(),
        state.Finalize(),
        state.Revert(),
        state.Die("spent"),
        state.Unsettle(),
    )
}

# state     event       built  -> state, what is done
CELLS = """
claimed     Build       -      built      -
claimed     Abandon     -      abandoned  release
built       Refuse      -      abandoned  release
built       Sign        -      signed     broadcast
signed      Publish     -      broadcast  -
signed      Include     -      included   -
signed      Die         -      dead       release
broadcast   Include     -      included   -
broadcast   Die         -      dead       release
included    Include     -      included   -
included    Disconnect  -      broadcast  broadcast
included    Finalize    -      final      release
included    Revert      -      reverted   release
final       Unsettle    -      broadcast  claim broadcast
reverted    Unsettle    -      broadcast  claim broadcast
dead        Include     -      included   claim alarm
abandoned   Claim       no     claimed    -
abandoned   Sign        yes    signed     claim broadcast
"""


def cells() -> Iterator[tuple[State, str, bool | None, State, str]]:
    for line in CELLS.strip().splitlines():
        before, event, built, after, *effects = line.split()
        expected = {"-": None, "yes": True, "no": False}[built]
        yield State(before), event, expected, State(after), " ".join(effects)


LEGAL = {(before, event, built): (after, done) for before, event, built, after, done in cells()}


def in_state(name: State, built: bool = True, reason: str | None = None) -> Transaction:
    included = name in (State.INCLUDED, State.FINAL, State.REVERTED)
    return Transaction(
        "txn",
        state=name,
        version=3,
        built=built,
        block=BLOCK if included else None,
        costs=COSTS if included else None,
        held={} if included else None,
        reason=reason,
    )


def test_examples_cover_every_event():
    assert set(EXAMPLES) == set(get_args(Event))
    assert set(TABLE) == set(State)


@pytest.mark.parametrize("before", State)
@pytest.mark.parametrize("kind", EXAMPLES, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("built", [False, True], ids=["unbuilt", "built"])
def test_every_cell(before: State, kind: type[Event], built: bool):
    transaction = in_state(before, built, "failed" if kind is state.Revert else None)
    expected = LEGAL.get((before, kind.__name__, None)) or LEGAL.get((before, kind.__name__, built))
    assert can(transaction, kind) == (expected is not None)
    if expected is None:
        with pytest.raises(IllegalTransition):
            advance(transaction, EXAMPLES[kind])
        return
    after, effects = advance(transaction, EXAMPLES[kind])
    assert (after.state, " ".join(effects) or "-") == expected
    assert after.version == transaction.version + 1


def test_what_is_signed_can_never_be_built_again():
    """The whole point: from `signed` on, no path leads to a state before it."""
    reachable = {State.SIGNED}
    while True:
        further = {rule.to for name in reachable for rule in TABLE[name].values()} | reachable
        if further == reachable:
            break
        reachable = further
    assert reachable == {*ON_CHAIN, State.FINAL, State.DEAD, State.REVERTED}


def test_only_the_signer_moves_what_is_built():
    assert set(TABLE[State.BUILT]) == {state.Refuse, state.Sign}


@pytest.mark.parametrize("kind", [state.Finalize, state.Revert])
def test_settling_needs_an_inclusion_of_the_right_kind(kind: type[Event]):
    wrong = in_state(State.INCLUDED, reason="failed" if kind is state.Finalize else None)
    with pytest.raises(IllegalTransition):
        advance(wrong, EXAMPLES[kind])
    reason = None if kind is state.Finalize else "failed"
    nowhere = Transaction("txn", state=State.INCLUDED, reason=reason)
    with pytest.raises(IllegalTransition):
        advance(nowhere, EXAMPLES[kind])


def test_a_disconnected_inclusion_leaves_nothing_of_it():
    after, _ = advance(in_state(State.INCLUDED, reason="failed"), state.Disconnect())
    assert (after.block, after.costs, after.held, after.reason) == (None, None, None, None)
