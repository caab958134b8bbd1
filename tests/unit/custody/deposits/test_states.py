"""What can happen to a deposit: every state with everything that can happen."""

from __future__ import annotations

from itertools import product

import pytest

from custody.deposits.states import DepositState, Turn, after, can
from custody.errors import IllegalTransition

TABLE = """
    pending   settle  credited
    pending   wait    below_minimum
    pending   hold    quarantined
    pending   undo    reversed
    pending   rewind  reversed
    below_minimum settle credited
    below_minimum hold quarantined
    below_minimum undo reversed
    below_minimum rewind reversed
    quarantined release pending
    quarantined undo reversed
    quarantined rewind reversed
    credited  rewind  reversed
    reversed  return  pending
"""


def test_every_state_with_everything_that_can_happen():
    wanted = {(state, turn): to for state, turn, to in map(str.split, TABLE.strip().splitlines())}
    for state, turn in product(DepositState, Turn):
        assert can(state, turn) == ((state, turn) in wanted)
        if can(state, turn):
            assert after(state, turn) == wanted[state, turn]
        else:
            with pytest.raises(IllegalTransition):
                after(state, turn)
